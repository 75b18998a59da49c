package privacy

import (
	"context"
	"slices"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy/ledger"
)

// builtSchema is the small schema with what a network has built: two kinds of things in two programs, about nobody.
func builtSchema() Schema {
	s := smallSchema()
	s.Vectors["built.quantity"] = Vector{Name: "built.quantity", Measure: "built", Encoding: Exact, Each: "kind", EachValues: []string{"beds", "usd"}, Cells: []string{"spa", "unknown"},
		SQL: "SELECT b.kind || ':' || coalesce(b.program, 'unknown') AS cell, b.quantity AS value FROM built b CROSS JOIN params q WHERE b.on_date <= q.period_last"}
	s.Measures["built"] = MeasureInfo{Definition: 1, Population: Nobody, DueAfter: 14}
	s.Formulas = append(s.Formulas, Formula{Measure: "built", Statistic: "quantity", Unit: "quantity", Vector: "built.quantity", Form: FormCount, Per: "program"})
	return s
}

// builtPlan measures it with the heads of a quarter, and alone at the end of a year.
const builtPlan = smallPlan + `  - {id: built, vector: built.quantity, levels: [quarter], due: 44, publishes: [quantity]}
  - {id: built_y, vector: built.quantity, levels: [year], due: 14, publishes: [quantity]}
`

func (l *lake) build(t testing.TB) {
	t.Helper()
	l.exec(t, `CREATE TABLE built (kind VARCHAR, program VARCHAR, quantity BIGINT, on_date DATE);
INSERT INTO built VALUES ('beds', 'spa', 12, '2025-01-02'), ('beds', 'spa', -20, '2025-03-31'), ('beds', 'spa', 100, '2025-04-01'),
  ('usd', NULL, 9223372036854775807, '2024-01-01'), ('usd', NULL, 9223372036854775807, '2024-01-01'), ('usd', 'spa', NULL, '2024-01-01'),
  ('usd', 'elsewhere', 7, '2024-01-01'), (NULL, 'spa', 7, '2024-01-01'), ('usd', 'spa', -9223372036854775808, '2024-01-01')`)
}

func built(t testing.TB) home {
	t.Helper()
	l := newLake(t)
	l.county40(t)
	l.build(t)
	return newHomeOf(t, l, builtSchema(), builtPlan)
}

func raws(m Measurement) []int64 {
	return mapSlice(m.Cells, func(c NoisyCell) int64 { return c.Raw })
}

// Public facts stand beside noisy numbers in one entry, as they are, and cost nobody anything.
func TestPublicFactsAreReleasedExactly(t *testing.T) {
	h := built(t)
	f := h.must(t, "2025Q1", "2025-06-01")[0]
	m := f.Measurements[2]
	if got := raws(m); m.Item != "built" || !slices.Equal(got, []int64{-8, 0, -maxSum, maxSum}) {
		t.Fatalf("%s: %v", m.Item, got)
	}
	if m.Encoding != Exact || m.Population != "none" || m.Sd != 0 || m.Mu2 != 0 || m.L0 != 0 || m.Linf != 0 {
		t.Errorf("%+v", m)
	}
	for _, c := range m.Cells {
		if c.Estimate != float64(c.Raw) || c.Presented != c.Raw {
			t.Errorf("%+v", c)
		}
	}
	if got := m.Cells[0].Cell; got["kind"] != "beds" || got["answer"] != "spa" {
		t.Errorf("the first cell is %v", got)
	}
	l := h.releaser(t, durable.OS(), "2025-06-01").Ledger
	e := l.Entries()[f.Entry-1].Release
	if len(e.Items) != 3 || len(e.Losses) != 1 || e.Losses[0].Population != "minors" {
		t.Errorf("booked: %+v", e)
	}
	budget, err := l.Budget()
	if err != nil || len(budget) != 1 || budget[0].Draws != 2 {
		t.Errorf("budget: %+v, %v", budget, err)
	}
	figures, err := h.p.Figures(h.s, []ReleaseFile{f}, "built", []models.Period{parse(t, "2025Q1")})
	if err != nil || len(figures) != 4 {
		t.Fatalf("%d figures, %v", len(figures), err)
	}
	for i, fig := range figures {
		v, ok := fig.Value()
		if !ok || v != float64(raws(m)[i]) || fig.Low() != v || fig.High() != v || fig.Note() != "a public fact, exact" || fig.Unsampled() != "a public fact, exact" {
			t.Errorf("%s: %v from %v to %v, %q, %q", fig.ByText(), v, fig.Low(), fig.High(), fig.Note(), fig.Unsampled())
		}
	}
	if got := figures[1].ByText(); got != "kind=beds;program=unknown" {
		t.Errorf("by %s", got)
	}
	for _, a := range []Findings{f.Audit(h.s), f.AuditEntry(l, h.s)} {
		if len(a.Problems)+len(a.Unchecked) > 0 {
			t.Errorf("%v, unchecked %v", a.Problems, a.Unchecked)
		}
	}
	if err := Check([]ReleaseFile{f}, l); err != nil {
		t.Error(err)
	}
}

