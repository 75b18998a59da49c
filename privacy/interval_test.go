package privacy_test

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	rnd "math/rand/v2"
	"slices"
	"strings"
	"testing"

	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/measures/schema"
)

// A county of the mind: n persons a year, spread over the classes of each breakdown in the shares of its first cells, reached
// in the bins of the curve in these shares, some in care, and so on. truth gives the exact sum of each cell.
type county struct {
	n      float64 // persons a year
	p      float64 // share of those in care with at most two placements
	in     float64 // share in care
	moves  float64 // a person in care
	days   float64
	bins   []float64 // of the curve
	spread []float64 // of each breakdown; a class beyond it is empty
	yes    float64   // share of yes to every other question; 0: what the plan expects
	plan   *privacy.Plan
	s      privacy.Schema

	formulas map[string]privacy.Formula // what expected has looked up
}

// mindPerson is what one person of the county gives: the same to every vector, so that what must agree does.
type mindPerson struct {
	i, n        int
	class       float64 // place in every breakdown, from 0 to 1
	bin         int     // of the curve
	cared, two  bool
	moves, days float64
}

// people are n persons with the county's shares, spread evenly (each question on a grid of its own).
func (c county) people(n int) []mindPerson {
	all := make([]mindPerson, n)
	at := func(i int, step float64) float64 { return math.Mod((float64(i)+0.5)*step, 1) }
	cared, moved, stayed := 0, 0.0, 0.0
	for i := range all {
		x := &all[i]
		x.i, x.n = i, n
		x.class = at(i, 0.6180339887498949)
		u, bin := at(i, 0.7548776662466927), 0
		for ; bin < len(c.bins) && u >= c.bins[bin]; bin++ {
			u -= c.bins[bin]
		}
		x.bin = bin
		if x.cared = math.Round(float64(i+1)*c.in) > math.Round(float64(i)*c.in); !x.cared {
			continue
		}
		cared++
		x.two = math.Round(float64(cared)*c.p) > math.Round(float64(cared-1)*c.p)
		x.moves = math.Round(float64(cared)*(2*c.moves-5)) - moved
		x.days = math.Round(float64(cared)*(c.days-186)) - stayed
		moved, stayed = moved+x.moves, stayed+x.days
	}
	return all
}

// member reports whether a person is in the i-th class of a breakdown.
func (c county) member(x mindPerson, i int) bool {
	var below float64
	for k, share := range c.spread {
		if k == i {
			return x.class >= below && (x.class < below+share || k == len(c.spread)-1)
		}
		below += share
	}
	return false
}

var curveBins = []string{"1h", "4h", "12h", "24h", "48h", "72h", "7d", "30d", "never"}

func (c county) truth() func(item string, period models.Period, cell privacy.Cell) float64 {
	people := map[string][]mindPerson{models.LevelQuarter: c.people(int(c.n / 4)), models.LevelYear: c.people(int(c.n)), models.LevelSpan: c.people(int(5 * c.n))}
	c.formulas = map[string]privacy.Formula{}
	known := map[string]float64{}
	return func(item string, period models.Period, cell privacy.Cell) float64 {
		it, _ := c.plan.Item(item)
		key := fmt.Sprint(it.Vector, it.By, it.Level, cell)
		if v, ok := known[key]; ok {
			return v
		}
		v, class := c.s.Vectors[it.Vector], -1
		if cell.Dim != "" && v.Each == "" {
			d, _ := c.s.Dimension(v.Measure, it.By)
			class = slices.Index(d.Values, cell.Dim)
		}
		var sum float64
		for _, x := range people[it.Level] {
			if class < 0 || c.member(x, class) {
				sum += c.gives(x, v, cell)
			}
		}
		known[key] = sum
		return sum
	}
}

// place is where a person stands among all of them when a question is asked, from 0 to 1: evenly, and in an order of its own.
func (x mindPerson) place(question string) float64 {
	h := fnv.New32a()
	h.Write([]byte(question))
	stride := 1 + int(h.Sum32())%max(1, x.n)
	for gcd := func(a, b int) int {
		for b != 0 {
			a, b = b, a%b
		}
		return a
	}; gcd(stride, x.n) != 1; stride++ {
	}
	return (float64(x.i*stride%x.n) + 0.5) / float64(x.n)
}

