package schema

import "heatwatch/privacy"

// count is a number of persons or events, in total or, with per, for each cell: by {per: cell}.
func count(measure, statistic, unit, vector, per string, by ...privacy.Dim) privacy.Formula {
	return privacy.Formula{Measure: measure, Statistic: statistic, Unit: unit, Vector: measure + "." + vector, Form: privacy.FormCount, Per: per, By: by}
}

// shareOf is some cells of a histogram over `of` (all of them, where none is named), which are expected to hold so many
// of the vector's persons (0: all).
func shareOf(measure, statistic, vector string, expect, below float64, cells []string, of ...string) privacy.Formula {
	return privacy.Formula{Measure: measure, Statistic: statistic, Unit: "share", Vector: measure + "." + vector, Form: privacy.FormShare, Cells: cells, Of: of,
		High: 1, Expect: privacy.Expect{Value: expect, Below: below}}
}