// An entry may hold nothing but public facts. It makes no cohort, opens no register, and is made once.
func TestAnEntryOfPublicFactsAlone(t *testing.T) {
	h := built(t)
	files := h.must(t, "2025", "2026-01-20")
	if len(files) != 1 || len(files[0].Measurements) != 1 {
		t.Fatalf("%d files", len(files))
	}
	f := files[0]
	if got := raws(f.Measurements[0]); !slices.Equal(got, []int64{92, 0, -maxSum, maxSum}) {
		t.Errorf("%v", got)
	}
	if got := h.frozen(t); len(got) != 0 {
		t.Errorf("frozen: %v", got)
	}
	l := h.releaser(t, durable.OS(), "2026-01-20").Ledger
	if spent, err := l.Spent("minors"); err != nil || spent != 0 {
		t.Errorf("spent %v, %v", spent, err)
	}
	if f.Manifest == nil || len(f.Manifest.Populations) != 0 || f.Manifest.Items[0].Mu2 != 0 {
		t.Errorf("manifest: %s", jsonOf(t, f.Manifest))
	}
	for _, a := range []Findings{f.Audit(h.s), f.AuditEntry(l, h.s)} {
		if len(a.Problems)+len(a.Unchecked) > 0 {
			t.Errorf("%v, unchecked %v", a.Problems, a.Unchecked)
		}
	}
	if again := h.must(t, "2025", "2026-01-21"); len(again) != 1 {
		t.Errorf("%d files the second time", len(again))
	}
	if later := h.must(t, "2025", "2027-06-01"); len(later) != 3 {
		t.Errorf("%d files once the rest is due", len(later))
	}
}

