// Package purchaserprograms declares the measure purchaser-programs, beside the SQL that answers it.
package purchaserprograms

import (
	_ "embed"

	"heatwatch/reports/measures/declare"
)

var (
	//go:embed purchaser_programs.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Measure is the declaration.
func Measure() declare.Measure {
	select_ := declare.Sections(vectors)
	vector := func(name, says string, due int) declare.Vector {
		return declare.Vector{Name: name, Says: says, Encoding: declare.Signed, Cells: []string{"d"}, Linf: 1, SQL: select_[name], Eligible: 0.32,
			Activity: select_["days_of_enrolment"], First: 2, DueAfter: due}
	}
	enrolled := vector("enrolled", "1 for a person who enrolled", 14)
	enrolled.Encoding, enrolled.Cells = declare.Count, []string{"persons"}
	return declare.Measure{
		ID: "purchaser-programs", Title: "Education and treatment of purchasers", Definition: 1,
		Population: "accused",
		Objective:  declare.ObjectivePrevention,
		Prong:      declare.ProngProsecute,
		Says: "Persons who enrolled in a programme of education or treatment in the period, by the date of their first enrolment of it; where a " +
			"person has several on that day, that of the partner whose name comes first in byte order, then the one whose key does. Completed: the " +
			"enrolment has a date of completion on day 0 to 180 after it. Rearrested: it has a date of rearrest on day 0 to 365 after it. " +
			"Without such a date the answer is no.",
		Window: "a calendar quarter or year of enrolments; 180 days from the enrolment for completion, 365 for rearrest",
		Due: "persons 14 days after the end of the period, for late data; completion after 194 days (180 of follow-up and 14), rearrest after " +
			"379 (365 and 14)",
		DueAfter: 14,
		Bounds:   "one enrolment of a person in a period; a person is counted in the first two calendar years with an enrolment, by the person's own records",
		Denominator: "Linked accused persons who enrolled in the period and whose enrolment a partner reported; enrolments beyond a person's " +
			"first two calendar years with one are left out; a later enrolment of the same period does not count. Rearrests that the partner does not see are not seen.",
		Source: "the programme's fifth grant objective; no national standard defines these figures",
		Differences: "Studies of recidivism follow persons for years, against persons who were not enrolled; this measure follows one year, compares with nobody, " +
			"and knows the rearrests that the programme learns of.",
		Statistics: []declare.Statistic{
			{Name: "persons", Unit: "persons", Says: "persons who enrolled", From: []string{"enrolled"}},
			{Name: "share_completed_180d", Unit: "share", Says: "of these, the share who completed within 180 days of the enrolment", From: []string{"completed", "enrolled"}},
			{Name: "share_rearrested_365d", Unit: "share", Says: "of these, the share rearrested within 365 days of the enrolment", From: []string{"rearrested", "enrolled"}},
		},
		Vectors: []declare.Vector{
			enrolled,
			vector("completed", "+1 for a person who completed within 180 days, -1 for one who did not", 194),
			vector("rearrested", "+1 for a person rearrested within 365 days, -1 for one who was not", 379),
		},
		SQL: answers, Table: "purchaser_enrollments",
	}
}
