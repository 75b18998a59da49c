package privacy

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"heatwatch/internal/problem"
)

// jointPlan measures the same persons in several ways on one day.
const jointPlan = `schema: 1
plan: joint
version: 1
design: {persons_a_year: 300, epsilon: 4}
limits: {share: 9, mean: 9, count: 9}
populations:
  - {name: minors, unit: linked person, mu: 0.8378, lifetime: true}
items:
  - {id: all, vector: m.heads, levels: [year], due: 104, sigma: 9, publishes: [persons]}
  - {id: kinds, vector: m.heads, levels: [year], by: [agency_kind], due: 104, sigma: 6, publishes: [persons]}
  - {id: yes, vector: m.yes, levels: [year], due: 104, sigma: 5, over: all, publishes: [share_yes]}
`

func jointSchema() Schema {
	s := smallSchema()
	for name, v := range s.Vectors {
		v.By = []string{"agency_kind"}
		s.Vectors[name] = v
	}
	return s
}

func jointPlanOf(t testing.TB, text string, s Schema) *Plan {
	t.Helper()
	p, err := ParsePlan([]byte(text), "joint", s, 4, 1e-6)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fileOf is the release file of a year's entry with these raw numbers, item by item.
func fileOf(t testing.TB, p *Plan, s Schema, raw ...[]int64) ReleaseFile {
	t.Helper()
	year := parse(t, "2025")
	due := p.Due(year)[0]
	f := ReleaseFile{Schema: 1, Entry: 7, Period: year, Plan: planName(p), Due: due, path: "7.json"}
	var sds []float64
	for i, it := range p.DueOn(year, due) {
		cells, err := s.cells(it)
		if err != nil {
			t.Fatal(err)
		}
		sds = append(sds, it.Sigma*float64(it.Linf))
		f.Measurements = append(f.Measurements, s.measurement(it, year, cells, raw[i], sds[i], 1))
	}
	j, err := p.joint(s, p.DueOn(year, due), sds, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.reconcile(j)
	return f
}

// Two ways to count the same persons: the estimate weights both by their noise, and what is presented adds up.
func TestAnEntryIsReconciled(t *testing.T) {
	s := jointSchema()
	p := jointPlanOf(t, jointPlan, s)
	f := fileOf(t, p, s, []int64{100}, []int64{60, 50, -20}, []int64{-3})
	all, kinds, yes := f.Measurements[0], f.Measurements[1], f.Measurements[2]
	v, w := 81+1.0/12, 36+1.0/12
	off := 100.0 - 90
	if got, want := all.Cells[0].Estimate, 100-off*v/(v+3*w); math.Abs(got-want) > 1e-9 {
		t.Errorf("the total is estimated as %v, want %v", got, want)
	}
	if got, want := kinds.Cells[2].Estimate, -20+off*w/(v+3*w); math.Abs(got-want) > 1e-9 {
		t.Errorf("a class is estimated as %v, want %v", got, want)
	}
	if got, want := all.Covariance.Matrix[0][0], v-v*v/(v+3*w); math.Abs(got/want-1) > 1e-5 {
		t.Errorf("the total's variance is %v, want %v", got, want)
	}
	if got, want := kinds.Covariance.Matrix[0][1], -w*w/(v+3*w); math.Abs(got/want-1) > 1e-5 {
		t.Errorf("two classes have the covariance %v, want %v", got, want)
	}
	if yes.Cells[0].Estimate != -3 || yes.Cells[0].Presented != 0 || math.Abs(yes.Covariance.Matrix[0][0]/(25+1.0/12)-1) > 1e-5 {
		t.Errorf("a question that nothing is equal to: %+v, %v", yes.Cells[0], yes.Covariance)
	}
	var sum int64
	for _, c := range kinds.Cells {
		sum += c.Presented
	}
	if sum != all.Cells[0].Presented || sum != 96 || kinds.Cells[2].Presented != 0 {
		t.Errorf("classes are presented as %+v, the total as %d", kinds.Cells, all.Cells[0].Presented)
	}
	r, err := readingsOf(p, s, []ReleaseFile{f})
	if err != nil {
		t.Fatal(err)
	}
	// The classes' total is the total: their difference has no noise, and any form is one over independent raw numbers.
	key := func(item string, i int) cellKey { return cellKey{readingKey{item, f.Period}, i} }
	for i, c := range kinds.Cells { // sums are made of estimates: what is presented is cut at zero
		if got := (form{key("kinds", i): 2}).value(r); math.Abs(got-2*c.Estimate) > 1e-9 {
			t.Errorf("twice a class of %v is %v", c.Estimate, got)
		}
	}
	same := form{key("all", 0): 1, key("kinds", 0): -1, key("kinds", 1): -1, key("kinds", 2): -1}
	if c := cov(same, same, r); math.Abs(c) > 1e-9 || math.Abs(same.value(r)) > 1e-9 {
		t.Errorf("total less classes is %v with variance %v", same.value(r), c)
	}
	g := form{key("all", 0): 0.5, key("kinds", 1): 2, key("yes", 0): -1}
	var direct float64
	for k, x := range g.raw(r) {
		direct += x * x * r[k.readingKey].vars
	}
	if got := cov(g, g, r); math.Abs(got/direct-1) > 1e-9 {
		t.Errorf("variance %v by covariances, %v by raw numbers", got, direct)
	}
}

func TestAFileThatDoesNotFollowFromItsRawNumbersIsRefused(t *testing.T) {
	s := jointSchema()
	p := jointPlanOf(t, jointPlan, s)
	read := func(do func(f *ReleaseFile)) error {
		f := fileOf(t, p, s, []int64{100}, []int64{60, 50, -20}, []int64{-3})
		do(&f)
		_, err := readingsOf(p, s, []ReleaseFile{f})
		return err
	}
	if err := read(func(*ReleaseFile) {}); err != nil {
		t.Fatal(err)
	}
	kinds := func(f *ReleaseFile) *Measurement { return &f.Measurements[1] }
	for name, do := range map[string]func(f *ReleaseFile){
		"a raw number":                func(f *ReleaseFile) { kinds(f).Cells[0].Raw++ },
		"an estimate":                 func(f *ReleaseFile) { kinds(f).Cells[0].Estimate += 1e-3 },
		"a presented number":          func(f *ReleaseFile) { kinds(f).Cells[0].Presented++ },
		"a variance":                  func(f *ReleaseFile) { kinds(f).Covariance.Matrix[0][0] *= 1.001 },
		"a covariance":                func(f *ReleaseFile) { kinds(f).Covariance.Matrix[0][1] = 0 },
		"a row of covariances":        func(f *ReleaseFile) { kinds(f).Covariance.Matrix[2] = nil },
		"no covariance":               func(f *ReleaseFile) { kinds(f).Covariance = Covariance{} },
		"the order of covariances":    func(f *ReleaseFile) { kinds(f).Covariance.Cells = []int{1, 0, 2} },
		"the noise":                   func(f *ReleaseFile) { kinds(f).Sd *= 2 },
		"noise that is no number":     func(f *ReleaseFile) { kinds(f).Sd = math.NaN() },
		"the mark":                    func(f *ReleaseFile) { f.Reconciled = nil },
		"an identity nobody knows":    func(f *ReleaseFile) { f.Reconciled.Identities = []string{"no-such"} },
		"the vector":                  func(f *ReleaseFile) { kinds(f).Vector = "m.yes" },
		"the encoding":                func(f *ReleaseFile) { kinds(f).Encoding = Signed },
		"l0":                          func(f *ReleaseFile) { kinds(f).L0 = 2 },
		"linf":                        func(f *ReleaseFile) { kinds(f).Linf = 2 },
		"two cells change places":     func(f *ReleaseFile) { c := kinds(f).Cells; c[0].Cell, c[1].Cell = c[1].Cell, c[0].Cell },
		"a cell of another name":      func(f *ReleaseFile) { kinds(f).Cells[0].Cell = map[string]string{"agency_kind": "castle"} },
		"a cell less":                 func(f *ReleaseFile) { kinds(f).Cells = kinds(f).Cells[:2] },
		"an item nobody planned":      func(f *ReleaseFile) { kinds(f).Item = "sorts" },
		"the period of an item":       func(f *ReleaseFile) { kinds(f).Period = f.Period.Next() },
		"another plan's, then spoilt": func(f *ReleaseFile) { f.Plan = "other v1 00"; kinds(f).Cells[0].Estimate++ },
	} {
		if err := read(do); problem.ExitCode(err) != problem.Refused {
			t.Errorf("%s was changed: exit %d, %v", name, problem.ExitCode(err), err)
		}
	}
}

// Files that were written before reconciliation keep their meaning: the estimate is the raw number.
func TestFilesFromBeforeReconciliationAreRead(t *testing.T) {
	s := jointSchema()
	p := jointPlanOf(t, jointPlan, s)
	f := fileOf(t, p, s, []int64{100}, []int64{60, 50, -20}, []int64{-3})
	f.Reconciled = nil
	for i := range f.Measurements {
		m := &f.Measurements[i]
		m.Vector = ""
		for c := range m.Cells {
			m.Cells[c].Estimate, m.Cells[c].Presented = float64(m.Cells[c].Raw), max(0, m.Cells[c].Raw)
		}
	}
	if b, _ := json.Marshal(f); strings.Contains(string(b), "reconciled") || strings.Contains(string(b), "vector") {
		t.Errorf("an old file would be written with what it does not have: %s", b)
	}
	r, err := readingsOf(p, s, []ReleaseFile{f})
	if err != nil {
		t.Fatal(err)
	}
	key := func(i int) cellKey { return cellKey{readingKey{"kinds", f.Period}, i} }
	sum := form{key(0): 1, key(1): 1}
	if got, want := cov(sum, sum, r), 2*(36+1.0/12); sum.value(r) != 110 || math.Abs(got/want-1) > 1e-9 {
		t.Errorf("two classes add up to %v with variance %v, want 110 and %v", sum.value(r), got, want)
	}
	f.Measurements[1].Cells[0].Estimate++
	if _, err := readingsOf(p, s, []ReleaseFile{f}); problem.ExitCode(err) != problem.Refused {
		t.Errorf("an estimate that is not the raw number was read: %v", err)
	}
}

// An entry that an earlier plan made is still reconciled as it was. What this plan measures in the same way is read, and
// what it measures otherwise, or not at all, is not taken for its own.
func TestEntriesOfAnEarlierPlanAreRead(t *testing.T) {
	s := jointSchema()
	before := jointPlanOf(t, jointPlan, s)
	f := fileOf(t, before, s, []int64{100}, []int64{60, 50, -20}, []int64{-3})
	for name, c := range map[string]struct {
		change []string // old, new
		want   []string
	}{
		"more noise":           {[]string{"sigma: 9", "sigma: 12"}, []string{"all", "kinds", "yes"}},
		"an item is gone":      {[]string{"  - {id: kinds, vector: m.heads, levels: [year], by: [agency_kind], due: 104, sigma: 6, publishes: [persons]}\n", ""}, []string{"all", "yes"}},
		"breakdowns exchanged": {[]string{"levels: [year], by: [agency_kind]", "levels: [year]", "id: all, vector: m.heads,", "id: all, vector: m.heads, by: [agency_kind],"}, []string{"yes"}},
		"questions exchanged":  {[]string{"id: yes, vector: m.yes", "id: yes, vector: m.heads", "sigma: 9, publishes: [persons]", "sigma: 9", "id: all, vector: m.heads", "id: all, vector: m.yes"}, []string{"kinds"}},
	} {
		change := append(c.change, "version: 1", "version: 2", "over: all, publishes: [share_yes]", "over: all")
		text := jointPlan
		for i := 0; i < len(change); i += 2 {
			text = strings.Replace(text, change[i], change[i+1], 1)
		}
		p := jointPlanOf(t, text, s)
		r, err := readingsOf(p, s, []ReleaseFile{f})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for k, rd := range r {
			if !strings.HasPrefix(k.item, earlier) {
				got = append(got, k.item)
			}
			if rd.beside == nil {
				t.Errorf("%s: %s stands alone", name, k.item)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: read %v, want %v", name, got, c.want)
		}
		if !slices.Contains(c.want, "all") {
			continue
		}
		all := r[readingKey{"all", f.Period}]
		if math.Abs(all.est[0]-f.Measurements[0].Cells[0].Estimate) > 1e-12 {
			t.Errorf("%s: the total is %v", name, all.est[0])
		}
	}
}

func TestBoundsOfOneVectorMustAgreeOnADay(t *testing.T) {
	text := strings.Replace(jointPlan, "sigma: 6,", "sigma: 60, participations: 2,", 1)
	if _, err := ParsePlan([]byte(text), "joint", jointSchema(), 4, 1e-6); err == nil || !strings.Contains(err.Error(), "different bounds") {
		t.Error(err)
	}
}

// A plan whose equalities cannot be presented in whole numbers is refused before anything is measured.
func TestAPlanThatCannotAddUpIsRefused(t *testing.T) {
	s := jointSchema()
	s.Vectors["m.half"] = Vector{Name: "m.half", Measure: "m", Encoding: Count, Cells: []string{"persons"}, Linf: 1, SQL: s.Vectors["m.heads"].SQL}
	s.Identities = []Identity{{Name: "half", Terms: []IdentityTerm{{Vector: "m.heads", Weight: 1}, {Vector: "m.half", Weight: -2}}}}
	text := jointPlan + "  - {id: half, vector: m.half, levels: [year], due: 104, sigma: 9}\n"
	if _, err := ParsePlan([]byte(text), "joint", s, 4, 1e-6); err == nil || !strings.Contains(err.Error(), "whole numbers") {
		t.Errorf("%v", err)
	}
}

// Entries of two years are reconciled apart, and their noise is independent.
func TestYearsAreNotReconciledWithEachOther(t *testing.T) {
	s := jointSchema()
	p := jointPlanOf(t, jointPlan, s)
	a := fileOf(t, p, s, []int64{100}, []int64{60, 50, -20}, []int64{-3})
	b := fileOf(t, p, s, []int64{10}, []int64{6, 5, -2}, []int64{0})
	b.Entry, b.Period = 8, a.Period.Next()
	for i := range b.Measurements {
		b.Measurements[i].Period = b.Period
	}
	r, err := readingsOf(p, s, []ReleaseFile{a, b})
	if err != nil {
		t.Fatal(err)
	}
	x := form{{readingKey{"all", a.Period}, 0}: 1}
	y := form{{readingKey{"all", b.Period}, 0}: 1}
	both := form{}
	both.add(x, 1)
	both.add(y, 1)
	if cov(x, y, r) != 0 || math.Abs(cov(both, both, r)-cov(x, x, r)-cov(y, y, r)) > 1e-9 {
		t.Error("the noise of two years goes together")
	}
}
