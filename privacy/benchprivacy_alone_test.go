package privacy_test

import (
	"errors"
	"fmt"
	"math"
	rnd "math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/differential-privacy/go/v3/dpagg"
	"github.com/google/differential-privacy/go/v3/noise"

	"heatwatch/privacy"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/mechanism"
)

// One figure alone, with the whole budget on it, against the Google library's own aggregate of the same records.

const aloneDelta = 1e-6

// alone is a histogram that is measured alone at an epsilon, with one figure that is derived from it by the code of a release.
type alone struct {
	sim   *privacy.Sim
	noise mechanism.Prepared
}

func newAlone(t testing.TB, epsilon float64, f privacy.Formula, cells []string) alone {
	t.Helper()
	mu, err := accountant.MuFor(epsilon, aloneDelta)
	if err != nil {
		t.Fatal(err)
	}
	prepared, err := mechanism.Prepare(mechanism.Spec{L0: 1, Linf: 1, Sigma: 1 / mu})
	if err != nil {
		t.Fatal(err)
	}
	// The noise as drawn, not as asked, must be within the budget.
	if m, err := (accountant.Item{L0: 1, Linf: 1, Sd: prepared.Sd()}).Loss(); err != nil {
		t.Fatal(err)
	} else if e, err := m.Epsilon(aloneDelta); err != nil || e > epsilon {
		t.Fatalf("the histogram costs epsilon %v of %v (%v)", e, epsilon, err)
	}
	f.Measure, f.Vector = "m", "m.v"
	s := privacy.Schema{
		Vectors:  map[string]privacy.Vector{"m.v": {Name: "m.v", Measure: "m", Encoding: privacy.Histogram, Cells: cells, Linf: 1, SQL: "SELECT"}},
		Measures: map[string]privacy.MeasureInfo{"m": {Definition: 1, Population: "minors"}},
		Formulas: []privacy.Formula{f},
	}
	p, err := privacy.ParsePlan(fmt.Appendf(nil, `schema: 1
plan: alone
version: 1
design: {persons_a_year: 300, epsilon: 4}
limits: {share: 9, mean: 9, count: 9}
populations:
  - {name: minors, unit: linked person, mu: 1000, lifetime: true}
items:
  - {id: v, vector: m.v, levels: [year], due: 44, sigma: %.17g, publishes: [%s]}
`, 1/mu, f.Statistic), "alone", s, 4, aloneDelta)
	if err != nil {
		t.Fatal(err)
	}
	sim, err := p.Simulate(s, period(t, "2024"))
	if err != nil {
		t.Fatal(err)
	}
	return alone{sim, prepared}
}

// release measures counts with fresh noise of the library and returns the figure; ok is false where there is none.
func (a alone) release(t testing.TB, counts map[string]int64) (float64, bool) {
	a.sim.SetCells(func(cell privacy.Cell) float64 {
		v, err := a.noise.Draw(counts[cell.Answer])
		if err != nil {
			t.Fatal(err)
		}
		return float64(v)
	})
	f := a.sim.Figures(nil)[0]
	return f.Value, f.Note == ""
}

// squares adds up squared errors.
type squares struct {
	sum float64
	n   int
}

func (s *squares) add(err float64) { s.sum += err * err; s.n++ }
func (s squares) root() float64    { return math.Sqrt(s.sum / float64(s.n)) }

// The times to a first service that the median is about: lognormal as in the research notes, cut at a week.
const weekHours = 168

func hours(r *rnd.Rand, n int) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = math.Min(math.Exp(2.5+1.2*r.NormFloat64()), weekHours-0.1)
	}
	return all
}

// Public bins for a median that is released alone: few, so that little noise adds up, and fine about the hours in which half of the
// children are expected to be reached. planEdges are those of the plan's curve, which serves other figures too.
var (
	medianEdges = []float64{8, 12, 16, 24, 168}
	planEdges   = []float64{1, 4, 12, 24, 48, 72, 168, 720}
)

