package schema

import "heatwatch/privacy"

func caseManagement() []privacy.Formula {
	const id = "case-management-continuity"
	return []privacy.Formula{
		persons(id, "persons"),
		yesNo(id, "share_contact_every_block", "contact_every_block", 0.6),
		yesNo(id, "share_in_person_every_block", "in_person_every_block", 0.5),
		yesNo(id, "share_coordinated", "coordinated", 0.6),
		yesNo(id, "share_plan_in_place", "plan_in_place", 0.7),
		unknown(id, "plan_in_place", 0.2, "flag", "plan_in_place"),
		mean(id, "contacts_per_month", "per_month", "contact_rate", 3.5),
	}
}
