// Package outcomechange declares the measure outcome-change, beside the SQL that answers it.
package outcomechange

import (
	_ "embed"
	"slices"
	"strings"

	"heatwatch/models"
	"heatwatch/reports/measures/declare"
)

var (
	//go:embed outcome_change.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Domains are those of the outcome scale, in published order.
func Domains() []string {
	return slices.DeleteFunc(slices.Clone(models.Dictionary().Values("assessments.domain")), func(d string) bool { return d == "screening" })
}

// Class is the vector of a domain that says how persons fared, Change the one that says by how much.
func Class(domain string) string { return domain + "_class" }

// Change is the vector of a domain with the change in points.
func Change(domain string) string { return domain + "_change" }

// Measured are the classes of persons with both assessments, Lost is that of persons with a baseline only.
func Measured() []string { return []string{"improved", "same", "worsened"} }

// Lost is the class of persons with a baseline and no follow-up.
const Lost = "no_follow_up"

// Measure is the declaration.
func Measure() declare.Measure {
	by := []string{declare.Gender, declare.RaceEthnicity}
	each := append([]string{"domain"}, by...)
	select_ := declare.Sections(vectors)
	m := declare.Measure{
		ID: "outcome-change", Title: "Safety, self-sufficiency, well-being, independence", Definition: 1,
		Population: "minors",
		Objective:  declare.ObjectiveSafety,
		Prong:      declare.ProngServices,
		Says: "Persons are counted in the quarter or year of their first engagement at any agency (local date), in each of the four domains of the " +
			"outcome scale apart. The scale has 5 points, from 1 (in crisis) to 5 (thriving). The baseline is the assessment nearest to the entry from 7 days " +
			"before it to 45 days after it; of two as near, the earlier one. The follow-up is the latest assessment from day 120 to day 365. Of " +
			"several on one date, that of the agency of entry counts, then the first by the partner's name in byte order. Days are local dates " +
			"after that of entry, both ends included. The change is follow-up minus baseline: improved is a change of at least " +
			"1 point, worsened of at least 1 point down.",
		Window:   "day -7 to 45 for the baseline, day 120 to 365 for the follow-up",
		Due:      "379 days after the end of the period of entry: 365 days of follow-up and 14 days for late data",
		DueAfter: 379, WindowDays: 365,
		Bounds: "a change counts as at most 2 points in either direction; shares are not touched by it",
		Denominator: "Of the persons who entered in the period, those with a baseline and a follow-up in the domain; persons with a baseline only are " +
			"counted as persons_without_follow_up and left out of shares and means; persons without a baseline are left out altogether.",
		Source: "the programme's grant objective; the programme's own outcome scale",
		Differences: "Instruments in use (such as the NIJ-funded Outcomes for Human Trafficking Survivors) score several items for each domain; this scale is one judgement of " +
			"1 to 5 for each. Who is assessed again is not chosen at random: the figures are about those who stayed in touch, and say nothing of a cause.",
		Statistics: []declare.Statistic{
			{Name: "persons", Unit: "persons", Says: "persons with a baseline and a follow-up, for each domain", By: each, NoTotal: true},
			{Name: "mean_change", Unit: "points", Says: "mean change on the scale of 5 points, at most 2 of a person either way, for each domain", By: each, NoTotal: true},
			{Name: "share_improved", Unit: "share", Says: "share of these persons who gained at least 1 point, for each domain", By: each, NoTotal: true},
			{Name: "share_worsened", Unit: "share", Says: "share of these persons who lost at least 1 point, for each domain", By: each, NoTotal: true},
			{Name: "persons_without_follow_up", Unit: "persons", Says: "persons with a baseline and no follow-up, for each domain", By: each, NoTotal: true},
		},
		Needs: []string{"dimensions"},
		SQL:   answers, Table: "outcome_change",
	}
	for _, d := range Domains() {
		of := func(name string) string { return strings.ReplaceAll(select_[name], "DOMAIN", d) }
		m.Vectors = append(m.Vectors,
			declare.Vector{Name: Class(d), Eligible: 0.5, Says: "how a person with a baseline fared in " + d, Encoding: declare.Histogram, Cells: append(Measured(), Lost),
				Linf: 1, SQL: of("class"), Dimensions: by},
			declare.Vector{Name: Change(d), Eligible: 0.5, Says: "change in " + d + ", at most 2 points either way; persons with a baseline and no follow-up in u",
				Encoding: declare.CentredSum, Cells: []string{"s", "u"}, Unit: "points", Scale: 1, Mid: 0, Low: -2, High: 2, Linf: 2, SQL: of("change"), Dimensions: by})
		for i := range m.Statistics {
			from := Class(d)
			if m.Statistics[i].Name == "mean_change" {
				from = Change(d)
			}
			m.Statistics[i].From = append(m.Statistics[i].From, from)
		}
	}
	return m
}
