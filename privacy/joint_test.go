package privacy_test

import (
	"fmt"
	"maps"
	rnd "math/rand/v2"
	"slices"
	"strings"
	"testing"

	"heatwatch/privacy"
	"heatwatch/reports/measures/schema"
)

// exactSums runs the exact part of releases of random warehouses with absurd records in them, and hands on the sums.
func exactSums(t *testing.T, name string, s privacy.Schema, each func(p *privacy.Plan, st step, sums map[string][]int64)) {
	t.Helper()
	text, ok := privacy.EmbeddedPlan(name)
	if !ok {
		text = []byte(everything(s))
	}
	p, err := privacy.ParsePlan(text, name, s, 4, delta)
	if err != nil {
		t.Fatal(err)
	}
	a := newAudit(t, p)
	for seed := range uint64(2) {
		a.fill(rnd.New(rnd.NewPCG(seed, 11)), 25, 1)
		for _, st := range steps(p, period(t, "2023")) {
			sums, err := privacy.NewHouse(t, p, s, a.key).Sums(a.db, st.period, st.due, a.partners, false)
			if err != nil {
				t.Fatal(err)
			}
			each(p, st, sums)
		}
	}
}

// everything is a plan that measures all vectors of entry in all breakdowns on one day, so that every identity is used: they
// speak of no others.
func everything(s privacy.Schema) string {
	var b strings.Builder
	b.WriteString(`schema: 1
plan: everything
version: 1
design: {persons_a_year: 300, epsilon: 4}
limits: {share: 9, mean: 9, count: 9}
populations:
  - {name: minors, unit: linked person, mu: 0.8378, lifetime: true}
  - {name: accused, unit: linked accused person, mu: 0.8378, lifetime: true}
  - {name: attendees, unit: attendance, mu: 0.8378}
  - {name: pledgers, unit: pledge, mu: 0.8378}
items:
`)
	for i, name := range slices.Sorted(maps.Keys(s.Vectors)) {
		v := s.Vectors[name]
		if v.Activity != "" || v.Events || v.Encoding == privacy.Exact {
			continue
		}
		by := append([]string{"total"}, v.By...)
		fmt.Fprintf(&b, "  - {id: v%d, vector: %s, levels: [year], by: [%s], due: 379, sigma: 1000}\n", i, name, strings.Join(by, ", "))
	}
	return b.String()
}

// TestEqualitiesHoldForExactSums: what reconciliation takes to be equal is equal before the noise, in the county's plan and in one that measures everything at once, whatever
// the records: breakdowns that lack a person, agencies that disagree, persons without any placement.
func TestEqualitiesHoldForExactSums(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for name, least := range map[string]int{"county": 10, "everything": 150} {
		most := 0
		exactSums(t, name, schema.Schema(), func(p *privacy.Plan, st step, sums map[string][]int64) {
			broken, n, err := p.Unequal(schema.Schema(), st.period, st.due, sums)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range broken {
				t.Errorf("%s, %s due %s: %s", name, st.period, st.due, b)
			}
			most = max(most, n)
			if most == n {
				for _, id := range p.Identified(schema.Schema()) {
					used[id] = true
				}
			}
		})
		t.Logf("%s: %d equalities in one entry", name, most)
		if most < least {
			t.Errorf("%s: only %d equalities in any entry", name, most)
		}
	}
	for _, id := range schema.Schema().Identities {
		if !used[id.Name] {
			t.Errorf("no plan uses the identity %s: nothing tests it", id.Name)
		}
	}
}

// A wrong identity, or a breakdown that lacks persons, is found by the test above.
func TestAWrongEqualityIsFound(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(s *privacy.Schema){
		"a bin on the wrong side": func(s *privacy.Schema) {
			i := slices.IndexFunc(s.Identities, func(id privacy.Identity) bool { return id.Name == "curve-24h" })
			s.Identities[i].Terms[1].Cells, s.Identities[i].Terms[2].Cells = []string{"1h", "4h", "12h", "24h", "never"}, []string{"48h", "72h", "7d", "30d"}
		},
		"everybody is in care": func(s *privacy.Schema) {
			s.Identities = append(s.Identities, privacy.Identity{Name: "wrong", Terms: []privacy.IdentityTerm{
				{Vector: "placement-stability.eligible", Weight: 1}, {Vector: "placement-stability.two_or_fewer_eligible", Weight: -1}}})
		},
	} {
		s := schema.Schema()
		spoil(&s)
		found := 0
		exactSums(t, "county", s, func(p *privacy.Plan, st step, sums map[string][]int64) {
			broken, _, err := p.Unequal(s, st.period, st.due, sums)
			if err != nil {
				t.Fatal(err)
			}
			found += len(broken)
		})
		if found == 0 {
			t.Errorf("%s: nobody noticed", name)
		}
	}
}

// TestNoisyReleasesAddUp: whatever was drawn, all breakdowns of a vector add up to the same presented numbers, answer by
// answer, in every entry of both plans; and the files are read again.
func TestNoisyReleasesAddUp(t *testing.T) {
	for _, name := range []string{"county", "full"} {
		p := plan(t, name, 4)
		files, _ := privacy.Noisy(t, p, schema.Schema(), 2021, 2022)
		compared := 0
		for _, f := range files {
			sums := map[string]int64{}
			for _, m := range f.Measurements {
				own := map[string]int64{}
				for _, c := range m.Cells {
					if c.Presented < 0 {
						t.Fatalf("%s of %s: %d is presented", m.Item, f.Period, c.Presented)
					}
					own[m.Vector+" "+c.Cell["answer"]] += c.Presented
				}
				for key, sum := range own {
					if other, ok := sums[key]; ok {
						compared++
						if other != sum {
							t.Errorf("%s of %s: %s adds up to %d, elsewhere to %d", m.Item, f.Period, key, sum, other)
						}
					}
					sums[key] = sum
				}
			}
		}
		if compared < 10 {
			t.Errorf("%s: only %d sums were compared", name, compared)
		}
		for _, measure := range []string{"time-to-emergency-service", "placement-stability"} {
			if fs, err := p.Figures(schema.Schema(), files, measure, nil); err != nil || len(fs) < 50 {
				t.Errorf("%s: %d figures of %s, %v", name, len(fs), measure, err)
			}
		}
	}
}

// BenchmarkFigures derives all figures of five years, estimates checked against raw numbers, as a new process does.
func BenchmarkFigures(b *testing.B) {
	for _, name := range []string{"county", "full"} {
		b.Run(name, func(b *testing.B) {
			s := schema.Schema()
			files, size := privacy.Noisy(b, plan(b, name, 4), s, 2018, 2022)
			b.ReportMetric(float64(size)/float64(len(files)), "bytes/file")
			for b.Loop() {
				p := plan(b, name, 4)
				for _, measure := range []string{"time-to-emergency-service", "placement-stability"} {
					if _, err := p.Figures(s, files, measure, nil); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
