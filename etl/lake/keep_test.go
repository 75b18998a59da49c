package lake

import (
	"slices"
	"testing"

	"heatwatch/models"
)

func TestKeep(t *testing.T) {
	day := func(s string) models.Date {
		d, ok := models.ParseDate(s)
		if !ok {
			t.Fatal(s)
		}
		return d
	}
	all := []made{{1, day("2025-11-29")}, {2, day("2025-12-30")}, {3, day("2025-12-31")}, {4, day("2026-01-31")}, {5, day("2026-02-01")}, {6, day("2026-02-02")}, {7, day("2026-02-02")}}
	for _, c := range []struct {
		keep    Keep
		current int
		want    []int
	}{
		{Keep{Nights: 2, Months: 0}, 7, []int{1, 2, 3, 4, 5}},
		{Keep{Nights: 2, Months: 1}, 7, []int{1, 2, 3, 5}},
		{Keep{Nights: 2, Months: 12}, 7, []int{2, 5}},
		{Keep{Nights: 4, Months: 2}, 7, []int{1, 2}},
		{Keep{Nights: 0, Months: 12}, 7, []int{2, 5, 6}}, // never the current one
		{Keep{Nights: 99, Months: 0}, 7, nil},
	} {
		if got := c.keep.expired(all, c.current, day("2026-02-03")); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.keep, got, c.want)
		}
	}
}
