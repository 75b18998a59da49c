package schema

import (
	"fmt"

	"heatwatch/privacy"
	ltc "heatwatch/reports/measures/long-term-residential-care"
)

func longTermResidentialCare() []privacy.Formula {
	const id = "long-term-residential-care"
	const levels = id + ".levels"
	all := []privacy.Formula{
		persons(id, levels), persons(id, "entry.heads"),
		share(id, "share_any", levels, privacy.FormShare, 0.55, "under_90", "90_179", "180_plus"),
		share(id, "share_90_nights", levels, privacy.FormShare, 0.35, "90_179", "180_plus"),
		share(id, "share_180_nights", levels, privacy.FormShare, 0.2, "180_plus"),
	}
	// Of those with a residential night: who leaves and who is last seen, bin by bin.
	retention := privacy.Formula{Measure: id, Unit: "share", Vector: id + ".retention", Form: privacy.FormSurvival, High: 1,
		Expect: privacy.Expect{Cells: []float64{0.18, 0.10, 0.07, 0.12, 0.08, 0.02, 0.02, 0.02, 0.06, 0.33}}}
	for _, e := range ltc.Edges() {
		retention.Edges = append(retention.Edges, float64(e))
		retention.Left = append(retention.Left, ltc.Left(e))
		retention.Censored = append(retention.Censored, ltc.Censored(e))
	}
	for i, s := range []float64{0.82, 0.71, 0.64, 0.5} {
		f := retention
		f.Statistic, f.At, f.Expect.Value = fmt.Sprintf("retention_%dd", ltc.Edges()[i]), retention.Edges[i], s
		all = append(all, f)
	}
	return all
}
