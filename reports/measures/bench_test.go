package measures_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"heatwatch/models"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/measuretest"
)

// headline are the vectors that a yearly release of both measures sums.
var headline = []string{"entry.heads", "entry.heads/age_band", "time-to-emergency-service.within_24h", "time-to-emergency-service.curve",
	"time-to-emergency-service.within_24h/gender", "placement-stability.two_or_fewer", "placement-stability.moves", "placement-stability.days",
	"placement-stability.eligible/placement_type", "placement-stability.two_or_fewer_eligible/age_band", "placement-stability.cfsr_moves",
	"placement-stability.cfsr_days", "placement-stability.cfsr_eligible"}

// BenchmarkBounds times the exact cells of both measures, from the lake's relations to the sums, with the bounds of the
// definition and of a release (one cell of a person by smallest hash, values clamped) and without any, on the same rows.
// HEATWATCH_BENCH_SERVICES sets the number of service rows.
func BenchmarkBounds(b *testing.B) {
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
		b.Run(name, func(b *testing.B) {
			var wall, cpu [2]time.Duration
			for b.Loop() {
				for i, cells := range []func(measures.Vector) string{unbounded, bounded} {
					at, used := time.Now(), processTime()
					d.Prepare(b, period, asof)
					for _, v := range headline {
						_, vector, _ := measures.LookupVector(v)
						d.Exec(b, cells(vector))
					}
					wall[i] += time.Since(at)
					cpu[i] += processTime() - used
				}
			}
			n := float64(b.N)
			b.ReportMetric(wall[0].Seconds()/n, "wall-without")
			b.ReportMetric(wall[1].Seconds()/n, "wall-with")
			b.ReportMetric(cpu[0].Seconds()/n, "cpu-without")
			b.ReportMetric(cpu[1].Seconds()/n, "cpu-with")
			b.ReportMetric(cpu[1].Seconds()/cpu[0].Seconds(), "ratio")
		})
	}
}

func unbounded(v measures.Vector) string {
	free := strings.NewReplacer("least(p.moves, 5)", "p.moves", "least(p.cfsr_moves, 5)", "p.cfsr_moves",
		"least(greatest(p.days, 8), 365)", "p.days", "least(greatest(p.cfsr_days, 0), 365)", "p.cfsr_days").Replace(v.SQL)
	return "SELECT v.cell, sum(v.value) AS value FROM (" + free + ") v GROUP BY v.cell"
}

func bounded(v measures.Vector) string {
	linf := strconv.FormatInt(v.Linf, 10)
	return "SELECT c.kept.cell AS cell, sum(greatest(-" + linf + ", least(" + linf + ", c.kept.value))) AS value FROM (" +
		"SELECT v.person, arg_min(struct_pack(cell := v.cell, value := v.value), hash(v.person, v.cell)) AS kept FROM (" + v.SQL + ") v GROUP BY v.person) c GROUP BY c.kept.cell"
}
