package schema

import "heatwatch/privacy"

func runawayEpisodes() []privacy.Formula {
	const id = "runaway-episodes"
	return []privacy.Formula{
		persons(id, "entry.heads"),
		share(id, "share_any", id+".any", privacy.FormSigned, 0.3),
		{Measure: id, Statistic: "days_per_person", Unit: "days", Vector: id + ".days", Form: privacy.FormMean, Mid: 30, Step: 1, High: 60,
			Expect: privacy.Expect{Value: 8}},
	}
}
