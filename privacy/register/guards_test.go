package register

import (
	"testing"

	"heatwatch/privacy/accountant"
)

// Who is eligible pays, whether or not the person is in the period's cohort of entry, and also where there is no cohort.
func TestWhoIsOutsideTheCohortIsCharged(t *testing.T) {
	h := newHome(t)
	h.must("2025Q1", persons(1, 2, 3, 4), offer("heads", 9, sigma6, persons(1, 2, 3, 4)), offer("active", 9, sigma6, persons(2, 3, 4, 5)))
	h.must("2025Q2", nil, offer("active", 9, sigma6, persons(4, 5, 6)))
	b := h.load()
	for n, times := range map[int]accountant.Mu2{1: 1, 2: 2, 3: 2, 4: 3, 5: 2, 6: 1, 7: 0} {
		if got := b.Spent(person(n)); got != times*sigma6 {
			t.Errorf("person %d has spent %v, want %d times %v", n, got, times, sigma6)
		}
	}
}

// A copy of the tombstones tells nobody without the home's key whether a token is among them.
func TestTombstonesAreKeyed(t *testing.T) {
	one, err := NewKey([]byte("register-register-register-32-by"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := NewKey([]byte("register-register-register-32-bx"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[32]byte]bool{}
	for _, k := range []Key{one, two} {
		for _, id := range []Identifier{Token("a"), Token("b"), PersonKey("a", ""), PersonKey("", "a"), PersonKey("a", "b")} {
			if m := k.of(id); seen[m] {
				t.Errorf("%v has the mark of another identifier or of another home", id)
			} else {
				seen[m] = true
			}
		}
	}
}
