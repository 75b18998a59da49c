package privacy_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
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
	for _, name := range []string{"county", "full"} {
		p, within := plan(t, name, 4), "yes"
		var ratios []string
		for _, at := range []string{"2024Q3", "2024"} {
			ratio := boundsRatio(t, d, p, period(t, at))
			ratios = append(ratios, fmt.Sprintf("%.2f x", ratio))
			if ratio > 1.5 {
				within = "no (a ratio of times: not judged)"
			}
		}
		all = append(all, line{what: "release of plan " + name + " over 10 million service rows, one quarter / one year", ours: strings.Join(ratios, " / "),
			reference: "the same SQL without bounds or noise", bar: "<= 1.5 x", open: within})
	}
	return all
}

// boundsRatio is the time of a period's releases with bounds by that without them, of two passes.
func boundsRatio(t testing.TB, d *measuretest.DB, p *privacy.Plan, at models.Period) float64 {
	t.Helper()
	h := privacy.NewHouse(t, p, schema.Schema(), commitmentKey(t))
	var plain, bounded time.Duration
	for range 2 {
		without, with := timeBounds(t, d, h, at)
		plain, bounded = plain+without, bounded+with
	}
	return bounded.Seconds() / plain.Seconds()
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
