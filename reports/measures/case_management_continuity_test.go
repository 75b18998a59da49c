package measures_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heatwatch/models"
	"heatwatch/reports/measures/measuretest"
)

const caseManagement = "case-management-continuity.persons"

// caseCase is one person in 2026Q1, as of 2026-04-14. services are "AGENCY FIRST LAST" (- for open), contacts are
// "DAY TYPE [agencies] [plan]"; want is "days blocks every_block in_person coordinated plan quarters kind", or "" for a
// person who is not in.
type caseCase struct {
	name, why          string
	services, contacts []string
	want               string
}

var caseCases = []caseCase{
	{name: "the whole quarter", services: []string{"a 01-01 03-31"}, want: "90 3 n n n ? 0 shelter"},
	{name: "29 days", services: []string{"a 01-01 01-29"}},
	{name: "29 days, and more in April", why: "in the year's population, not in the quarter's", services: []string{"a 03-03 -"}},
	{name: "30 days", services: []string{"a 01-01 01-30"}, want: "30 1 n n n ? 0 shelter"},
	{name: "30 days with gaps", why: "59 calendar days from first to last: one finished block", services: []string{"a 01-01 01-15", "b 02-14 02-28"}, want: "30 1 n n n ? 0 shelter"},
	{name: "30 days with gaps, two blocks", why: "60 calendar days", services: []string{"a 01-01 01-15", "b 02-15 03-01"}, want: "30 2 n n n ? 0 shelter"},
	{name: "two agencies at once", why: "a day counts once", services: []string{"a 01-01 01-20", "b 01-10 02-05"}, want: "36 1 n n n ? 0 shelter"},
	{name: "one within the other", services: []string{"a 01-01 02-28", "b 01-10 01-20", "c 02-01 02-10"}, want: "59 1 n n n ? 0 shelter"},
	{name: "days that touch", services: []string{"a 01-01 01-20", "b 01-20 02-05"}, want: "36 1 n n n ? 0 shelter"},
	{name: "the second starts first", why: "the kind of the earliest start", services: []string{"a 01-05 03-31", "b 01-03 01-04"}, want: "88 2 n n n ? 0 housing"},
	{name: "an earlier service that was over", why: "it covers no day of the quarter", services: []string{"b 2025-12-01 2025-12-31", "a 01-05 03-31"}, want: "86 2 n n n ? 0 shelter"},
	{name: "a service of last year that goes on", services: []string{"b 2025-12-01 01-01", "a 01-01 03-31"}, want: "90 3 n n n ? 0 housing"},
	{name: "open", services: []string{"a 02-01 -"}, want: "59 1 n n n ? 0 shelter"},
	{name: "open, coverage ended", why: "late covers up to 03-02", services: []string{"late 02-01 -"}, want: "30 1 n n n ? 0 court"},
	{name: "open, coverage ended a day too early", services: []string{"late 02-02 -"}},
	{name: "open, begun after coverage", why: "it has no day", services: []string{"late 03-05 -", "a 01-01 01-30"}, want: "30 1 n n n ? 0 shelter"},
	{name: "ended after as-of", why: "not yet: open, so read to the end of coverage", services: []string{"late 02-01 04-15"}, want: "30 1 n n n ? 0 court"},
	{name: "ended on the day of as-of", why: "it has ended: coverage does not matter", services: []string{"late 02-01 04-14"}, want: "59 1 n n n ? 0 court"},
	{name: "closed after coverage", services: []string{"late 02-01 03-20"}, want: "48 1 n n n ? 0 court"},
	{name: "same start, one ended", why: "one service; the earliest end present", services: []string{"b 01-01 01-29", "a 01-01 -"}},
	{name: "same start, both open", why: "read to what the later of the two covers; kind by name", services: []string{"late 02-01 -", "b 02-01 -"}, want: "59 1 n n n ? 0 housing"},
	{name: "400 services of one day", why: "over a period they are days like others", services: manyDays(), want: "90 3 n n n ? 0 shelter"},

	{name: "a contact in each block", contacts: []string{"01-01 phone", "02-28 video", "03-31 text_message"}, want: "90 3 y n n ? 4 shelter",
		why: "01-01 to 01-30, 01-31 to 03-01, 03-02 to 03-31"},
	{name: "the block's last day", contacts: []string{"01-30 in_person", "03-01 in_person", "03-31 in_person"}, want: "90 3 y y n ? 4 shelter"},
	{name: "one block without", contacts: []string{"01-30 in_person", "01-31 in_person", "03-01 in_person"}, want: "90 3 n n n ? 4 shelter"},
	{name: "in person in two of three", contacts: []string{"01-30 in_person", "02-02 in_person", "03-05 court_hearing"}, want: "90 3 y n n ? 4 shelter"},
	{name: "attempted is no contact", contacts: []string{"01-05 attempted 3 yes", "02-05 attempted", "03-05 attempted"}, want: "90 3 n n n ? 0 shelter"},
	{name: "the unfinished block is not asked", services: []string{"a 01-01 02-28"}, contacts: []string{"01-05 in_person"}, want: "59 1 y y n ? 2 shelter",
		why: "1 x 30 / 59 = 0.508: 2 quarters"},
	{name: "before the first day of overlap", why: "in no block; still of the period", services: []string{"a 02-01 03-31"}, contacts: []string{"01-31 team_meeting 1 yes"},
		want: "59 1 n n y y 0 shelter"},
	{name: "between two services", why: "a calendar day of the block, but no day of overlap", services: []string{"a 01-01 01-15", "b 02-01 02-28"},
		contacts: []string{"01-20 in_person"}, want: "43 1 y y n ? 0 shelter"},
	{name: "after the last day", services: []string{"a 01-01 01-31"}, contacts: []string{"02-01 in_person 2 no"}, want: "31 1 n n y n 0 shelter"},
	{name: "in the quarter before and after", contacts: []string{"2025-12-31 team_meeting 2 yes", "04-01 team_meeting 2 yes"}, want: "90 3 n n n ? 0 shelter"},
	{name: "two agencies present", contacts: []string{"01-05 phone 2"}, want: "90 3 n n y ? 1 shelter", why: "30 / 90 = 0.33: to the nearest quarter"},
	{name: "one agency present", contacts: []string{"01-05 phone 1"}, want: "90 3 n n n ? 1 shelter"},
	{name: "plan: yes and no", contacts: []string{"01-05 phone 1 no", "02-05 phone 1 yes", "03-05 phone 1 no"}, want: "90 3 y n n y 4 shelter"},
	{name: "plan: no and unknown", contacts: []string{"01-05 phone 1 no", "02-05 phone 1 unknown"}, want: "90 3 n n n n 3 shelter", why: "60 / 90 = 0.67: 3 quarters"},
	{name: "plan: unknown and missing", contacts: []string{"01-05 phone 1 unknown", "02-05 phone"}, want: "90 3 n n n ? 3 shelter"},
	{name: "plan said where nobody was reached", contacts: []string{"01-05 attempted 1 yes"}, want: "90 3 n n n ? 0 shelter"},
	{name: "half a step goes up", services: []string{"a 01-01 03-21"}, contacts: []string{"01-05 phone"}, want: "80 2 n n n ? 2 shelter", why: "30 / 80 = 0.375 = 1.5 quarters"},
	{name: "just below half a step", services: []string{"a 01-01 03-22"}, contacts: []string{"01-05 phone"}, want: "81 2 n n n ? 1 shelter", why: "0.370"},
	{name: "three on one day", why: "each contact counts", contacts: []string{"01-05 phone", "01-05 phone", "01-05 in_person"}, want: "90 3 n n n ? 4 shelter"},
	{name: "six a month", contacts: slices.Repeat([]string{"01-05 phone"}, 18), want: "90 3 n n n ? 24 shelter"},
	{name: "more than six a month", why: "clamped", contacts: slices.Repeat([]string{"01-05 phone"}, 400), want: "90 3 n n n ? 24 shelter"},
}

