package privacy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"heatwatch/models"
)

// adsSchema counts something in the first snapshot of a quarter in two areas, and knows the days.
func adsSchema() Schema {
	s := smallSchema()
	areas := []string{"oakland", "hayward"}
	s.Vectors["ads.seen"] = Vector{Name: "ads.seen", Measure: "ads", Encoding: Count, Each: "area", EachValues: areas, Cells: []string{"profiles"}, Linf: 1, L0: 1,
		SQL: "SELECT", Activity: "SELECT", First: 8}
	s.Vectors["ads.days"] = Vector{Name: "ads.days", Measure: "ads", Encoding: Exact, Population: Nobody, Each: "area", EachValues: areas, Cells: []string{"day"}, SQL: "SELECT"}
	s.Measures["ads"] = MeasureInfo{Definition: 1, Population: "minors"}
	s.Formulas = append(s.Formulas,
		Formula{Measure: "ads", Statistic: "profiles", Unit: "profiles", Vector: "ads.seen", Form: FormCount, Calendar: "ads.days"},
		Formula{Measure: "ads", Statistic: "change", Unit: "change", Vector: "ads.seen", Form: FormChange, Calendar: "ads.days", Expect: Expect{Value: 0.1}})
	return s
}

const adsPlan = smallPlan + `  - {id: days, vector: ads.days, levels: [snapshot], due: 44}
  - {id: seen, vector: ads.seen, levels: [snapshot], due: 44, sigma: 60, publishes: [profiles, change]}
`

func adsOf(t testing.TB) (*Plan, Schema) {
	t.Helper()
	s := adsSchema()
	p, err := ParsePlan([]byte(adsPlan), "ads", s, 4, 1e-6)
	if err != nil {
		t.Fatal(err)
	}
	return p, s
}

// taken makes readings of snapshots in oakland: "DATE PROFILES".
func taken(t testing.TB, p *Plan, s Schema, snapshots ...string) readings {
	t.Helper()
	days, _ := p.Item("days")
	seen, _ := p.Item("seen")
	r := readings{}
	for _, text := range snapshots {
		date, count, _ := strings.Cut(text, " ")
		on, ok := models.ParseDate(date)
		var n float64
		if _, err := fmt.Sscan(count, &n); err != nil || !ok {
			t.Fatal(text)
		}
		q := models.QuarterOf(on)
		for _, x := range []struct {
			it  Item
			est []float64
			sd  float64
		}{{days, []float64{float64(on-q.First()) + 1, 0}, 0}, {seen, []float64{n, 7}, 60}} {
			cells, err := s.cells(x.it)
			if err != nil {
				t.Fatal(err)
			}
			r[readingKey{x.it.ID, q}] = reading{item: x.it, period: q, entry: 2, cells: cells, est: x.est, sd: x.sd, vars: variance(x.sd)}
		}
	}
	return r
}

