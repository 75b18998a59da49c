package register

import (
	"testing"

	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
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

// The name of a year begins that of a span of years: losing the one is not losing the other.
func TestLosingAYearKeepsTheSpan(t *testing.T) {
	s := Standing{}
	for _, of := range []string{"cohort minors-2024", "exposure minors-2024-2025-01-15-1", "exposure minors-2024-2025-01-15-2",
		"cohort minors-2024-2025", "exposure minors-2024-2025-2026-01-15-1", "exposure minors-2024-2028-2029-01-15-1", "exposure minors-2024Q1-2025-01-15-1", "tombstones"} {
		s[of] = Stand{HMAC: "x", Entry: 2}
	}
	s.Lose(ledger.Cohort{Population: "minors", Period: "2024"})
	for of, stand := range s {
		want := of == "cohort minors-2024" || of == "exposure minors-2024-2025-01-15-1" || of == "exposure minors-2024-2025-01-15-2"
		if stand.Lost != want {
			t.Errorf("%s: lost %v", of, stand.Lost)
		}
	}
}
