// Package referralsconnected declares the measure referrals-connected, beside the SQL that answers it.
package referralsconnected

import (
	_ "embed"

	"heatwatch/models"
	"heatwatch/reports/measures/declare"
)

var (
	//go:embed referrals_connected.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Most is how many referrals of a person count in a period; the grid of own shares holds every share of so many.
const Most = 5

// Measure is the declaration.
func Measure() declare.Measure {
	select_ := declare.Sections(vectors)
	by := []string{"service_type"}
	// Each question is asked of all referrals of a person, and of those of one type.
	both := func(v declare.Vector) []declare.Vector {
		v.SQL, v.Activity, v.First, v.Eligible = select_[v.Name], select_["activity"], 3, 0.85
		typed := v
		typed.Name, typed.Says = v.Name+"_by_type", v.Says+", among the referrals of one type"
		typed.SQL, typed.Each, typed.EachValues, typed.L0 = select_[typed.Name], by[0], models.Dictionary().Values("referrals.service_type"), Most
		typed.Eligible = 0.15
		return []declare.Vector{v, typed}
	}
	m := declare.Measure{
		ID: "referrals-connected", Title: "Referrals that reach the person", Definition: 1,
		Population: "minors",
		Objective:  declare.ObjectiveCoordination,
		Prong:      declare.ProngServices,
		Says: "A referral belongs to the quarter or year of its local date. It was followed by a service if a service of the type " +
			"asked for, from any agency of the kind asked, starts 0 to 168 hours after it, both ends included; hours are elapsed hours. " +
			"Where that service is known by date only, it must start on day 0 to 7 after the local date of the referral; rows of one " +
			"person with the same type and the same start are one service, known by date only if all its rows are, and of the kinds of " +
			"all its rows. A placement in an emergency shelter counts as a service of type emergency_shelter: one at an agency of the kind asked " +
			"that starts on day 0 to 7, also one that ends the same day. One service may follow several referrals. By the agencies' own account, " +
			"a referral is connected if its outcome says so; pending and missing outcomes are not counted. Both shares are means of " +
			"the persons' own shares: one person, one vote, however many referrals.",
		Window:   "168 hours (7 days) after each referral of the quarter or year",
		Due:      "21 days after the end of the period: 7 days of follow-up and 14 days for late data",
		DueAfter: 21, WindowDays: 7,
		Bounds: "at most 5 referrals of a person count in a period, chosen by keyed hash of what they say; figures by type are about these; " +
			"persons count in the first three calendar years in which they are referred, by their own records",
		Denominator: "Persons, engaged or not, with a referral made in the period, in their first three calendar years of referrals; persons in a " +
			"later year are left out. share_reported_connected leaves out persons all of whose counted referrals are pending or without " +
			"outcome: their share is share_unknown.",
		Source: "the programme's grant objective; the follow-up measures of behavioural health care (HEDIS, within 7 days) are the nearest in shape",
		Differences: "HEDIS counts events, and any visit to a provider of the right kind; here a person has one vote, the type of service " +
			"must match, and what the agencies report of the outcome stands beside what the services show.",
		Statistics: []declare.Statistic{
			{Name: "persons", Unit: "persons", Says: "persons with a referral made in the period; by service_type, of that type among those that count", By: by,
				From: []string{"persons", "persons_by_type"}},
			{Name: "share_service_7d", Unit: "share", Says: "mean of the persons' own shares of referrals that a service followed within 168 hours", By: by,
				From: []string{"followed", "followed_by_type"}},
			{Name: "share_reported_connected", Unit: "share", Says: "mean of the persons' own shares of referrals reported as connected, pending and missing left out",
				By: by, From: []string{"connected", "connected_by_type"}},
			{Name: "share_unknown", Unit: "share", Says: "share of persons all of whose counted referrals are pending or without outcome (attribute outcome)", NoTotal: true,
				By: append([]string{"attribute"}, by...), From: []string{"connected", "connected_by_type"}},
		},
		SQL: answers, Table: "referrals_connected",
	}
	weight := declare.Vector{Name: "followed", Says: "the own share of referrals followed within 168 hours, -60 to 60", Encoding: declare.CentredWeight,
		Cells: []string{"s"}, High: 1, Linf: declare.Grid}
	connected := weight
	connected.Name, connected.Encoding, connected.Cells = "connected", declare.CentredWeightUnknown, []string{"s", "u"}
	connected.Says = "the own share of referrals reported as connected, -60 to 60; 60 in u where no outcome is known"
	for _, v := range []declare.Vector{
		{Name: "persons", Says: "1 for a person with a referral", Encoding: declare.Count, Cells: []string{"persons"}, Linf: 1}, weight, connected,
	} {
		m.Vectors = append(m.Vectors, both(v)...)
	}
	return m
}
