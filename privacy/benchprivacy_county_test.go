package privacy_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	rnd "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/differential-privacy/go/v3/noise"

	"heatwatch/internal/testdir"
	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/privacy/mechanism"
	"heatwatch/reports/measures/schema"
)

// The county plan as a whole: what it promises of every figure, against other ways to spend the same lifetime budget, and
// against simulated releases.

// payments is how many cells of noise a child pays for in a lifetime, all measures together, if each is measured the plain way
// (red team, B2): the divisor of the peers.
const payments = 94

// plannedWidth is the half-width that `heatwatch plan` prints.
func plannedWidth(t testing.TB, p *privacy.Plan, at string, persons float64, item, statistic string) (float64, bool) {
	t.Helper()
	rows, err := p.Planned(schema.Schema(), period(t, at), persons, func(privacy.Item, models.Period) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Item == item && r.Statistic == statistic {
			return r.HalfWidth, true
		}
	}
	return 0, false
}

// peerWidth is half of the central 95 % of a share of n persons, seven in ten of them yes, from two noisy cells.
func peerWidth(t testing.TB, n float64, draws int, draw func(x int64) (int64, error)) float64 {
	t.Helper()
	shares := make([]float64, draws)
	for i := range shares {
		yes, errA := draw(int64(math.Round(0.7 * n)))
		no, errB := draw(int64(math.Round(0.3 * n)))
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		// Around the true number of persons, as `plan` has it: with the noisy one, a Laplace split has no width at all.
		shares[i] = (float64(yes) - 0.7*float64(yes+no)) / n
	}
	return spread(shares)
}

// spread is half of the range that holds the central 95 %.
func spread(x []float64) float64 {
	slices.Sort(x)
	n := float64(len(x))
	return (x[int(math.Floor(0.975*n))] - x[int(math.Floor(0.025*n))]) / 2
}

func benchCounty(t *testing.T, quick bool) []line {
	draws := 20_000
	if quick {
		draws = 100
	}
	p := plan(t, "county", 4)
	// The peers spend all of mu^2 on 94 payments of one cell pair each; the plan keeps its reserve.
	joint, err := mechanism.Prepare(mechanism.Spec{L0: 1, Linf: 1, Sigma: math.Sqrt(payments / p.Cap("minors"))})
	if err != nil {
		t.Fatal(err)
	}
	split := func(x int64) (int64, error) { return noise.Laplace().AddNoiseInt64(x, 1, 1, 4.0/payments, 0) }
	quarter, _ := plannedWidth(t, p, "2024Q1", 80, "tes24_q", "share_within_24h")
	year, _ := plannedWidth(t, p, "2024", 300, "tes24_q", "share_within_24h")
	if it, _ := p.Item("tes24_q"); it.Sigma <= 0 || quarter == 0 || year == 0 {
		t.Fatal("the county plan has no share within a day")
	}
	lines := []line{{
		what: "share within 24 h, half-width, quarter of 80 / year of 300, all measures in the plan", ours: points(quarter) + " / " + points(year),
		reference: fmt.Sprintf("Laplace, epsilon 4/94 each: %s / %s; one sigma, two cells, joint Gaussian: %s / %s",
			points(peerWidth(t, 80, draws, split)), points(peerWidth(t, 300, draws, split)), points(peerWidth(t, 80, draws, joint.Draw)), points(peerWidth(t, 300, draws, joint.Draw))),
		bar: "<= 7 / 3.7 pp", met: quarter <= 0.07 && year <= 0.037,
	}}
	return append(lines, benchExpect(t, p))
}

// benchExpect compares every figure's half-width with the worked plan's.
func benchExpect(t *testing.T, p *privacy.Plan) line {
	b, err := os.ReadFile(filepath.Join(testdir.Root(t), "privacy", "testdata", "half-widths.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]string{models.LevelQuarter: "2024Q1", models.LevelYear: "2024", models.LevelSpan: "2020-2024"}
	judged, worst, items := 0, 0.0, map[string]bool{}
	var missed, without []string
	for l := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSpace(l), "\t")
		if strings.HasPrefix(l, "#") || f[0] == "item" {
			continue
		}
		if _, ok := p.Item(f[0]); !ok || at[f[2]] == "" {
			without = append(without, f[0])
			continue
		}
		var x [3]float64
		for i := range x {
			if x[i], err = strconv.ParseFloat(f[3+i], 64); err != nil {
				t.Fatalf("half-widths.tsv: %s", l)
			}
		}
		got, ok := plannedWidth(t, p, at[f[2]], x[0], f[0], f[1])
		if !ok {
			missed = append(missed, fmt.Sprintf("%s %s %s is not planned", f[0], f[1], f[2]))
			continue
		}
		judged++
		items[f[0]] = true
		ratio := got / (x[1] + x[2]) // the worked plan is printed to so many digits
		worst = math.Max(worst, ratio)
		if ratio > 1.05 {
			missed = append(missed, fmt.Sprintf("%s %s %s of %v: %.4g, the bar is %.4g", f[0], f[1], f[2], x[0], got, x[1]))
		}
	}
	for _, m := range missed {
		t.Log(m)
	}
	var beyond []string
	for _, it := range p.Items {
		if len(it.Publishes) > 0 && !items[it.ID] {
			beyond = append(beyond, it.ID)
		}
	}
	if len(beyond) > 0 {
		t.Log("published without a target of the worked plan: ", strings.Join(beyond, " "))
	}
	slices.Sort(without)
	without = slices.Compact(without)
	if len(without) > 0 {
		t.Log("items of the worked plan that the county plan does not have: ", strings.Join(without, " "))
	}
	return line{
		what: fmt.Sprintf("every other figure of the county plan, half-width (%d figures of %d items; %d items of the worked plan are not in it)", judged, len(items), len(without)),
		ours: fmt.Sprintf("%.3f x at worst, %d missed", worst, len(missed)), reference: "the worked plan's expectation", bar: "<= 1.05 x", met: len(missed) == 0 && judged > 0,
	}
}

