// Package training declares the measure training, beside the SQL that answers it.
package training

import (
	_ "embed"

	"heatwatch/models"
	"heatwatch/reports/measures/declare"
)

var (
	//go:embed training.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// MostMinutes is the most that one training counts for each attendance.
const MostMinutes = 1440

// Measure is the declaration.
func Measure() declare.Measure {
	select_ := declare.Sections(vectors)
	by := []string{"audience"}
	audiences := models.Dictionary().Values("trainings.audience")
	vector := func(name, encoding, says string, cells []string) declare.Vector {
		return declare.Vector{Name: name, Says: says, Encoding: encoding, Cells: cells, Linf: 1, SQL: select_[name], Events: true}
	}
	minutes := func(name, says string, cells []string) declare.Vector {
		v := vector(name, declare.Sum, says, cells)
		v.Unit, v.High, v.Linf = "minutes", MostMinutes, MostMinutes
		return v
	}
	certified := vector("certified", declare.Histogram, "attendances of trainings that state how many passed: those who did, and those who did not",
		[]string{"certified", "not_certified"})
	certified.Eligible = 1.0 / 3
	return declare.Measure{
		ID: "training", Title: "People trained", Definition: 1,
		Population: "attendees",
		Objective:  declare.ObjectivePrevention,
		Prong:      declare.ProngTraining,
		Says: "Attendances at trainings held in the period, in total and by audience. The unit is one attendance: somebody at four courses counts " +
			"four times, and nobody is identified. Person-hours are attendances times the minutes of the training, at most 1,440, " +
			"divided by 60; a training without minutes adds none. share_certified is over the attendances of trainings that state how " +
			"many passed: those who passed, divided by all who attended these.",
		Window:   "a calendar quarter or year of trainings, by the day on which they were held",
		Due:      "14 days after the end of the period, for late data",
		DueAfter: 14,
		Bounds:   "an attendance is in one training; 1,440 minutes of a training",
		Denominator: "Attendances of all trainings of the period that a partner reported. A training that two partners report counts twice; " +
			"one that does not state how many passed is left out of share_certified, and one without minutes out of person_hours.",
		Source: "the programme's first prong and its fifth grant objective; no national standard defines these figures",
		Differences: "These are outputs: they do not say what was learned, or which share of a force was reached. The noise protects one attendance, " +
			"not a person's attendances over the years: nobody is identified, so no such promise can be made.",
		Statistics: []declare.Statistic{
			{Name: "attendances", Unit: "attendances", Says: "attendances at trainings", By: by, From: []string{"attendances", "audiences"}},
			{Name: "person_hours", Unit: "person_hours", Says: "attendances times hours of training", By: by, From: []string{"minutes", "audience_minutes"}},
			{Name: "share_certified", Unit: "share", Says: "of the attendances at trainings that state how many passed, the share who passed", From: []string{"certified"}},
		},
		Vectors: []declare.Vector{
			vector("attendances", declare.Count, "1 for each attendance", []string{"attendances"}),
			vector("audiences", declare.Histogram, "1 for each attendance, by audience", audiences),
			minutes("minutes", "the minutes of each attendance", []string{"minutes"}),
			minutes("audience_minutes", "the minutes of each attendance, by audience", audiences),
			certified,
		},
		SQL: answers, Table: "training",
	}
}