// expected is what the plan expects of a vector's statistic that stands for no single cell.
func (c county) expected(v privacy.Vector) privacy.Formula {
	if f, ok := c.formulas[v.Name]; ok {
		return f
	}
	i := slices.IndexFunc(c.s.Formulas, func(f privacy.Formula) bool {
		return f.Vector == v.Name && (f.Form == privacy.FormSigned || f.Form == privacy.FormMean || f.Form == privacy.FormYes || len(f.Expect.Cells) > 0)
	})
	var f privacy.Formula
	if i >= 0 {
		f = c.s.Formulas[i]
	}
	c.formulas[v.Name] = f
	return f
}

// shares are those of the cells of a histogram, of all persons.
func (c county) shares(v privacy.Vector) []float64 {
	about := cmp.Or(v.Eligible, 1)
	scaled := func(of float64, shares ...float64) []float64 {
		all := make([]float64, len(v.Cells))
		for i := range min(len(all), len(shares)) {
			all[i] = of * shares[i]
		}
		return all
	}
	switch v.Name {
	case "agencies-working-together.kinds":
		return scaled(1, 0.15, 0.25, 0.3, 0.2, 0.1)
	case "long-term-residential-care.levels":
		return scaled(1, 0.45, 0.2, 0.15, 0.2)
	case "screening.levels":
		return scaled(about, 1.0/3, 1.0/3, 1.0/3)
	case "labor-exploitation.number_of_forms":
		return scaled(about, 0.25, 0.25, 0.25, 0.25)
	case "arrests-by-role.victims":
		return scaled(about, 0.425, 0.425, 0.15)
	case "arrests-by-role.accused": // as many more are accused as the plan expects
		return scaled(0.83, 0.5, 0.5)
	case "prosecutions.disposed":
		return scaled(about, 0.7, 0.3)
	case "training.certified":
		return scaled(about, 0.6, 0.4)
	}
	if strings.HasPrefix(v.Name, "outcome-change.") { // another three in ten have no follow-up
		return scaled(1, about/3, about*7/15, about/5, 0.3)
	}
	if f := c.expected(v); f.Form == privacy.FormSurvival { // the first cell is for those who are not in it
		all := make([]float64, len(v.Cells))
		all[0] = 1 - about
		for i, cell := range slices.Concat(f.Left, f.Censored) {
			all[slices.Index(v.Cells, cell)] = about * f.Expect.Cells[i]
		}
		return all
	} else if len(f.Expect.Cells) > 0 {
		return scaled(about, f.Expect.Cells...)
	}
	if last := len(v.Cells) - 1; v.Cells[last] == "unknown" {
		all := scaled(about*0.9, c.spread...)
		all[last] = about * 0.1
		return all
	}
	return scaled(about, c.spread...)
}

// answer is the cell of a histogram that a person is in, "" for none.
func (c county) answer(x mindPerson, v privacy.Vector) string {
	if v.Name == "time-to-emergency-service.curve" {
		return curveBins[x.bin]
	}
	u := x.place(v.Name)
	for i, share := range c.shares(v) {
		if u < share {
			return v.Cells[i]
		}
		u -= share
	}
	return ""
}

