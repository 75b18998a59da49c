// Package outreach declares the measure outreach, beside the SQL that answers it.
package outreach

import (
	_ "embed"

	"heatwatch/models"
	"heatwatch/reports/measures/declare"
)

var (
	//go:embed outreach.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Measure is the declaration.
func Measure() declare.Measure {
	select_ := declare.Sections(vectors)
	d := models.Dictionary()
	vector := func(name, encoding, says string, cells []string) declare.Vector {
		return declare.Vector{Name: name, Says: says, Encoding: encoding, Cells: cells, Linf: 1, SQL: select_[name], Events: true}
	}
	return declare.Measure{
		ID: "outreach", Title: "Talks, sessions and campaigns", Definition: 1,
		Population: "attendees",
		Objective:  declare.ObjectivePrevention,
		Prong:      declare.ProngCommunity,
		Says: "Attendances at H.E.A.T. talks, sessions at schools and for parents, community events and media campaigns held in the period, in total, by type " +
			"of event and by language. The unit is one attendance: somebody at four events counts four times, and nobody is " +
			"identified. An event without a language is unknown.",
		Window:   "a calendar quarter or year of events, by the day on which they were held",
		Due:      "14 days after the end of the period, for late data",
		DueAfter: 14,
		Bounds:   "an attendance is at one event, of one type and in one language",
		Denominator: "Attendances of all events of the period that a partner reported, as partners counted or estimated them. An event that two " +
			"partners report counts twice; events that nobody reported are left out.",
		Source: "the programme's fifth prong and its fifth grant objective; no national standard defines these figures",
		Differences: "These are outputs: they do not say what was learned. The audience of a media campaign is the partner's own estimate. The noise protects one " +
			"attendance, not a person's attendances over the years: nobody is identified, so no such promise can be made.",
		Statistics: []declare.Statistic{{Name: "attendances", Unit: "attendances", Says: "attendances at events", By: []string{"event_type", "language"},
			From: []string{"attendances", "event_types", "languages"}}},
		Vectors: []declare.Vector{
			vector("attendances", declare.Count, "1 for each attendance", []string{"attendances"}),
			vector("event_types", declare.Histogram, "1 for each attendance, by type of event", d.Values("outreach_events.event_type")),
			vector("languages", declare.Histogram, "1 for each attendance, by language", declare.Known(d.Values("outreach_events.language"))),
		},
		SQL: answers, Table: "outreach",
	}
}
