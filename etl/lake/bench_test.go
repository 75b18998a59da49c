package lake

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// BenchmarkBuild folds a snapshot and a delta of 20 partners. rows/s counts the rows that are loaded; `again` is the same
// call when nothing is new.
func BenchmarkBuild(b *testing.B) {
	const partners, persons, services = 20, 5_000, 50_000
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
		b.ReportMetric(float64(rows)/time.Since(start).Seconds(), "rows/s")
		start = time.Now()
		if _, changed, err := Build(ctx, c.config()); err != nil || changed {
			b.Fatal(err, changed)
		}
		b.ReportMetric(time.Since(start).Seconds()*1000, "ms/again")
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
