// Package arrestsbyrole declares the measure arrests-by-role, beside the SQL that answers it.
package arrestsbyrole

import (
	_ "embed"

	"heatwatch/models"
	"heatwatch/reports/measures/declare"
)

var (
	//go:embed arrests_by_role.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Accused are the roles of the population accused.
func Accused() []string { return []string{"exploiter", "purchaser"} }

// Measure is the declaration.
func Measure() declare.Measure {
	select_ := declare.Sections(vectors)
	offenses := models.Dictionary().Values("arrests.offense")
	ofVictims := declare.Vector{Linf: 1, Population: "minors", Activity: select_["days_of_victims"], First: 2, Encoding: declare.Histogram}
	ofAccused := declare.Vector{Linf: 1, Population: "accused", Activity: select_["days_of_accused"], First: 3, Encoding: declare.Histogram, L0: 2}
	vector := func(v declare.Vector, name, says string, cells []string) declare.Vector {
		v.Name, v.Says, v.Cells, v.SQL = name, says, cells, select_[name]
		return v
	}
	victims := vector(ofVictims, "victims", "whether a victim arrested in the period was released to services, at any arrest of it",
		[]string{"released_to_services", "other", "unknown"})
	victims.Eligible = 0.25
	victimOffenses := vector(ofVictims, "victim_offenses", "the offenses of a victim's arrests, at most two", offenses)
	victimOffenses.L0 = 2
	return declare.Measure{
		ID: "arrests-by-role", Title: "Who is arrested", Definition: 1,
		Population: "accused",
		Objective:  declare.ObjectivePrevention,
		Prong:      declare.ProngProsecute,
		Says: "Persons arrested in the period (local date of the arrest), by the role in which they were arrested: victim, exploiter or " +
			"purchaser, and by role and offense. However often a person was arrested, the person counts once in each role, " +
			"and once for each role and offense, for two such pairs at most. Victims are of the population of minors, exploiters and " +
			"purchasers of that of accused persons. Files of the two are never linked, so that somebody arrested in both ways is in " +
			"both. share_victims divides released figures: victims by persons of all three roles together. A victim was " +
			"released to services if any arrest of the period says so; a disposition that nobody stated is unknown, and a victim " +
			"of whose arrests none has a disposition is left out of that share.",
		Window:   "a calendar quarter or year of arrests",
		Due:      "14 days after the end of the period, for late data",
		DueAfter: 14,
		Bounds: "at most two pairs of role and offense of one person count; victims are counted in the first two, exploiters and purchasers in " +
			"the first three calendar years in which they were arrested, by their own records",
		Denominator: "Linked persons with an arrest in the period that a partner reported; arrests beyond a person's first calendar years of " +
			"arrest (two of a victim, three of an exploiter or purchaser) are left out, and so are persons identified but not arrested.",
		Source: "the programme's question whether victims are arrested while exploiters and purchasers are not; no national standard defines this figure",
		Differences: "Arrest statistics such as NIBRS count arrests; this measure counts persons, by the role that the partner gave them. " +
			"California does not arrest minors for solicitation or loitering (Senate Bill 1322): such rows stand as partners sent them.",
		Statistics: []declare.Statistic{
			{Name: "persons", Unit: "persons", Says: "persons arrested, by role, and by role and offense together", By: []string{"party_role", "offense"}, NoTotal: true,
				From: []string{"victims", "victim_offenses", "accused", "accused_offenses"}},
			{Name: "share_victims", Unit: "share", Says: "victims as a share of the persons arrested in all three roles, from the released numbers of both populations",
				From: []string{"victims", "accused"}},
			{Name: "share_released_to_services", Unit: "share", Says: "of the victims with a known disposition, the share released to services at any arrest of the period",
				From: []string{"victims"}},
		},
		Vectors: []declare.Vector{
			victims, victimOffenses,
			vector(ofAccused, "accused", "once in each role in which an accused person was arrested", Accused()),
			vector(ofAccused, "accused_offenses", "the roles and offenses of an accused person's arrests, at most two", declare.Crossed(Accused(), offenses)),
		},
		SQL: answers, Table: "arrests_by_role",
	}
}
