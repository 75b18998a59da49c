package mechanism

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/differential-privacy/go/v3/noise"
	"pgregory.net/rapid"
)

func TestSdIsAtLeastWhatWasAskedForAndClose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		linf := int64(math.Exp(rapid.Float64Range(0, math.Log(1<<20)).Draw(t, "log linf")))
		sigma := math.Exp(rapid.Float64Range(math.Log(MinSigma), math.Log(MaxSd/float64(linf))).Draw(t, "log sigma"))
		if sigma < MinSigma || sigma*float64(linf) > MaxSd {
			t.Skip("out of range by rounding")
		}
		p, err := Prepare(Spec{L0: 1, Linf: linf, Sigma: sigma})
		if err != nil {
			t.Fatal(err)
		}
		wanted := sigma * float64(linf)
		if p.Sd() < wanted || p.Sd() > wanted*1.002 {
			t.Fatalf("asked for %v, got %v", wanted, p.Sd())
		}
		if drawn := noise.SigmaForGaussian(1, float64(p.linf), p.epsilon, p.delta); drawn != p.Sd() {
			t.Fatalf("Sd says %v, the library draws %v", p.Sd(), drawn)
		}
	})
}

// The plan's sigmas lie on the library's own grid and are met without a rest.
func TestSigmasOfThePlanAreMetExactly(t *testing.T) {
	for sigma := 5.0; sigma <= 30; sigma++ {
		p, err := Prepare(Spec{L0: 1, Linf: 1, Sigma: sigma})
		if err != nil || p.Sd() != sigma {
			t.Errorf("sigma %v: sd %v, %v", sigma, p.Sd(), err)
		}
	}
}

// From about epsilon 710 on the library answers sd 0, that is no noise at all. This is why small sigmas are raised.
func TestTooLittleNoiseIsRaised(t *testing.T) {
	if sd := noise.SigmaForGaussian(1, 1, 1000, 1e-6); sd != 0 {
		t.Errorf("the library has changed: sd %v at epsilon 1000; read MinSigma again", sd)
	}
	for _, sigma := range []float64{MinSigma, MinSigma / 2, 1e-9, math.SmallestNonzeroFloat64} {
		p, err := Prepare(Spec{L0: 1, Linf: 64, Sigma: sigma})
		if err != nil || p.Sd() < MinSigma*64 || p.Sd() > MinSigma*64*1.002 {
			t.Errorf("sigma %v: sd %v, %v; want %v", sigma, p.Sd(), err, MinSigma*64)
		}
		seen := map[int64]bool{}
		for _, v := range drawMany(t, p, 0, 200) {
			seen[v] = true
		}
		if len(seen) < 2 { // sd 2: two hundred equal draws have probability 0.2^199
			t.Errorf("sigma %v: no noise", sigma)
		}
	}
}

