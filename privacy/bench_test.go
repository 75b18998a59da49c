package privacy_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"heatwatch/privacy"
	"heatwatch/reports/measures/measuretest"
	"heatwatch/reports/measures/schema"
)

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
				for _, due := range h.Plan.Due(p) {
					began := time.Now()
					if err := h.PlainSums(d.DB, p, due); err != nil {
						b.Fatal(err)
					}
					plain += time.Since(began)
					began = time.Now()
					if _, err := h.Sums(d.DB, p, due, map[string]int{}, false); err != nil {
						b.Fatal(err)
					}
					wall += time.Since(began)
				}
			}
			n := float64(b.N)
			b.ReportMetric(plain.Seconds()/n, "plain-s")
			b.ReportMetric(wall.Seconds()/n, "bounded-s")
			b.ReportMetric(wall.Seconds()/plain.Seconds(), "bounded/plain")
		})
	}
}
