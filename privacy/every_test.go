package privacy

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// every is a plan with each encoding and level, over declarations that stand in for measures to come.
const every = `schema: 1
plan: every
version: 1
design: {persons_a_year: 3000, epsilon: 4}
limits: {share: 9, mean: 9, count: 9}
populations:
  - {name: minors, unit: linked person, mu: 0.8378, lifetime: true}
items:
  - {id: heads, vector: m.heads, levels: [quarter, year], due: {quarter: 44, year: 104}, sigma: 12, publishes: [persons]}
  - {id: yes, vector: m.yes, levels: [year], due: 104, sigma: 12, over: heads_y, publishes: [share_yes]}
  - {id: by_kind, vector: m.yes, levels: [year], by: [agency_kind], due: 104, sigma: 12}
  - {id: levels, vector: m.levels, levels: [year], due: 104, cells: [low, high], sigma: 12, publishes: [share_high]}
  - {id: asked, vector: m.asked, levels: [year], due: 104, sigma: 12, over: heads_y, publishes: [share_asked]}
  - {id: days, vector: m.days, levels: [year], due: 104, linf: 30, sigma: 12, over: heads_y, publishes: [days_per_person]}
  - {id: own, vector: m.own, levels: [year], due: 104, sigma: 12, over: heads_y, publishes: [share_own]}
  - {id: own_known, vector: m.own_known, levels: [year], due: 104, sigma: 12, over: heads_y, publishes: [share_own_known]}
  - {id: spread, vector: m.spread, levels: [year], due: 104, sigma: 12, publishes: [share_health]}
  - {id: flags, vector: m.flags, levels: [year], due: 104, sigma: 20, over: heads_y, publishes: [share_flag]}
  - {id: domains, vector: m.domains, levels: [year], due: 104, sigma: 20, l0: 2, publishes: [share_improved]}
  - {id: means, vector: m.means, levels: [year], due: 104, sigma: 20, over: domains, publishes: [mean_change]}
  - {id: active, vector: m.active, levels: [year], due: 104, sigma: 20, participations: 3, publishes: [persons_active]}
  - {id: seen, vector: m.seen, levels: [snapshot], due: 44, sigma: 30, participations: 8, publishes: [persons_seen]}
  - {id: once, vector: m.once, levels: [span], years: 5, due: 104, sigma: 20, publishes: [persons_once]}
`

// everySchema declares them over 200 persons of 2025: even ones say yes, and every tenth is unknown.
func everySchema() Schema {
	s := smallSchema()
	vector := func(name string, e Encoding, linf int64, sql string, cells ...string) Vector {
		return Vector{Name: "m." + name, Measure: "m", Encoding: e, Linf: linf, Cells: cells, SQL: sql}
	}
	flags := vector("flags", SignedUnknown, 1, "SELECT person, f || CASE WHEN person % 10 = 0 THEN ':u' ELSE ':d' END AS cell, CASE WHEN person % 10 = 0 OR person % 2 = 0 THEN 1 ELSE -1 END AS value FROM cohort, (VALUES ('fraud'), ('debt')) t(f)", "d", "u")
	flags.Each, flags.EachValues = "flag", []string{"fraud", "debt"}
	domains := vector("domains", Histogram, 1, "SELECT person, f || CASE WHEN person % 4 = 0 THEN ':improved' ELSE ':same' END AS cell, 1 AS value FROM cohort, (VALUES ('home'), ('school')) t(f)", "improved", "same")
	domains.Each, domains.EachValues = "domain", []string{"home", "school", "health"}
	means := vector("means", CentredSum, 2, "SELECT person, f || ':s' AS cell, CASE WHEN person % 4 = 0 THEN 2 ELSE 0 END AS value FROM cohort, (VALUES ('home'), ('school')) t(f)", "s")
	means.Each, means.EachValues = "domain", []string{"home", "school", "health"}
	active := vector("active", Count, 1, "SELECT person, 'persons' AS cell, 1 AS value FROM cohort", "persons")
	active.Activity = "SELECT person, engaged_at AS on_date FROM engagements"
	seen := active
	seen.Name = "m.seen"
	for _, v := range []Vector{flags, domains, means, active, seen,
		vector("levels", Histogram, 1, "SELECT person, CASE WHEN person % 2 = 0 THEN 'high' ELSE 'low' END AS cell, 1 AS value FROM cohort", "low", "high"),
		vector("asked", SignedUnknown, 1, "SELECT person, CASE WHEN person % 10 = 0 THEN 'u' ELSE 'd' END AS cell, CASE WHEN person % 10 = 0 OR person % 2 = 0 THEN 1 ELSE -1 END AS value FROM cohort", "d", "u"),
		vector("days", CentredSum, 30, "SELECT person, 's' AS cell, CASE WHEN person % 2 = 0 THEN 30 ELSE -20 END AS value FROM cohort", "s"),
		vector("own", CentredWeight, 60, "SELECT person, 's' AS cell, CASE WHEN person % 2 = 0 THEN 60 ELSE -20 END AS value FROM cohort", "s"),
		vector("own_known", CentredWeightUnknown, 60, "SELECT person, CASE WHEN person % 10 = 0 THEN 'u' ELSE 's' END AS cell, CASE WHEN person % 10 = 0 THEN 60 WHEN person % 2 = 0 THEN 60 ELSE -20 END AS value FROM cohort", "s", "u"),
		vector("spread", Weights, 60, "SELECT person, c AS cell, 20 + 20 * (c = 'health')::INTEGER AS value FROM cohort, (VALUES ('health'), ('legal')) t(c)", "health", "legal", "other"),
		vector("once", Sum, 7, "SELECT person, 's' AS cell, 7 AS value FROM cohort", "s"),
	} {
		s.Vectors[v.Name] = v
	}
	formula := func(statistic, v string, form Form, f Formula) {
		f.Measure, f.Statistic, f.Vector, f.Form = "m", statistic, "m."+v, form
		if f.Expect.Value == 0 && form != FormCount {
			f.Expect.Value = 0.5
		}
		s.Formulas = append(s.Formulas, f)
	}
	share := Formula{Unit: "share", High: 1}
	cells := func(names ...string) Formula { f := share; f.Cells = names; return f }
	weight := Formula{Unit: "share", Mid: 0.5, Step: 1.0 / 120, High: 1}
	formula("share_high", "levels", FormShare, cells("high"))
	formula("share_asked", "asked", FormSigned, share)
	formula("days_per_person", "days", FormMean, Formula{Unit: "days", Mid: 30, Step: 1, High: 60, Expect: Expect{Value: 35}})
	formula("share_own", "own", FormMean, weight)
	formula("share_own_known", "own_known", FormMean, weight)
	formula("share_health", "spread", FormShare, cells("health"))
	formula("share_flag", "flags", FormSigned, share)
	formula("share_improved", "domains", FormShare, cells("improved"))
	formula("mean_change", "means", FormMean, Formula{Unit: "points", Step: 1, Low: -2, High: 2})
	formula("persons_active", "active", FormCount, Formula{Unit: "persons"})
	formula("persons_seen", "seen", FormCount, Formula{Unit: "persons"})
	formula("persons_once", "once", FormCount, Formula{Unit: "persons", Scale: 1.0 / 7})
	return s
}

