package privacy

import (
	"math"
	"testing"
)

// TestDifferenceByHand: two shares with separate noise. Each end is as far off as the ends on that side together.
func TestDifferenceByHand(t *testing.T) {
	r, f := hand(t, handSd, map[string]float64{"a": 80, "of a": 100, "b": 60, "of b": 120})
	of := func(above, below string) derivation {
		return derivation{formula: Formula{Form: FormShare, High: 1}, item: Item{ID: below}, above: f[above], below: f[below], scale: 1}
	}
	x, y := of("a", "of a"), of("b", "of b")
	var d Difference
	d.a, d.b = x.figure(Schema{}, r, false), y.figure(Schema{}, r, false)
	d.between(x, y, r)
	down := math.Hypot(d.a.f.value-d.a.f.low, d.b.f.high-d.b.f.value)
	up := math.Hypot(d.a.f.high-d.a.f.value, d.b.f.value-d.b.f.low)
	near(t, "difference", interval{d.value, d.low, d.high}, 0.3, 0.3-down, 0.3+up)
	if d.Records() != Higher {
		t.Errorf("%v in [%v, %v]: %s", d.value, d.low, d.high, d.Records())
	}
	// Against itself: the noise is shared in full, nothing is left of it.
	d = Difference{a: d.a, b: d.a}
	d.between(x, x, r)
	if d.value != 0 || math.Max(-d.low, d.high) > 0.2*(d.a.f.high-d.a.f.low) { // but for what the two sides differ
		t.Errorf("with itself: %v in [%v, %v]", d.value, d.low, d.high)
	}
	if d.Records() != CannotTell {
		t.Errorf("a figure is %s than itself", d.Records())
	}
	// The other way round.
	d.a, d.b = y.figure(Schema{}, r, false), x.figure(Schema{}, r, false)
	d.between(y, x, r)
	if d.Records() != Lower {
		t.Errorf("%v in [%v, %v]: %s", d.value, d.low, d.high, d.Records())
	}
}

// TestWhatMayBeTheSamePersonsIsTakenAtItsWorst: of two flags of the same persons it is not known how chance hangs together.
func TestWhatMayBeTheSamePersonsIsTakenAtItsWorst(t *testing.T) {
	r, f := hand(t, handSd, map[string]float64{"a": 80, "of a": 100, "b": 60, "of b": 120})
	of := func(above, below, dim string) derivation {
		return derivation{formula: Formula{Form: FormShare, High: 1}, item: Item{ID: "i", By: "kind", L0: 1}, spot: spot{dim: dim}, above: f[above], below: f[below], scale: 1}
	}
	x, y := of("a", "of a", "x"), of("b", "of b", "y")
	width := func() float64 {
		var d Difference
		d.a, d.b = x.figure(Schema{}, r, false), y.figure(Schema{}, r, false)
		d.between(x, y, r)
		low, high, ok := d.Sampled()
		if !ok {
			t.Fatal("no second interval")
		}
		return high - low
	}
	strangers := width()
	x.item.L0, y.item.L0 = 2, 2 // a person may be in both
	if same := width(); same < strangers*1.1 {
		t.Errorf("width %v of the same persons, %v of strangers", same, strangers)
	}
}
