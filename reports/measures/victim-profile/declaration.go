// Package victimprofile declares the measure victim-profile, beside the SQL that answers it.
package victimprofile

import (
	_ "embed"
	"strings"

	"heatwatch/models"
	"heatwatch/reports/measures/declare"
)

var (
	//go:embed victim_profile.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Attribute is what a profile is about: one known answer of a person, or unknown.
type Attribute struct {
	Name, Says string
	Values     []string // in published order, unknown last
}

// Attributes are those of the profile, each a vector of its name.
func Attributes() []Attribute {
	d := models.Dictionary()
	code := func(name, column, says string) Attribute {
		return Attribute{name, says, declare.Known(d.Values(column))}
	}
	return []Attribute{
		{"age_exploitation_began", "the age in completed years at which exploitation began", []string{"0-11", "12-14", "15-17", "18+", "unknown"}},
		{declare.AgeBand, "the age in completed years at entry", declare.Values(declare.AgeBand)},
		{declare.Gender, "gender", declare.Values(declare.Gender)},
		{declare.RaceEthnicity, "race or ethnicity, one code for each person", declare.Values(declare.RaceEthnicity)},
		code("home_area", "persons.home_area", "where the person is from"),
		code("recruited_at", "persons.recruited_at", "the place where the person was recruited"),
		code("recruited_by", "persons.recruited_by", "who recruited the person"),
		code("exploitation", "persons.exploitation", "the kind of exploitation"),
		code("setting", "engagements.setting", "the setting of the first engagement"),
	}
}

// flags are the yes-or-no questions in published order.
var flags = []string{"prior_abuse", "prior_domestic_violence", "prior_abuse_or_domestic_violence", "runaway_history", "foster_history",
	"gang_involved", "methamphetamine", "violence_by_exploiter", "sees_self_as_victim"}

// Measure is the declaration.
func Measure() declare.Measure {
	select_ := declare.Sections(vectors)
	m := declare.Measure{
		ID: "victim-profile", Title: "Who the children are", Definition: 1,
		Population: "minors",
		Objective:  declare.ObjectiveSafety,
		Prong:      declare.ProngServices,
		Says: "Persons are counted in the quarter or year of their first engagement at any agency (local date), with what any agency " +
			"has recorded of them by the as-of day. Where agencies disagree, a code or a number is the value of most " +
			"agencies; a tie goes to the agency that engaged the person first, agencies without an engagement last, then to the partner's " +
			"name in byte order; unknown never wins over a known value. A flag is yes if any agency says yes, else no if any says " +
			"no, else unknown: a child who tells one agency need not have told all. prior_abuse_or_domestic_violence is yes if either of " +
			"the two flags is yes, no if both are no, else unknown. The age at which exploitation began is in bands of completed " +
			"years: 0-11, 12-14, 15-17, 18 and over. Age at entry is that of the first engagement, or the year of entry less the year of birth, " +
			"less 1 before 1 July. Setting is that of the first engagement. A person adds to one cell of each attribute.",
		Window:   "none: what is recorded by the as-of day",
		Due:      "14 days after the end of the period of entry, for late data",
		DueAfter: 14,
		Bounds:   "each person has one answer to each question, unknown among them",
		Denominator: "A share is over the persons who entered in the period and whose answer to that question is known; those of whom " +
			"no agency recorded an answer are left out of it, and the share not known says how many of all who entered they are.",
		Source: "the programme's identification and profile indicators; codes of the programme's data dictionary",
		Differences: "HMIS and AFCARS let a person have several races and an ethnicity; here each person has one code, multiracial and " +
			"hispanic_latino among them, so shares by race are not comparable with theirs one by one. HTCDS describes recruitment and control by case; here recruiter, " +
			"place and kind of exploitation are one code for each person. What an agency never asked is unknown, not no.",
		Statistics: []declare.Statistic{
			{Name: "persons", Unit: "persons", Says: "persons who entered", From: []string{"entry.heads", declare.AgeBand}},
			{Name: "share", Unit: "share", Says: "share of a value among persons whose answer is known, for each attribute", NoTotal: true, From: []string{"entry.heads"}},
			{Name: "share_yes", Unit: "share", Says: "share of yes among persons of whom yes or no is known, for each flag", By: []string{"flag"}, From: []string{"flags"}},
			{Name: "share_unknown", Unit: "share", Says: "share of all persons whose answer is unknown, for each attribute and flag", By: []string{"attribute", "flag"}, NoTotal: true, From: []string{"flags"}},
		},
		Needs: []string{"attributes"},
		SQL:   answers, Table: "victim_profile",
	}
	for _, a := range Attributes() {
		m.Vectors = append(m.Vectors, declare.Vector{Name: a.Name, Says: a.Says, Encoding: declare.Histogram, Cells: a.Values, Linf: 1,
			SQL: strings.ReplaceAll(select_["ATTRIBUTE"], "ATTRIBUTE", a.Name)})
		for _, s := range []int{1, 3} {
			m.Statistics[s].From = append(m.Statistics[s].From, a.Name)
		}
		m.Statistics[1].By = append(m.Statistics[1].By, a.Name)
	}
	m.Vectors = append(m.Vectors, declare.Vector{Name: "flags", Says: "of each flag: +1 for yes, -1 for no; persons of whom neither is known in u", Eligible: 0.9,
		Encoding: declare.SignedUnknown, Each: "flag", EachValues: flags, Cells: []string{"d", "u"}, Linf: 1, SQL: select_["flags"]})
	return m
}
