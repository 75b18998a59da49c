// Package servicesreceived declares the measure services-received, beside the SQL that answers it.
package servicesreceived

import (
	_ "embed"

	"heatwatch/models"
	"heatwatch/reports/measures/declare"
)

var (
	//go:embed services_received.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Measure is the declaration.
func Measure() declare.Measure {
	select_ := declare.Sections(vectors)
	vector := func(name, says, each string, values []string, most int64) declare.Vector {
		return declare.Vector{Name: name, Says: says, Encoding: declare.Count, Cells: []string{"persons"}, Linf: 1, SQL: select_[name],
			Each: each, EachValues: values, L0: most, Activity: select_["activity"], First: 3}
	}
	return declare.Measure{
		ID: "services-received", Title: "What was provided", Definition: 1,
		Population: "minors",
		Objective:  declare.ObjectiveCoordination,
		Prong:      declare.ProngServices,
		Says: "Persons who received a service: a service belongs to the quarter or year of the local date of its start, at whatever " +
			"agency, emergency response or not, and however long it lasts. A person counts once in the total, once for each type " +
			"of service and once for each program, however many services there were. A service of which the program is missing " +
			"counts for the program unknown. Two agencies that report the same service under two programs count for both.",
		Window:   "the quarter or year itself, both ends included",
		Due:      "14 days after the end of the period, for late data",
		DueAfter: 14,
		Bounds: "at most 6 types of service and 4 programs of a person count in a period, chosen by keyed hash where there are more; " +
			"persons count in the first three calendar years in which they receive a service, by their own records",
		Denominator: "Persons, engaged or not, with a service that started in the period, in their first three calendar years of services; " +
			"persons in a later year are left out, and so are services that started earlier and were still open. A person with several types or " +
			"programs is in several, so types and programs add up to more than the total.",
		Source:      "the programme's grant objective; the tables of services of victim-services grant reports (OVC) are the nearest standard",
		Differences: "Grant reports count the times a service was provided, in each quarter anew; here persons are counted, not times, and nobody after their third year.",
		Statistics: []declare.Statistic{{Name: "persons", Unit: "persons", Says: "persons with a service that started in the period",
			By: []string{"service_type", "program"}, From: []string{"persons", "persons_by_type", "persons_by_program"}}},
		Vectors: []declare.Vector{
			vector("persons", "1 for a person with a service", "", nil, 0),
			vector("persons_by_type", "1 in each type of service that the person received, at most 6", "service_type",
				models.Dictionary().Values("services.service_type"), 6),
			vector("persons_by_program", "1 in each program that served the person, at most 4; a missing program is unknown", "program",
				declare.Known(models.Dictionary().List("program")), 4),
		},
		SQL: answers, Table: "services_received",
	}
}
