// Package timetoemergencyservice declares the measure time-to-emergency-service, beside the SQL that answers it.
package timetoemergencyservice

import (
	_ "embed"

	"heatwatch/reports/measures/declare"
)

var (
	//go:embed time_to_emergency_service.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Edges are the upper edges of the curve's bins in hours, each inclusive; the last cell of the curve is beyond them.
func Edges() []int { return []int{1, 4, 12, 24, 48, 72, 168, 720} }

// Measure is the declaration.
func Measure() declare.Measure {
	by := []string{declare.AgencyKind, declare.Channel, declare.AgeBand, declare.Gender, declare.RaceEthnicity}
	select_ := declare.Sections(vectors)
	return declare.Measure{
		ID: "time-to-emergency-service", Title: "Emergency services within 24 hours of engagement", Definition: 1,
		Population: "minors",
		Objective:  declare.ObjectiveEmergency,
		Prong:      declare.ProngServices,
		Says: "Persons are counted in the quarter or year of their first engagement at any agency (local date). T is the time " +
			"from that instant to the person's first service marked as an emergency response, at whatever agency. A service " +
			"that started up to 2 hours before the entry, exactly 2 hours included, counts as 0 hours; an earlier one does not " +
			"count. Hours are elapsed hours: a clock change does not alter them. Where an agency records dates only, a service " +
			"on the local date of entry counts as within 24 hours (the bin from 12 to 24), on the next date as within 48 hours, " +
			"otherwise as 24 hours for each day of the date after the date of entry; one dated before the date of entry does " +
			"not count. Such a service stands at the upper edge of its bin when the first service is chosen, so a service timed " +
			"by the minute in the same bin comes first. Rows of one person with the same service_type and the same start are " +
			"one service: an emergency if any row says so, dated by day only if all its rows are. Whether it was an emergency " +
			"is not guessed: unknown is not an emergency.",
		Window:   "720 hours from the entry, both ends included",
		Due:      "44 days after the end of the period of entry: 30 days of follow-up and 14 days for late data",
		DueAfter: 44, WindowDays: 30,
		Bounds: "each person is in exactly one bin",
		Denominator: "All persons who entered in the period, those never served among them; persons with services but no " +
			"engagement are left out, and services that nobody reported are not seen. A service of which it is unknown " +
			"whether it was an emergency counts as none.",
		Source: "the programme's grant objective; no national standard defines this time",
		Differences: "There is no standard of the same name to compare with. Published times come from bins: the median is " +
			"interpolated within its bin, never a person's own time.",
		Statistics: statistics(by),
		Vectors: []declare.Vector{
			{Name: "within_24h", Says: "+1 if reached within 24 h, -1 if not", Encoding: declare.Signed,
				Cells: []string{"d"}, Linf: 1, SQL: select_["within_24h"], Dimensions: by},
			{Name: "curve", Says: "the bin of the first emergency service", Encoding: declare.Histogram,
				Cells: []string{"1h", "4h", "12h", "24h", "48h", "72h", "7d", "30d", "never"}, Linf: 1,
				SQL: select_["curve"], Dimensions: by},
			{Name: "day_precision", Eligible: 0.85, Says: "of persons reached: +1 if the first service is known by date only, -1 if by the minute; others in u",
				Encoding: declare.SignedUnknown, Cells: []string{"d", "u"}, Linf: 1, SQL: select_["day_precision"], Dimensions: by},
		},
		Needs: []string{"dimensions"},
		SQL:   answers, Table: "time_to_emergency_service",
	}
}

func statistics(by []string) []declare.Statistic {
	all := []declare.Statistic{{Name: "persons", Unit: "persons", Says: "persons who entered", By: by, From: []string{"entry.heads"}}}
	for _, w := range []struct{ name, says string }{{"1h", "1 hour"}, {"4h", "4 hours"}, {"12h", "12 hours"},
		{"24h", "24 hours"}, {"48h", "48 hours"}, {"72h", "72 hours"}, {"7d", "7 days (168 hours)"}, {"30d", "30 days (720 hours)"}} {
		from := []string{"curve"}
		if w.name == "24h" {
			from = []string{"within_24h", "curve"}
		}
		all = append(all, declare.Statistic{Name: "share_within_" + w.name, Unit: "share", By: by, From: from,
			Says: "share of persons whose first emergency service started within " + w.says + ", the edge included"})
	}
	return append(all,
		declare.Statistic{Name: "share_never_30d", Unit: "share", By: by, From: []string{"curve"},
			Says: "share of persons with no emergency service within 720 hours"},
		declare.Statistic{Name: "median_hours", Unit: "hours", By: by, From: []string{"curve"},
			Says: "median over all persons, interpolated within its bin; null if fewer than half are reached"},
		declare.Statistic{Name: "share_day_precision", Unit: "share", By: by, From: []string{"day_precision"},
			Says: "of the persons reached within 720 hours, the share whose first service is known by date only"})
}