// manyDays are 400 services that together cover the quarter, day by day, each day several times.
func manyDays() (all []string) {
	first, _ := models.ParseDate("2026-01-01")
	for i := range 400 {
		day := first.AddDays(i % 90).String()
		all = append(all, "a "+day+" "+day)
	}
	return all
}

func TestCaseManagement(t *testing.T) {
	full := func(day string) string {
		if len(day) == len("01-02") {
			return "2026-" + day
		}
		return day
	}
	var b strings.Builder
	b.WriteString("-- case --\nperiod 2026Q1\nasof 2026-04-14\n-- agencies --\nname,kind\na,shelter\nb,housing\nc,legal_aid\nlate,court\n" +
		"-- coverage --\nagency,entity,covers_from,covers_to\na,services,2020-01-01,2026-12-31\nb,services,2020-01-01,2026-12-31\nc,services,2020-01-01,2026-12-31\n" +
		"late,services,2020-01-01,2026-03-02\nlate,case_contacts,2020-01-01,2026-12-31\n-- services --\nperson,agency,service_type,emergency,started_at,ended_at\n")
	for i, c := range caseCases {
		if c.services == nil {
			c.services = []string{"a 01-01 03-31"}
		}
		for j, s := range c.services {
			f := strings.Fields(s)
			end := ""
			if f[2] != "-" {
				end = full(f[2]) + "T22:30-08:00"
			}
			minute := ":00" // those of one day start at different times, or they would be one
			if len(c.services) > 100 {
				minute = fmt.Sprintf(":%02d", j%60)
			}
			fmt.Fprintf(&b, "%04d,%s,case_management,no,%sT10%s-08:00,%s\n", i+1, f[0], full(f[1]), minute, end)
		}
	}
	b.WriteString("-- case_contacts --\nperson,agency,contact_on,contact_type,agencies_present,plan_in_place\n")
	for i, c := range caseCases {
		for _, k := range c.contacts {
			f := append(strings.Fields(k), "", "")
			fmt.Fprintf(&b, "%04d,c,%s,%s,%s,%s\n", i+1, full(f[0]), f[1], f[2], f[3])
		}
	}
	c, err := measuretest.Parse([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	d := measuretest.New(t)
	d.Load(t, c)
	d.PrepareFor(t, caseManagement, c.Period, c.Asof)
	got := map[string]string{}
	for _, line := range lines(t, d, caseLines) {
		person, rest, _ := strings.Cut(line, " ")
		got[person] = rest
	}
	for i, c := range caseCases {
		if g := got[fmt.Sprint(i+1)]; g != c.want {
			t.Errorf("%s: %q, want %q (%s)", c.name, g, c.want, c.why)
		}
	}
	vector(t, "case-management-continuity.contact_rate", d, func(person int, _ string, value int64) {
		f := strings.Fields(caseCases[person-1].want)
		if want := fmt.Sprint(value + 12); f[6] != want {
			t.Errorf("%s: the rate gives %d", caseCases[person-1].name, value)
		}
	})
}

const caseLines = `SELECT concat_ws(' ', m.person, m.days, m.blocks, CASE WHEN m.every_block THEN 'y' ELSE 'n' END, CASE WHEN m.in_person_every_block THEN 'y' ELSE 'n' END,
    CASE WHEN m.coordinated THEN 'y' ELSE 'n' END, CASE WHEN m.plan_in_place THEN 'y' WHEN NOT m.plan_in_place THEN 'n' ELSE '?' END, m.quarter_contacts, m.agency_kind)
FROM case_management_continuity m`

// TestCaseManagementDayByDay compares the SQL with the rule carried out day by day, in a quarter, in a year and in the
// middle of a quarter, persons of earlier years included.
func TestCaseManagementDayByDay(t *testing.T) {
	d := measuretest.New(t)
	d.Exec(t, `INSERT INTO agencies SELECT range + 1, 'agency-' || range, label('agency_kind', range::UTINYINT) FROM range(3);
INSERT INTO coverage VALUES (1, 'services', DATE '2020-01-01', DATE '2026-02-20'), (2, 'services', DATE '2020-01-01', DATE '2026-12-31');
INSERT INTO people BY NAME SELECT range + 1 AS person, 'minors' AS population, true AS measured FROM range(40);`)
	date := func(s string) models.Date { day, _ := models.ParseDate(s); return day }
	type service struct {
		person, agency    int
		first, last, hour int // last -1: open
	}
	type contact struct{ person, day, kind, present, plan int }
	origin := date("2022-06-01")
	kinds := models.Dictionary().Values("case_contacts.contact_type")
	rapid.Check(t, func(rt *rapid.T) {
		period, _ := models.ParsePeriod(rapid.SampledFrom([]string{"2026Q1", "2026"}).Draw(rt, "period"))
		asof := date(rapid.SampledFrom([]string{"2026-03-05", "2027-01-14"}).Draw(rt, "asof"))
		var services []service
		var contacts []contact
		for p := 1; p <= 40; p++ {
			for range rapid.IntRange(0, 9).Draw(rt, "services") {
				s := service{person: p, agency: rapid.IntRange(1, 3).Draw(rt, "agency"), first: rapid.OneOf(rapid.IntRange(0, 1400), rapid.IntRange(1280, 1400)).Draw(rt, "first"),
					hour: rapid.IntRange(0, 1).Draw(rt, "hour")}
				s.last = s.first + rapid.IntRange(0, 60).Draw(rt, "days")
				if rapid.IntRange(0, 5).Draw(rt, "open") == 0 {
					s.last = -1
				}
				services = append(services, s)
			}
			for range rapid.IntRange(0, 12).Draw(rt, "contacts") {
				contacts = append(contacts, contact{p, rapid.IntRange(1280, 1420).Draw(rt, "day"), rapid.IntRange(0, len(kinds)-1).Draw(rt, "type"),
					rapid.IntRange(0, 3).Draw(rt, "present"), rapid.IntRange(0, 3).Draw(rt, "plan")})
			}
		}
		var b strings.Builder
		b.WriteString("DELETE FROM services; DELETE FROM case_contacts;\n" +
			"INSERT INTO services (person, agency, service_type, started_at, started_at_on, ended_at, ended_at_on) VALUES (0, 1, 9, NULL, NULL, NULL, NULL)")
		for _, s := range services {
			end := "NULL"
			if s.last >= 0 {
				end = "DATE '" + origin.AddDays(s.last).String() + "'"
			}
			fmt.Fprintf(&b, ",\n(%d, %d, 9, TIMESTAMP '%s %02d:00:00', DATE '%[3]s', %[5]s, %[5]s)",
				s.person, s.agency, origin.AddDays(s.first), 12+s.hour, end)
		}
		b.WriteString(";\nINSERT INTO case_contacts (person, agency, contact_on, contact_type, agencies_present, plan_in_place) VALUES (0, 1, NULL, NULL, NULL, NULL)")
		for _, c := range contacts {
			plan := "NULL"
			if c.plan < 3 {
				plan = fmt.Sprint(c.plan)
			}
			fmt.Fprintf(&b, ",\n(%d, 1, DATE '%s', %d, nullif(%d, 0), %s)",
				c.person, origin.AddDays(c.day), c.kind, c.present, plan)
		}
		d.Exec(t, b.String())
		d.PrepareFor(t, caseManagement, period, asof)
		got := lines(t, d, caseLines)
		slices.Sort(got)

		var want []string
		for p := 1; p <= 40; p++ {
			// One service per start: the earliest end that has come, else the latest day to which one of its rows is read.
			type start struct{ day, hour int }
			ends, open, first := map[start]models.Date{}, map[start]models.Date{}, map[start]int{}
			for _, s := range services {
				at := start{s.first, s.hour}
				if s.person != p || origin.AddDays(s.first) > asof {
					continue
				}
				if a, ok := first[at]; !ok || s.agency < a {
					first[at] = s.agency
				}
				if end := origin.AddDays(s.last); s.last >= 0 && end <= asof {
					if e, ok := ends[at]; !ok || end < e {
						ends[at] = end
					}
					continue
				}
				to := asof
				switch s.agency { // the third's drops say nothing of coverage
				case 1:
					to = min(to, date("2026-02-20"))
				case 2:
					to = min(to, date("2026-12-31"))
				}
				open[at] = max(open[at], to)
			}
			covered := map[models.Date]bool{}
			earliest := start{1 << 20, 0}
			for at := range first {
				end, ended := ends[at]
				if !ended {
					end = open[at]
				}
				inside := false
				for day := origin.AddDays(at.day); day <= end; day++ {
					covered[day] = true
					inside = inside || day >= period.First() && day <= period.Last()
				}
				if inside && (at.day < earliest.day || at.day == earliest.day && at.hour < earliest.hour) {
					earliest = at
				}
			}
			byYear, days := map[int]int{}, []models.Date{}
			for day := range covered {
				byYear[day.Year()]++
				if day >= period.First() && day <= period.Last() {
					days = append(days, day)
				}
			}
			years := 0
			for year, n := range byYear {
				if n >= 30 && year <= 2026 {
					years++
				}
			}
			if len(days) < 30 || years > 3 {
				continue
			}
			slices.Sort(days)
			blocks := (int(days[len(days)-1]-days[0]) + 1) / 30
			met, inPerson := map[int]bool{}, map[int]bool{}
			coordinated, plan, on := "n", "?", 0
			for _, c := range contacts {
				day := origin.AddDays(c.day)
				if c.person != p || day < period.First() || day > period.Last() || day > asof || kinds[c.kind] == "attempted" {
					continue
				}
				if n := int(day - days[0]); n >= 0 && n/30 < blocks {
					met[n/30] = true
					if kinds[c.kind] == "in_person" {
						inPerson[n/30] = true
					}
				}
				if kinds[c.kind] == "team_meeting" || c.present >= 2 {
					coordinated = "y"
				}
				if c.plan == 0 || c.plan == 1 && plan != "y" {
					plan = string("yn"[c.plan])
				}
				if covered[day] {
					on++
				}
			}
			yn := map[bool]string{true: "y", false: "n"}
			quarters := 0 // the nearest, of two the greater
			for q := 0; q <= 24; q++ {
				if miss := func(q int) int { return max(q*len(days)-120*on, 120*on-q*len(days)) }; miss(q) <= miss(quarters) {
					quarters = q
				}
			}
			want = append(want, fmt.Sprintf("%d %d %d %s %s %s %s %d %s", p, len(days), blocks, yn[len(met) == blocks], yn[len(inPerson) == blocks], coordinated, plan, quarters,
				models.Dictionary().List("agency_kind")[first[earliest]-1]))
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			rt.Errorf("%s as of %s:\nSQL      %q\nthe rule %q", period, asof, got, want)
		}
	})
}
