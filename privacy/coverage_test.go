package privacy_test

import (
	"fmt"
	"maps"
	"math"
	rnd "math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"heatwatch/models"
	"heatwatch/privacy"
)

// Every form of figure, on a schema of the mind: one measure, no SQL.

const inBins, outBins = 0.16, 0.04 // of the life table, per bin: left and last seen

func kinds() privacy.Schema {
	v := func(name string, enc privacy.Encoding, linf int64, cells ...string) privacy.Vector {
		return privacy.Vector{Name: "m." + name, Encoding: enc, Cells: cells, Linf: linf, SQL: "-", Measure: "m"}
	}
	s := privacy.Schema{
		Measures: map[string]privacy.MeasureInfo{"m": {Definition: 1, Population: "minors"}, "a": {Definition: 1, Population: "accused"}},
		Vectors:  map[string]privacy.Vector{}, Dimensions: map[string]privacy.Dimension{"m/kind": {Name: "kind", Values: []string{"x", "y"}}},
	}
	life := []string{"none"}
	var left, censored []string
	for _, e := range []string{"30", "60", "90", "180", "365"} {
		left, censored = append(left, "left_"+e), append(censored, "censored_"+e)
	}
	life = append(life, append(slices.Clone(left), censored...)...)
	for _, x := range []privacy.Vector{v("heads", privacy.Count, 1, "n"), v("question", privacy.Signed, 1, "d"), v("asked", privacy.SignedUnknown, 1, "d", "u"),
		v("levels", privacy.Histogram, 1, "a", "b", "empty", "unknown"), v("curve", privacy.Histogram, 1, "1", "4", "12", "24", "48", "never"),
		v("score", privacy.CentredSum, 4, "s"), v("moves", privacy.CentredSum, 5, "s"), v("days", privacy.CentredSum, 179, "s"), v("ads", privacy.CentredSum, 9, "s"),
		v("life", privacy.Histogram, 1, life...), v("weights", privacy.CentredWeightUnknown, 60, "d", "u")} {
		s.Vectors[x.Name] = x
	}
	flags := v("flags", privacy.SignedUnknown, 1, "d", "u")
	flags.Each, flags.EachValues = "flag", []string{"f1", "f2"}
	s.Vectors[flags.Name] = flags
	others := v("others", privacy.Count, 1, "n")
	others.Name, others.Measure = "a.others", "a"
	s.Vectors[others.Name] = others
	f := func(statistic, vector string, form privacy.Form, g privacy.Formula) privacy.Formula {
		g.Measure, g.Statistic, g.Vector, g.Form = "m", statistic, "m."+vector, form
		if g.Expect.Value == 0 {
			g.Expect.Value = 0.5
		}
		return g
	}
	share := privacy.Formula{Unit: "share", High: 1}
	with := func(g privacy.Formula, cells ...string) privacy.Formula { g.Cells = cells; return g }
	known := with(share, "a", "b", "empty")
	known.Of, known.Per = []string{"a", "b", "empty"}, "level"
	unknown := with(share, "unknown")
	unknown.By = []privacy.Dim{{Key: "attribute", Value: "level"}}
	weights := share
	weights.Mid, weights.Step = 0.5, 1.0/120
	retention := func(at float64) privacy.Formula {
		return privacy.Formula{Unit: "share", High: 1, Edges: []float64{30, 60, 90, 180, 365}, Left: left, Censored: censored, At: at,
			Expect: privacy.Expect{Cells: []float64{inBins, inBins, inBins, inBins, inBins, outBins, outBins, outBins, outBins, outBins}}}
	}
	s.Formulas = []privacy.Formula{
		f("persons", "heads", privacy.FormCount, privacy.Formula{Unit: "persons"}),
		f("persons_level", "levels", privacy.FormCount, privacy.Formula{Unit: "persons", Per: "level"}),
		f("share_yes", "question", privacy.FormSigned, share),
		f("share_asked", "asked", privacy.FormYes, share),
		f("share_not_asked", "asked", privacy.FormOver, with(share, "u")),
		f("share_flag", "flags", privacy.FormSigned, share),
		f("share", "levels", privacy.FormShare, known),
		f("share_unknown", "levels", privacy.FormShare, unknown),
		f("share_weighted", "weights", privacy.FormMean, weights),
		f("share_part", "heads", privacy.FormPart, privacy.Formula{Unit: "share", High: 1, WithVector: "a.others"}),
		f("within_12", "curve", privacy.FormShare, with(share, "1", "4", "12")),
		f("median", "curve", privacy.FormMedian, privacy.Formula{Unit: "hours", Edges: []float64{1, 4, 12, 24, 48}, High: 48,
			Expect: privacy.Expect{Cells: []float64{0.15, 0.15, 0.25, 0.2, 0.1}}}),
		f("mean", "score", privacy.FormMean, privacy.Formula{Unit: "points", Low: -2, High: 2, Step: 0.5}),
		f("rate", "moves", privacy.FormRatio, privacy.Formula{Unit: "per_1000_days", Mid: 2.5, Step: 0.5, WithVector: "m.days", WithMid: 186, WithStep: 1, Scale: 1000,
			Expect: privacy.Expect{Value: 6, Below: 200}}),
		f("ads", "ads", privacy.FormTotal, privacy.Formula{Unit: "ads", Mid: 5.5, Step: 0.5, Expect: privacy.Expect{Value: 3}}),
		f("ads_change", "ads", privacy.FormChange, privacy.Formula{Unit: "change", Mid: 5.5, Step: 0.5, Expect: privacy.Expect{Value: 0.1, Below: 3}}),
		f("persons_change", "heads", privacy.FormChange, privacy.Formula{Unit: "change", Expect: privacy.Expect{Value: 0.1}}),
		f("retention_30d", "life", privacy.FormSurvival, retention(30)),
		f("retention_90d", "life", privacy.FormSurvival, retention(90)),
		f("retention_180d", "life", privacy.FormSurvival, retention(180)),
	}
	return s
}