// gives is what a person gives to a cell of a vector.
func (c county) gives(x mindPerson, v privacy.Vector, cell privacy.Cell) float64 {
	one := func(yes bool) float64 { return map[bool]float64{true: 1}[yes] }
	sign := func(yes bool) float64 { return 2*one(yes) - 1 }
	switch v.Name {
	case "entry.heads":
		return 1
	case "time-to-emergency-service.within_24h":
		return sign(x.bin <= 3)
	case "agencies-working-together.two_or_more":
		return sign(slices.Contains([]string{"2", "3", "4plus"}, c.answer(x, c.s.Vectors["agencies-working-together.kinds"])))
	case "placement-stability.eligible":
		return one(x.cared)
	case "placement-stability.two_or_fewer", "placement-stability.two_or_fewer_eligible":
		switch {
		case cell.Answer == "u":
			return one(!x.cared)
		case x.cared:
			return sign(x.two)
		}
		return 0
	case "placement-stability.moves":
		return x.moves
	case "placement-stability.days":
		return x.days
	}
	f := c.expected(v)
	about := cmp.Or(v.Eligible, 1)
	// More than all: some were there before, and count twice here.
	times := math.Floor(about + x.place(v.Measure+" about"))
	switch v.Encoding {
	case privacy.Count:
		return times
	case privacy.Histogram:
		return one(c.answer(x, v) == cell.Answer)
	case privacy.Sum:
		return 120 // minutes
	case privacy.Signed, privacy.SignedUnknown:
		const unknown = 0.1
		if v.Encoding == privacy.SignedUnknown {
			switch is := x.place(v.Name+cell.Dim+" known") >= unknown; {
			case cell.Answer == "u":
				return times * one(!is)
			case !is:
				return 0
			}
		}
		return times * sign(x.place(v.Name+cell.Dim) < cmp.Or(c.yes, f.Expect.Value))
	default: // sums and weights around the middle
		if cell.Answer == "u" {
			if strings.HasPrefix(v.Name, "outcome-change.") {
				return 2 * one(x.place(v.Name+" without") < 0.3)
			}
			return 0
		}
		return times * math.Round((f.Expect.Value-f.Mid)/f.Step)
	}
}

// tally counts how often the interval of a kind of figure holds the truth.
type tally struct {
	held, shown, null int
	end               bool // the truth is an end of what is possible: what noise does beyond it is cut off
}

// simulate draws the noise of a period's releases so many times.
func simulate(t *testing.T, c county, at string, draws int, seed uint64, pick func(privacy.SimFigure) bool) map[string]*tally {
	t.Helper()
	m, err := c.plan.Simulate(c.s, period(t, at))
	if err != nil {
		t.Fatal(err)
	}
	truth := c.truth()
	m.Set(truth, nil)
	exact := map[string]privacy.SimFigure{}
	for _, f := range m.Figures(pick) {
		exact[f.Name()] = f
	}
	r := rnd.New(rnd.NewPCG(seed, 7))
	all := map[string]*tally{}
	for range draws {
		m.Draw(func(sd float64) float64 { return r.NormFloat64() * sd })
		for _, f := range m.Figures(pick) {
			x := all[f.Name()]
			if x == nil {
				x = &tally{}
				all[f.Name()] = x
			}
			if f.Note != "" {
				x.null++
				continue
			}
			want := exact[f.Name()]
			if want.Note != "" {
				continue // about nobody: there is no truth to hold
			}
			x.shown++
			x.end = want.Value == f.Low || f.High != 0 && want.Value == f.High
			if f.From <= want.Value+1e-9 && want.Value-1e-9 <= f.To {
				x.held++
			}
			top := f.High
			if top == 0 {
				top = math.Inf(1)
			}
			if !(f.From <= f.Value && f.Value <= f.To) || f.From < f.Low || f.To > top || math.IsNaN(f.Value) || math.IsInf(f.Value, 0) || math.IsInf(f.To, 0) {
				t.Fatalf("%s: %v in [%v, %v], possible is [%v, %v]", f.Name(), f.Value, f.From, f.To, f.Low, f.High)
			}
		}
	}
	return all
}

