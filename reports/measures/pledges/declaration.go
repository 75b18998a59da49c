// Package pledges declares the measure pledges, beside the SQL that answers it.
package pledges

import (
	_ "embed"

	"heatwatch/models"
	"heatwatch/reports/measures/declare"
)

var (
	//go:embed pledges.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Measure is the declaration.
func Measure() declare.Measure {
	select_ := declare.Sections(vectors)
	vector := func(name, encoding, says string, cells []string) declare.Vector {
		return declare.Vector{Name: name, Says: says, Encoding: encoding, Cells: cells, Linf: 1, SQL: select_[name], Events: true}
	}
	return declare.Measure{
		ID: "pledges", Title: "Pledges taken", Definition: 1,
		Population: "pledgers",
		Objective:  declare.ObjectivePrevention,
		Prong:      declare.ProngCommunity,
		Says: "Anonymous pledges taken in the period, in total and by language. The unit is one pledge: somebody who ticks the box twice counts twice, " +
			"and nobody is identified.",
		Window:      "a calendar quarter or year of pledges, by their day",
		Due:         "14 days after the end of the period, for late data",
		DueAfter:    14,
		Bounds:      "a pledge has one language",
		Denominator: "All pledges of the period that a partner reported; nobody is left out, and a pledge that two partners report counts twice.",
		Source:      "the programme's fifth prong; no national standard defines this figure",
		Differences: "It counts pledges, not persons who pledged. The noise protects one pledge, not all pledges of a person: nobody is identified, so no such " +
			"promise can be made.",
		Statistics: []declare.Statistic{{Name: "pledges", Unit: "pledges", Says: "pledges taken", By: []string{"language"}, From: []string{"pledges", "languages"}}},
		Vectors: []declare.Vector{
			vector("pledges", declare.Count, "1 for each pledge", []string{"pledges"}),
			vector("languages", declare.Histogram, "1 for each pledge, by language", models.Dictionary().Values("pledges.language")),
		},
		SQL: answers, Table: "pledges_taken",
	}
}