// kindsPlan measures all of it, by quarter or by year; the noise is that of the county plan times scale.
func kindsPlan(t testing.TB, level string, scale float64) *privacy.Plan {
	t.Helper()
	text := `schema: 1
plan: kinds
version: 1
design: {persons_a_year: 300, epsilon: 4}
limits: {share: 0.125, mean: 0.255, count: 0.16}
populations: [{name: minors, unit: linked person, mu: 1000, lifetime: true}, {name: accused, unit: linked accused person, mu: 1000, lifetime: true}]
items:
`
	sums := map[string]string{"quarter": "[year, span]", "year": "[span]"}[level]
	for _, x := range []struct {
		id    string
		sigma float64
		rest  string
	}{
		{"others", 8, "vector: a.others, publishes: []"},
		{"heads", 6, "vector: m.heads, with: others, publishes: [persons, share_part, persons_change]"},
		{"question", 5, "vector: m.question, over: heads, publishes: [share_yes]"},
		{"question_k", 8, "vector: m.question, by: [kind], over: heads_k, publishes: [share_yes]"},
		{"heads_k", 8, "vector: m.heads, by: [kind], publishes: [persons]"},
		{"asked", 8, "vector: m.asked, over: heads, publishes: [share_asked, share_not_asked]"},
		{"flags", 16, "vector: m.flags, l0: 2, over: heads, publishes: [share_flag]"},
		{"levels", 9, "vector: m.levels, publishes: [persons_level, share, share_unknown]"},
		{"weights", 9, "vector: m.weights, over: heads, publishes: [share_weighted]"},
		{"curve", 9, "vector: m.curve, publishes: [within_12, median]"},
		{"score", 7, "vector: m.score, over: heads, publishes: [mean]"},
		{"days", 10, "vector: m.days, publishes: []"},
		{"moves", 9, "vector: m.moves, over: heads, with: days, publishes: [rate]"},
		{"ads", 7, "vector: m.ads, over: heads, publishes: [ads, ads_change]"},
		{"life", 9, "vector: m.life, publishes: [retention_30d, retention_90d, retention_180d]"},
	} {
		text += fmt.Sprintf("  - {id: %s, levels: [%s], sigma: %v, sums: %s, %s}\n", x.id, level, x.sigma*scale, sums, x.rest)
	}
	p, err := privacy.ParsePlan([]byte(text), "kinds", kinds(), 4, 1e-6)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// world is n persons, of whom a share p says yes to everything. Of a vector with several cells it gives the chance of
// each, of a sum the values and their chances.
type world struct {
	n, p float64
}

func (w world) values(vector string) (mid float64, lo, hi float64) {
	switch vector {
	case "m.score":
		return 0, -4, 4
	case "m.moves":
		return 0, -5, 5
	case "m.days":
		return 0, -178, 179
	case "m.ads":
		return 0, -9, 9
	case "m.weights":
		return 0, -60, 60
	}
	return 0, -1, 1
}

// chances are those of the cells of a histogram, in their order.
func (w world) chances(vector string) map[string]float64 {
	p := w.p
	switch vector {
	case "m.levels":
		return map[string]float64{"a": 0.9 * p, "b": 0.9 * (1 - p), "unknown": 0.1}
	case "m.curve":
		return map[string]float64{"1": 0.4 * p, "4": 0.3 * p, "12": 0.3 * p, "24": 0.4 * (1 - p), "48": 0.4 * (1 - p), "never": 0.2 * (1 - p)}
	case "m.life": // q leave per bin, so that p are still there at 90 days
		q, c := 1-math.Cbrt(p), 0.03
		m, risk := map[string]float64{"none": 0.1}, 0.9
		for _, e := range []string{"30", "60", "90", "180"} {
			m["censored_"+e] = risk * c
			m["left_"+e] = (risk - risk*c/2) * q
			risk -= m["censored_"+e] + m["left_"+e]
		}
		m["left_365"], m["censored_365"] = risk*q, risk*(1-q)
		return m
	}
	return nil
}

// expected is what a cell holds on average.
func (w world) expected(it privacy.Item, c privacy.Cell, n float64) float64 {
	if c.Dim == "y" {
		n, w.p = n/2, w.p/2+0.25
	} else if c.Dim == "x" {
		n /= 2
	}
	answer := c.Answer[strings.IndexByte(c.Answer, ':')+1:]
	switch it.Vector {
	case "m.heads":
		return n
	case "a.others": // so that heads are a share p of both
		return n * (1 - w.p) / w.p
	case "m.levels", "m.curve", "m.life":
		return n * w.chances(it.Vector)[answer]
	}
	known := 1.0
	if it.Vector == "m.asked" || it.Vector == "m.flags" || it.Vector == "m.weights" {
		known = 0.8
	}
	if answer == "u" {
		return n * (1 - known) * map[bool]float64{true: 60, false: 1}[it.Vector == "m.weights"]
	}
	_, lo, hi := w.values(it.Vector)
	return n * known * (lo + w.p*(hi-lo))
}

// draw is what a cell holds among persons of chance: each is one of those the programme could have met.
func (w world) draw(r *rnd.Rand, items []privacy.Item, cells map[string][]privacy.Cell, mean float64) map[string][]float64 {
	out := map[string][]float64{}
	n := poissonDraw(r, mean)
	x := 0 // of both kinds, by chance
	for range n {
		x += r.IntN(2)
	}
	for _, it := range items {
		v := make([]float64, len(cells[it.ID]))
		for i, c := range cells[it.ID] {
			answer := c.Answer[strings.IndexByte(c.Answer, ':')+1:]
			if answer == "u" {
				continue // with its partner
			}
			_, lo, hi := w.values(it.Vector)
			p, persons := w.p, n
			switch c.Dim {
			case "x":
				persons = x
			case "y":
				persons, p = n-x, p/2+0.25
			}
			switch it.Vector {
			case "m.heads":
				v[i] = float64(persons)
			case "a.others":
				v[i] = float64(poissonDraw(r, mean*(1-p)/p))
			case "m.levels", "m.curve", "m.life":
				if i > 0 {
					continue
				}
				m := w.chances(it.Vector)
				for range persons {
					u := r.Float64()
					for j, c := range cells[it.ID] {
						if u -= m[c.Answer]; u < 0 {
							v[j]++
							break
						}
					}
				}
			default:
				for range persons {
					if two := it.Vector == "m.asked" || it.Vector == "m.flags" || it.Vector == "m.weights"; two && r.Float64() < 0.2 {
						v[i+1]++
						if it.Vector == "m.weights" {
							v[i+1] += 59
						}
						continue
					}
					if r.Float64() < p {
						v[i] += hi
					} else {
						v[i] += lo
					}
				}
			}
		}
		out[it.ID] = v
	}
	return out
}

func poissonDraw(r *rnd.Rand, mean float64) int {
	if mean > 500 {
		return int(math.Max(0, math.Round(mean+math.Sqrt(mean)*r.NormFloat64())))
	}
	n, p := 0, math.Exp(-mean)
	for u := r.Float64(); u > p && n < 5000; n++ {
		u -= p
		p *= mean / float64(n+1)
	}
	return n
}

// draws is how many releases a test simulates: 10,000 with HEATWATCH_COVERAGE=full, where the standard error of 0.22
// points decides; otherwise fewer, with room for their chance.
func draws(t testing.TB) (n int, slack float64) {
	n = 600
	switch s := os.Getenv("HEATWATCH_COVERAGE"); {
	case s == "full":
		n = 10_000
	case s != "":
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	case testing.Short():
		n = 150
	}
	if n >= 10_000 {
		return n, 0
	}
	return n, 4.5 * math.Sqrt(.95*.05/float64(n))
}

// held counts what became of one figure's intervals.
type held struct {
	shown, null, cut, holds, wideHolds, wideCut int
	width, wide                                 float64
	unsampled                                   bool
}

// coverage simulates releases among w, and says for each figure how often its intervals hold the truth. With sampling
// the persons are drawn anew for each release, and the truth is the programme's own value.
func coverage(t *testing.T, p *privacy.Plan, at string, w world, sampling bool, n int, seed uint64) map[string]*held {
	t.Helper()
	s, target := kinds(), period(t, at)
	m, err := p.Simulate(s, target)
	if err != nil {
		t.Fatal(err)
	}
	periods := float64(len(target.Quarters()))
	if p.Items[0].Level == models.LevelYear {
		periods = 1
	}
	before := func(of models.Period) float64 { // the year before was a little smaller
		if of.Before(target) {
			return math.Round(w.n / 1.25)
		}
		return w.n / periods
	}
	cells := map[string][]privacy.Cell{}
	type cell struct {
		item string
		of   models.Period
		c    privacy.Cell
	}
	memo := map[cell]float64{}
	truth := func(item string, of models.Period, c privacy.Cell) float64 {
		if x, ok := memo[cell{item, of, c}]; ok {
			return x
		}
		it, _ := p.Item(item)
		x := w.expected(it, c, before(of))
		if !sampling {
			x = math.Round(x)
		}
		memo[cell{item, of, c}] = x
		return x
	}
	m.Set(func(item string, of models.Period, c privacy.Cell) float64 {
		if !slices.Contains(cells[item], c) {
			cells[item] = append(cells[item], c)
		}
		return truth(item, of, c)
	}, nil)
	exact := map[string]privacy.SimFigure{}
	for _, f := range m.Figures(nil) {
		exact[f.Name()] = f
	}
	r := rnd.New(rnd.NewPCG(seed, 11))
	all := map[string]*held{}
	for range n {
		noise := func(sd float64) float64 { return r.NormFloat64() * sd }
		if sampling {
			drawn := map[models.Period]map[string][]float64{}
			m.Set(func(item string, of models.Period, c privacy.Cell) float64 {
				if drawn[of] == nil {
					drawn[of] = w.draw(r, p.Items, cells, before(of))
				}
				return drawn[of][item][slices.Index(cells[item], c)]
			}, noise)
		} else {
			m.Draw(noise)
		}
		for _, f := range m.Figures(nil) {
			want := exact[f.Name()]
			if want.Note != "" {
				continue // about nobody
			}
			x := all[f.Name()]
			if x == nil {
				x = &held{}
				all[f.Name()] = x
			}
			if f.Note != "" {
				x.null++
				continue
			}
			top := f.High
			if top == 0 {
				top = math.Inf(1)
			}
			if !(f.From <= f.Value && f.Value <= f.To) || f.From < f.Low || f.To > top || math.IsInf(f.To, 0) || f.Unsampled == "" && !(f.WideFrom <= f.From && f.To <= f.WideTo && f.WideFrom >= f.Low && f.WideTo <= top) {
				t.Fatalf("%s: %v in [%v, %v] and [%v, %v], possible is [%v, %v]", f.Name(), f.Value, f.From, f.To, f.WideFrom, f.WideTo, f.Low, top)
			}
			x.shown++
			in := func(low, high float64) int {
				if low <= want.Value+1e-9 && want.Value-1e-9 <= high {
					return 1
				}
				return 0
			}
			x.holds += in(f.From, f.To)
			x.width += f.To - f.From
			if f.From == f.Low || f.To == top {
				x.cut++
			}
			x.unsampled = f.Unsampled != ""
			x.wideHolds += in(f.WideFrom, f.WideTo)
			x.wide += f.WideTo - f.WideFrom
			if f.WideFrom == f.Low || f.WideTo == top {
				x.wideCut++
			}
		}
	}
	return all
}

// widened tells where an interval is wider than it need be, as its declaration says: numbers are rounded outwards, little
// noise gets a slack for its rounding, a sum of ads is taken to vary as much as its bound allows, and the number below
// a median inside a bin as if it had been counted there.
func widened(kind string, sampling bool, scale float64) bool {
	return scale < 1 || strings.HasPrefix(kind, "persons") && kind != "persons_change" || strings.HasPrefix(kind, "ads") || sampling && kind == "median"
}

var sizes = []float64{20, 50, 100, 300, 2000}

// TestCoverage simulates releases of every form of figure, of few and of many persons, where a thing is rare, even and
// common: 95 % intervals hold the truth in at least 94 %, and in at most 97 % where neither cutting nor widening acted.
func TestCoverage(t *testing.T) {
	t.Parallel()
	n, slack := draws(t)
	for _, sampling := range []bool{false, true} {
		least := map[string]float64{}
		for _, scale := range []float64{1, 0.3, 0.1} {
			for _, at := range []string{"2024", "2020-2024"} {
				p := kindsPlan(t, map[string]string{"2024": "year", "2020-2024": "quarter"}[at], scale)
				if at != "2024" && (sampling || scale < 1) {
					continue
				}
				for i, size := range sizes {
					for j, prob := range []float64{0.05, 0.5, 0.95} {
						for name, x := range coverage(t, p, at, world{size, prob}, sampling, n, uint64(100*i+10*j)) {
							holds, cut := float64(x.holds)/float64(x.shown), float64(x.cut)/float64(x.shown)
							if sampling {
								holds, cut = float64(x.wideHolds)/float64(x.shown), float64(x.wideCut)/float64(x.shown)
							}
							if x.shown < n/2 || sampling && x.unsampled {
								continue
							}
							kind := name[strings.IndexByte(name, '.')+1 : strings.IndexByte(name, '(')]
							if old, ok := least[kind]; !ok || holds < old {
								least[kind] = holds
							}
							where := fmt.Sprintf("%-28s %s n %5v p %.2f scale %v sampling %v: %.2f %% of %d, %.0f %% cut, width %.3g / %.3g", name, at, size, prob, scale, sampling, 100*holds, x.shown, 100*cut, x.width/float64(x.shown), x.wide/float64(x.shown))
							if holds < 0.94-slack {
								t.Error("too few: " + where)
							} else if holds > 0.97+slack && cut < 0.01 && !widened(kind, sampling, scale) {
								t.Error("too many: " + where)
							}
						}
					}
				}
			}
		}
		for _, kind := range slices.Sorted(maps.Keys(least)) {
			t.Logf("sampling %v: %-20s at least %.2f %%", sampling, kind, 100*least[kind])
		}
	}
}

// TestCoverageOfDifferences: the same for the difference of two groups and of two years. And where nothing differs, no
// more than one verdict in twenty says that something does.
func TestCoverageOfDifferences(t *testing.T) {
	t.Parallel()
	n, slack := draws(t)
	if n = min(n, 2500); n < 10_000 {
		slack = 4.5 * math.Sqrt(.95*.05/float64(n))
	}
	p, s := kindsPlan(t, models.LevelYear, 1), kinds()
	least := map[string]float64{}
	for i, size := range []float64{50, 300, 2000} {
		for j, prob := range []float64{0.05, 0.5, 0.95} {
			for _, sampling := range []bool{false, true} {
				if sampling && n < 600 && size > 300 {
					continue
				}
				m, err := p.Simulate(s, period(t, "2024"))
				if err != nil {
					t.Fatal(err)
				}
				w := world{size, prob}
				cells := map[string][]privacy.Cell{}
				persons := func(of models.Period) float64 {
					if of == period(t, "2023") {
						return math.Round(size / 1.25)
					}
					return size
				}
				truth := func(item string, of models.Period, c privacy.Cell) float64 {
					if !slices.Contains(cells[item], c) {
						cells[item] = append(cells[item], c)
					}
					it, _ := p.Item(item)
					x := w.expected(it, c, persons(of))
					if !sampling {
						x = math.Round(x)
					}
					return x
				}
				m.Set(truth, nil)
				exact, err := m.Differences()
				if err != nil {
					t.Fatal(err)
				}
				r := rnd.New(rnd.NewPCG(uint64(10*i+j), 17))
				holds, shown, said := make([]int, len(exact)), make([]int, len(exact)), make([]int, len(exact))
				for range n {
					noise := func(sd float64) float64 { return r.NormFloat64() * sd }
					if sampling {
						drawn := map[models.Period]map[string][]float64{}
						m.Set(func(item string, of models.Period, c privacy.Cell) float64 {
							if drawn[of] == nil {
								drawn[of] = w.draw(r, p.Items, cells, persons(of))
							}
							return drawn[of][item][slices.Index(cells[item], c)]
						}, noise)
					} else {
						m.Draw(noise)
					}
					got, err := m.Differences()
					if err != nil {
						t.Fatal(err)
					}
					for k, d := range got {
						if d.Note != "" || exact[k].Note != "" || sampling && d.Unsampled != "" {
							continue
						}
						low, high, verdict := d.Low, d.High, d.Records
						if sampling {
							low, high, verdict = d.WideLow, d.WideHigh, d.Programmes
						}
						if !(d.Low <= d.Value && d.Value <= d.High) || d.Unsampled == "" && !(d.WideLow <= d.Low && d.High <= d.WideHigh) {
							t.Fatalf("%s of %s: %+v", d.Statistic, d.Of, d)
						}
						shown[k]++
						if low <= exact[k].Value+1e-9 && exact[k].Value-1e-9 <= high {
							holds[k]++
						}
						if verdict != privacy.CannotTell {
							said[k]++
						}
					}
				}
				for k, d := range exact {
					if shown[k] < n/2 {
						continue
					}
					held := float64(holds[k]) / float64(shown[k])
					kind := fmt.Sprintf("%s of %s, sampling %v", d.Statistic, d.Of, sampling)
					if old, ok := least[kind]; !ok || held < old {
						least[kind] = held
					}
					if held < 0.94-slack {
						t.Errorf("%s, %v persons, p %v: %.2f %% of %d hold the truth", kind, size, prob, 100*held, shown[k])
					}
					if wrong := float64(said[k]) / float64(shown[k]); d.Value == 0 && wrong > 0.06+slack {
						t.Errorf("%s, %v persons, p %v: %.2f %% say that it differs, and it does not", kind, size, prob, 100*wrong)
					}
				}
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(least)) {
		t.Logf("%-45s at least %.2f %%", kind, 100*least[kind])
	}
}
