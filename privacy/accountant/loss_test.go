package accountant

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func drawItem(t *rapid.T) Item {
	linf := rapid.Int64Range(1, 1<<20).Draw(t, "linf")
	sigma := math.Exp(rapid.Float64Range(math.Log(1.0/16), math.Log(1000)).Draw(t, "log sigma"))
	return Item{L0: rapid.Int64Range(1, 40).Draw(t, "l0"), Linf: linf, Sd: sigma * float64(linf)}
}

func TestBothWaysToComputeALossAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.Custom(drawItem), 0, 60).Draw(t, "items")
		a, err := ItemsLoss(items)
		if err != nil {
			t.Fatal(err)
		}
		vectors, err := WorstCase(items)
		if err != nil {
			t.Fatal(err)
		}
		if b := VectorsLoss(vectors); !SameLoss(a, b, len(items)) {
			t.Fatalf("items say %v, vectors say %v", a, b)
		}
	})
}

// What SameLoss must not let pass: the mistakes that a plan's author makes.
func TestDisagreementIsSeen(t *testing.T) {
	items := []Item{{1, 1, 6}, {3, 5, 70}, {1, 183, 1800}}
	right, err := ItemsLoss(items)
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string][]Item{
		"l0 forgotten":            {{1, 1, 6}, {1, 5, 70}, {1, 183, 1800}},
		"root of linf":            {{1, 1, 6}, {3, 2, 70}, {1, 183, 1800}},
		"item forgotten":          {{1, 1, 6}, {3, 5, 70}},
		"sd one in a million off": {{1, 1, 6 * (1 - 1e-6)}, {3, 5, 70}, {1, 183, 1800}},
	} {
		vectors, err := WorstCase(wrong)
		if err != nil {
			t.Fatal(err)
		}
		if SameLoss(right, VectorsLoss(vectors), len(items)) {
			t.Errorf("%s: passes as the same loss", name)
		}
	}
}

func TestLossIsTheCeiling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		it := drawItem(t)
		m, err := it.Loss()
		if err != nil {
			t.Fatal(err)
		}
		sd := new(big.Rat).SetFloat64(it.Sd)
		exact := new(big.Rat).SetFrac64(it.L0*it.Linf*it.Linf, 1)
		exact.Mul(exact, big.NewRat(int64(Unit), 1))
		exact.Quo(exact, sd.Mul(sd, sd))
		if big.NewRat(int64(m), 1).Cmp(exact) < 0 || big.NewRat(int64(m)-1, 1).Cmp(exact) >= 0 {
			t.Fatalf("%+v: %d is not the ceiling of %v", it, m, exact.FloatString(3))
		}
	})
}

func TestLossOfPlainItems(t *testing.T) {
	for _, c := range []struct {
		item Item
		want Mu2
	}{
		{Item{1, 1, 1}, Unit},
		{Item{1, 1, 6}, 27_777_777_778}, // 1/36, rounded up
		{Item{1, 1, 5}, 40_000_000_000}, // exact: nothing to round
		{Item{4, 3, 12}, 250_000_000_000},
		{Item{1, 1, 1.0 / 32}, 1024 * Unit}, // the least noise that the mechanism draws
		{Item{1, 1, 1 << 30}, 1},            // never free
	} {
		if got, err := c.item.Loss(); err != nil || got != c.want {
			t.Errorf("%+v: %d, %v; want %d", c.item, got, err, c.want)
		}
	}
}

func TestNothingWrapsAndNothingIsFree(t *testing.T) {
	for _, it := range []Item{{0, 1, 1}, {1, 0, 1}, {-1, 1, 1}, {1, 1, 0}, {1, 1, -1}, {1, 1, math.NaN()}, {1, 1, math.Inf(1)}} {
		if m, err := it.Loss(); err == nil {
			t.Errorf("%+v costs %v without an error", it, m)
		}
	}
	for _, it := range []Item{{math.MaxInt64, math.MaxInt64, 1}, {1, 1, 1e-200}, {1 << 62, 4, 1}} {
		if m, err := it.Loss(); !errors.Is(err, ErrOverflow) {
			t.Errorf("%+v costs %v, %v; want an overflow", it, m, err)
		}
	}
	if m, err := Sum(math.MaxInt64, 1); !errors.Is(err, ErrOverflow) {
		t.Errorf("the largest loss and one more is %v, %v", m, err)
	}
	if m, err := Sum(5, -1); err == nil {
		t.Errorf("a loss was given back: %v", m)
	}
	if m, err := Mu2(math.MaxInt64 / 2).Times(3); !errors.Is(err, ErrOverflow) {
		t.Errorf("three times half of the largest loss is %v, %v", m, err)
	}
	if _, err := ItemsLoss([]Item{{1, 1, 1e-3}, {1, 1, 3.4e-4}, {1, 1, 3.4e-4}}); !errors.Is(err, ErrOverflow) {
		t.Errorf("a sum that does not fit: %v", err)
	}
	if _, err := WorstCase([]Item{{1 << 40, 1, 1}}); err == nil {
		t.Error("2^40 cells were written out")
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.Custom(drawItem), 1, 20).Draw(t, "items")
		shuffled := rapid.Permutation(items).Draw(t, "shuffled")
		a, errA := ItemsLoss(items)
		b, errB := ItemsLoss(shuffled)
		if errA != nil || errB != nil || a != b {
			t.Fatalf("%v and %v (%v, %v)", a, b, errA, errB)
		}
	})
}

func TestMuIsTheCeilingOfTheRoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Mu2(rapid.Int64Range(1, math.MaxInt64).Draw(t, "mu2"))
		mu := m.Mu()
		if !squareAtLeast(mu, m) || squareAtLeast(math.Nextafter(mu, 0), m) {
			t.Fatalf("%v is not the smallest float that covers %v", mu, m)
		}
		if back, err := OfMu(mu); err == nil && (back < m || float64(back-m) > 4e-16*float64(m)+1) {
			t.Fatalf("%v came back as %v", m, back)
		}
	})
}

func TestString(t *testing.T) {
	for m, want := range map[Mu2]string{0: "0.000000000000", 1: "0.000000000001", 701_900_000_000: "0.701900000000", -1: "-0.000000000001", math.MaxInt64: "9223372.036854775807"} {
		if m.String() != want {
			t.Errorf("%d prints as %s", int64(m), m)
		}
	}
}

func TestEpsilonOfALossCoversIt(t *testing.T) {
	for _, m := range []Mu2{0, 1, 96_100_000_000, 701_900_000_000, 10_000 * Unit, 1_986_000 * Unit} {
		e, err := m.Epsilon(1e-6)
		if err != nil {
			t.Fatal(err)
		}
		if m > 0 {
			root := new(big.Float).SetPrec(prec).Sqrt(quo(num(float64(m)), num(float64(Unit))))
			if bigDelta(num(e), root).Cmp(num(1e-6)) > 0 {
				t.Errorf("epsilon %v does not cover mu^2 %v", e, m)
			}
		}
	}
}
