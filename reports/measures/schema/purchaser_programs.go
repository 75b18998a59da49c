package schema

import "heatwatch/privacy"

func purchaserPrograms() []privacy.Formula {
	const id = "purchaser-programs"
	share := func(statistic, vector string, expect float64) privacy.Formula {
		return privacy.Formula{Measure: id, Statistic: statistic, Unit: "share", Vector: id + "." + vector, Form: privacy.FormSigned, High: 1,
			Expect: privacy.Expect{Value: expect}}
	}
	return []privacy.Formula{
		count(id, "persons", "persons", "enrolled", ""),
		share("share_completed_180d", "completed", 0.6),
		share("share_rearrested_365d", "rearrested", 0.2),
	}
}
