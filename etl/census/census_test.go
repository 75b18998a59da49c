package census

import (
	"reflect"
	"testing"
	"time"

	"heatwatch/etl/intake"
	"heatwatch/etl/partner"
	"heatwatch/models"
)

func date(t *testing.T, s string) models.Date {
	t.Helper()
	d, ok := models.ParseDate(s)
	if !ok {
		t.Fatalf("%q is no date", s)
	}
	return d
}

func drop(t *testing.T, created, from, to, state string, entities ...string) intake.Drop {
	d := intake.Drop{Created: date(t, created).Time().Add(20 * time.Hour), Covers: intake.Covers{From: date(t, from), To: date(t, to)}, State: state}
	for _, e := range entities {
		d.Files = append(d.Files, intake.DropFile{FileResult: intake.FileResult{Entity: e}})
	}
	return d
}

func TestCensus(t *testing.T) {
	period, err := models.ParsePeriod("2026Q3") // 92 days
	if err != nil {
		t.Fatal(err)
	}
	base := partner.Default("shelter", date(t, "2025-01-01"))
	with := func(change func(a *partner.Agreement)) partner.Agreement {
		a := base
		change(&a)
		return a
	}
	for _, c := range []struct {
		name                         string
		a                            partner.Agreement
		drops                        []intake.Drop
		expected, reporting, startUp bool
		days                         int
		from, to                     string
		figures                      string
	}{
		{name: "nothing came", a: base, expected: true, figures: InFull},
		{name: "all of it", a: base, drops: []intake.Drop{drop(t, "2026-10-05", "2025-01-01", "2026-10-04", intake.Accepted, "engagements")},
			expected: true, reporting: true, days: 92, from: "2026-07-01", to: "2026-09-30", figures: InFull},
		{name: "two drops that overlap, a gap behind", a: base, drops: []intake.Drop{drop(t, "2026-08-01", "2026-07-11", "2026-07-20", intake.Partial, "services"),
			drop(t, "2026-08-02", "2026-07-15", "2026-07-31", intake.Accepted, "services")}, expected: true, reporting: true, startUp: true, days: 21, from: "2026-07-11", to: "2026-07-31", figures: InFull},
		{name: "a drop that was refused is none", a: base, drops: []intake.Drop{drop(t, "2026-10-05", "2025-01-01", "2026-10-04", intake.Refused)}, expected: true, figures: InFull},
		{name: "a drop that came later is none yet", a: base, drops: []intake.Drop{drop(t, "2026-12-05", "2025-01-01", "2026-10-04", intake.Accepted)}, expected: true, figures: InFull},
		{name: "created on the day itself, late in the evening here", a: base, drops: []intake.Drop{drop(t, "2026-11-13", "2025-01-01", "2026-10-04", intake.Accepted)},
			expected: true, reporting: true, days: 92, from: "2026-07-01", to: "2026-09-30", figures: InFull},
		{name: "its first quarter", a: with(func(a *partner.Agreement) { a.StartsOn = date(t, "2026-08-15") }),
			drops:    []intake.Drop{drop(t, "2026-10-05", "2026-08-15", "2026-10-04", intake.Accepted)},
			expected: true, reporting: true, startUp: true, days: 47, from: "2026-08-15", to: "2026-09-30", figures: InFull},
		{name: "an old agreement, first data now", a: base, drops: []intake.Drop{drop(t, "2026-10-05", "2026-07-01", "2026-10-04", intake.Accepted)},
			expected: true, reporting: true, startUp: true, days: 92, from: "2026-07-01", to: "2026-09-30", figures: InFull},
		{name: "ended before", a: with(func(a *partner.Agreement) { a.Ends, a.EndsOn = true, date(t, "2026-06-30") }), figures: InFull},
		{name: "ends on the first day", a: with(func(a *partner.Agreement) { a.Ends, a.EndsOn = true, date(t, "2026-07-01") }), expected: true, figures: InFull},
		{name: "starts on the last day", a: with(func(a *partner.Agreement) { a.StartsOn = date(t, "2026-09-30") }), expected: true, startUp: true, figures: InFull},
		{name: "starts the day after", a: with(func(a *partner.Agreement) { a.StartsOn = date(t, "2026-10-01") }), figures: InFull},
		{name: "a draft", a: with(func(a *partner.Agreement) { a.State = partner.StateDraft }), figures: InFull},
		{name: "consented", a: with(func(a *partner.Agreement) { a.Sharing = partner.SharingConsented }), expected: true, figures: Partly},
		{name: "totals only", a: with(func(a *partner.Agreement) { a.Sharing = partner.SharingAggregate }), expected: true, figures: NotIn},
	} {
		r := Of("p", c.a, c.drops, period, date(t, "2026-11-13"), time.FixedZone("", -8*3600))
		if r.Expected != c.expected || r.Reporting != c.reporting || r.StartUp != c.startUp || r.Days != c.days || r.Of != 92 || r.Figures != c.figures {
			t.Errorf("%s: %+v", c.name, r)
		}
		if c.from != "" && (r.From != date(t, c.from) || r.To != date(t, c.to)) {
			t.Errorf("%s: covers %s to %s", c.name, r.From, r.To)
		}
	}
}

func TestByKind(t *testing.T) {
	rows := []Row{
		{Kind: "shelter", Expected: true, Reporting: true, Days: 92, Of: 92, StartUp: true, Figures: InFull},
		{Kind: "shelter", Expected: true, Of: 92, Figures: NotIn},
		{Kind: "court", Reporting: true, Days: 3, Of: 92, Figures: Partly},
		{Kind: "school", Of: 92, StartUp: true, Figures: InFull}, // neither expected nor there
	}
	want := []Kind{{Kind: "court", Reporting: 1, Partly: 1}, {Kind: "shelter", Expected: 2, Reporting: 1, Whole: 1, StartUp: 1, NotIn: 1}}
	if got := ByKind(rows); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := Total(rows); got != (Kind{Expected: 2, Reporting: 2, Whole: 1, StartUp: 1, Partly: 1, NotIn: 1}) {
		t.Errorf("%+v", got)
	}
}
