package schema

import (
	"heatwatch/privacy"
	"heatwatch/reports/measures/screening"
)

func screeningLevels() []privacy.Formula {
	const id = "screening"
	all := []privacy.Formula{{Measure: id, Statistic: "share_screened", Unit: "share", Vector: id + ".screened", Form: privacy.FormSigned, High: 1,
		Expect: privacy.Expect{Value: 0.73}}}
	for _, vector := range []string{id + ".levels", id + ".levels_by_kind"} {
		all = append(all, privacy.Formula{Measure: id, Statistic: "persons", Unit: "persons", Vector: vector, Form: privacy.FormCount})
		for _, level := range screening.Levels() {
			all = append(all, privacy.Formula{Measure: id, Statistic: "share_" + level, Unit: "share", Vector: vector, Form: privacy.FormShare, Cells: []string{level},
				High: 1, Expect: privacy.Expect{Value: 1.0 / 3}})
		}
	}
	return all
}
