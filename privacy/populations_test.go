package privacy

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/models"
)

// othersPlan measures what is about no minor: events of which nobody is identified, and roles of two populations.
const othersPlan = `schema: 1
plan: others
version: 1
design: {persons_a_year: 300, epsilon: 4}
limits: {share: 9, mean: 9, count: 9}
populations:
  - {name: attendees, unit: attendance, mu: 0.8378}
%s
items:
  - {id: all, vector: t.all, levels: [quarter], due: 14, sigma: 20, publishes: [attendances], sums: [year]}
  - {id: kinds, vector: t.kinds, levels: [quarter], due: 14, sigma: 20, publishes: [attendances], sums: [year]}
  - {id: hours, vector: t.minutes, levels: [year], due: 14, sigma: 20, publishes: [hours]}
`

const rolesPlan = `
  - {id: victims, vector: a.victims, levels: [year], due: 14, sigma: 30, with: roles, publishes: [persons, share_victims]}
  - {id: roles, vector: a.roles, levels: [year], due: 14, sigma: 30, publishes: [persons]}
  - {id: pairs, vector: a.pairs, levels: [year], due: 14, sigma: 30, publishes: [persons]}
`

func othersSchema() Schema {
	nobody := []string{`CREATE OR REPLACE TEMP TABLE entries AS SELECT NULL::UINTEGER AS person, NULL::TIMESTAMP AS entered_at, NULL::DATE AS entered_on, NULL::USMALLINT AS agency,
  NULL::VARCHAR AS agency_kind, NULL::VARCHAR AS channel, NULL::VARCHAR AS setting, NULL::VARCHAR AS age_band, NULL::INTEGER AS age WHERE false`}
	s := Schema{Entries: nobody, Relations: func([]string) []string { return nil },
		Build:    map[string][]string{"t": {"CREATE OR REPLACE TEMP TABLE t AS SELECT id, kind, many, minutes FROM trainings, params q WHERE day BETWEEN q.period_first AND q.period_last"}},
		Vectors:  map[string]Vector{},
		Measures: map[string]MeasureInfo{"t": {Definition: 1, Population: "attendees"}, "a": {Definition: 1, Population: "accused"}}}
	event := func(name string, e Encoding, linf int64, cell, value string, cells ...string) {
		s.Vectors["t."+name] = Vector{Name: "t." + name, Measure: "t", Encoding: e, Cells: cells, Linf: linf, Events: true,
			SQL: "SELECT id AS person, " + cell + " AS cell, " + value + " AS value, many AS times FROM t"}
	}
	event("all", Count, 1, "'attendances'", "1", "attendances")
	event("kinds", Histogram, 1, "kind", "1", "police", "schools")
	event("minutes", Sum, 1440, "'minutes'", "minutes", "minutes")
	role := func(name, population, cell string, l0 int64, first int, cells ...string) {
		s.Vectors["a."+name] = Vector{Name: "a." + name, Measure: "a", Encoding: Histogram, Cells: cells, Linf: 1, L0: l0, Population: population, First: first,
			Activity: "SELECT person, day AS on_date FROM arrests", SQL: "SELECT person, " + cell + " AS cell, 1 AS value FROM arrests, params q WHERE day BETWEEN q.period_first AND q.period_last"}
	}
	role("victims", "minors", "'victim'", 1, 2, "victim", "none")
	role("roles", "accused", "role", 2, 3, "seller", "buyer")
	role("pairs", "accused", "role || ':' || what", 2, 3, "seller:x", "seller:y", "buyer:x", "buyer:y")
	count := func(measure, statistic, vector, per string, scale float64, by ...Dim) {
		s.Formulas = append(s.Formulas, Formula{Measure: measure, Statistic: statistic, Unit: "persons", Vector: measure + "." + vector, Form: FormCount, Per: per, Scale: scale, By: by})
	}
	count("t", "attendances", "all", "", 0)
	count("t", "attendances", "kinds", "kind", 0)
	count("t", "hours", "minutes", "", 1.0/60)
	count("a", "persons", "victims", "", 0, Dim{"role", "victim"})
	count("a", "persons", "roles", "role", 0)
	count("a", "persons", "pairs", "role:what", 0)
	s.Formulas = append(s.Formulas, Formula{Measure: "a", Statistic: "share_victims", Unit: "share", Vector: "a.victims", WithVector: "a.roles", Form: FormPart, High: 1, Expect: Expect{Value: .3, Below: 1}})
	return s
}

