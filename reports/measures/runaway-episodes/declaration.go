// Package runawayepisodes declares the measure runaway-episodes, beside the SQL that answers it.
package runawayepisodes

import (
	_ "embed"

	"heatwatch/reports/measures/declare"
)

var (
	//go:embed runaway_episodes.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Measure is the declaration.
func Measure() declare.Measure {
	select_ := declare.Sections(vectors)
	return declare.Measure{
		ID: "runaway-episodes", Title: "Running away", Definition: 1,
		Population: "minors",
		Objective:  declare.ObjectiveSafety,
		Prong:      declare.ProngServices,
		Says: "An episode is a stay with placement_type runaway, sent by any agency, that has a night in the window. Days are distinct " +
			"nights on the run: a night that two agencies report is one, a stay covers the night of its first day, not that of its last, " +
			"nights before entry do not count, and who is back the same day has no night. An open stay is read to end at the earliest " +
			"of the end of the window, the as-of date and the end of what that partner's last drop covers. Leaving a placement with " +
			"exit_reason ran_away is no episode by itself: nobody then knows for how long.",
		Window:   "365 days: the nights from the local date of entry to day 364",
		Due:      "379 days after the end of the period of entry: 365 days of follow-up and 14 days for late data",
		DueAfter: 379, WindowDays: 365,
		Bounds: "at most 60 days of a person count",
		Denominator: "All persons who entered in the period, those who never ran away and those never in care among them; " +
			"days that nobody reported as running away count as none.",
		Source: "AFCARS and HMIS record running away as a kind of stay; no national indicator sums it",
		Differences: "AFCARS knows runaways from foster care only; this measure takes any reported stay on the run, from care or from home. " +
			"The mean is over the whole cohort, not over those who ran away.",
		Statistics: []declare.Statistic{
			{Name: "persons", Unit: "persons", Says: "persons who entered", From: []string{"entry.heads"}},
			{Name: "share_any", Unit: "share", Says: "share of persons with a night on the run in the window", From: []string{"any"}},
			{Name: "days_per_person", Unit: "days", Says: "mean nights on the run in the window, at most 60 of a person, over all persons", From: []string{"days"}},
		},
		Vectors: []declare.Vector{
			{Name: "any", Says: "+1 for a night on the run, -1 for none", Encoding: declare.Signed, Cells: []string{"d"}, Linf: 1, SQL: select_["any"]},
			{Name: "days", Says: "nights on the run around 30", Encoding: declare.CentredSum, Cells: []string{"s"}, Unit: "days", Scale: 1, Mid: 30, Low: 0, High: 60,
				Linf: 30, SQL: select_["days"]},
		},
		Needs: []string{"covered_stays"},
		SQL:   answers, Table: "runaway_episodes",
	}
}