func TestThePlanShowsPublicFactsWithoutNoise(t *testing.T) {
	h := built(t)
	rows, err := h.p.Planned(h.s, parse(t, "2025Q1"), 0, func(Item, models.Period) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(rows, func(r PlannedFigure) bool { return r.Item == "built" })
	if i < 0 || rows[i].HalfWidth != 0 || rows[i].Mu2 != 0 || !rows[i].Published || rows[i].Population != "none" {
		t.Errorf("%+v", rows)
	}
	r := h.releaser(t, durable.OS(), "2025-06-01")
	if it, _ := h.p.Item("built"); r.State(it, parse(t, "2025Q1")) != "due" {
		t.Errorf("state %s", r.State(it, parse(t, "2025Q1")))
	}
	shares, err := h.p.Budget(1e-6)
	if err != nil || slices.ContainsFunc(shares, func(s Share) bool { return s.Population != "minors" }) {
		t.Errorf("budget %+v, %v", shares, err)
	}
	ahead, err := h.p.Ahead()
	if err != nil || len(ahead) != 6 {
		t.Fatalf("%d items ahead, %v", len(ahead), err)
	}
	a, err := h.p.Optimise(h.s, "plan", parse(t, "2025"), 0, 4, 1e-6)
	if err != nil || strings.Contains(string(a.Text), "vector: built.quantity, levels: [quarter], due: 44, sigma") {
		t.Errorf("%v\n%s", err, a.Text)
	}
}

// Only what is about nobody may be exact, and it has neither price nor noise.
func TestExactIsForPublicFactsAlone(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Vector)
		old    string
		new    string
		says   string
	}{
		"about minors":          {change: func(v *Vector) { v.Population = "minors" }, says: "only public facts"},
		"noise about nobody":    {change: func(v *Vector) { v.Encoding, v.Linf = Sum, 1 }, says: "about nobody, and not exact"},
		"a bound":               {change: func(v *Vector) { v.Linf = 1 }, says: "no bounds"},
		"an activity":           {change: func(v *Vector) { v.Activity = "SELECT" }, says: "no activity"},
		"a sigma":               {old: "id: built,", new: "id: built, sigma: 6,", says: "sigma has no meaning"},
		"an l0":                 {old: "id: built,", new: "id: built, l0: 1,", says: "l0 has no meaning"},
		"a sum":                 {old: "id: built,", new: "id: built, sums: [year],", says: "sums has no meaning"},
		"a span":                {old: "levels: [year], due: 14", new: "levels: [span], years: 5, due: 14", says: "years has no meaning"},
		"a breakdown":           {old: "id: built,", new: "id: built, by: [agency_kind],", says: "by has no meaning"},
		"too early":             {old: "due: 14", new: "due: 13", says: "close 14 days"},
		"a budget for nobody":   {old: "populations:\n", new: "populations:\n  - {name: none, unit: bed, mu: 1}\n", says: "have no budget"},
		"persons over facts":    {old: "over: heads", new: "over: built", says: "has another breakdown"},
		"a total of facts":      {old: "due: 14, publishes: [quantity]}\n", new: "due: 14, publishes: [quantity]}\ntotals:\n  - {id: all, level: year, parts: [[built_y]]}\n", says: "count no persons"},
		"persons measured thus": {old: "vector: m.yes, levels: [year], due: 379, sigma: 6", new: "vector: m.yes, levels: [year], due: 379", says: "sigma must be above 0"},
	} {
		s, plan := builtSchema(), builtPlan
		if c.change != nil {
			v := s.Vectors["built.quantity"]
			c.change(&v)
			s.Vectors["built.quantity"] = v
		}
		if c.old != "" {
			if strings.Count(plan, c.old) != 1 {
				t.Fatalf("%s: %q", name, c.old)
			}
			plan = strings.Replace(plan, c.old, c.new, 1)
		}
		_, err := ParsePlan([]byte(plan), "built", s, 4, 1e-6)
		if problem.ExitCode(err) != problem.Usage || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want %q", name, err, c.says)
		}
	}
}

// Whatever a plan has let through, nothing about persons gets a noise of none.
func TestNoNoiseIsForPublicFactsAlone(t *testing.T) {
	s := builtSchema()
	exact := Item{ID: "x", Vector: "built.quantity", Population: Nobody, Encoding: Exact}
	if n, err := s.noiseFor(exact, 1); err != nil || n.Sd() != 0 {
		t.Fatalf("%v, %v", n, err)
	} else if v, err := n.Draw(-5); v != -5 || err != nil {
		t.Errorf("%d, %v", v, err)
	}
	lies := s.Vectors["m.heads"]
	lies.Encoding = Exact
	s.Vectors["m.lies"] = lies
	for name, it := range map[string]Item{
		"the vector is not":           {Vector: "m.heads", Population: Nobody, Encoding: Exact},
		"the vector's population":     {Vector: "m.lies", Population: Nobody, Encoding: Exact},
		"the item's population":       {Vector: "built.quantity", Population: "minors", Encoding: Exact},
		"the item is not":             {Vector: "built.quantity", Population: Nobody, Encoding: Sum, L0: 1, Linf: 1, Sigma: 5},
		"no vector of that name":      {Vector: "m.none", Population: Nobody, Encoding: Exact},
		"a count with no noise at it": {Vector: "m.heads", Population: "minors", Encoding: Count, L0: 1, Linf: 1},
	} {
		n, err := s.noiseFor(it, 1)
		if err == nil {
			t.Errorf("%s: noise of %v", name, n.Sd())
		}
		if v, err := n.Draw(5); err == nil {
			t.Errorf("%s: drew %d", name, v)
		}
	}
	if v, err := (noise{}).Draw(5); err == nil {
		t.Errorf("the zero noise drew %d", v)
	}
}

