package privacy_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/measures/measuretest"
	"heatwatch/reports/measures/schema"
)

// benchRelease is one pass of BenchmarkBounds. The ratio of two times is printed and fails nothing: it depends on what else the
// machine does.
func benchRelease(t *testing.T, quick bool) []line {
	size := 10_000_000
	if quick {
		size = 20_000
	}
	d := measuretest.New(t)
	d.Fill(t, size)
	var all []line
	for _, of := range []string{"county", "full"} {
		ratios, within := "", true
		for _, name := range []string{"2024Q3", "2024"} {
			h := privacy.NewHouse(t, plan(t, of, 4), schema.Schema(), commitmentKey(t))
			var wall, plain time.Duration
			for range 2 {
				p, b := timeBounds(t, d, h, period(t, name))
				plain, wall = plain+p, wall+b
			}
			ratio := wall.Seconds() / plain.Seconds()
			ratios += fmt.Sprintf("%s%.2f x", map[bool]string{true: " / ", false: ""}[ratios != ""], ratio)
			within = within && ratio <= 1.5
		}
		all = append(all, line{what: "release of plan " + of + " over 10 million service rows, one quarter / one year", ours: ratios,
			reference: "the same SQL without bounds or noise", bar: "<= 1.5 x", open: map[bool]string{true: "yes", false: "no (a ratio of times: not judged)"}[within]})
	}
	return all
}

// timeBounds runs all due dates of a period without bounds and with them.
func timeBounds(t testing.TB, d *measuretest.DB, h *privacy.House, p models.Period) (plain, bounded time.Duration) {
	t.Helper()
	for _, due := range h.Plan.Due(p) {
		began := time.Now()
		if err := h.PlainSums(d.DB, p, due); err != nil {
			t.Fatal(err)
		}
		plain += time.Since(began)
		began = time.Now()
		if _, err := h.Sums(d.DB, p, due, map[string]int{}, false); err != nil {
			t.Fatal(err)
		}
		bounded += time.Since(began)
	}
	return plain, bounded
}

// BenchmarkBounds times the exact cells of both measures over 10 million service rows (HEATWATCH_BENCH_SERVICES), from
// the lake's relations to the sums: with the bounding SQL and the freeze of a release, and the same SQL aggregates
// without them. The bar is a ratio of 1.5.
func BenchmarkBounds(b *testing.B) {
	size := 10_000_000
	if n, err := strconv.Atoi(os.Getenv("HEATWATCH_BENCH_SERVICES")); err == nil {
		size = n
	}
	d := measuretest.New(b)
	d.Fill(b, size)
	for _, name := range []string{"2024Q3", "2024"} {
		p := period(b, name)
		h := privacy.NewHouse(b, plan(b, "full", 4), schema.Schema(), commitmentKey(b))
		var wall, plain time.Duration
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				x, y := timeBounds(b, d, h, p)
				plain, wall = plain+x, wall+y
			}
			n := float64(b.N)
			b.ReportMetric(plain.Seconds()/n, "plain-s")
			b.ReportMetric(wall.Seconds()/n, "bounded-s")
			b.ReportMetric(wall.Seconds()/plain.Seconds(), "bounded/plain")
		})
	}
}
