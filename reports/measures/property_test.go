package measures_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heatwatch/models"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/measuretest"
)

// engaged makes 40 persons who entered on 2025-01-10 at 10:00.
const engaged = `INSERT INTO people BY NAME SELECT range + 1 AS person, 'minors' AS population, true AS measured FROM range(40);
INSERT INTO engagements BY NAME SELECT range + 1 AS person, 1 AS agency, 'e' AS engagement_id, TIMESTAMP '2025-01-10 18:00:00' AS engaged_at,
    DATE '2025-01-10' AS engaged_at_on, 15 AS age FROM range(40);`

// TestMergingIsSequential compares the stays that SQL makes with the rule carried out row by row.
func TestMergingIsSequential(t *testing.T) {
	d := measuretest.New(t)
	asof, _ := models.ParseDate("2026-12-31")
	period, _ := models.ParsePeriod("2025")
	d.Exec(t, `INSERT INTO agencies SELECT range + 1, 'agency-' || range, 'other' FROM range(5);
INSERT INTO coverage SELECT range + 1, 'placements', DATE '2020-01-01', DATE '2025-01-31' + (range + 1)::INTEGER FROM range(5);
`+engaged)
	d.Cohort(t, period, asof)
	rapid.Check(t, func(rt *rapid.T) {
		var rows []stayRow
		const persons = 40
		for p := 1; p <= persons; p++ {
			for i := range rapid.IntRange(0, 9).Draw(rt, "number") {
				r := stayRow{person: p, id: fmt.Sprintf("k%02d", i),
					agency: rapid.IntRange(1, 5).Draw(rt, "agency"), kind: rapid.SampledFrom([]int{0, 3, 3, 3, 12}).Draw(rt, "kind"),
					start:  rapid.IntRange(-5, 40).Draw(rt, "start"),
					reason: rapid.SampledFrom([]int{-1, -1, -1, 0, 1, 2}).Draw(rt, "reason")}
				r.end = r.start + rapid.IntRange(0, 12).Draw(rt, "nights")
				r.open = rapid.IntRange(0, 7).Draw(rt, "open") == 0
				rows = append(rows, r)
			}
		}
		load(t, d, rows)
		d.Exec(t, measures.CommonFor(measures.Measure{Needs: []string{"covered_stays", "care_stays"}}))
		got := map[string]bool{}
		for _, line := range lines(t, d, `SELECT concat_ws(' ', s.person, s.agency, s.placement_id, s.started_on - DATE '2025-01-10', s.until - DATE '2025-01-10',
    coalesce(s.exit_reason::INTEGER, -1), s.open) FROM care_stays s`) {
			got[line] = true
		}
		want := map[string]bool{}
		for p := 1; p <= persons; p++ {
			for _, s := range merge(rows, p) {
				want[s] = true
			}
		}
		for s := range want {
			if !got[s] {
				rt.Logf("rows %+v", slices.DeleteFunc(slices.Clone(rows), func(r stayRow) bool { return !strings.HasPrefix(s, fmt.Sprint(r.person, " ")) }))
				rt.Logf("SQL %v", slices.DeleteFunc(slices.Collect(maps.Keys(got)), func(l string) bool { return strings.Fields(l)[0] != strings.Fields(s)[0] }))
				rt.Fatalf("no stay %s in SQL", s)
			}
		}
		if len(got) != len(want) {
			rt.Errorf("%d stays in SQL, %d by the rule", len(got), len(want))
		}
	})
}

type stayRow struct {
	person, agency, kind int
	id                   string
	start, end, reason   int // days from 2025-01-10; reason -1: none
	open                 bool
}

// until is the day to which the row is read: coverage of agency n ends on 2025-02-0n, day 21 + n.
func (r stayRow) until() int {
	if r.open {
		return max(r.start, 21+r.agency)
	}
	return r.end
}

func (r stayRow) exit() int {
	if r.open {
		return -1
	}
	return r.reason
}

func load(t *testing.T, d *measuretest.DB, rows []stayRow) {
	t.Helper()
	var b strings.Builder
	b.WriteString("DELETE FROM placements;")
	if len(rows) > 0 {
		b.WriteString("INSERT INTO placements (person, agency, placement_id, placement_type, started_on, ended_on, exit_reason) VALUES ")
	}
	for i, r := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		end, reason := fmt.Sprintf("DATE '2025-01-10' + (%d)", r.end), "NULL"
		if r.open {
			end = "NULL"
		}
		if r.reason >= 0 {
			reason = fmt.Sprint(r.reason)
		}
		fmt.Fprintf(&b, "(%d, %d, '%s', %d, DATE '2025-01-10' + (%d), %s, %s)",
			r.person, r.agency, r.id, r.kind, r.start, end, reason)
	}
	d.Exec(t, b.String())
}

// follows: b starts 0 or 1 day after a ends, and a did not end with a move.
func follows(a, b stayRow) bool {
	gap := b.start - a.until()
	return gap >= 0 && gap <= 1 && a.exit() != 0 && a.exit() != 1
}

