package accountant

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// within asserts the promise: true epsilon <= got <= true epsilon + 1e-9, by evaluating delta on both sides.
func within(t interface {
	Helper()
	Fatalf(string, ...any)
}, mu, delta, got float64) {
	t.Helper()
	if bigDelta(num(got), num(mu)).Cmp(num(delta)) > 0 {
		t.Fatalf("Epsilon(%v, %v) = %v is below the true epsilon", mu, delta, got)
	}
	// One unit in the last place of an epsilon of a million is 1.2e-10, so the room is real.
	below := sub(num(got), num(1e-9))
	if below.Sign() > 0 && bigDelta(below, num(mu)).Cmp(num(delta)) <= 0 {
		t.Fatalf("Epsilon(%v, %v) = %v is more than 1e-9 above the true epsilon", mu, delta, got)
	}
}

func TestEpsilonAgainstPrintedFormula(t *testing.T) {
	for _, delta := range []float64{1e-6, 1e-5, 1e-9, 1e-12, 1e-30, 1e-100, 0.01, 0.5} {
		for _, mu := range []float64{1e-6, 1e-5, 1e-3, 0.05, 0.237, 0.31, 0.4240, 0.5820, 0.8378, 1, 1.5, 3, 4, 8, 17, 38, 100, 443, 1000, 1409, 2000} {
			got, err := Epsilon(mu, delta)
			if err != nil {
				t.Fatal(err)
			}
			within(t, mu, delta, got)
		}
	}
}

func TestEpsilonAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mu := math.Exp(rapid.Float64Range(math.Log(MinMu), math.Log(MaxMu)).Draw(t, "log mu"))
		mu = min(max(mu, MinMu), MaxMu)
		delta := math.Exp(rapid.Float64Range(math.Log(1e-30), math.Log(MaxDelta)).Draw(t, "log delta"))
		delta = min(delta, MaxDelta)
		got, err := Epsilon(mu, delta)
		if err != nil {
			t.Fatal(err)
		}
		within(t, mu, delta, got)
	})
}

func TestEpsilonAgainstBisection(t *testing.T) {
	for _, mu := range []float64{0.01, 0.31, 0.8378, 5, 60, 1409} {
		got, err := Epsilon(mu, 1e-6)
		if err != nil {
			t.Fatal(err)
		}
		over, _ := sub(num(got), bigEpsilon(mu, 1e-6)).Float64()
		if over < 0 || over > 1e-9 {
			t.Errorf("mu %v: %v is %v above the bisection in 500 bits", mu, got, over)
		}
	}
}

// The pairs that the plan and the specification print.
func TestKnownPairs(t *testing.T) {
	for _, c := range []struct{ mu, epsilon, tolerance float64 }{
		{0.8378, 4, 1e-3}, {0.237, 1, 2e-3}, {0.448, 2, 1e-2}, {0.31, 1.34, 5e-3}, {0.5820, 2.66, 5e-3}, {0.4240, 1.88, 5e-3}, {0.30, 1.29, 5e-3},
		{1.020, 5.00, 1e-2}, {1.105, 5.48, 1e-2},
	} {
		got, err := Epsilon(c.mu, 1e-6)
		if err != nil || math.Abs(got-c.epsilon) > c.tolerance {
			t.Errorf("Epsilon(%v, 1e-6) = %v, %v; want %v within %v", c.mu, got, err, c.epsilon, c.tolerance)
		}
	}
	mu, err := MuFor(4, 1e-6)
	if err != nil || math.Abs(mu-0.83785) > 1e-5 {
		t.Errorf("MuFor(4, 1e-6) = %v, %v; want 0.83785...", mu, err)
	}
}

func TestEpsilonIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mu := rapid.Float64Range(1e-6, 1999).Draw(t, "mu")
		more := mu * (1 + rapid.Float64Range(1e-9, 1e-3).Draw(t, "step"))
		a, errA := Epsilon(mu, 1e-6)
		b, errB := Epsilon(min(more, MaxMu), 1e-6)
		if errA != nil || errB != nil || a > b+1e-9 {
			t.Fatalf("epsilon fell from %v to %v as mu rose from %v to %v (%v, %v)", a, b, mu, more, errA, errB)
		}
		c, err := Epsilon(mu, 2e-6)
		if err != nil || c > a+1e-9 {
			t.Fatalf("epsilon rose from %v to %v as delta rose", a, c)
		}
	})
}

func TestMuForIsTheInverseAndRoundedDown(t *testing.T) {
	for _, epsilon := range []float64{1e-3, 0.1, 0.5, 1, 1.34, 2, 4, 10, 100, 709, 710, 1000, 12345.678, 1e5, 1e6} {
		mu, err := MuFor(epsilon, 1e-6)
		if err != nil {
			t.Fatalf("epsilon %v: %v", epsilon, err)
		}
		if bigDelta(num(epsilon), num(mu)).Cmp(num(1e-6)) > 0 {
			t.Errorf("MuFor(%v) = %v promises more than epsilon allows", epsilon, mu)
		}
		if bigDelta(num(epsilon), num(mu+1e-9*max(1, mu))).Cmp(num(1e-6)) <= 0 {
			t.Errorf("MuFor(%v) = %v is more than 1e-9 below the true mu", epsilon, mu)
		}
		limit, err := CapFor(epsilon, 1e-6)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := limit.Epsilon(1e-6); err != nil || e > epsilon {
			t.Errorf("CapFor(%v) = %v has epsilon %v, %v", epsilon, limit, e, err)
		}
		if e, err := (limit + 2).Epsilon(1e-6); err != nil || e <= epsilon-1e-9 {
			t.Errorf("CapFor(%v) = %v is not the largest: two units more have epsilon %v, %v", epsilon, limit, e, err)
		}
	}
}

func TestOutOfRangeIsRefused(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct{ mu, delta float64 }{
		{-1, 1e-6}, {nan, 1e-6}, {inf, 1e-6}, {2001, 1e-6}, {1e-7, 1e-6}, {1, 0}, {1, -1}, {1, 0.6}, {1, nan}, {1, inf}, {1, 1e-101},
	} {
		if e, err := Epsilon(c.mu, c.delta); err == nil {
			t.Errorf("Epsilon(%v, %v) = %v without an error", c.mu, c.delta, e)
		}
	}
	for _, e := range []float64{0, -1, 1.1e6, nan, inf} {
		if mu, err := MuFor(e, 1e-6); err == nil {
			t.Errorf("MuFor(%v) = %v without an error", e, mu)
		}
	}
}

// The reference must be able to fail: a formula with mu off by one in a million is not accepted.
func TestReferenceTellsNeighboursApart(t *testing.T) {
	right, wrong := bigEpsilon(0.8378, 1e-6), bigEpsilon(0.8378*(1+1e-6), 1e-6)
	if d := sub(wrong, right); d.Cmp(big.NewFloat(1e-6)) < 0 {
		t.Errorf("the reference moves by %v only", d)
	}
}

func BenchmarkEpsilon(b *testing.B) {
	for b.Loop() {
		_, _ = Epsilon(0.8378, 1e-6)
	}
}

func BenchmarkMuFor(b *testing.B) {
	for b.Loop() {
		_, _ = MuFor(4, 1e-6)
	}
}
