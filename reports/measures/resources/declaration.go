// Package resources declares the measure resources: what the network has built, in public facts that are about nobody.
package resources

import (
	_ "embed"

	"heatwatch/models"
	"heatwatch/reports/measures/declare"
)

//go:embed vectors.sql
var vectors string

// Measure is the declaration.
func Measure() declare.Measure {
	d := models.Dictionary()
	return declare.Measure{
		ID: "resources", Title: "What the network has built", Definition: 1,
		Population: "none",
		Objective:  declare.ObjectiveCoordination,
		Prong:      declare.ProngPolicy,
		Says: "Beds, programmes, policies, protocols, partners and grants of the network, by kind of resource and by programme. Each row " +
			"that a partner sends is a change with the day from which it holds: beds opened are a positive quantity, beds closed a " +
			"negative one. The figure of a period is the sum of all rows that took effect on or before its last day, whenever that was: what " +
			"stands at its end, not what was added in it. A row without a programme is of the programme unknown.",
		Window:   "none: everything that took effect up to the last day of the quarter or year",
		Due:      "14 days after the end of the period, for late rows",
		DueAfter: 14,
		Bounds: "none: a row is a public fact, not a person; its quantity is from -1,000,000,000 to 1,000,000,000 by the dictionary, " +
			"and a sum beyond 2^52 is shown as that",
		Denominator: "Nobody is counted. In are all rows of partners whose agreement lists resources; a number of persons is never sent as a " +
			"resource. There is no total, for beds and dollars do not add up.",
		Source: "the rows as the partners sent them; exact, without noise, and marked as such",
		Differences: "The HUD housing inventory count states beds on one night in January, with those in use; this states beds that the network " +
			"has opened less those it has closed, and never how many are in use, which would be a number of persons.",
		Statistics: []declare.Statistic{
			{Name: "quantity", Unit: "quantity", Says: "the sum of all rows that took effect on or before the period's last day: beds, programmes, " +
				"policies, protocols, partners or US dollars, by the kind of resource; for each programme", By: []string{"resource_type", "program"}, NoTotal: true, From: []string{"quantity"}},
		},
		Vectors: []declare.Vector{
			{Name: "quantity", Says: "a public fact: what stands at the end of the period, by kind of resource and by programme", Encoding: declare.Exact,
				Each: "resource_type", EachValues: d.Values("resources.resource_type"), Cells: declare.Known(d.List("program")),
				SQL: declare.Sections(vectors)["quantity"]},
		},
	}
}
