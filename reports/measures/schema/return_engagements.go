package schema

import "heatwatch/privacy"

func returnEngagements() []privacy.Formula {
	const id = "return-engagements"
	return []privacy.Formula{
		persons(id, "entry.heads"),
		share(id, "share_police_contact", id+".police_contact", privacy.FormSigned, 0.3),
	}
}
