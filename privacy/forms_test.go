package privacy

import (
	"math"
	"strings"
	"testing"

	"heatwatch/models"
	"heatwatch/privacy/mechanism"
)

// Figures of known cells, against formulas written out once more.

const handSd = 6.0

// hand makes readings of one cell each, in year 2031, and the form of each cell.
func hand(t testing.TB, sd float64, cells map[string]float64) (readings, map[string]form) {
	t.Helper()
	r, forms := readings{}, map[string]form{}
	for name, v := range cells {
		k := readingKey{name, models.YearPeriod(2031)}
		r[k] = reading{period: k.period, cells: []Cell{{}}, est: []float64{v}, sd: sd, vars: mechanism.VarRounded(sd)}
		forms[name] = form{cellKey{k, 0}: 1}
	}
	return r, forms
}

// sought finds by plain search the ends of all t around v for which inside holds.
func sought(v float64, inside func(t float64) bool) (low, high float64) {
	end := func(step float64) float64 {
		in, out := v, v+step
		for inside(out) {
			in, out = out, out+step
		}
		for range 60 {
			if m := (in + out) / 2; inside(m) {
				in = m
			} else {
				out = m
			}
		}
		return in
	}
	return end(-0.001), end(0.001)
}

// near compares an interval with its ends.
func near(t *testing.T, what string, iv interval, value, low, high float64) {
	t.Helper()
	for _, x := range [][2]float64{{iv.value, value}, {iv.low, low}, {iv.high, high}} {
		if math.Abs(x[0]-x[1]) > 1e-6*math.Max(1, math.Abs(x[1])) {
			t.Errorf("%s: %v in [%v, %v], want %v in [%v, %v]", what, iv.value, iv.low, iv.high, value, low, high)
			return
		}
	}
}

// TestAPartOfTwoPopulationsKnowsThatItStandsInBoth: V/(V + A) moves above and below the line together. The interval is
// all t with |V - t (V + A)| within 1.96 sd of (1-t) V - t A; the noise is that of rounded draws, sd^2 + 1/12.
func TestAPartOfTwoPopulationsKnowsThatItStandsInBoth(t *testing.T) {
	r, f := hand(t, handSd, map[string]float64{"victims": 30, "others": 90})
	both := weigh(1, f["victims"])
	both.add(f["others"], 1)
	d := derivation{formula: Formula{Form: FormPart, High: 1}, above: f["victims"], below: both, scale: 1}
	v, sp := d.read(r), d.spread(r)
	iv, note := d.interval(v, sp)
	va := handSd*handSd + 1.0/12
	noise := func(t float64) float64 { return va * ((1-t)*(1-t) + t*t) }
	low, high := sought(0.25, func(t float64) bool { return math.Abs(30-120*t) <= 1.959963984540054*math.Sqrt(noise(t)) })
	near(t, "noise only", iv, 0.25, low, high)
	// With sampling a binomial number of 120 is added.
	wide, why := d.sampled(v, sp, iv)
	low, high = sought(0.25, func(t float64) bool {
		return math.Abs(30-120*t) <= 1.959963984540054*math.Sqrt(noise(t)+120*t*(1-t))
	})
	near(t, "noise and sampling", wide, 0.25, low, high)
	if note != "" || why != "" {
		t.Errorf("notes %q, %q", note, why)
	}
}

// TestATotalOfCentredValuesHasTheNoiseOfBoth: ads = 5.5 N + S/2.
func TestATotalOfCentredValuesHasTheNoiseOfBoth(t *testing.T) {
	r, f := hand(t, handSd, map[string]float64{"profiles": 100, "ads": -600})
	total := weigh(5.5, f["profiles"])
	total.add(f["ads"], 0.5)
	d := derivation{formula: Formula{Form: FormTotal, Mid: 5.5, Step: 0.5}, item: Item{Linf: 9}, above: total}
	v, sp := d.read(r), d.spread(r)
	iv, _ := d.interval(v, sp)
	half := 1.959963984540054 * math.Sqrt((5.5*5.5+0.25)*(handSd*handSd+1.0/12))
	near(t, "ads", iv, 250, math.Floor(250-half), math.Ceil(250+half))
	// Each profile adds at most 10: the variance is at most 10 x expected.
	wide, _ := d.sampled(v, sp, iv)
	low, high := sought(250, func(t float64) bool { return (250-t)*(250-t) <= half*half+3.841458820694124*10*t })
	near(t, "ads with sampling", wide, 250, math.Floor(low), math.Ceil(high))
}

