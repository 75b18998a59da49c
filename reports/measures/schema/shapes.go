package schema

import "heatwatch/privacy"

// persons counts everybody in a vector once.
func persons(measure, vector string) privacy.Formula {
	return privacy.Formula{Measure: measure, Statistic: "persons", Unit: "persons", Vector: vector, Form: privacy.FormCount}
}

// share is a share of everybody in a vector: of some cells, or by yes and no.
func share(measure, statistic, vector string, form privacy.Form, expect float64, cells ...string) privacy.Formula {
	return privacy.Formula{Measure: measure, Statistic: statistic, Unit: "share", Vector: vector, Form: form, Cells: cells, High: 1,
		Expect: privacy.Expect{Value: expect}}
}
