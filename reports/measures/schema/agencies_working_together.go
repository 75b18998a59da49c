package schema

import (
	"heatwatch/privacy"
	awt "heatwatch/reports/measures/agencies-working-together"
)

func agenciesWorkingTogether() []privacy.Formula {
	const id = "agencies-working-together"
	const kinds = id + ".kinds"
	all := []privacy.Formula{
		persons(id, kinds), persons(id, "entry.heads"),
		share(id, "share_two_or_more", kinds, privacy.FormShare, 0.6, "2", "3", "4plus"),
		share(id, "share_two_or_more", id+".two_or_more", privacy.FormSigned, 0.6),
		share(id, "share_team_meeting", id+".team_meeting", privacy.FormSigned, 0.6),
	}
	for i, expect := range []float64{0.15, 0.25, 0.3, 0.2, 0.1} {
		all = append(all, share(id, "share_kinds_"+awt.Kinds()[i], kinds, privacy.FormShare, expect, awt.Kinds()[i]))
	}
	return all
}