// train holds 5,000 and 300 attendances in the first quarter of 2025, and 700 in the second.
func (l *lake) train(t testing.TB) {
	t.Helper()
	l.exec(t, `CREATE TABLE trainings (id VARCHAR, day DATE, kind VARCHAR, many BIGINT, minutes BIGINT);
INSERT INTO trainings VALUES ('a1', '2025-01-05', 'police', 5000, 60), ('a2', '2025-02-05', 'schools', 300, 120), ('b1', '2025-05-05', 'schools', 700, 30), ('b2', '2026-05-05', 'schools', 9000, 30)`)
}

// read is what the figures of a measure say, by statistic, period and place.
func (h home) read(t testing.TB, measure string, periods ...string) map[string]Figure {
	t.Helper()
	r := h.releaser(t, durable.OS(), "2026-12-31")
	files, err := ReadReleases(r.Releases)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(files, r.Ledger); err != nil {
		t.Fatal(err)
	}
	figures, err := h.p.Figures(h.s, files, measure, mapSlice(periods, func(p string) models.Period { return parse(t, p) }))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]Figure{}
	for _, f := range figures {
		all[f.Statistic()+" "+f.Period().String()+" "+f.ByText()] = f
	}
	return all
}

func about(t *testing.T, all map[string]Figure, name string, want, off float64) Figure {
	t.Helper()
	f, ok := all[name]
	if v, there := f.valueOf(); !ok || !there || math.Abs(v-want) > off {
		t.Errorf("%s is %v (%v), want about %v", name, v, there, want)
	}
	return f
}

func (f Figure) valueOf() (float64, bool) {
	if !f.Valid() {
		return 0, false
	}
	return f.Value()
}

// A plan may measure nothing but events: the population has no persons, and nobody enters it.
func TestEventsAloneAreReleased(t *testing.T) {
	l := newLake(t)
	l.train(t)
	h := newHomeOf(t, l, othersSchema(), fmt.Sprintf(othersPlan, ""))
	for _, p := range []string{"2025Q1", "2025Q2", "2025Q3", "2025Q4", "2025"} {
		if files := h.must(t, p, "2026-12-31"); len(files) != 1 {
			t.Fatalf("%d files of %s", len(files), p)
		}
	}
	if files, err := h.release(t, "2025", "2026-12-31"); err != nil || len(files) != 1 {
		t.Errorf("released twice: %v", err)
	}
	all := h.read(t, "t", "2025Q1", "2025Q3", "2025")
	about(t, all, "attendances 2025Q1 ", 5300, 200)
	about(t, all, "attendances 2025Q3 ", 0, 200)
	about(t, all, "attendances 2025 ", 6000, 400)
	about(t, all, "attendances 2025Q1 kind=schools", 300, 200)
	f := about(t, all, "hours 2025 ", (5000*60+300*120+700*30)/60, 10*20*1440/60)
	if f.Population() != "attendees" || f.Unsampled() == "" {
		t.Errorf("a figure of events is about %s, and has an interval with sampling: %v", f.Population(), f.Unsampled() == "")
	}
	if at := all["attendances 2025Q1 kind=schools"]; at.Dimension() != "kind" || !h.p.Publishes("t", "quarter", "kind") || h.p.Publishes("t", "quarter", "what") {
		t.Errorf("the breakdown is by %q", at.Dimension())
	}
	r := h.releaser(t, durable.OS(), "2026-12-31")
	costs, err := Statements(r.Ledger, "attendees", []int{1, 2})
	if err != nil || len(costs) == 0 || costs[0].Unit != "attendance" {
		t.Errorf("what it costs: %v, %v", costs, err)
	}
}

