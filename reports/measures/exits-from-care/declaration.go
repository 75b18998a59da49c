// Package exitsfromcare declares the measure exits-from-care, beside the SQL that answers it.
package exitsfromcare

import (
	_ "embed"

	"heatwatch/models"
	"heatwatch/reports/measures/declare"
)

var (
	//go:embed exits_from_care.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// ExitReason is the key by which shares are told apart.
const ExitReason = "exit_reason"

// Reasons are the values of exit_reason in the order of the dictionary, unknown last.
func Reasons() []string { return declare.Known(models.Dictionary().Values("placements.exit_reason")) }

// Measure is the declaration.
func Measure() declare.Measure {
	select_ := declare.Sections(vectors)
	return declare.Measure{
		ID: "exits-from-care", Title: "How care ends", Definition: 1,
		Population: "minors",
		Objective:  declare.ObjectiveResidential,
		Prong:      declare.ProngServices,
		Says: "In care, and which rows are one care stay, is as in placement-stability. Care stays are ordered by first day, last day (open " +
			"last), partner and key. The last one in this order with a night in the window is the person's last care stay; if it ended " +
			"before day 365, the person counts, with its exit_reason. A stay of several agencies has the reason of the row that ends last. An open stay is read " +
			"to end at the earliest of the end of the window, the as-of date and the end of what that partner's last drop covers; where " +
			"coverage ends before day 365, it counts as ended, with the reason unknown.",
		Window:   "365 days: the nights from the local date of entry to day 364; an end on day 364 or earlier counts",
		Due:      "379 days after the end of the period of entry: 365 days of follow-up and 14 days for late data",
		DueAfter: 379, WindowDays: 365,
		Bounds: "one reason per person",
		Denominator: "Persons who entered in the period and whose last care stay ended before day 365. Those never in care and those whose " +
			"last care stay goes on are left out. Shares are over known reasons; a missing reason is unknown, and share_unknown is over all " +
			"these persons.",
		Source: "exit reasons follow the AFCARS and HMIS lists of how a stay ends",
		Differences: "The federal permanency indicators follow children removed from home until they are discharged from foster care. " +
			"This measure looks at the end of the last reported stay within a year of the first engagement: a person may be in " +
			"care again later, and planned_move and placement_change are ends of a stay, not of care.",
		Statistics: []declare.Statistic{
			{Name: "persons", Unit: "persons", Says: "persons whose last care stay ended before day 365", From: []string{"reasons"}},
			{Name: "share", Unit: "share", Says: "share of each exit_reason, over known reasons", By: []string{ExitReason}, NoTotal: true, From: []string{"reasons"}},
			{Name: "share_unknown", Unit: "share", Says: "share of these persons whose reason is unknown or missing", From: []string{"reasons"}},
		},
		Vectors: []declare.Vector{{Name: "reasons", Eligible: 0.4, Says: "the exit_reason of the last care stay", Encoding: declare.Histogram, Cells: Reasons(),
			Linf: 1, SQL: select_["reasons"]}},
		Needs: []string{"covered_stays", "care_stays"},
		SQL:   answers, Table: "exits_from_care",
	}
}