// benchPlanned simulates every published figure at the size of the plan.
func benchPlanned(t *testing.T, quick bool) []line {
	draws := 40_000
	if quick {
		draws = 50
	}
	p := plan(t, "county", 4)
	var all []*privacy.Trial
	var names []string
	for _, at := range []string{"2024Q1", "2024", "2020-2024"} {
		trials, skipped, err := p.Trials(schema.Schema(), period(t, at), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range skipped {
			t.Errorf("%s: %s is published and cannot be simulated", at, s)
		}
		for _, x := range trials {
			all, names = append(all, x), append(names, at+" "+x.Planned.Item+" "+x.Planned.Statistic+" "+x.Planned.By)
		}
	}
	ratios, notes := make([]float64, len(all)), make([]string, len(all))
	each(len(all), func(i int) {
		x := all[i]
		r := rnd.New(rnd.NewPCG(uint64(i), 11))
		var s squares
		var values []float64
		var width float64
		for range draws {
			if v, low, high, ok := x.Draw(func(sd float64) float64 { return sd * r.NormFloat64() }); ok {
				s.add(v - x.Want)
				values, width = append(values, v), width+(high-low)/2
			}
		}
		if s.n < draws*99/100 {
			t.Errorf("%s: only %d of %d have a value", names[i], s.n, draws)
		}
		ratios[i] = 1.959964 * s.root() / x.Planned.HalfWidth
		notes[i] = fmt.Sprintf("%-70s planned %.4g; simulated: 1.96 RMSE %.4f of it, half of the central 95 %% %.4f, mean interval %.4f", names[i], x.Planned.HalfWidth, ratios[i],
			spread(values)/x.Planned.HalfWidth, width/float64(s.n)/x.Planned.HalfWidth)
	})
	worst := 0.0
	for i, r := range ratios {
		t.Log(notes[i])
		worst = math.Max(worst, math.Abs(r-1))
	}
	return []line{{
		what: fmt.Sprintf("half-width in `plan`, %d published figures of quarter, year and five years", len(all)), ours: fmt.Sprintf("at most %.1f %% off", 100*worst),
		reference: fmt.Sprintf("1.96 x RMSE of %d simulated releases", draws), bar: "<= 3 %", met: worst <= 0.03 && len(all) > 0,
	}}
}

// benchCoverage: how often 95 % intervals hold the truth, by kind of figure, number of persons and share.
func benchCoverage(t *testing.T, quick bool) []line {
	draws := 10_000
	if quick {
		draws = 20
	}
	p := plan(t, "county", 4)
	curve := []float64{0.12, 0.14, 0.16, 0.22, 0.10, 0.06, 0.06, 0.04}
	type job struct {
		n, p float64
		at   string
	}
	var jobs []job
	for _, n := range []float64{20, 50, 100, 300, 2000} {
		for _, q := range []float64{0.05, 0.5, 0.95} {
			jobs = append(jobs, job{n, q, "2024Q1"}, job{n, q, "2024"})
		}
	}
	type cover struct{ held, shown, free int } // free: neither cut nor widened
	results := make([]map[string]cover, len(jobs))
	each(len(jobs), func(i int) {
		j := jobs[i]
		c := county{n: j.n, p: j.p, in: 0.55, moves: 1.4, days: 210, bins: curve, spread: []float64{0.6, 0.3, 0.1}, plan: p, s: schema.Schema()}
		if j.at == "2024Q1" {
			c.n *= 4 // n persons in the quarter
		}
		results[i] = map[string]cover{}
		m, err := p.Simulate(c.s, period(t, j.at))
		if err != nil {
			t.Error(err)
			return
		}
		pick := func(f privacy.SimFigure) bool { return f.By == "" || strings.Contains(f.Item, "gender") }
		m.Set(c.truth, nil)
		truth := map[string]privacy.SimFigure{}
		for _, f := range m.Figures(pick) {
			truth[f.Name()] = f
		}
		r := rnd.New(rnd.NewPCG(uint64(i), 13))
		for range draws {
			m.Set(c.truth, func(sd float64) float64 { return r.NormFloat64() * sd })
			for _, f := range m.Figures(pick) {
				want := truth[f.Name()]
				if f.Note != "" || want.Note != "" {
					continue
				}
				x := results[i][f.Name()]
				x.shown++
				if f.From <= want.Value+1e-9 && want.Value-1e-9 <= f.To {
					x.held++
				}
				cut := f.From <= f.Low || f.High > 0 && f.To >= f.High
				widened := f.Form == privacy.FormCount && (f.To-f.From)/2 > 1.02*1.96*f.Sd
				if !cut && !widened {
					x.free++
				}
				results[i][f.Name()] = x
			}
		}
	})
	// Judged by kind of figure, size and share: figures of one kind together, quarter and year.
	type place struct {
		kind privacy.Form
		n, p float64
	}
	sums, free := map[place]cover{}, map[place]cover{}
	kinds := map[privacy.Form]bool{}
	alone, aloneIs := 1.0, ""
	for i, j := range jobs {
		for name, x := range results[i] {
			if x.shown < draws/4 {
				continue // too seldom shown to say how good it is
			}
			at := place{formOf(p, name), j.n, j.p}
			kinds[at.kind] = true
			sums[at] = cover{sums[at].held + x.held, sums[at].shown + x.shown, 0}
			if x.free*100 >= 99*x.shown {
				free[at] = cover{free[at].held + x.held, free[at].shown + x.shown, 0}
			}
			if c := float64(x.held) / float64(x.shown); c < alone {
				alone, aloneIs = c, fmt.Sprintf("%s of %v persons in %s, p %v", name, j.n, j.at, j.p)
			}
		}
	}
	low, high := 1.0, 0.0
	var least, most place
	for _, at := range slices.SortedFunc(maps.Keys(sums), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.n, b.n), cmp.Compare(a.p, b.p))
	}) {
		s, f := sums[at], free[at]
		c := float64(s.held) / float64(s.shown)
		if c < low {
			low, least = c, at
		}
		text := ""
		if f.shown > 0 {
			c := float64(f.held) / float64(f.shown)
			text = fmt.Sprintf("; %.2f %% of %d neither cut nor widened", 100*c, f.shown)
			if c > high {
				high, most = c, at
			}
		}
		t.Logf("%-7s n %v, p %v: %.2f %% of %d%s", at.kind, at.n, at.p, 100*c, s.shown, text)
	}
	t.Logf("lowest of all figures: %.2f %%, %s", 100*alone, aloneIs)
	return []line{{
		what: fmt.Sprintf("coverage of 95 %% intervals, %d kinds of figures, n 20 to 2,000, p 0.05 to 0.95", len(kinds)),
		ours: fmt.Sprintf("%.1f %% (%s, n %v, p %v) to %.1f %% where free (%s, n %v, p %v)", 100*low, least.kind, least.n, least.p, 100*high, most.kind, most.n, most.p), reference: fmt.Sprintf("%d simulated releases of each", draws),
		bar: ">= 94 %; <= 97 % where neither cut nor widened", met: low >= 0.94 && high <= 0.97,
	}}
}