// TestAChangeIsARatio: 132 after 120 is 0.1 more; the interval is that of the ratio of both, less 1.
func TestAChangeIsARatio(t *testing.T) {
	r, f := hand(t, handSd, map[string]float64{"now": 132, "before": 120})
	d := derivation{formula: Formula{Form: FormChange, Low: -1}, item: Item{Linf: 1}, above: f["now"], below: f["before"], scale: 1, offset: -1}
	v, sp := d.read(r), d.spread(r)
	iv, _ := d.interval(v, sp)
	va := handSd*handSd + 1.0/12
	low, high := sought(0.1, func(t float64) bool {
		return math.Abs(132-(1+t)*120) <= 1.959963984540054*math.Sqrt(va*(1+(1+t)*(1+t)))
	})
	near(t, "change", iv, 0.1, low, high)
	wide, _ := d.sampled(v, sp, iv)
	low, high = sought(0.1, func(t float64) bool {
		return math.Abs(132-(1+t)*120) <= 1.959963984540054*math.Sqrt(va*(1+(1+t)*(1+t))+252*(1+t))
	})
	near(t, "change with sampling", wide, 0.1, low, high)
}

// TestAMeanVariesAtMostAsItsRangeAllows: of values in [-2, 2] with mean t no more than (2 - t)(t + 2).
func TestAMeanVariesAtMostAsItsRangeAllows(t *testing.T) {
	r, f := hand(t, handSd, map[string]float64{"persons": 100, "sum": 160})
	d := derivation{formula: Formula{Form: FormMean, Low: -2, High: 2, Step: 0.5}, above: f["sum"], below: f["persons"], scale: 0.5}
	v, sp := d.read(r), d.spread(r)
	iv, _ := d.interval(v, sp)
	wide, _ := d.sampled(v, sp, iv)
	va := handSd*handSd + 1.0/12
	low, high := sought(0.8, func(t float64) bool {
		return math.Abs(80-100*t) <= 1.959963984540054*math.Sqrt(va*(0.25+t*t)+100*(2-t)*(t+2))
	})
	near(t, "mean", wide, 0.8, low, high)
}

// TestWhatCannotBeSampledSaysSo: rates over days, and events without identity.
func TestWhatCannotBeSampledSaysSo(t *testing.T) {
	r, f := hand(t, handSd, map[string]float64{"n": 100, "x": 90})
	for _, c := range []struct {
		d   derivation
		why string
	}{
		{derivation{formula: Formula{Form: FormRatio, High: 9}, above: f["x"], below: f["n"], persons: f["n"], scale: 1}, noSpread},
		{derivation{formula: Formula{Form: FormCount}, above: f["n"], events: true}, noSample},
		{derivation{formula: Formula{Form: FormCount, Unsampled: "because"}, above: f["n"]}, "because"},
	} {
		c.d.formula.Unit = "x"
		fig := c.d.figure(Schema{}, r, false)
		if _, ok := fig.Value(); !ok || fig.Unsampled() != c.why {
			t.Errorf("%s: %q, want %q", c.d.formula.Form, fig.Unsampled(), c.why)
		}
		b, err := fig.MarshalJSON()
		if err != nil || !strings.Contains(string(b), `"noise_and_sampling":{"low":null,"high":null,"note":"`+c.why) {
			t.Errorf("%s, %v", b, err)
		}
	}
	if strings.Count(NoiseOnlySays+NoiseAndSamplingSays, ".") != 2 {
		t.Error("the two kinds are not said in one sentence each")
	}
}

