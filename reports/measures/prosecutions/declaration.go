// Package prosecutions declares the measure prosecutions, beside the SQL that answers it.
package prosecutions

import (
	_ "embed"
	"fmt"

	"heatwatch/models"
	"heatwatch/reports/measures/declare"
)

var (
	//go:embed prosecutions.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Edges are the upper edges of the bins of days from filing to disposition, each inclusive. Nobody is beyond the last.
func Edges() []int { return []int{30, 60, 90, 180, 365, 730, 1460} }

// Groups are the groups of charges: trafficking and labor_trafficking; pimping_pandering; purchase and purchase_of_minor;
// all others.
func Groups() []string { return []string{"trafficking", "pimping", "purchase", "other"} }

// Measure is the declaration.
func Measure() declare.Measure {
	d := models.Dictionary()
	roles := d.Values("prosecutions.party_role")
	select_ := declare.Sections(vectors)
	filed := func(name, says string, cells []string) declare.Vector {
		return declare.Vector{Name: name, Says: says, Encoding: declare.Histogram, Cells: cells, Linf: 1, L0: 2, SQL: select_[name],
			Activity: select_["days_of_filing"], First: 2}
	}
	disposed := func(name, says string, cells []string) declare.Vector {
		return declare.Vector{Name: name, Says: says, Encoding: declare.Histogram, Cells: cells, Linf: 1, SQL: select_[name],
			Activity: select_["days_of_disposal"], First: 2, Eligible: 0.24}
	}
	persons := filed("filed", "1 for a person against whom a case was filed", []string{"persons"})
	persons.Encoding, persons.L0 = declare.Count, 0
	var bins []string
	for _, e := range Edges() {
		bins = append(bins, fmt.Sprintf("%dd", e))
	}
	return declare.Measure{
		ID: "prosecutions", Title: "Cases against exploiters and purchasers", Definition: 1,
		Population: "accused",
		Objective:  declare.ObjectivePrevention,
		Prong:      declare.ProngProsecute,
		Says: "Two groups of persons. Filed: those against whom a case was filed in the period, in total, by role, by charge and by group of " +
			"charges: trafficking (trafficking, labor_trafficking), pimping (pimping_pandering), purchase (purchase, purchase_of_minor) and " +
			"other (all else). Somebody with several cases counts once in each role, charge or group, in two of each kind at most. " +
			"Disposed: those of whom a case was disposed of in the period, by its date of disposition, with a disposition that is known " +
			"and not pending. A person counts as convicted or pleaded if any of these cases ended so. The days to disposition are " +
			"those from filing to disposition of the person's longest of these cases, at most 1,460, in bins of up to 30, 60, 90, " +
			"180, 365, 730 and 1,460 days, each edge inclusive.",
		Window:   "a calendar quarter or year of filing, and one of disposition",
		Due:      "14 days after the end of the period, for late data",
		DueAfter: 14,
		Bounds: "at most two roles, charges, groups, or pairs of role and group of one person; 1,460 days; a person is counted in the first two " +
			"calendar years in which cases were filed, and in the first two in which cases were disposed of, each by the person's own records",
		Denominator: "Linked accused persons with a case filed (or disposed of) in the period that a partner reported; cases filed or disposed of " +
			"beyond a person's first two calendar years of filing or of disposition are left out, and so are cases that are pending or " +
			"whose disposition nobody stated.",
		Source: "the programme's second prong, to prosecute; no national standard defines these figures",
		Differences: "Court statistics count cases; this measure counts persons. Those disposed of are not those filed in the same period: a " +
			"cohort of filings, read early, would show the quick cases only. The median is interpolated within its bin, never a person's own time.",
		Statistics: []declare.Statistic{
			{Name: "persons_filed", Unit: "persons", Says: "persons against whom a case was filed; the plan of a county asks by role and group of charges together",
				By: []string{"party_role", "charge", "charge_group"}, From: []string{"filed", "filed_roles", "filed_charges", "filed_charge_groups", "filed_roles_and_groups"}},
			{Name: "persons_disposed", Unit: "persons", Says: "persons of whom a case was disposed of", From: []string{"disposed"}},
			{Name: "share_convicted_or_pleaded", Unit: "share", Says: "of these, the share with a conviction or a plea in any case of the period", From: []string{"disposed"}},
			{Name: "median_days_to_disposition", Unit: "days", Says: "median over these persons of the days of their longest case, interpolated within its bin",
				From: []string{"days_to_disposition"}},
		},
		Vectors: []declare.Vector{
			persons,
			filed("filed_roles", "once in each role in which a case was filed", roles),
			filed("filed_charges", "the charges filed, at most two", d.Values("prosecutions.charge")),
			filed("filed_charge_groups", "the groups of charges filed, at most two", Groups()),
			filed("filed_roles_and_groups", "the roles and groups of charges filed, at most two pairs", declare.Crossed(roles, Groups())),
			disposed("disposed", "whether any case disposed of ended in a conviction or a plea", []string{"convicted_or_pleaded", "other"}),
			disposed("days_to_disposition", "the bin of the longest case disposed of", bins),
		},
		SQL: answers, Table: "prosecution_cases",
	}
}
