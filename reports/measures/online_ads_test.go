package measures_test

import (
	"fmt"
	"strings"
	"testing"

	"heatwatch/models"
	"heatwatch/reports/measures/measuretest"
)

// adsOf makes one row for each "AREA DATE ADS" of a profile; noon UTC is the same day in the county.
func adsOf(t *testing.T, d *measuretest.DB, person int, rows ...string) {
	t.Helper()
	d.Exec(t, fmt.Sprintf("INSERT INTO people (person, population, pseudonym, measured) SELECT %[1]d, 'profiles', unhex(md5('%[1]d')), true WHERE NOT EXISTS (FROM people p WHERE p.person = %[1]d)", person))
	for i, r := range rows {
		f := strings.Fields(r)
		d.Exec(t, fmt.Sprintf("INSERT INTO ad_snapshots BY NAME SELECT 1 AS agency, %d AS person, 's%d' AS snapshot_id, 'u%d' AS profile_key, TIMESTAMP '%s 20:00' AS window_start, DATE '%s' AS window_start_on, code('ad_snapshots.area', '%s') AS area, %s AS ads",
			person, i, person, f[1], f[1], f[0], f[2]))
	}
}

// A profile in every area counts in one, the same one for both vectors and in every quarter; which one depends on the
// profile, not on its place in the list.
func TestAProfileCountsInOneArea(t *testing.T) {
	d := measuretest.New(t)
	areas := models.Dictionary().Values("ad_snapshots.area")
	const profiles = 120
	for p := 1; p <= profiles; p++ {
		var rows []string
		for i, a := range areas {
			rows = append(rows, fmt.Sprintf("%s 2026-0%d-01 %d", a, 7+i%2, 1+i), fmt.Sprintf("%s 2026-04-01 1", a))
		}
		adsOf(t, d, p, rows...)
	}
	in := func(period string) map[string]int64 {
		q, err := models.ParsePeriod(period)
		if err != nil {
			t.Fatal(err)
		}
		d.PrepareFor(t, "online-ads.profiles", q, q.Last().AddDays(15))
		return d.Cells(t, "online-ads.profiles")
	}
	now := in("2026Q3")
	ads := d.Cells(t, "online-ads.ads")
	var all int64
	for i, a := range areas {
		n := now[a+":profiles"]
		if all += n; n < profiles/6/3 || n > profiles/6*3 {
			t.Errorf("%d of %d profiles count in %s", n, profiles, a)
		}
		if got := ads[a+":s"]; got != n*int64(2*(1+i)-11) {
			t.Errorf("%s: %d half ads of %d profiles: another choice than theirs", a, got, n)
		}
	}
	if all != profiles {
		t.Errorf("%d of %d profiles count", all, profiles)
	}
	if before := in("2026Q2"); fmt.Sprint(before) != fmt.Sprint(now) {
		t.Errorf("in the quarter before %v, now %v", before, now)
	}
}

// 400 rows of one profile are one profile, and one of many a quarter is in eight of them.
func TestAProfileIsInEightQuarters(t *testing.T) {
	d := measuretest.New(t)
	var rows []string
	for day := range 400 {
		rows = append(rows, fmt.Sprintf("oakland %s %d", models.Date(20089).AddDays(day*7), day)) // weekly from 2025-01-01
	}
	adsOf(t, d, 1, rows...)
	for q, n := models.QuarterOf(models.Date(20089)), 1; n <= 12; q, n = q.Next(), n+1 {
		d.PrepareFor(t, "online-ads.profiles", q, q.Last().AddDays(15))
		got, calendar := d.Cells(t, "online-ads.profiles"), d.Cells(t, "online-ads.calendar")
		if want := int64(min(1, max(0, 9-n))); got["oakland:profiles"] != want || calendar["oakland:day"] < 1 || calendar["oakland:day"] > 7 {
			t.Errorf("%s, the profile's quarter %d: %v, calendar %v", q, n, got, calendar)
		}
	}
}