// TestSmallNoiseIsWidened: where rounding shows, a lone cell and sums of equal cells have the exact half-width, other forms
// a bound; at least 94.5 % of the draws are within it.
func TestSmallNoiseIsWidened(t *testing.T) {
	for _, sd := range []float64{0.09, 0.3, 0.6, 1, 1.7, 2.4, 3.1, 4.9} {
		r, f := hand(t, sd, map[string]float64{"a": 0, "b": 0, "c": 0})
		lone, err := mechanism.HalfWidthRounded(sd, Confidence)
		if err != nil {
			t.Fatal(err)
		}
		if got := halfWidth(f["a"], r); got != float64(lone) {
			t.Errorf("sd %v: a lone cell has half-width %v, want %v", sd, got, lone)
		}
		for _, w := range [][3]float64{{1, 1, 0}, {1, -1, 1}, {2, 1, 0}, {0.7, 0.3, 0}, {1, 0.013, 0.4}} {
			g := weigh(w[0], f["a"])
			g.add(f["b"], w[1])
			g.add(f["c"], w[2])
			half := halfWidth(g, r)
			// The exact chance of staying within, over all draws.
			p := mechanism.Rounded(sd)
			m := len(p) / 2
			var held float64
			for i, x := range p {
				for j, y := range p {
					for k, z := range p {
						if math.Abs(w[0]*float64(i-m)+w[1]*float64(j-m)+w[2]*float64(k-m)) <= half+1e-9 {
							held += x * y * z
						}
					}
				}
			}
			if held < 0.945 {
				t.Errorf("sd %v, weights %v: half-width %v holds %.2f %%", sd, w, half, 100*held)
			}
		}
	}
}

// TestOneLoneCellKeepsItsSteps: at one half the number of persons drops out of a share, and the whole draws of one cell
// are left. The share is 95 % sure for every sd, not for most.
func TestOneLoneCellKeepsItsSteps(t *testing.T) {
	for _, sd := range []float64{2.4, 3.4, 5, 6.4, 7.5} {
		r, f := hand(t, sd, map[string]float64{"n": 300, "d": 0})
		d := derivation{formula: Formula{Form: FormSigned, High: 1}, above: f["d"], below: f["n"], offset: 0.5, scale: 0.5}
		sp := d.spread(r)
		p := mechanism.Rounded(sd)
		m := len(p) / 2
		var held float64
		for i, x := range p {
			iv, _ := d.interval(values{line: 150 + float64(i-m)/2, below: 300, persons: math.Inf(1)}, sp)
			if iv.low <= 0.5+1e-9 && 0.5-1e-9 <= iv.high {
				held += x
			}
		}
		if held < 0.95 {
			t.Errorf("sd %v: %.2f %% hold one half", sd, 100*held)
		}
		// Off one half the noise on the persons smooths the steps.
		if a, b := sp.ratio.half(0.4), z95*math.Sqrt((0.25+0.01)*mechanism.VarRounded(sd)); math.Abs(a/b-1) > 1e-3 {
			t.Errorf("sd %v: half-width %v at 0.4, want %v", sd, a, b)
		}
	}
}

// TestMedianRises: noise that makes a distribution function fall is mended to the nearest rising one, not cut.
func TestMedianRises(t *testing.T) {
	x := []float64{3, 1, 2, 10, 8}
	rise(x)
	for i, want := range []float64{2, 2, 2, 9, 9} {
		if x[i] != want {
			t.Fatalf("%v", x)
		}
	}
	edges := []float64{1, 4, 12}
	for _, c := range []struct {
		reached []float64
		half    float64
		want    float64
		ok      bool
	}{{[]float64{1, 2, 2}, 1.5, 2.5, true}, {[]float64{0, 0, 4}, 2, 8, true}, {[]float64{1, 2, 3}, 4, 0, false}, {[]float64{-3, -1, 6}, 3, 8, true}, {[]float64{4, 4, 4}, 2, 0.5, true}} {
		if got, ok := crossing(edges, c.reached, c.half); ok != c.ok || got != c.want {
			t.Errorf("%v reach %v at %v (%v), want %v", c.reached, c.half, got, ok, c.want)
		}
	}
}