// TestIntervalsHoldTheTruth simulates releases of small and large counties: of every figure that is shown, 95 % intervals
// hold the truth in at least 94 %.
//
// With 4,000 draws the share has a standard error of 0.34 points. A figure fails 4.5 of them below 95 % (93.45 %), which
// an honest interval does once in 300,000: for the three hundred figures judged here, a false alarm in a thousand seeds
// (the seeds are fixed). The average over a kind of figure must be 94 %, which is beyond chance.
func TestIntervalsHoldTheTruth(t *testing.T) {
	t.Parallel()
	draws := 4000
	if testing.Short() {
		draws = 400
	}
	p := plan(t, "county", 4)
	curve := []float64{0.12, 0.14, 0.16, 0.22, 0.10, 0.06, 0.06, 0.04}
	rare := []float64{0.01, 0.01, 0.01, 0.02, 0.0, 0, 0.3, 0.2}
	quick := []float64{0.3, 0.4, 0.2, 0.05, 0, 0.01, 0.02, 0.01}
	slow := []float64{0.1, 0.1, 0.15, 0.15, 0.1, 0.1, 0.15, 0.1}
	kinds := map[string][2]float64{}
	for i, x := range []struct {
		n, p float64
		bins []float64
		in   float64
	}{{20, .05, curve, .5}, {20, .5, slow, 1}, {20, .95, rare, .8}, {50, .05, curve, .55}, {50, .5, rare, .55}, {50, .95, quick, 1}, {300, .05, rare, .55}, {300, .5, slow, .55}, {300, .95, quick, .55}, {30000, .5, curve, .55}} {
		c := county{n: x.n, p: x.p, in: x.in, moves: 1.4, days: 210, bins: x.bins, spread: []float64{0.6, 0.3, 0.1}, yes: x.p, plan: p, s: schema.Schema()}
		for _, at := range []string{"2024Q1", "2024"} {
			pick := func(f privacy.SimFigure) bool {
				// Of a breakdown a large, a small and an empty class; of breakdowns gender and placement type.
				return f.By == "" || strings.Contains(f.Item, "gender") || strings.Contains(f.Item, "_type") && f.By != "resource_family"
			}
			for name, x := range simulate(t, c, at, draws, uint64(i), pick) {
				kind := name[:strings.IndexByte(name, '(')]
				if x.shown < draws/4 {
					continue // too seldom shown to say how good it is
				}
				held := float64(x.held) / float64(x.shown)
				k := kinds[kind]
				kinds[kind] = [2]float64{k[0] + held, k[1] + 1}
				if slack := 4.5 * math.Sqrt(.95*.05/float64(x.shown)); held < 0.95-slack {
					t.Errorf("%s, %v persons, p %v, %s: %.2f %% of %d intervals hold the truth", name, c.n, c.p, at, 100*held, x.shown)
				} else if c.n == 30000 && !x.end && held > 0.95+slack+0.01 {
					t.Errorf("%s, %v persons, %s: %.2f %% of %d intervals hold the truth though nothing was cut or widened", name, c.n, at, 100*held, x.shown)
				}
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		mean := kinds[kind][0] / kinds[kind][1]
		t.Logf("%-50s %6.2f %% on average over %v", kind, 100*mean, kinds[kind][1])
		if mean < 0.94 {
			t.Errorf("%s: %.2f %% on average", kind, 100*mean)
		}
	}
}

// TestSumsOverTimeAreNotClipped: a cell that is empty for 20 quarters adds up to nothing but noise. Had each quarter been
// cut at 0 first, it would read about 48 persons.
func TestSumsOverTimeAreNotClipped(t *testing.T) {
	c := county{n: 0, bins: make([]float64, 8), spread: []float64{1}, plan: plan(t, "county", 4), s: schema.Schema()}
	for at, quarters := range map[string]float64{"2024": 4, "2020-2024": 20} {
		m, err := c.plan.Simulate(c.s, period(t, at))
		if err != nil {
			t.Fatal(err)
		}
		r := rnd.New(rnd.NewPCG(3, 3))
		const draws = 2000
		var sum, squares float64
		sd := 6 * math.Sqrt(quarters)
		m.Set(c.truth(), nil)
		for range draws {
			m.Draw(func(sd float64) float64 { return r.NormFloat64() * sd })
			f := m.Figures(func(f privacy.SimFigure) bool { return f.Item == "heads_q" && f.Measure == "time-to-emergency-service" })
			if len(f) != 1 {
				t.Fatalf("%d figures", len(f))
			}
			if f[0].Value != math.Max(0, math.Round(f[0].Estimate)) {
				t.Fatalf("%v is shown for an estimate of %v", f[0].Value, f[0].Estimate)
			}
			sum += f[0].Estimate
			squares += f[0].Estimate * f[0].Estimate
			if math.Abs(f[0].Sd/sd-1) > 0.01 {
				t.Fatalf("%s: the sum's noise is said to be %.2f, want %.2f", at, f[0].Sd, sd)
			}
		}
		if mean := sum / draws; math.Abs(mean) > 4*sd/math.Sqrt(draws) { // by chance once in 16,000 seeds
			t.Errorf("%s: the mean of an empty cell is %.2f", at, mean)
		}
		if got := math.Sqrt(squares / draws); math.Abs(got/sd-1) > 4/math.Sqrt(2*draws) {
			t.Errorf("%s: the noise of the sum is %.2f, want %.2f", at, got, sd)
		}
	}
}

// TestAboutNobodyIsNull: where the released number of persons is zero or less there is no share, mean or rate, and where
// fewer than half are reached there is no median.
func TestAboutNobodyIsNull(t *testing.T) {
	c := county{n: 300, p: 0.5, in: 0.5, moves: 1.4, days: 210, bins: make([]float64, 8), spread: []float64{1}, plan: plan(t, "county", 4), s: schema.Schema()}
	m, err := c.plan.Simulate(c.s, period(t, "2024"))
	if err != nil {
		t.Fatal(err)
	}
	m.Set(c.truth(), nil)
	for _, f := range m.Figures(nil) {
		switch {
		case f.Statistic == "median_hours":
			if f.Note != "fewer than half were reached" {
				t.Errorf("%s: %v, %q", f.Name(), f.Value, f.Note)
			}
		case f.Statistic == "persons" || f.By == "":
			if f.Note != "" {
				t.Errorf("%s is null: %s", f.Name(), f.Note)
			}
		}
	}
	c.n = 0
	m.Set(c.truth(), func(float64) float64 { return -3 })
	for _, f := range m.Figures(nil) {
		if null := f.Note != ""; null != (f.Form != privacy.FormCount) || null && f.Note != "the released number of persons in this group is zero or less" {
			t.Errorf("%s among -3 persons: %v, %q", f.Name(), f.Value, f.Note)
		}
	}
}

// TestExpectedHalfWidthsAreWhatReleasesHave: the width that plan prints is that of simulated releases.
func TestExpectedHalfWidthsAreWhatReleasesHave(t *testing.T) {
	p := plan(t, "county", 4)
	// The plan expects 70 % within a day, and of the median a curve that has 64 % there: two counties.
	median := county{n: 3000, p: 0.7, in: 0.55, moves: 1.407, days: 210, bins: []float64{0.12, 0.14, 0.16, 0.22, 0.10, 0.06, 0.06, 0.04}, spread: []float64{0.35, 0.35, 0.3}, plan: p, s: schema.Schema()}
	others := median
	others.bins = []float64{0.18, 0.14, 0.16, 0.22, 0.08, 0.05, 0.05, 0.02}
	rows, err := p.Planned(median.s, period(t, "2024"), median.n, func(privacy.Item, models.Period) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	widths := map[string]float64{}
	for _, c := range []county{median, others} {
		m, err := p.Simulate(c.s, period(t, "2024"))
		if err != nil {
			t.Fatal(err)
		}
		// Figures whose expectation is made for this county: all persons, or cells of 35 %.
		pick := func(f privacy.SimFigure) bool {
			it, _ := p.Item(f.Item)
			return (f.Statistic == "median_hours") == (c.bins[0] == median.bins[0]) &&
				((f.By == "" || f.By == "0-11" && it.CellShare == 0.35) && !strings.HasPrefix(f.Statistic, "share_within_") || f.Statistic == "share_within_24h")
		}
		r := rnd.New(rnd.NewPCG(5, 5))
		const draws = 300
		m.Set(c.truth(), nil)
		for range draws {
			m.Draw(func(sd float64) float64 { return r.NormFloat64() * sd })
			for _, f := range m.Figures(pick) {
				widths[f.Item+" "+f.Measure+" "+f.Statistic+" "+f.By] += (f.To - f.From) / 2 / draws
			}
		}
	}
	judged := 0
	for _, row := range rows {
		for key, got := range widths {
			if f := strings.Fields(key); f[0] == row.Item && f[1] == row.Measure && f[2] == row.Statistic && (len(f) == 3) == (row.By == "") && (row.By == "" || row.By == "age_band" && f[3] == "0-11") {
				judged++
				slack := 0.03*row.HalfWidth + map[bool]float64{true: 1}[row.Statistic == "persons"] // persons are widened to whole numbers
				if math.Abs(got-row.HalfWidth) > slack {
					t.Errorf("%s: simulated half-width %.4g, planned %.4g", key, got, row.HalfWidth)
				}
			}
		}
	}
	if judged < 7 {
		t.Errorf("only %d figures were judged", judged)
	}
}
