// Package screening declares the measure screening, beside the SQL that answers it.
package screening

import (
	_ "embed"

	"heatwatch/reports/measures/declare"
)

var (
	//go:embed screening.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Levels are the levels of concern of the CSE-IT, from the lowest.
func Levels() []string { return []string{"no_concern", "possible", "clear"} }

// Measure is the declaration.
func Measure() declare.Measure {
	byKind := []string{declare.AgencyKind}
	select_ := declare.Sections(vectors)
	level := func(name, says string) declare.Statistic {
		return declare.Statistic{Name: name, Unit: "share", Says: says, By: byKind, From: []string{"levels", "levels_by_kind"}}
	}
	return declare.Measure{
		ID: "screening", Title: "CSE-IT levels", Definition: 1,
		Population: "minors",
		Objective:  declare.ObjectiveSafety,
		Prong:      declare.ProngServices,
		Says: "Persons are counted in the quarter or year in which an agency screened them with the Commercial Sexual Exploitation-Identification " +
			"Tool (CSE-IT), engaged or not. The highest score of the person in the period decides: 0 to 3 is no concern, 4 to 8 possible concern, " +
			"9 and over clear concern. By kind of agency, the highest score at agencies of that kind decides, and a person counts once " +
			"at each kind. share_screened is about another population: of the persons who entered in the period (first engagement at any " +
			"agency, local date), those with a screening at any agency from 30 days before the date of entry to 90 days after it, both " +
			"ends included.",
		Window:   "the quarter or year of the screening; for share_screened, day -30 to 90 of the entry",
		Due:      "14 days after the end of the period; share_screened 104 days after the end of the period of entry",
		DueAfter: 14,
		Bounds: "each person has one level in a period; by kind of agency, at most 3 kinds of a person count, chosen by keyed hash; levels " +
			"are about persons in the first two calendar years in which they were screened",
		Denominator: "Persons screened in the period who are in their first or second calendar year with a screening; persons in a later such year are left " +
			"out. share_screened: all persons who entered in the period, those never screened among them. There is no unknown: every " +
			"screening has a score.",
		Source: "the CSE-IT of WestCoast Children's Clinic, with the programme's cut-offs",
		Differences: "The tool rates the level of concern at one screening; this takes the highest of a period, and is no finding of exploitation. The brief " +
			"version of the tool has another scale and is not sent under this name. Published rates of clear concern (about 1 in 10) are of whole " +
			"caseloads screened at once; agencies here choose whom they screen, which share_screened makes visible.",
		Statistics: []declare.Statistic{
			{Name: "persons", Unit: "persons", Says: "persons screened", By: byKind, From: []string{"levels", "levels_by_kind"}},
			level("share_no_concern", "share of persons screened whose highest score is 0 to 3"),
			level("share_possible", "share of persons screened whose highest score is 4 to 8"),
			level("share_clear", "share of persons screened whose highest score is 9 or more"),
			{Name: "share_screened", Unit: "share", Says: "of the persons who entered, the share screened from day -30 to 90", From: []string{"screened"}},
		},
		Vectors: []declare.Vector{
			{Name: "levels", Eligible: 0.73, Says: "the level of the person's highest score of the period", Encoding: declare.Histogram, Cells: Levels(), Linf: 1,
				SQL: select_["levels"], Activity: select_["activity"], First: 2},
			{Name: "levels_by_kind", Eligible: 0.73, Says: "for each kind of agency, the level of the person's highest score of the period there", Encoding: declare.Histogram,
				Each: declare.AgencyKind, EachValues: declare.Values(declare.AgencyKind), Cells: Levels(), Linf: 1, L0: 3,
				SQL: select_["levels_by_kind"], Activity: select_["activity"], First: 2},
			{Name: "screened", Says: "+1 for a person who entered and was screened from day -30 to 90, -1 if not", Encoding: declare.Signed, Cells: []string{"d"}, Linf: 1,
				SQL: select_["screened"], DueAfter: 104},
		},
		SQL: answers, Table: "screening",
	}
}
