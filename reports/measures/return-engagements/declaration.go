// Package returnengagements declares the measure return-engagements, beside the SQL that answers it.
package returnengagements

import (
	_ "embed"

	"heatwatch/reports/measures/declare"
)

var (
	//go:embed return_engagements.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Measure is the declaration.
func Measure() declare.Measure {
	select_ := declare.Sections(vectors)
	return declare.Measure{
		ID: "return-engagements", Title: "Police contact after day 90", Definition: 1,
		Population: "minors",
		Objective:  declare.ObjectiveSafety,
		Prong:      declare.ProngServices,
		Says: "Police contact is a new engagement whose channel is police_operation, patrol_contact, arrest or " +
			"law_enforcement_referral, at any agency, or a row of arrests in which the person is the victim, on day 90 to 365 after the " +
			"local date of entry, both days included. Engagements less than 1 hour apart are one: sorted by time, one less than 1 hour after " +
			"the one before it joins it, and the earliest row gives day and channel (at the same instant the partner's name in byte order). So a " +
			"police row that joins an engagement that a provider began is no police contact. It follows no exit from care.",
		Window:   "day 90 to day 365 after the local date of entry, both included",
		Due:      "379 days after the end of the period of entry: 365 days of follow-up and 14 days for late data",
		DueAfter: 379, WindowDays: 365,
		Bounds: "each person counts once, however many contacts there were",
		Denominator: "All persons who entered in the period, also those who moved away or died; contacts with police of other places, and " +
			"contacts that no partner reported, are not seen.",
		Source: "the programme's own; the nearest standard is HUD's System Performance Measure 2, returns to homelessness",
		Differences: "It follows no exit from care: HUD's measure counts returns after an exit to permanent housing, this one counts police contact " +
			"from day 90 after the first engagement, whatever happened in between. Contact is not offending: an arrest counts only where the " +
			"person is the victim, and more contact may also mean more attention.",
		Statistics: []declare.Statistic{
			{Name: "persons", Unit: "persons", Says: "persons who entered", From: []string{"entry.heads"}},
			{Name: "share_police_contact", Unit: "share", Says: "share of persons with police contact on day 90 to 365; it follows no exit from care",
				From: []string{"police_contact"}},
		},
		Vectors: []declare.Vector{{Name: "police_contact", Says: "+1 for police contact on day 90 to 365, -1 for none", Encoding: declare.Signed,
			Cells: []string{"d"}, Linf: 1, SQL: select_["police_contact"]}},
		SQL: answers, Table: "return_engagements",
	}
}
