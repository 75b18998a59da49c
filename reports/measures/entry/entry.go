// Package entry declares the head count of an entry cohort, measured once and shared by every entry measure.
package entry

import (
	_ "embed"

	"heatwatch/reports/measures/declare"
)

//go:embed vectors.sql
var vectors string

// Measure is no measure of its own page: it holds the vector that the entry measures share.
func Measure() declare.Measure {
	by := []string{declare.AgencyKind, declare.Channel, declare.AgeBand, declare.Gender, declare.RaceEthnicity}
	return declare.Measure{
		ID: "entry", Title: "Persons who entered", Definition: 1, Population: "minors",
		Says: "A person enters with the first engagement at any agency, and belongs to the quarter and year of its local date. " +
			"A person with no engagement is in no cohort.",
		Window: "the period of entry", Due: "14 days after the end of the period", DueAfter: 14,
		Bounds:      "one entry per person",
		Denominator: "Persons whose first engagement lies in the period; persons never engaged are left out.",
		Statistics: []declare.Statistic{{Name: "persons", Unit: "persons", Says: "persons who entered", By: by,
			From: []string{"entry.heads"}}},
		Vectors: []declare.Vector{{Name: "heads", Says: "the person counts once", Encoding: declare.Count,
			Cells: []string{"persons"}, Linf: 1, SQL: declare.Sections(vectors)["heads"], Dimensions: by}},
		Needs: []string{"dimensions"},
		Table: "cohort",
	}
}
