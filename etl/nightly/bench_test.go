package nightly

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// BenchmarkNight is a county of 20 agencies with 560,000 rows: the first night, one without news, and one with a small
// delta from one agency.
func BenchmarkNight(b *testing.B) {
	for range b.N {
		b.StopTimer()
		var names []string
		for p := range 20 {
			names = append(names, fmt.Sprintf("shelter-%02d", p))
		}
		c := newCounty(b, names...)
		r := rand.New(rand.NewPCG(1, 2))
		rows := 0
		for _, name := range names {
			d := bigDrop(name, r)
			for _, text := range d.files {
				rows += strings.Count(text, "\n") - 1
			}
			c.put(c.home.SFTP(), d)
		}
		b.StartTimer()
		clock := func(unit string) {
			start := time.Now()
			c.run()
			b.ReportMetric(float64(time.Since(start).Milliseconds()), unit)
		}
		clock("ms/first")
		clock("ms/nothing-new")
		c.put(c.home.SFTP(), drop{partner: names[3], name: "more", created: "2026-06-20T00:00:00Z", mode: "delta",
			files: map[string]string{"services": serviceHead + "x1,k1,legal,no,2026-01-01T10:00:00Z\n"}})
		clock("ms/delta")
		b.ReportMetric(float64(rows), "rows")
	}
}

const serviceHead = "service_id,person_key,service_type,emergency,started_at\n"

func bigDrop(partner string, r *rand.Rand) drop {
	const persons, services, stays = 2_000, 20_000, 4_000
	var who, met, served, lived strings.Builder
	who.WriteString("person_key,token_name_dob,gender,birth_year\n")
	met.WriteString("engagement_id,person_key,engaged_at,channel\n")
	served.WriteString(serviceHead)
	lived.WriteString("placement_id,person_key,placement_type,started_on\n")
	day := func() string { return fmt.Sprintf("2025-%02d-%02d", 1+r.IntN(12), 1+r.IntN(28)) }
	for i := range persons {
		fmt.Fprintf(&who, "k%d,%s,female,2008\n", i, token(fmt.Sprint("t", r.IntN(20_000))))
		fmt.Fprintf(&met, "e%d,k%d,%sT09:00:00-07:00,court\n", i, i, day())
	}
	for i := range services {
		fmt.Fprintf(&served, "s%d,k%d,legal,no,%sT10:00:00Z\n", i, r.IntN(persons), day())
	}
	for i := range stays {
		fmt.Fprintf(&lived, "p%d,k%d,group_home,%s\n", i, r.IntN(persons), day())
	}
	return drop{partner: partner, name: "year", created: "2026-06-01T00:00:00Z", files: map[string]string{
		"persons": who.String(), "engagements": met.String(), "services": served.String(), "placements": lived.String()}}
}