// TestEveryEncodingIsReleased: a home with such a plan releases all its levels, and the figures are near the truth.
func TestEveryEncodingIsReleased(t *testing.T) {
	l := newLake(t)
	const n = 2000
	l.exec(t, "INSERT INTO people SELECT 1 + range, 'minors', unhex(md5(range::VARCHAR)), true FROM range(?)", n)
	l.exec(t, "INSERT INTO engagements SELECT 1 + range, 1 + range % 3, TIMESTAMP '2025-02-01 12:00:00', CASE WHEN range % 2 = 1 THEN 'yes' ELSE 'no' END FROM range(?)", n)
	h := newHomeOf(t, l, everySchema(), every)
	quarter := h.must(t, "2025Q1", "2025-12-01")
	year := h.must(t, "2025", "2026-12-01")
	span := h.must(t, "2021-2025", "2026-12-01")
	files := append(append(quarter, year...), span...)
	measured := map[string]Encoding{}
	for _, f := range files {
		for _, m := range f.Measurements {
			measured[m.Item] = m.Encoding
		}
	}
	if len(measured) != len(h.p.Items) {
		t.Errorf("measured are %v, the plan has %d items", measured, len(h.p.Items))
	}
	if _, err := h.release(t, "2022-2026", "2030-01-01"); err == nil || !strings.Contains(err.Error(), "measures nothing") {
		t.Errorf("a span that is not aligned: %v", err)
	}
	figures, err := h.p.Figures(h.s, files, "m", nil)
	if err != nil {
		t.Fatal(err)
	}
	known := n * 0.9
	want := map[string]float64{"persons": n, "persons_active": n, "persons_seen": n, "persons_once": n, "share_yes": 0.5, "share_high": 0.5,
		"share_asked": (n/2 - n*0.1) / known, "days_per_person": 35, "share_own": 0.5 + 20.0/120, "share_own_known": 0.5 + (60*(n/2-n*0.1)-20*n/2)/known/120,
		"share_health": 2.0 / 3, "share_flag": (n/2 - n*0.1) / known, "share_improved": 0.25, "mean_change": 0.5}
	seen := map[string]bool{}
	for _, f := range figures {
		x, ok := f.Value()
		by := fmt.Sprint(f.By())
		if strings.Contains(by, "health") { // nobody was asked about it
			continue
		}
		w := want[f.Statistic()]
		seen[f.Statistic()] = true
		if !ok || math.Abs(x-w) > 0.12*max(1, math.Abs(w)) {
			t.Errorf("%s %s %s: %v, want about %v (%s)", f.Statistic(), f.Period(), by, x, w, f.Note())
		}
		if slices.Contains([]string{"share_flag", "share_improved", "mean_change"}, f.Statistic()) && len(f.By()) != 1 {
			t.Errorf("%s carries %s, want its block", f.Statistic(), by)
		}
	}
	if len(seen) != len(want) {
		t.Errorf("figures of %v, want of %v", keys(seen), keys(want))
	}
	rows, err := h.p.Planned(h.s, parse(t, "2025"), 0, h.releaser(t, nil, "2026-12-01").State)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.State != "measured" || !r.Published || math.IsInf(r.HalfWidth, 0) || r.HalfWidth <= 0 {
			t.Errorf("planned: %+v", r)
		}
	}
}