// Figures stand at the day of the snapshot; a place without one has none; a change is against the nearest of a year earlier,
// whatever its quarter.
func TestFiguresOfSnapshots(t *testing.T) {
	p, s := adsOf(t)
	for name, c := range map[string]struct {
		now    string
		before []string
		want   string // the date that the change is against, "" where there is none
	}{
		"the same day":                    {"2026-08-10", []string{"2025-08-10"}, "2025-08-10"},
		"45 days less":                    {"2026-08-10", []string{"2025-09-24"}, "2025-09-24"},
		"46 days less":                    {"2026-08-10", []string{"2025-09-25"}, ""},
		"45 days more":                    {"2026-08-10", []string{"2025-06-26"}, "2025-06-26"},
		"46 days more":                    {"2026-08-10", []string{"2025-06-25"}, ""},
		"the quarter before is nearer":    {"2026-07-03", []string{"2025-06-30", "2025-08-10"}, "2025-06-30"},
		"the quarter after is nearer":     {"2026-09-30", []string{"2025-08-20", "2025-10-02"}, "2025-10-02"},
		"two as near: the earlier":        {"2026-07-04", []string{"2025-06-24", "2025-07-14"}, "2025-06-24"},
		"over a leap day":                 {"2024-10-02", []string{"2023-10-04"}, "2023-10-04"},
		"at the turn of a year":           {"2026-01-02", []string{"2024-12-30", "2025-02-10"}, "2024-12-30"},
		"only the one just before":        {"2026-08-10", []string{"2026-05-01"}, ""},
		"two years earlier does not help": {"2026-08-10", []string{"2024-08-10"}, ""},
	} {
		r := taken(t, p, s, c.now+" 750")
		for i, b := range c.before {
			for k, rd := range taken(t, p, s, fmt.Sprintf("%s %d", b, 1000*(i+1))) {
				r[k] = rd
			}
		}
		on, _ := models.ParseDate(c.now)
		ds, err := p.derivations(s, r, models.QuarterOf(on))
		if err != nil {
			t.Fatal(err)
		}
		ds = slices.DeleteFunc(ds, func(d derivation) bool { return d.formula.Measure != "ads" })
		if len(ds) == 0 || ds[0].formula.Statistic != "profiles" {
			t.Fatalf("%s: %d figures", name, len(ds))
		}
		f := ds[0].figure(s, r, false)
		if v, ok := f.Value(); !ok || v != 750 || f.ByText() != "area=oakland;snapshot="+c.now || f.Dimension() != "area" || !slices.Contains(f.Items(), "days") {
			t.Errorf("%s: %v by %s, of %v", name, v, f.ByText(), f.Items())
		}
		if len(ds) != 2 {
			t.Errorf("%s: %d figures", name, len(ds))
			continue
		}
		f = ds[1].figure(s, r, false)
		if c.want == "" {
			if _, ok := f.Value(); ok || f.Note() != noteNoEarlier {
				t.Errorf("%s: %s", name, f.Note())
			}
			continue
		}
		want := 750/float64(1000*(1+slices.Index(c.before, c.want))) - 1
		if v, ok := f.Value(); !ok || v != want || f.ByText() != "area=oakland;snapshot="+c.now {
			t.Errorf("%s: change %v (%s) by %s, want %v", name, v, f.Note(), f.ByText(), want)
		}
		// What a change rests on was planned for, too: else its width would be taken for none.
		planned, err := p.planned(s, models.QuarterOf(on))
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range slices.Concat(ds[1].above.keys(), ds[1].below.keys()) {
			if planned[k.readingKey].vars == 0 {
				t.Errorf("%s: the plan has no noise of %s %s", name, k.item, k.period)
			}
		}
	}
}

func TestThePlanShowsFiguresOfSnapshots(t *testing.T) {
	p, s := adsOf(t)
	rows, err := p.Planned(s, parse(t, "2026Q3"), 0, func(Item, models.Period) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		if r.Measure == "ads" {
			got = append(got, fmt.Sprintf("%s %s %t", r.Statistic, r.By, r.HalfWidth > 0))
		}
	}
	if strings.Join(got, ", ") != "profiles area true, change area true" {
		t.Errorf("%v", got)
	}
}

func TestSnapshotsNeedTheirCalendar(t *testing.T) {
	for old, new := range map[string]string{
		"  - {id: days, vector: ads.days, levels: [snapshot], due: 44}\n": "",
		"vector: ads.days, levels: [snapshot]":                            "vector: ads.days, levels: [quarter]",
		"vector: ads.seen, levels: [snapshot]":                            "vector: ads.seen, levels: [quarter]",
	} {
		_, err := ParsePlan([]byte(strings.Replace(adsPlan, old, new, 1)), "ads", adsSchema(), 4, 1e-6)
		if err == nil || !strings.Contains(err.Error(), "says when those were taken") {
			t.Errorf("%q: %v", old, err)
		}
	}
}
