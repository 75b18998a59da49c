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

// ActiveCohort is the statement that makes the relation cohort of a vector's activity in a period, for tests of measures.
// years are those of a span.
func ActiveCohort(s Schema, vector, level string, years int, period models.Period) string {
	v := s.Vectors[vector]
	return activeCohort(v.Activity, Item{Population: s.population(v), Level: level, Years: years, FirstPeriods: v.First}, period)
}

// activeCohort is the statement that makes the relation cohort of an activity: all measured persons, engaged or not, who
// are active in the year of the period and whose active years up to it, by their own records, are at most the first K.
// The years are calendar years; for a snapshot quarters, for a span spans. How often anything was released does not
// matter. Whether a person did anything in a quarter of the year is the measure's own question.
//
// Those active in that year are found first, by its days, so that the years before it are read of them alone.
func activeCohort(activity string, it Item, period models.Period) string {
	unit, now := func(d string) string { return "date_part('year', " + d + ")" }, models.YearOf(period.Last())
	switch it.Level {
	case LevelSnapshot:
		now = models.QuarterOf(period.Last())
		unit = func(d string) string { return "(4 * date_part('year', " + d + ") + date_part('quarter', " + d + "))" }
	case models.LevelSpan:
		n := max(1, it.Years)
		nth := (period.Last().Year() - 1) / n
		now = models.SpanOf(n*nth+1, n*nth+n)
		unit = func(d string) string { return fmt.Sprintf("((date_part('year', %s) - 1) // %d)", d, n) }
	}
	return fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE cohort AS
WITH days AS NOT MATERIALIZED (SELECT a.person, TRY_CAST(a.on_date AS DATE) AS day FROM (%[1]s) a),
now AS (
  SELECT DISTINCT d.person FROM days d SEMI JOIN people p ON p.person = d.person AND p.measured AND p.population = %[6]s
  WHERE d.day BETWEEN DATE '1970-01-01' + %[2]d AND DATE '1970-01-01' + %[3]d),
active AS (
  SELECT d.person FROM days d SEMI JOIN now n ON n.person = d.person WHERE d.day <= DATE '1970-01-01' + %[3]d AND isfinite(d.day)
  GROUP BY d.person HAVING count(DISTINCT %[4]s) <= %[5]d)
SELECT a.person, e.entered_at, e.entered_on, e.agency, e.agency_kind, e.channel, e.setting, e.age_band, e.age
FROM active a LEFT JOIN entries e ON e.person = a.person`, activity, now.First(), now.Last(), unit("d.day"), it.FirstPeriods, sqlText(it.Population))
}