// One measure about two populations: figures say whose they are, and a share divides released numbers of both.
func TestAMeasureMayBeAboutTwoPopulations(t *testing.T) {
	l := newLake(t)
	l.train(t)
	l.exec(t, `CREATE TABLE arrests (person UINTEGER, day DATE, role VARCHAR, what VARCHAR);
INSERT INTO people SELECT range, CASE WHEN range < 2000 THEN 'minors' ELSE 'accused' END, unhex(md5(range::VARCHAR)), true FROM range(5000);
INSERT INTO arrests SELECT range, '2025-03-03', 'seller', 'x' FROM range(5000);
INSERT INTO arrests SELECT range, '2025-03-03', 'buyer', 'y' FROM range(4000, 5000);
INSERT INTO arrests SELECT range, DATE '2021-03-03' + 365 * i::INTEGER, 'seller', 'x' FROM range(1000), range(2) r(i);
INSERT INTO arrests SELECT range, DATE '2021-03-03' + 365 * i::INTEGER, 'seller', 'x' FROM range(2000, 3000), range(2) r(i);`)
	h := newHomeOf(t, l, othersSchema(), fmt.Sprintf(othersPlan, "  - {name: minors, unit: linked person, mu: 0.8378, lifetime: true}\n  - {name: accused, unit: linked accused person, mu: 0.8378, lifetime: true, persons_a_year: 100}")+rolesPlan)
	h.must(t, "2025", "2026-12-31")
	all := h.read(t, "a", "2025")
	// 1,000 minors are in their third year of it, which is beyond their two; 1,000 accused in theirs, which is not.
	victims := about(t, all, "persons 2025 role=victim", 1000, 300)
	sellers := about(t, all, "persons 2025 role=seller", 3000, 300)
	about(t, all, "persons 2025 role=buyer", 1000, 300)
	pair := about(t, all, "persons 2025 role=buyer;what=y", 1000, 300)
	about(t, all, "share_victims 2025 ", 0.2, 0.05)
	for f, want := range map[Figure][2]string{victims: {"minors", "role"}, sellers: {"accused", "role"}, pair: {"accused", "what"}} {
		if f.Population() != want[0] || f.Dimension() != want[1] {
			t.Errorf("%s is about %s by %s", f.ByText(), f.Population(), f.Dimension())
		}
	}
	rows, err := h.p.Planned(h.s, parse(t, "2025"), 0, func(Item, models.Period) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		item, population, by string
		limit                float64 // 9 times the persons of its own population
	}{{"victims", "minors", "role", 2700}, {"roles", "accused", "role", 900}, {"pairs", "accused", "what", 900}, {"hours", "attendees", "", 2700}} {
		i := slices.IndexFunc(rows, func(r PlannedFigure) bool { return r.Item == want.item })
		if i < 0 || rows[i].Population != want.population || rows[i].By != want.by || math.Abs(rows[i].Limit-want.limit) > 1e-9 {
			t.Errorf("planned: %+v, want %+v", rows[max(0, i)], want)
		}
	}
}

// The last bin of a median may have an edge: then nobody is beyond it, and half is always reached.
func TestAMedianMayHaveAnEdgeForEveryCell(t *testing.T) {
	s := smallSchema()
	s.Vectors["m.bins"] = Vector{Name: "m.bins", Measure: "m", Encoding: Histogram, Cells: []string{"10", "20", "40"}, Linf: 1, SQL: "SELECT person, CASE WHEN person % 4 = 0 THEN '10' ELSE '40' END AS cell, 1 AS value FROM cohort"}
	s.Formulas = append(s.Formulas, Formula{Measure: "m", Statistic: "median", Unit: "days", Vector: "m.bins", Form: FormMedian, Edges: []float64{10, 20, 40}, High: 40,
		Expect: Expect{Value: 30, Cells: []float64{0.25, 0.25, 0.5}}})
	l := newLake(t)
	l.exec(t, `INSERT INTO people SELECT range, 'minors', unhex(md5(range::VARCHAR)), true FROM range(8000); INSERT INTO engagements SELECT range, 1, '2025-02-02', 'yes' FROM range(8000)`)
	h := newHomeOf(t, l, s, smallPlan+"  - {id: bins, vector: m.bins, levels: [quarter], due: 44, sigma: 20, publishes: [median]}\n")
	h.must(t, "2025Q1", "2026-12-31")
	// 2,000 in the first bin, none in the second, 6,000 in the last: half, 4,000, is a third into it.
	f := about(t, h.read(t, "m", "2025Q1"), "median 2025Q1 ", 20+20/3.0, 1)
	if f.Low() >= f.f.value || f.High() <= f.f.value || f.High() > 40 {
		t.Errorf("the interval is %v to %v", f.Low(), f.High())
	}
	rows, err := h.p.Planned(h.s, parse(t, "2025Q1"), 8000, func(Item, models.Period) string { return "" })
	i := slices.IndexFunc(rows, func(r PlannedFigure) bool { return r.Statistic == "median" })
	if err != nil || i < 0 || !(rows[i].HalfWidth > 0 && rows[i].HalfWidth < 5) {
		t.Errorf("planned: %v %v", rows, err)
	}
}
