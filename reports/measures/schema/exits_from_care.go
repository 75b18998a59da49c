package schema

import (
	"heatwatch/privacy"
	exits "heatwatch/reports/measures/exits-from-care"
)

func exitsFromCare() []privacy.Formula {
	const id = "exits-from-care"
	const reasons = id + ".reasons"
	known := exits.Reasons()
	known = known[:len(known)-1]
	each := share(id, "share", reasons, privacy.FormShare, 0.15, known...)
	each.Per, each.Of, each.Expect.Below = exits.ExitReason, known, 0.9
	unknown := share(id, "share_unknown", reasons, privacy.FormShare, 0.1, "unknown")
	return []privacy.Formula{persons(id, reasons), each, unknown}
}
