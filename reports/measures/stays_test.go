package measures_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heatwatch/models"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/measuretest"
)

// TestNightsAndSpells compares residential care and running away with the rules carried out night by night. Agencies 1 to 4
// stopped reporting on day 21 + n, agency 5 covers everything.
func TestNightsAndSpells(t *testing.T) {
	d := measuretest.New(t)
	asof, _ := models.ParseDate("2026-12-31")
	period, _ := models.ParsePeriod("2025")
	d.Exec(t, `INSERT INTO agencies SELECT range + 1, 'agency-' || range, 'other' FROM range(5);
INSERT INTO coverage SELECT range + 1, 'placements', DATE '2020-01-01', CASE WHEN range = 4 THEN DATE '2027-01-01' ELSE DATE '2025-01-31' + (range + 1)::INTEGER END
FROM range(5);
`+engaged)
	d.Cohort(t, period, asof)
	ms := []measures.Measure{measure(t, "long-term-residential-care"), measure(t, "runaway-episodes")}
	rapid.Check(t, func(rt *rapid.T) {
		var rows []stayRow
		for p := 1; p <= 39; p++ {
			for i := range rapid.IntRange(0, 7).Draw(rt, "number") {
				r := stayRow{person: p, id: fmt.Sprintf("k%02d", i), reason: -1,
					agency: rapid.IntRange(1, 5).Draw(rt, "agency"), kind: rapid.SampledFrom([]int{0, 2, 3, 3, 4, 12, 12}).Draw(rt, "kind"),
					start: rapid.SampledFrom([]int{-5, 0, 0, 20, 200, 355}).Draw(rt, "near") + rapid.IntRange(0, 12).Draw(rt, "start")}
				r.end = r.start + rapid.SampledFrom([]int{0, 1, 2, 5, 9, 30, 90, 200}).Draw(rt, "nights")
				r.open = rapid.IntRange(0, 5).Draw(rt, "open") == 0
				rows = append(rows, r)
			}
		}
		for day := range 400 { // one person of 400 rows
			rows = append(rows, stayRow{person: 40, id: fmt.Sprintf("k%03d", day), agency: 1 + day%5, kind: []int{3, 12}[day/200], start: day, end: day + 1, reason: -1})
		}
		load(t, d, rows)
		d.Tables(t, ms...)
		got := lines(t, d, `SELECT concat_ws(' ', l.person, l.nights, coalesce(l.spell_days, 0), l.has_left, r.days)
FROM long_term_residential_care l JOIN runaway_episodes r ON r.person = l.person ORDER BY l.person`)
		for p := 1; p <= 40; p++ {
			if want := nightByNight(rows, p); got[p-1] != want {
				rt.Errorf("person, nights, days of the spell, left, days away: %s, want %s", got[p-1], want)
				rt.Logf("rows %+v", slices.DeleteFunc(slices.Clone(rows), func(r stayRow) bool { return r.person != p }))
			}
		}
		if !strings.HasPrefix(got[39], "40 200 200 true 60") {
			rt.Errorf("400 rows: %s", got[39])
		}
	})
}

// nightByNight is what one person's year in residential care and on the run was.
func nightByNight(rows []stayRow, person int) string {
	residential, cut, away := map[int]bool{}, map[int]bool{}, map[int]bool{}
	first, nights := -1, 0
	for _, r := range rows {
		if r.person != person {
			continue
		}
		until := r.end
		if r.open {
			until = 365
			if r.agency < 5 {
				until = 21 + r.agency
			}
		}
		for night := max(0, r.start); night < until; night++ {
			switch r.kind {
			case 3, 4:
				residential[night] = true
				if r.open && night == until-1 {
					cut[until] = true
				}
			case 12:
				if night < 365 {
					away[night] = true
				}
			}
		}
	}
	for night := range 365 {
		if residential[night] {
			nights++
			if first < 0 {
				first = night
			}
		}
	}
	days, left := 0, false
	if first >= 0 {
		end := first
		for residential[end] || residential[end+1] {
			end++
		}
		days, left = min(end, 365)-first, end < 365 && !cut[end]
	}
	return fmt.Sprint(person, " ", nights, " ", days, " ", left, " ", min(len(away), 60))
}