// merge is the rule of the definition, one row after the other, for one person.
func merge(rows []stayRow, person int) (stays []string) {
	var mine []stayRow
	for _, r := range rows {
		if r.person == person && r.kind != 12 { // 12 is runaway: not in care
			mine = append(mine, r)
		}
	}
	const openEnd = 1 << 20
	key := func(r stayRow) []any {
		end := r.until()
		if r.open {
			end = openEnd
		}
		return []any{r.start, end, r.agency, r.id}
	}
	slices.SortFunc(mine, func(a, b stayRow) int {
		for i, x := range key(a) {
			y := key(b)[i]
			if s, ok := x.(string); ok {
				return strings.Compare(s, y.(string))
			}
			if c := x.(int) - y.(int); c != 0 {
				return c
			}
		}
		return 0
	})
	var made [][]stayRow
	for _, r := range mine {
		joined := false
		for i, s := range made {
			own := slices.ContainsFunc(s, func(q stayRow) bool { return q.agency == r.agency })
			touches := slices.ContainsFunc(s, func(q stayRow) bool {
				if q.kind != r.kind || q.agency == r.agency {
					return false
				}
				shares := max(q.start, r.start) < min(q.until(), r.until())
				return shares || follows(q, r) || follows(r, q)
			})
			if touches && !own {
				made[i] = append(made[i], r)
				joined = true
				break
			}
		}
		if !joined {
			made = append(made, []stayRow{r})
		}
	}
	for _, s := range made {
		last, night := s[0], false
		for _, r := range s {
			if r.until() > last.until() {
				last = r
			}
			night = night || r.until() > r.start
		}
		if night {
			stays = append(stays, fmt.Sprintf("%d %d %s %d %d %d %v", person, s[0].agency, s[0].id, s[0].start, last.until(), last.exit(), last.open))
		}
	}
	return stays
}

// TestMinimumNeedsNoMerging compares the answer taken from rows with the one taken from merged services.
func TestMinimumNeedsNoMerging(t *testing.T) {
	d := measuretest.New(t)
	asof, _ := models.ParseDate("2026-12-31")
	period, _ := models.ParsePeriod("2025")
	d.Exec(t, `INSERT INTO agencies SELECT range + 1, 'agency-' || range, 'other' FROM range(3);
`+engaged)
	d.Cohort(t, period, asof)
	rapid.Check(t, func(rt *rapid.T) {
		var b strings.Builder
		b.WriteString("DELETE FROM services; INSERT INTO services (person, agency, service_id, service_type, emergency, started_at, started_at_on, started_precision) VALUES (0, 1, 'nobody', 0, 0, NULL, NULL, NULL)")
		for p := 1; p <= 40; p++ {
			for i := range rapid.IntRange(0, 8).Draw(rt, "rows") {
				hours := rapid.SampledFrom([]int{-3, -2, -1, 0, 1, 5, 13, 30, 31, 80, 100, 300}).Draw(rt, "hours")
				at := fmt.Sprintf("TIMESTAMP '2025-01-10 18:00:00' + to_hours(%d)", hours)
				fmt.Fprintf(&b, ", (%d, %d, 's%d', %d, %d, %s, CAST(%s - INTERVAL 8 HOUR AS DATE), %s)",
					p, rapid.IntRange(1, 3).Draw(rt, "agency"), i, rapid.IntRange(0, 1).Draw(rt, "type"), rapid.IntRange(0, 1).Draw(rt, "emergency"), at, at,
					rapid.SampledFrom([]string{"NULL", "0", "1", "1"}).Draw(rt, "precision"))
			}
		}
		d.Exec(t, b.String())
		d.Exec(t, measures.CommonFor(measures.Measure{Needs: []string{"merged_services"}})+measure(t, "time-to-emergency-service").SQL)
		slow := `
WITH t AS (
    SELECT m.person, m.by_day,
           CASE WHEN m.by_day THEN greatest(m.started_at_on - c.entered_on, 1) * 24 * 60 + CASE WHEN m.started_at_on = c.entered_on + 1 THEN 1440 ELSE 0 END
                ELSE greatest(0, datediff('minute', c.entered_at, m.started_at)) END AS minutes
    FROM merged_services m JOIN cohort c ON c.person = m.person
    WHERE m.emergency AND CASE WHEN m.by_day THEN m.started_at_on >= c.entered_on ELSE m.started_at >= c.entered_at - INTERVAL 2 HOUR END
),
b AS (SELECT t.person, t.by_day, (SELECT count(x.edge) FROM (VALUES (60), (240), (720), (1440), (2880), (4320), (10080), (43200)) x(edge) WHERE t.minutes > x.edge) + 1 AS bin
      FROM t WHERE t.minutes <= 43200),
m AS (SELECT b.person, min(2 * b.bin + b.by_day::INTEGER) AS k FROM b GROUP BY b.person)
SELECT concat_ws(' ', c.person, coalesce(m.k // 2, 9), coalesce(m.k % 2, 0) = 1) FROM cohort c LEFT JOIN m ON m.person = c.person ORDER BY ALL`
		fast := `SELECT concat_ws(' ', t.person, t.bin, t.by_day) FROM time_to_emergency_service t ORDER BY ALL`
		if f, s := lines(t, d, fast), lines(t, d, slow); !slices.Equal(f, s) {
			rt.Errorf("from rows %v, from merged services %v", f, s)
		}
	})
}

func lines(t testing.TB, d *measuretest.DB, query string) (all []string) {
	t.Helper()
	rows, err := d.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