func medianOf(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// medianFrom is the median of a histogram that is released alone, by the interpolation that releases use. Where fewer than half
// are counted there is none: that is taken for a week.
type medianFrom struct {
	edges []float64
	cells []string
	alone alone
}

func newMedian(t testing.TB, edges []float64, epsilon float64) medianFrom {
	m := medianFrom{edges: edges, cells: append(mapSlice(edges, func(e float64) string { return fmt.Sprint(e) }), "never")}
	f := privacy.Formula{Statistic: "median_hours", Unit: "hours", Form: privacy.FormMedian, Edges: edges, High: edges[len(edges)-1],
		Expect: privacy.Expect{Value: 12, Cells: make([]float64, len(edges))}}
	for i := range f.Expect.Cells {
		f.Expect.Cells[i] = 1 / float64(len(edges))
	}
	m.alone = newAlone(t, epsilon, f, m.cells)
	return m
}

func (m medianFrom) release(t testing.TB, data []float64) float64 {
	counts := map[string]int64{}
	for _, h := range data {
		counts[m.cells[binOf(m.edges, h)]]++
	}
	v, ok := m.alone.release(t, counts)
	if !ok {
		v = weekHours
	}
	return math.Min(v, weekHours)
}

// peerMedian is the library's, by its tree of quantiles.
func peerMedian(t testing.TB, data []float64, o dpagg.BoundedQuantilesOptions) float64 {
	o.MaxPartitionsContributed, o.MaxContributionsPerPartition, o.Lower, o.Upper = 1, 1, 0, weekHours
	q, err := dpagg.NewBoundedQuantiles(&o)
	if err != nil {
		t.Error(err)
		return 0
	}
	for _, h := range data {
		if err := q.Add(h); err != nil {
			t.Error(err)
		}
	}
	v, err := q.Result(0.5)
	if err != nil {
		t.Error(err)
	}
	return v
}

func benchMedian(t *testing.T, quick bool) []line {
	trials := 1000
	if quick {
		trials = 4
	}
	sizes, epsilons := []int{150, 300, 1000}, []float64{0.25, 0.5, 1}
	jobs := len(sizes) * len(epsilons)
	fine, plain, toLaplace, text := make([]float64, jobs), make([]float64, jobs), make([]float64, jobs), make([]string, jobs)
	each(jobs, func(i int) {
		n, eps := sizes[i/len(epsilons)], epsilons[i%len(epsilons)]
		own, plan := newMedian(t, medianEdges, eps), newMedian(t, planEdges, eps)
		r := rnd.New(rnd.NewPCG(uint64(i), 1))
		var ours, planned, gauss, laplace squares
		for range trials {
			data := hours(r, n)
			slices.Sort(data)
			want := medianOf(data)
			ours.add(own.release(t, data) - want)
			planned.add(plan.release(t, data) - want)
			gauss.add(peerMedian(t, data, dpagg.BoundedQuantilesOptions{Epsilon: eps, Delta: aloneDelta, Noise: noise.Gaussian()}) - want)
			laplace.add(peerMedian(t, data, dpagg.BoundedQuantilesOptions{Epsilon: eps, Noise: noise.Laplace()}) - want)
		}
		fine[i], plain[i], toLaplace[i] = ours.root()/gauss.root(), planned.root()/gauss.root(), ours.root()/laplace.root()
		text[i] = fmt.Sprintf("n %d, epsilon %v: %.2f h, with the plan's bins %.2f h; Gaussian %.2f h, Laplace %.2f h", n, eps, ours.root(), planned.root(), gauss.root(), laplace.root())
	})
	t.Log("RMSE of a median\n" + strings.Join(text, "\n"))
	return []line{{
		what: "median alone, n 150 to 1,000, epsilon 0.25 to 1: RMSE, worst of 9", ours: fmt.Sprintf("%.2f x (median %.2f; bins to %v h; with the plan's bins %.2f to %.2f)", slices.Max(fine), medianOf(sorted(fine)), medianEdges, slices.Min(plain), slices.Max(plain)),
		reference: fmt.Sprintf("dpagg.BoundedQuantiles, Gaussian (to its Laplace form: %.2f to %.2f x)", slices.Min(toLaplace), slices.Max(toLaplace)),
		bar:       "<= 0.35 x", met: slices.Max(fine) <= 0.35,
	}}
}

func sorted(x []float64) []float64 { x = slices.Clone(x); slices.Sort(x); return x }

func mapSlice[A, B any](in []A, f func(A) B) []B {
	var out []B
	for _, a := range in {
		out = append(out, f(a))
	}
	return out
}

// binOf is the place of the first edge that is not below x.
func binOf(edges []float64, x float64) int {
	i, _ := slices.BinarySearch(edges, x)
	return i
}

// benchShare: one yes-or-no question as two disjoint cells.
func benchShare(t *testing.T, quick bool) []line {
	trials := 5000
	if quick {
		trials = 5
	}
	f := privacy.Formula{Statistic: "share", Unit: "share", Form: privacy.FormShare, Cells: []string{"yes"}, High: 1, Expect: privacy.Expect{Value: 0.5}}
	type job struct {
		n      int
		eps, p float64
	}
	var jobs []job
	for _, n := range []int{150, 300, 1000} {
		for _, eps := range []float64{0.25, 0.5, 1} {
			for _, p := range []float64{0.05, 0.3, 0.5, 0.7, 0.9} {
				jobs = append(jobs, job{n, eps, p})
			}
		}
	}
	ratios, cut := make([]float64, len(jobs)), make([]int, len(jobs))
	each(len(jobs), func(i int) {
		j := jobs[i]
		a := newAlone(t, j.eps, f, []string{"yes", "no"})
		yes := int(math.Round(float64(j.n) * j.p))
		want := float64(yes) / float64(j.n)
		var ours, theirs squares
		for range trials {
			v, ok := a.release(t, map[string]int64{"yes": int64(yes), "no": int64(j.n - yes)})
			if !ok {
				v = 0.5
			}
			ours.add(v - want)
			if v = peerMean(t, j.eps, yes, j.n-yes); v <= 0 || v >= 1 {
				cut[i]++
			}
			theirs.add(v - want)
		}
		ratios[i] = ours.root() / theirs.root()
	})
	// Where the library's result is often cut at 0 or 1, the cut saves both from their errors and says nothing of the noise.
	var judged, others []float64
	for i, j := range jobs {
		t.Logf("n %d, epsilon %v, p %v: %.3f, the library's result is 0 or 1 in %.1f %%", j.n, j.eps, j.p, ratios[i], 100*float64(cut[i])/float64(trials))
		if cut[i]*100 < trials {
			judged = append(judged, ratios[i])
		} else {
			others = append(others, ratios[i])
		}
	}
	if len(judged) == 0 || len(others) == 0 { // a handful of trials
		judged, others = ratios, ratios
	}
	return []line{{
		what: fmt.Sprintf("share alone, n 150 to 1,000, epsilon 0.25 to 1, p 0.05 to 0.9: RMSE, worst of the %d cases in which less than 1 %% is cut at 0 or 1", len(judged)),
		ours: fmt.Sprintf("%.2f x (the other %d: %.2f to %.2f)", slices.Max(judged), len(others), slices.Min(others), slices.Max(others)), reference: "dpagg.BoundedMean of 0/1, Gaussian",
		bar: "<= 0.75 x", met: slices.Max(judged) <= 0.75,
	}}
}

// peerMean is the library's mean of so many ones and zeros.
func peerMean(t testing.TB, epsilon float64, ones, zeros int) float64 {
	m, err := dpagg.NewBoundedMean(&dpagg.BoundedMeanOptions{Epsilon: epsilon, Delta: aloneDelta, MaxPartitionsContributed: 1, MaxContributionsPerPartition: 1, Lower: 0, Upper: 1, Noise: noise.Gaussian()})
	if err != nil {
		t.Error(err)
		return 0
	}
	for range ones {
		err = errors.Join(err, m.Add(1))
	}
	for range zeros {
		err = errors.Join(err, m.Add(0))
	}
	v, last := m.Result()
	if err = errors.Join(err, last); err != nil {
		t.Error(err)
	}
	return v
}

// retentionEdges are the ends of the bins of time in which a stay ends or is last seen.
var retentionEdges = []float64{3, 6, 10, 15, 22, 39}

// benchRetention: 228 persons, exponential stays of 10 on average, seen for 0 to 39: the curve of Kaplan and Meier without noise
// against the life table of a release over a histogram of bins x [left, censored].
func benchRetention(t *testing.T, quick bool) []line {
	const persons, eps = 228, 1.0
	trials := 1000
	if quick {
		trials = 5
	}
	mu, err := accountant.MuFor(eps, aloneDelta)
	if err != nil {
		t.Fatal(err)
	}
	prepared, err := mechanism.Prepare(mechanism.Spec{L0: 1, Linf: 1, Sigma: 1 / mu})
	if err != nil {
		t.Fatal(err)
	}
	r := rnd.New(rnd.NewPCG(3, 4))
	var noisy, exact squares
	var at [8]squares
	for range trials {
		stays := make([]stay, persons)
		left, censored := make([]float64, len(retentionEdges)), make([]float64, len(retentionEdges))
		for i := range stays {
			end, seen := r.ExpFloat64()*10, r.Float64()*39
			stays[i] = stay{math.Min(end, seen), end <= seen}
			b := binOf(retentionEdges, stays[i].days)
			if stays[i].left {
				left[b]++
			} else {
				censored[b]++
			}
		}
		want := kaplanMeier(stays, retentionEdges)
		for k, s := range privacy.LifeTable(left, censored) {
			exact.add(s - want[k])
		}
		for _, cells := range [][]float64{left, censored} {
			for i, c := range cells {
				v, err := prepared.Draw(int64(c))
				if err != nil {
					t.Fatal(err)
				}
				cells[i] = float64(v)
			}
		}
		for k, s := range privacy.Curve(retentionEdges, privacy.LifeTable(left, censored), retentionEdges) {
			noisy.add(s - want[k])
			at[k].add(s - want[k])
		}
	}
	var text []string
	for k, e := range retentionEdges {
		text = append(text, fmt.Sprintf("%v: %.3f", e, at[k].root()))
	}
	t.Log("RMSE at ", strings.Join(text, ", "))
	return []line{{
		what: "retention curve, n 228, epsilon 1: RMSE over the ends of 6 bins", ours: fmt.Sprintf("%.3f (%.3f of it without noise)", noisy.root(), exact.root()),
		reference: "published Kaplan-Meier: 0.04 at epsilon 10", bar: "<= 0.045", met: noisy.root() <= 0.045,
	}}
}

type stay struct {
	days float64
	left bool
}

// kaplanMeier is the product-limit estimate at some times.
func kaplanMeier(stays []stay, times []float64) []float64 {
	slices.SortFunc(stays, func(a, b stay) int {
		if a.days < b.days {
			return -1
		}
		return 1
	})
	out := make([]float64, len(times))
	s, k := 1.0, 0
	for i, x := range stays {
		for k < len(times) && times[k] < x.days {
			out[k] = s
			k++
		}
		if x.left {
			s *= 1 - 1/float64(len(stays)-i)
		}
	}
	for ; k < len(times); k++ {
		out[k] = s
	}
	return out
}