func TestWhatTheLibraryWouldDrawWronglyIsRefused(t *testing.T) {
	for name, spec := range map[string]Spec{
		"l0 0":                     {0, 1, 5},
		"l0 below zero":            {-1, 1, 5},
		"linf 0":                   {1, 0, 5},
		"linf below zero":          {1, -4, 5},
		"product wraps to 4":       {1<<62 + 1, 4, 5},
		"product wraps to 0":       {1 << 40, 1 << 30, 5},
		"product above 2^40":       {1 << 20, 1<<20 + 1, 0.5},
		"largest numbers":          {math.MaxInt64, math.MaxInt64, 5},
		"no noise":                 {1, 1, 0},
		"sigma below zero":         {1, 1, -1},
		"sigma is not a number":    {1, 1, math.NaN()},
		"sigma is infinite":        {1, 1, math.Inf(1)},
		"sd above 2^30":            {1, 1 << 20, 1025},
		"sd above 2^30, linf 2^40": {1, 1 << 40, MinSigma},
	} {
		done := make(chan error, 1)
		go func() {
			_, err := Prepare(spec)
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil {
				t.Errorf("%s: accepted", name)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: still busy after ten seconds", name)
		}
	}
	if _, err := Prepare(Spec{L0: 1 << 20, Linf: 1 << 20, Sigma: 1}); err != nil {
		t.Errorf("l0 * linf = 2^40: %v", err)
	}
}

func TestDrawGuardsTheSumAndDoesNotShowIt(t *testing.T) {
	p, err := Prepare(Spec{L0: 1, Linf: 1, Sigma: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []int64{MaxSum, -MaxSum, 0, MaxSum - 12345679} { // the last is no float32
		if v, err := p.Draw(x); err != nil || v < x-30 || v > x+30 {
			t.Errorf("a sum at the limit: %v", err)
		}
	}
	for _, x := range []int64{MaxSum + 1, -MaxSum - 1, math.MaxInt64, math.MinInt64} {
		_, err := p.Draw(x)
		if err == nil {
			t.Errorf("a sum of %d was taken", x)
		} else if strings.ContainsAny(strings.ReplaceAll(err.Error(), "2^52", ""), "0123456789") {
			t.Errorf("the error shows a number: %v", err)
		}
	}
	if _, err := (Prepared{}).Draw(5); err == nil {
		t.Error("noise that was not prepared was drawn")
	}
}

func TestVarRounded(t *testing.T) {
	for _, sd := range []float64{0.2, 0.5, 1, 1.5, 1.999, 2, 2.001, 3, 7} {
		if got, want := VarRounded(sd), moment(sd, 2); math.Abs(got-want) > 1e-12*want {
			t.Errorf("sd %v: variance %v, cell by cell %v", sd, got, want)
		}
	}
	if v := VarRounded(MinSigma); v > 1e-50 {
		t.Errorf("sd 1/32 is rounded away; variance %v", v)
	}
	for _, sd := range []float64{0, -1, math.NaN()} {
		if v := VarRounded(sd); !math.IsNaN(v) {
			t.Errorf("sd %v: variance %v", sd, v)
		}
	}
}

func TestHalfWidthRounded(t *testing.T) {
	for _, c := range []struct {
		sd, confidence float64
		want           int64
	}{
		{MinSigma, 0.95, 0}, {0.25, 0.95, 0}, {0.3, 0.95, 1}, {0.5, 0.95, 1}, {1, 0.95, 2}, {6, 0.95, 12}, {11, 0.95, 22}, {1000, 0.95, 1960},
		{1, 0.6826, 1}, {1, 0.3, 0},
	} {
		if got, err := HalfWidthRounded(c.sd, c.confidence); err != nil || got != c.want {
			t.Errorf("sd %v, confidence %v: %d, %v; want %d", c.sd, c.confidence, got, err, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		sd := math.Exp(rapid.Float64Range(math.Log(MinSigma), math.Log(1e6)).Draw(t, "log sd"))
		confidence := rapid.Float64Range(0.01, 0.9999).Draw(t, "confidence")
		h, err := HalfWidthRounded(sd, confidence)
		if err != nil {
			t.Fatal(err)
		}
		inside := func(h int64) float64 { return math.Erf((float64(h) + 0.5) / (sd * math.Sqrt2)) }
		if inside(h) < confidence-1e-12 || h > 0 && inside(h-1) >= confidence+1e-12 {
			t.Fatalf("sd %v, confidence %v: %d holds %v", sd, confidence, h, inside(h))
		}
	})
	for _, c := range [][2]float64{{0, 0.95}, {-1, 0.95}, {math.NaN(), 0.95}, {math.Inf(1), 0.95}, {1, 0}, {1, 1}, {1, math.NaN()}} {
		if h, err := HalfWidthRounded(c[0], c[1]); err == nil {
			t.Errorf("sd %v, confidence %v: %d", c[0], c[1], h)
		}
	}
}

func TestBookedDelta(t *testing.T) {
	if d := BookedDelta(1); d != math.Exp2(-45) {
		t.Errorf("one draw books %v", d)
	}
	if d := BookedDelta(1000); d != 1000*math.Exp2(-45) {
		t.Errorf("a thousand draws book %v", d)
	}
}
