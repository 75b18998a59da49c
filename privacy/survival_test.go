package privacy

import (
	"math"
	rnd "math/rand/v2"
	"slices"
	"testing"

	"heatwatch/privacy/mechanism"
)

// life is when one person left or was last seen.
type life struct {
	day  float64
	left bool
}

// kaplanMeier is the exact curve of lives, at days.
func kaplanMeier(lives []life, days []float64) []float64 {
	lives = slices.Clone(lives)
	slices.SortFunc(lives, func(a, b life) int {
		switch {
		case a.day < b.day, a.day == b.day && a.left && !b.left:
			return -1
		case a.day == b.day && a.left == b.left:
			return 0
		}
		return 1
	})
	s, i := 1.0, 0
	return mapSlice(days, func(day float64) float64 {
		for ; i < len(lives) && lives[i].day <= day; i++ {
			if lives[i].left {
				s *= 1 - 1/float64(len(lives)-i)
			}
		}
		return s
	})
}

// table counts lives by bins with these upper edges, both ends of the last bin included.
func table(lives []life, edges []float64) (left, censored []float64) {
	left, censored = make([]float64, len(edges)), make([]float64, len(edges))
	for _, l := range lives {
		k, _ := slices.BinarySearch(edges, l.day)
		if k = min(k, len(edges)-1); l.left {
			left[k]++
		} else {
			censored[k]++
		}
	}
	return left, censored
}

func TestLifeTableByHand(t *testing.T) {
	// 10 at risk; 2 leave, 2 last seen: 1 - 2/9. 6 at risk, 3 leave: x 1/2. 3 at risk, none leaves. Nobody is at risk.
	got := LifeTable([]float64{2, 3, 0, 0}, []float64{2, 0, 3, 0})
	for i, want := range []float64{7.0 / 9, 7.0 / 18, 7.0 / 18, 7.0 / 18} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("bin %d: %v, want %v", i, got[i], want)
		}
	}
}

// TestSurvivorsDerivatives: the derivatives are those of small steps.
func TestSurvivorsDerivatives(t *testing.T) {
	left, censored, risk := []float64{20, 14, 9, 5}, []float64{4, 3, 0, 6}, 100.0
	n, by, greenwood := survivors(left, censored, risk)
	at := func(j int, step float64) float64 {
		l, c, r := slices.Clone(left), slices.Clone(censored), risk
		switch {
		case j < len(l):
			l[j] += step
		case j < 2*len(l):
			c[j-len(l)] += step
		default:
			r += step
		}
		n, _, _ := survivors(l, c, r)
		return n
	}
	for j, got := range by {
		if want := (at(j, 1e-4) - at(j, -1e-4)) / 2e-4; math.Abs(got-want) > 1e-6 {
			t.Errorf("derivative %d: %v, want %v", j, got, want)
		}
	}
	want := 20.0/(98*78) + 14/(74.5*60.5) + 9/(59.0*50) + 5/(47.0*42)
	if math.Abs(greenwood-want) > 1e-12 || math.Abs(n-100*(78.0/98)*(60.5/74.5)*(50.0/59)*(42.0/47)) > 1e-9 {
		t.Errorf("%v still there, Greenwood %v, want %v", n, greenwood, want)
	}
	// More left than were at risk, by the noise: nobody is there, and the number says how far it is off.
	if n, _, _ := survivors([]float64{8, 4}, []float64{0, 0}, 10); n != -2 {
		t.Errorf("%v of 10 are still there after 12 have left", n)
	}
}

// TestRetentionCurve: of 228 persons at epsilon 1 (delta 1e-6), one histogram with one cell per person, the curve lies
// within 0.045 (root mean square over all days) of the exact Kaplan-Meier curve.
func TestRetentionCurve(t *testing.T) {
	const n, mu = 228, 0.237
	sd := 1 / mu
	r := rnd.New(rnd.NewPCG(5, 9))
	days := make([]float64, 365)
	for i := range days {
		days[i] = float64(i + 1)
	}
	for _, edges := range [][]float64{{30, 60, 90, 180, 365}, {15, 30, 60, 90, 135, 180, 270, 365}, {60, 120, 180, 270, 365}, {45, 90, 180, 365}} {
		const draws = 400
		var squares float64
		for range draws {
			lives := make([]life, n) // leaves like a Weibull of shape 1.3, a quarter last seen before
			for i := range lives {
				leaves := 260 * math.Pow(r.ExpFloat64(), 1/1.3)
				last := 365.0
				if r.Float64() < 0.4 {
					last = math.Ceil(365 * r.Float64())
				}
				lives[i] = life{math.Min(math.Ceil(leaves), last), leaves <= last}
			}
			exact := kaplanMeier(lives, days)
			left, censored := table(lives, edges)
			for i := range left {
				left[i] = math.Round(left[i] + sd*r.NormFloat64())
				censored[i] = math.Round(censored[i] + sd*r.NormFloat64())
			}
			got := Curve(edges, LifeTable(left, censored), days)
			for i := range days {
				squares += (got[i] - exact[i]) * (got[i] - exact[i]) / float64(draws*len(days))
			}
		}
		rmse := math.Sqrt(squares)
		t.Logf("edges %v: RMSE %.4f with noise of sd %.2f (variance as rounded %.2f)", edges, rmse, sd, mechanism.VarRounded(sd))
		if rmse > 0.045 {
			t.Errorf("edges %v: RMSE %.4f", edges, rmse)
		}
	}
}

// TestBentIsTheCurvature: of a product of two independent cells the variance beyond the tangent is the product of theirs, and of a
// square twice the square of its variance; a plane has none.
func TestBentIsTheCurvature(t *testing.T) {
	c := covariances{c: [][]float64{{4, 0}, {0, 9}}}
	for _, x := range []struct {
		name string
		by   func(x []float64) []float64
		want float64
	}{
		{"plane", func([]float64) []float64 { return []float64{3, 7} }, 0},
		{"product", func(x []float64) []float64 { return []float64{x[1], x[0]} }, 36},
		{"square", func(x []float64) []float64 { return []float64{2 * x[0], 0} }, 2 * 16},
	} {
		if got := c.bent([]float64{5, -1}, x.by); math.Abs(got-x.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
	}
}

// TestSteepestLooksOverTheKink: on the flat side of a kink the slope of the other side counts, if the noise reaches it.
func TestSteepestLooksOverTheKink(t *testing.T) {
	c := covariances{c: [][]float64{{4, 0}, {0, 1}}}
	hold := func(x []float64) []float64 {
		if x[0] > 0 {
			return []float64{1, 0}
		}
		return []float64{0, 0}
	}
	if got := c.steepest([]float64{-1.5, 100}, hold, 0); got[0] != 1 {
		t.Errorf("within the noise of the kink: slopes %v", got)
	}
	if got := c.steepest([]float64{-2.5, 100}, hold, 0); got[0] != 0 {
		t.Errorf("out of its reach: slopes %v", got)
	}
}
