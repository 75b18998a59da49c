package privacy

import (
	"context"
	"fmt"

	"heatwatch/models"
)

// PlainSums runs the statements of a release's due date with every aggregate as it would be without bounds: no one
// looks how much a person contributes. It is the reference of BenchmarkBounds.
func (h *House) PlainSums(eng Engine, period models.Period, due models.Date) error {
	ctx := context.Background()
	s := h.Schema
	err := run(ctx, eng, append([]string{fmt.Sprintf("CREATE OR REPLACE TEMP TABLE params AS SELECT DATE '1970-01-01' + %d AS asof", due)}, s.Entries...)...)
	if err != nil {
		return err
	}
	query := fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE cohort AS SELECT e.person, e.entered_at, e.entered_on, e.agency, e.agency_kind, e.channel, e.setting, e.age_band, e.age
FROM entries e WHERE e.entered_on BETWEEN DATE '1970-01-01' + %d AND DATE '1970-01-01' + %d`, period.First(), period.Last())
	if err := run(ctx, eng, query); err != nil {
		return err
	}
	ms, err := persons{eng: eng}.members(ctx) // the freeze costs the same with and without bounds
	if err != nil {
		return err
	}
	if _, err := h.register().StageCohort("minors", period, ms); err != nil {
		return err
	}
	built := map[string]bool{}
	items := h.Plan.DueOn(period, due)
	var measures []string
	for _, it := range items {
		if !built[it.Measure] {
			built[it.Measure] = true
			measures = append(measures, it.Measure)
		}
	}
	if err := run(ctx, eng, s.Relations(measures)...); err != nil {
		return err
	}
	for _, m := range measures {
		if err := run(ctx, eng, s.Build[m]...); err != nil {
			return err
		}
	}
	for _, it := range items {
		v := s.Vectors[it.Vector]
		q := "SELECT v.cell, sum(v.value) FROM (" + v.SQL + ") v GROUP BY v.cell"
		if it.By != "" {
			d, _ := s.Dimension(v.Measure, it.By)
			q = "SELECT d.value || ':' || v.cell, sum(v.value) FROM (" + v.SQL + ") v JOIN (" + d.SQL + ") d USING (person) GROUP BY 1"
		}
		if err := run(ctx, eng, q); err != nil {
			return err
		}
	}
	return nil
}