// formOf reads the kind of a figure off its formula.
func formOf(p *privacy.Plan, name string) privacy.Form {
	id, statistic := name[:strings.IndexByte(name, '.')], name[strings.IndexByte(name, '.')+1:strings.IndexByte(name, '(')]
	item, _ := p.Item(name[strings.LastIndexByte(name, ' ')+1:])
	for _, f := range schema.Schema().Formulas {
		if f.Measure == id && f.Statistic == statistic && f.Vector == item.Vector {
			return f.Form
		}
	}
	return privacy.FormCount // a total
}

// benchCrashes runs histories of crashes and races until 100,000 attempts were disturbed.
func benchCrashes(t *testing.T, quick bool) []line {
	histories := 36_000
	if quick {
		histories = 50
	}
	if n, err := strconv.Atoi(os.Getenv("HEATWATCH_BENCH_HISTORIES")); err == nil {
		histories = n
	}
	got := privacy.Interleave(t, histories, 19, nil)
	for _, p := range got.Problems {
		t.Log(p)
	}
	disturbed := got.Attempts - got.Histories // the last attempt of each is left in peace
	return []line{{
		what: fmt.Sprintf("crash and race interleavings (%d, in %d histories)", disturbed, got.Histories),
		ours: fmt.Sprintf("%d unbooked draws, %d second vectors (%d draws, %d repeats)", got.Unbooked, got.Second, got.Draws, got.Repeats), reference: "-",
		bar: "0, 0 of 100,000", met: got.Unbooked == 0 && got.Second == 0 && len(got.Problems) == 0 && disturbed >= 100_000,
	}}
}
