package measures_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"heatwatch/models"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/measuretest"
)

// The same aggregates as a report without privacy would take them: no clamps, no bound on what a person gives.
const plain = `
SELECT least(datediff('hour', c.entered_at, f.at), 720) // 24 AS cell, count(c.person) AS n
FROM cohort c LEFT JOIN (SELECT s.person, min(s.started_at) AS at FROM services s JOIN cohort x ON x.person = s.person
    WHERE s.emergency = code('services.emergency', 'yes') AND s.started_at >= x.entered_at - INTERVAL 2 HOUR GROUP BY s.person) f ON f.person = c.person
GROUP BY 1
UNION ALL
SELECT s.placement_type, sum(n) FROM (SELECT p.person, p.placement_type, count(p.person) - 1 AS n, sum(p.ended_on - p.started_on) AS d
    FROM placements p JOIN cohort c ON c.person = p.person WHERE p.started_on < c.entered_on + 365 GROUP BY p.person, p.placement_type) s GROUP BY 1`

// BenchmarkMeasures times the statements one by one over a synthetic table; HEATWATCH_BENCH_SERVICES sets its size.
func BenchmarkMeasures(b *testing.B) {
	size := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("HEATWATCH_BENCH_SERVICES")); err == nil {
		size = n
	}
	d := measuretest.New(b)
	d.Fill(b, size)
	asof, _ := models.ParseDate("2026-12-31")
	for _, name := range []string{"2024Q3", "2024", "2021-2025"} {
		period, err := models.ParsePeriod(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
			step := map[string]time.Duration{}
			timed := func(what string, do func()) {
				at := time.Now()
				do()
				step[what] += time.Since(at)
			}
			for b.Loop() {
				timed("entries+cohort", func() { d.Cohort(b, period, asof) })
				timed("dimensions", func() { d.Exec(b, measures.CommonFor(measures.Entry())) })
				tes, _ := measures.Lookup("time-to-emergency-service")
				timed("tes", func() { d.Exec(b, tes.SQL) })
				stays := measure(b, "placement-stability")
				stays.Needs = stays.Needs[1:]
				timed("stays", func() { d.Exec(b, measures.CommonFor(stays)) })
				timed("placement", func() { d.Exec(b, stays.SQL) })
				timed("vectors", func() { d.Exact(b) })
				timed("plain", func() {
					rows, err := d.Query(plain)
					if err != nil {
						b.Fatal(err)
					}
					rows.Close()
				})
			}
			for what, took := range step {
				b.ReportMetric(float64(took.Milliseconds())/float64(b.N), what+"-ms")
			}
		})
	}
}

func measure(t testing.TB, id string) measures.Measure {
	t.Helper()
	m, ok := measures.Lookup(id)
	if !ok {
		t.Fatalf("no measure %s", id)
	}
	return m
}
