package privacy

import (
	"fmt"
	"slices"

	"heatwatch/models"
)

// params is what measures may know of the release: the day as of which records are read, and the period.
func params(period models.Period, asof models.Date) string {
	return fmt.Sprintf("CREATE OR REPLACE TEMP TABLE params AS SELECT DATE '1970-01-01' + %d AS asof, DATE '1970-01-01' + %d AS period_first, DATE '1970-01-01' + %d AS period_last",
		asof, period.First(), period.Last())
}

// membership is who a group of items is about: the cohort of entry, or those who are active in the period.
type membership struct {
	activity string
	item     Item     // the first of them: its level and number of periods are those of all
	measures []string // in the plan's order, each once
	draws    []int
}

// membershipsOf groups the items of a population. The cohort of entry comes first: the others put theirs in its place.
func membershipsOf(s Schema, draws []draw, population string) []membership {
	var all []membership
	for i, d := range draws {
		if d.item.Population != population {
			continue
		}
		activity := s.Vectors[d.item.Vector].Activity
		at := slices.IndexFunc(all, func(m membership) bool {
			return m.activity == activity && (activity == "" || m.item.FirstPeriods == d.item.FirstPeriods && m.item.Level == d.item.Level)
		})
		if at < 0 {
			at = len(all)
			all = append(all, membership{activity: activity, item: d.item})
		}
		m := &all[at]
		if !slices.Contains(m.measures, d.item.Measure) {
			m.measures = append(m.measures, d.item.Measure)
		}
		m.draws = append(m.draws, i)
	}
	slices.SortStableFunc(all, func(a, b membership) int { return min(1, len(a.activity)) - min(1, len(b.activity)) })
	return all
}

// activeCohort is the statement that makes the relation cohort of an activity: persons who were active in the period
// and whose active periods up to it, by their own records, are at most the first K. The periods counted are calendar
// years; for a snapshot quarters, for a span spans. How often anything was released does not matter.
func activeCohort(activity string, it Item, period models.Period) string {
	unit := func(d string) string { return "date_part('year', " + d + ")" }
	switch it.Level {
	case LevelSnapshot:
		unit = func(d string) string { return "(4 * date_part('year', " + d + ") + date_part('quarter', " + d + "))" }
	case models.LevelSpan:
		unit = func(d string) string { return fmt.Sprintf("((date_part('year', %s) - 1) // %d)", d, max(1, it.Years)) }
	}
	day := func(d models.Date) string { return fmt.Sprintf("(DATE '1970-01-01' + %d)", d) }
	return fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE cohort AS
WITH days AS (SELECT a.person, TRY_CAST(a.on_date AS DATE) AS day FROM (%s) a),
active AS (
  SELECT person FROM days WHERE isfinite(day) AND day <= %s GROUP BY person
  HAVING max(day) >= %s AND count(DISTINCT %s) <= %d)
SELECT e.* FROM entries e SEMI JOIN active USING (person)`,
		activity, day(period.Last()), day(period.First()), unit("day"), it.FirstPeriods)
}
