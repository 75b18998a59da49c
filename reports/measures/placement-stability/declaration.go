// Package placementstability declares the measure placement-stability, beside the SQL that answers it.
package placementstability

import (
	_ "embed"

	"heatwatch/reports/measures/declare"
)

var (
	//go:embed placement_stability.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// NationalRate is the federal standard for moves per 1,000 days in care, and NationalWords must stand wherever it does.
const (
	NationalRate  = "4.48"
	NationalWords = "first engagement, not removal; not risk-adjusted"
)

// Measure is the declaration.
func Measure() declare.Measure {
	by := []string{declare.AgeBand, declare.RaceEthnicity, declare.Gender, declare.PlacementType}
	cohort := by[:3:3] // a person who is not eligible may have no initial placement
	select_ := declare.Sections(vectors)
	moves := declare.Vector{Name: "moves", Eligible: 0.55, Says: "moves of an eligible person, at most 5, in half moves around 2.5",
		Encoding: declare.CentredSum, Cells: []string{"s"}, Unit: "half moves", Scale: 2, Mid: 5, Low: 0, High: 5, Linf: 5,
		SQL: select_["moves"], Dimensions: by}
	cfsrMoves := moves
	cfsrMoves.Name, cfsrMoves.SQL, cfsrMoves.Eligible = "cfsr_moves", select_["cfsr_moves"], 0.5
	cfsrMoves.Says = "the same, moves up to the end of the calendar year of entry, persons of the federal variant"
	return declare.Measure{
		ID: "placement-stability", Title: "Stability of placements in the first 12 months", Definition: 1,
		Population: "minors",
		Objective:  declare.ObjectiveResidential,
		Prong:      declare.ProngServices,
		Says: "In care means a stay in an emergency shelter, relative home, resource family, group home, residential treatment, " +
			"transitional housing, supportive housing or supervised independent living. Rows of two agencies with the same " +
			"type are one stay if they share a night, or if one starts on the day the other ends or the day after, unless the earlier " +
			"ended with a planned move or a change of placement; rows of one agency are never merged. A merged stay keeps agency " +
			"and site of the earlier row and ends with the row that ends last, with its reason; nights between its rows are not " +
			"days in care. Care stays are ordered by first day, last day (open last), partner and key. The first with a night " +
			"in the window is the initial placement. A later one that starts in the window is a move, unless it is the same " +
			"place as the care stay before it: the same agency and the same site; where either has no site, the same agency and " +
			"type of placement with at most 14 nights between, if the earlier did not end with a planned move or a change of " +
			"placement. Nights elsewhere (home, hospital, detention, runaway) are not moves. Days in care are distinct nights in " +
			"care in the window; a stay covers the night of its first day, not that of its last. An open stay is read to end " +
			"at the earliest of the end of the window, the as-of date and the end of what that partner's last drop covers.",
		Window:   "365 days: the nights from the local date of entry to day 364",
		Due:      "379 days after the end of the period of entry: 365 days of follow-up and 14 days for late data",
		DueAfter: 379, WindowDays: 365,
		Bounds: "at most 5 moves and 365 days of a person count; days are at least 8 by eligibility",
		Denominator: "Persons who entered in the period and spent at least 8 nights in care in their first 365 days; persons " +
			"with fewer nights are left out, those whose stays nobody reported among them. A stay with unknown reason of leaving " +
			"is no planned move.",
		Source: "the programme's grant objective; Child and Family Services Reviews, round 4, statewide data indicator " +
			"Placement stability; share_two_or_fewer follows measure C4.1 of round 2",
		Differences: "The federal indicator is about children removed from home in a 12-month period; this one is about persons at " +
			"their first engagement by the programme, whether removed or not. It looks at 365 days of each person instead of the rest of " +
			"the common period, so it also sees later, calmer months. It adds transitional and supportive housing, takes runaway " +
			"nights out of the days, has no age limit, and treats a return to the same home as no move. Yearly, " +
			"cfsr_moves_per_1000_days comes nearer: persons of this measure whose age at entry is known and under 18, nights and moves only up to 31 " +
			"December of the year of entry, runaway nights between care stays counted as days in care (a night counts if a care " +
			"stay starts after it by 31 December). It is shown beside the national " + NationalRate + " with the words \"" + NationalWords + "\".",
		Statistics: []declare.Statistic{
			{Name: "persons", Unit: "persons", Says: "persons with at least 8 nights in care in the window", By: by, From: []string{"eligible"}},
			{Name: "moves_per_1000_days", Unit: "per_1000_days", Says: "all moves, at most 5 of a person, for each 1,000 days in care",
				By: by, From: []string{"moves", "days", "eligible"}},
			{Name: "share_two_or_fewer", Unit: "share", Says: "share of these persons with at most two placements (moves + 1)", By: by,
				From: []string{"two_or_fewer", "two_or_fewer_eligible"}},
			{Name: "days_per_person", Unit: "days", Says: "mean days in care in the window", By: by, From: []string{"days", "eligible"}},
			{Name: "cfsr_moves_per_1000_days", Unit: "per_1000_days", Level: "year", By: by,
				Says: "moves for each 1,000 days in care up to the end of the calendar year of entry, beside the national " + NationalRate +
					": " + NationalWords, From: []string{"cfsr_moves", "cfsr_days", "cfsr_eligible"}},
		},
		Vectors: []declare.Vector{
			{Name: "eligible", Eligible: 0.55, Says: "1 for a person with at least 8 nights in care", Encoding: declare.Count,
				Cells: []string{"persons"}, Linf: 1, SQL: select_["eligible"], Dimensions: by},
			{Name: "two_or_fewer", Eligible: 0.55, Says: "+1 for at most two placements, -1 for more; persons with under 8 nights in u",
				Encoding: declare.SignedUnknown, Cells: []string{"d", "u"}, Linf: 1, SQL: select_["two_or_fewer"], Dimensions: cohort},
			{Name: "two_or_fewer_eligible", Eligible: 0.55, Says: "the same among eligible persons only", Encoding: declare.Signed,
				Cells: []string{"d"}, Linf: 1, SQL: select_["two_or_fewer_eligible"], Dimensions: by},
			moves,
			{Name: "days", Eligible: 0.55, Says: "days in care of an eligible person around 186", Encoding: declare.CentredSum,
				Cells: []string{"s"}, Unit: "days", Scale: 1, Mid: 186, Low: 8, High: 365, Linf: 179, SQL: select_["days"], Dimensions: by},
			{Name: "cfsr_eligible", Eligible: 0.5, Says: "1 for an eligible person known to be under 18 at entry", Encoding: declare.Count,
				Cells: []string{"persons"}, Linf: 1, SQL: select_["cfsr_eligible"], Dimensions: by},
			cfsrMoves,
			{Name: "cfsr_days", Eligible: 0.5, Says: "days in care up to the end of the calendar year of entry around 183, persons of the federal variant",
				Encoding: declare.CentredSum, Cells: []string{"s"}, Unit: "days", Scale: 1, Mid: 183, Low: 0, High: 365, Linf: 183,
				SQL: select_["cfsr_days"], Dimensions: by},
		},
		// Persons without an initial placement have no placement_type and are in no cell of it.
		Dimensions: []declare.Dimension{{Name: declare.PlacementType, Values: declare.CareTypes(),
			SQL: "SELECT p.person, p.first_type AS value FROM placement_stability p WHERE p.first_type IS NOT NULL"}},
		Needs: []string{"dimensions", "covered_stays", "care_stays"},
		SQL:   answers, Table: "placement_stability",
	}
}