func TestTheLedgerTakesNoNoiseFromNobodyAlone(t *testing.T) {
	h := built(t)
	r := h.releaser(t, durable.OS(), "2025-06-01")
	it := ledger.Item{ID: "x", Population: "minors", Period: "2025Q1", Series: "x", Participations: 1, Cells: ledger.CellsHash("x"), Draws: 1}
	for name, change := range map[string]func(*ledger.Item){
		"minors without noise": func(*ledger.Item) {},
		"facts with noise":     func(it *ledger.Item) { it.Population, it.L0, it.Linf, it.Sd, it.Mu2 = Nobody, 1, 1, 5, 1 },
		"facts with a price":   func(it *ledger.Item) { it.Population, it.Mu2 = Nobody, 1 },
	} {
		x := it
		change(&x)
		if _, err := r.book(context.Background(), entry{period: parse(t, "2025Q1"), due: r.Today}, []ledger.Item{x}, nil); err == nil {
			t.Errorf("%s was booked", name)
		}
	}
}

// A fact that was changed, or a noisy number that is called a fact, is seen without the ledger.
func TestChangedFactsAreSeen(t *testing.T) {
	h := built(t)
	f := h.must(t, "2025Q1", "2025-06-01")[0]
	for name, lie := range map[string]func(f *ReleaseFile){
		"a rounded estimate": func(f *ReleaseFile) { f.Measurements[2].Cells[0].Estimate++ },
		"another number":     func(f *ReleaseFile) { f.Measurements[2].Cells[0].Presented++ },
		"beyond 2^52": func(f *ReleaseFile) {
			c := &f.Measurements[2].Cells[0]
			c.Raw, c.Presented, c.Estimate = 1<<53, 1<<53, 1<<53
		},
		"about somebody":      func(f *ReleaseFile) { f.Measurements[2].Population = "minors" },
		"with a covariance":   func(f *ReleaseFile) { f.Measurements[2].Covariance.Matrix[0][1] = 1 },
		"with noise":          func(f *ReleaseFile) { f.Measurements[2].Sd = 6 },
		"heads called a fact": func(f *ReleaseFile) { f.Measurements[0].Encoding = Exact },
		"heads as a fact": func(f *ReleaseFile) {
			m := &f.Measurements[0]
			m.Encoding, m.Population, m.L0, m.Linf, m.Sd, m.Mu2, m.Covariance = Exact, Nobody, 0, 0, 0, 0, noCovariance(1)
			m.Cells[0].Estimate, m.Cells[0].Presented = float64(m.Cells[0].Raw), m.Cells[0].Raw
			it := &f.Manifest.Items[0]
			it.Encoding, it.L0, it.Linf, it.Sd, it.Mu2 = Exact, 0, 0, 0, 0
		},
	} {
		g, err := parseRelease(f.Bytes(), "file")
		if err != nil {
			t.Fatal(err)
		}
		lie(&g)
		if a := g.Audit(h.s); len(a.Problems) == 0 {
			t.Errorf("%s: not seen", name)
		}
		if _, err := readingsOf(h.p, h.s, []ReleaseFile{g}); err == nil && name != "beyond 2^52" {
			t.Errorf("%s: figures are made of it", name)
		}
	}
}

// Two public facts can be set beside each other, and their difference is exact.
func TestPublicFactsCanBeCompared(t *testing.T) {
	h := built(t)
	files := append(h.must(t, "2025Q1", "2025-09-01"), h.must(t, "2025Q2", "2025-09-01")...)
	at := []Dim{{"kind", "beds"}, {"program", "spa"}}
	d, err := h.p.Compare(h.s, files, "built", "quantity", Place{parse(t, "2025Q1"), at}, Place{parse(t, "2025Q2"), at})
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := d.Value(); !ok || v != -100 || d.Low() != -100 || d.High() != -100 || d.Records() != Lower {
		t.Errorf("%v from %v to %v: %s", v, d.Low(), d.High(), d.Records())
	}
}
