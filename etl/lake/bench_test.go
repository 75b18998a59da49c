package lake

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkBuild folds a snapshot and a delta of 20 partners. rows/s counts the rows that are loaded; `again` is the same
// call when nothing is new; late-delta is one of 1,000 rows by one partner, in time and bytes written, to all of it.
func BenchmarkBuild(b *testing.B) {
	partners, persons, services := 20, 5_000, 50_000
	if n, err := strconv.Atoi(os.Getenv("HEATWATCH_BENCH_LAKE")); err == nil { // rows of services of each partner
		persons, services = n/10, n
	}
	c := newCounty(b)
	r := rand.New(rand.NewPCG(1, 2))
	for p := range partners {
		var who, what, more strings.Builder
		who.WriteString("person_key,token_name_dob,gender,birth_year\n")
		for i := range persons {
			fmt.Fprintf(&who, "k%d,%s,female,2008\n", i, token(fmt.Sprint("t", r.IntN(partners*persons/2))))
		}
		head := "service_id,person_key,service_type,emergency,started_at\n"
		what.WriteString(head)
		more.WriteString(head)
		for i := range services {
			line := fmt.Sprintf("s%d,k%d,legal,no,2025-%02d-%02dT10:00:00Z\n", i, r.IntN(persons), 1+r.IntN(12), 1+r.IntN(28))
			what.WriteString(line)
			if i%10 == 0 {
				more.WriteString(line)
			}
		}
		name := fmt.Sprintf("shelter-%02d", p)
		c.land(name, "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{"persons": who.String(), "services": what.String()})
		c.land(name, "d2", "2026-06-02T00:00:00Z", "delta", map[string]string{"services": more.String()})
	}
	var few strings.Builder
	few.WriteString("service_id,person_key,service_type,emergency,started_at\n")
	for i := range 1000 {
		fmt.Fprintf(&few, "late%d,k%d,legal,no,2025-05-01T10:00:00Z\n", i, r.IntN(persons))
	}
	late := few.String()
	b.ResetTimer()
	for range b.N {
		start := time.Now()
		cfg := c.config()
		cfg.Full = true
		m, _, err := Build(ctx, cfg)
		if err != nil {
			b.Fatal(err)
		}
		var rows int64
		for _, f := range m.Files {
			rows += f.Rows
		}
		full, whole := time.Since(start), m.Size()
		b.ReportMetric(float64(rows)/full.Seconds(), "rows/s")
		start = time.Now()
		if _, changed, err := Build(ctx, c.config()); err != nil || changed {
			b.Fatal(err, changed)
		}
		b.ReportMetric(time.Since(start).Seconds()*1000, "ms/again")
		c.land("shelter-07", fmt.Sprintf("late%d", len(c.drops)), "2026-06-03T00:00:00Z", "delta", map[string]string{"services": late})
		start = time.Now()
		next, _, err := Build(ctx, c.config())
		if err != nil {
			b.Fatal(err)
		}
		written := int64(0)
		for _, f := range next.Files {
			if was, ok := m.file(f.Path); !ok || was.SHA256 != f.SHA256 {
				written += f.Bytes
			}
		}
		b.ReportMetric(100*time.Since(start).Seconds()/full.Seconds(), "%time/late-delta")
		b.ReportMetric(100*float64(written)/float64(whole), "%bytes/late-delta")
		start = time.Now()
		s, err := Open(ctx, c.home, Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds()*1000, "ms/open")
		start = time.Now()
		query(b, s, "SELECT count(*) FROM services JOIN people USING (person) WHERE service_type = code('services.service_type', 'legal')")
		b.ReportMetric(time.Since(start).Seconds()*1000, "ms/query")
		s.Close()
	}
}
