package privacy

import (
	"testing"
)

// TestAheadIsWhatIsBooked: the outlook of a cap adds what is to come to what was spent, so it must go by the names and prices of
// the ledger. A series of another name would count a person's participations twice.
func TestAheadIsWhatIsBooked(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	h.must(t, "2025Q1", "2025-06-01")
	h.must(t, "2025", "2026-06-01")
	ahead, err := h.p.Ahead()
	if err != nil {
		t.Fatal(err)
	}
	type price struct {
		population, series, level string
		participations            int
		sd                        float64
	}
	level := func(period string) string {
		switch len(period) {
		case len("2025Q1"):
			return "quarter"
		case len("2025"):
			return "year"
		}
		return "span"
	}
	known := map[string]price{}
	for _, it := range ahead {
		known[it.ID] = price{it.Population, it.Series, level(it.Period), it.Participations, it.Sd}
	}
	seen := 0
	for _, e := range h.releaser(t, nil, "2026-06-01").Ledger.Entries() {
		if e.Release == nil {
			continue
		}
		for _, it := range e.Release.Items {
			seen++
			if got := (price{it.Population, it.Series, level(it.Period), it.Participations, it.Sd}); got != known[it.ID] {
				t.Errorf("%s: booked as %+v, looked ahead as %+v", it.ID, got, known[it.ID])
			}
		}
	}
	if seen < 3 {
		t.Errorf("%d items booked", seen)
	}
}
