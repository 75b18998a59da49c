package schema

import (
	"heatwatch/privacy"
	"heatwatch/reports/measures/prosecutions"
)

func prosecuted() []privacy.Formula {
	const id = "prosecutions"
	filed := func(vector, per string) privacy.Formula { return count(id, "persons_filed", "persons", vector, per) }
	median := privacy.Formula{Measure: id, Statistic: "median_days_to_disposition", Unit: "days", Vector: id + ".days_to_disposition", Form: privacy.FormMedian,
		High: 1460, Expect: privacy.Expect{Value: 240, Cells: []float64{0.05, 0.05, 0.1, 0.2, 0.3, 0.2, 0.1}}}
	for _, e := range prosecutions.Edges() {
		median.Edges = append(median.Edges, float64(e))
	}
	return []privacy.Formula{
		filed("filed", ""), filed("filed_roles", "party_role"), filed("filed_charges", "charge"), filed("filed_charge_groups", "charge_group"),
		filed("filed_roles_and_groups", "party_role:charge_group"),
		count(id, "persons_disposed", "persons", "disposed", ""),
		shareOf(id, "share_convicted_or_pleaded", "disposed", 0.7, 0, []string{"convicted_or_pleaded"}),
		median,
	}
}
