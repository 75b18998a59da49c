package schema

import (
	"heatwatch/privacy"
	outcome "heatwatch/reports/measures/outcome-change"
)

func outcomeChange() []privacy.Formula {
	const id = "outcome-change"
	var all []privacy.Formula
	for _, domain := range outcome.Domains() {
		class, change := id+"."+outcome.Class(domain), id+"."+outcome.Change(domain)
		for _, f := range []privacy.Formula{
			{Statistic: "persons", Unit: "persons", Vector: class, Form: privacy.FormCount, Cells: outcome.Measured()},
			{Statistic: "persons_without_follow_up", Unit: "persons", Vector: class, Form: privacy.FormCount, Cells: []string{outcome.Lost}},
			{Statistic: "share_improved", Unit: "share", Vector: class, Form: privacy.FormShare, Cells: []string{"improved"}, Of: outcome.Measured(), High: 1, Expect: privacy.Expect{Value: 1.0 / 3}},
			{Statistic: "share_worsened", Unit: "share", Vector: class, Form: privacy.FormShare, Cells: []string{"worsened"}, Of: outcome.Measured(), High: 1, Expect: privacy.Expect{Value: 0.2}},
			{Statistic: "mean_change", Unit: "points", Vector: change, Form: privacy.FormMean, Step: 1, Low: -2, High: 2, Expect: privacy.Expect{Value: 0.4}},
		} {
			f.Measure, f.By = id, []privacy.Dim{{Key: "domain", Value: domain}}
			all = append(all, f)
		}
	}
	return all
}
