// Package casemanagementcontinuity declares the measure case-management-continuity, beside the SQL that answers it.
package casemanagementcontinuity

import (
	_ "embed"

	"heatwatch/reports/measures/declare"
)

var (
	//go:embed case_days.sql
	days string
	//go:embed case_management_continuity.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// The days of overlap are asked for twice: of everybody, to tell in which years a person is in the population, and of
// the cohort, to measure it.
const (
	// Nobody has a day in the year of the period without a service that had begun by its end and had not ended before it.
	everybody = `WITH who AS (
    SELECT DISTINCT s.person
    FROM services s
    SEMI JOIN people w ON w.person = s.person AND w.measured AND w.population = 'minors'
    CROSS JOIN params q
    WHERE s.service_type = code('services.service_type', 'case_management')
      AND year(s.started_at_on) <= year(q.period_last)
      AND (s.ended_at_on IS NULL OR s.ended_at_on > q.asof OR year(s.ended_at_on) >= year(q.period_first))
),
case_days AS (
`
	cohort = "CREATE OR REPLACE TEMP TABLE case_days AS\nWITH who AS (SELECT c.person FROM cohort c)\nSELECT d.person, d.agency, d.a, d.z\nFROM (\n"
)

// Measure is the declaration.
func Measure() declare.Measure {
	by := []string{declare.AgencyKind}
	select_ := declare.Sections(vectors)
	vector := func(v declare.Vector) declare.Vector {
		v.SQL, v.Dimensions = select_[v.Name], by
		v.Activity, v.First, v.Eligible = everybody+days+")\n"+select_["activity"], 3, 1.1
		return v
	}
	yesNo := func(name, says string) declare.Vector {
		return vector(declare.Vector{Name: name, Says: says, Encoding: declare.Signed, Cells: []string{"d"}, Linf: 1})
	}
	return declare.Measure{
		ID: "case-management-continuity", Title: "Ongoing coordinated case management", Definition: 1,
		Population: "minors",
		Objective:  declare.ObjectiveCoordination,
		Prong:      declare.ProngServices,
		Says: "Days of overlap are the days of the period on which the person had a case_management service at any agency: each " +
			"service covers its first to its last local date, both included, and a day counts once however many services cover it. " +
			"Rows of one person with the same start are one service, which the earliest end present ends. An open service, or one " +
			"that ends after the as-of date, is read to the earliest of the end of the period, the as-of date and the end of what " +
			"that partner's last drop with services covers (of two partners who report the same open service, the later one's); " +
			"a service that starts after its coverage has no day. Blocks are 30 calendar days, counted from the first day of overlap; a " +
			"block is finished if its 30th day is on or before the last day of overlap, and unfinished ones are not asked about. A " +
			"contact is successful whatever its type, unless it was only attempted; contacts of any agency count. A block has a " +
			"contact if a successful one lies on any of its calendar days, also on one that no service covers. Coordinated: a team " +
			"meeting, or a contact with two or more agencies present, the reporting one included, anywhere in the period. A plan is in place if " +
			"any successful contact of the period says yes; it is not if none says yes and any says no. The own rate of a person " +
			"is the number of successful contacts on days of overlap, divided by the days of overlap over 30. The agency kind is " +
			"that of the service with the earliest start among those that cover a day of the period; of several the first partner " +
			"by name.",
		Window:   "the quarter or year itself, both ends included",
		Due:      "14 days after the end of the period, for late data",
		DueAfter: 14,
		Bounds: "an own rate is at most 6 contacts for each 30 days, on a grid of one quarter of a contact (to the nearest, half up); persons count in the " +
			"first three calendar years in which they have at least 30 days of overlap, by their own records",
		Denominator: "Persons, engaged or not, with at least 30 days of overlap in the period, in their first three calendar years of 30 days or more; " +
			"persons with fewer days, or in a later year, are left out. share_plan_in_place leaves out persons of whom no contact says whether " +
			"there is a plan: their share is share_unknown.",
		Source: "the programme's grant objective; the monthly caseworker visits of title IV-B (42 U.S.C. 624(f)) are the nearest standard",
		Differences: "Title IV-B counts calendar months of children in foster care, asks for a visit in person by the caseworker, and divides " +
			"visits by months over all children. Here a block of 30 days starts with the person's own first day, " +
			"contacts of any agency count, share_contact_every_block takes any type that reached the person, and a person counts " +
			"once, as met in every block or not. share_in_person_every_block comes nearer. contacts_per_month is a mean of the " +
			"persons' own rates for each 30 days, not all contacts over all months.",
		Statistics: []declare.Statistic{
			{Name: "persons", Unit: "persons", Says: "persons with at least 30 days of overlap in the period", By: by, From: []string{"persons"}},
			{Name: "share_contact_every_block", Unit: "share", Says: "share of persons with a successful contact in every finished block of 30 days",
				By: by, From: []string{"contact_every_block"}},
			{Name: "share_in_person_every_block", Unit: "share", Says: "share of persons with a contact in person in every finished block of 30 days",
				By: by, From: []string{"in_person_every_block"}},
			{Name: "share_coordinated", Unit: "share", Says: "share of persons with a team meeting, or a contact with two or more agencies present, in the period",
				By: by, From: []string{"coordinated"}},
			{Name: "share_plan_in_place", Unit: "share", Says: "of the persons of whom it is known, the share with a plan in place", By: by,
				From: []string{"plan_in_place"}},
			{Name: "share_unknown", Unit: "share", Says: "share of persons of whom no successful contact says whether a plan is in place (flag plan_in_place)", NoTotal: true,
				By: append([]string{"flag"}, by...), From: []string{"plan_in_place"}},
			{Name: "contacts_per_month", Unit: "per_month", Says: "mean of the persons' own rates of successful contacts for each 30 days of overlap, 0 to 6",
				By: by, From: []string{"contact_rate"}},
		},
		Vectors: []declare.Vector{
			vector(declare.Vector{Name: "persons", Says: "1 for a person with at least 30 days of overlap", Encoding: declare.Count,
				Cells: []string{"persons"}, Linf: 1}),
			yesNo("contact_every_block", "+1 for a successful contact in every finished block, -1 if one has none"),
			yesNo("in_person_every_block", "+1 for a contact in person in every finished block, -1 if one has none"),
			yesNo("coordinated", "+1 for a team meeting or a contact of two or more agencies, -1 for neither"),
			vector(declare.Vector{Name: "plan_in_place", Says: "+1 if a plan is in place, -1 if not; persons of whom no contact says so in u",
				Encoding: declare.SignedUnknown, Cells: []string{"d", "u"}, Linf: 1}),
			vector(declare.Vector{Name: "contact_rate", Says: "the own rate, at most 6, in quarters of a contact around 3", Encoding: declare.CentredSum,
				Cells: []string{"s"}, Unit: "quarters of a contact", Scale: 4, Mid: 12, Low: 0, High: 6, Linf: 12}),
		},
		Dimensions: []declare.Dimension{{Name: declare.AgencyKind, Values: declare.Values(declare.AgencyKind),
			SQL: "SELECT m.person, m.agency_kind AS value FROM case_management_continuity m"}},
		SQL:   cohort + days + ") d;\n" + answers,
		Table: "case_management_continuity",
	}
}
