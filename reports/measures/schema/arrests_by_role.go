package schema

import "heatwatch/privacy"

func arrestsByRole() []privacy.Formula {
	const id = "arrests-by-role"
	victim := privacy.Dim{Key: "party_role", Value: "victim"}
	return []privacy.Formula{
		count(id, "persons", "persons", "victims", "", victim),
		count(id, "persons", "persons", "victim_offenses", "offense", victim),
		count(id, "persons", "persons", "accused", "party_role"),
		count(id, "persons", "persons", "accused_offenses", "party_role:offense"),
		// Of 300 minors and 250 accused of a year, 75 minors are expected to be arrested as victims.
		{Measure: id, Statistic: "share_victims", Unit: "share", Vector: id + ".victims", WithVector: id + ".accused", Form: privacy.FormPart, High: 1,
			Expect: privacy.Expect{Value: 0.23, Below: 1.08}},
		shareOf(id, "share_released_to_services", "victims", 0.5, 0.85, []string{"released_to_services"}, "released_to_services", "other"),
	}
}
