package schema

import "heatwatch/privacy"

func referralsConnected() (all []privacy.Formula) {
	const id = "referrals-connected"
	for _, among := range []string{"", "_by_type"} {
		all = append(all,
			persons(id, "persons"+among),
			mean(id, "share_service_7d", "share", "followed"+among, 0.6),
			mean(id, "share_reported_connected", "share", "connected"+among, 0.55),
			unknown(id, "connected"+among, 0.2, "attribute", "outcome"),
		)
	}
	return all
}
