package schema

import "heatwatch/privacy"

func servicesReceived() []privacy.Formula {
	const id = "services-received"
	return []privacy.Formula{persons(id, "persons"), persons(id, "persons_by_type"), persons(id, "persons_by_program")}
}
