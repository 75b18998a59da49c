// Package agenciesworkingtogether declares the measure agencies-working-together, beside the SQL that answers it.
package agenciesworkingtogether

import (
	_ "embed"
	"fmt"

	"heatwatch/reports/measures/declare"
)

var (
	//go:embed agencies_working_together.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Kinds are the cells of the number of kinds of agency: 0, 1, 2, 3, and 4 or more.
func Kinds() []string { return []string{"0", "1", "2", "3", "4plus"} }

// Measure is the declaration.
func Measure() declare.Measure {
	select_ := declare.Sections(vectors)
	statistics := []declare.Statistic{{Name: "persons", Unit: "persons", Says: "persons who entered", From: []string{"kinds", "entry.heads"}}}
	for i, k := range Kinds() {
		says := fmt.Sprintf("share of persons served by %d kinds of agency", i)
		switch i {
		case 1:
			says = "share of persons served by 1 kind of agency"
		case len(Kinds()) - 1:
			says += " or more"
		}
		statistics = append(statistics, declare.Statistic{Name: "share_kinds_" + k, Unit: "share", Says: says, From: []string{"kinds"}})
	}
	return declare.Measure{
		ID: "agencies-working-together", Title: "Coordination across agencies", Definition: 1,
		Population: "minors",
		Objective:  declare.ObjectiveCoordination,
		Prong:      declare.ProngServices,
		Says: "A person is served by a kind of agency if an agency of that kind reports a service, a placement (of any type but runaway and " +
			"unsheltered) or a contact of the case (of any type but attempted) that starts on day 0 to 90 after the local date of entry. " +
			"Each partner has one kind, set at enrolment; two agencies of one kind are one kind, and kinds are counted on rows, so a " +
			"stay or service that two agencies report counts for both. The engagement itself serves nobody: a person may have been " +
			"served by no kind. A team meeting is a contact of that type in the same window, reported by any agency.",
		Window:   "day 0 to day 90 after the local date of entry, both included",
		Due:      "104 days after the end of the period of entry: 90 days of follow-up and 14 days for late data",
		DueAfter: 104, WindowDays: 90,
		Bounds: "each person is in exactly one cell; 4 kinds or more are one",
		Denominator: "All persons who entered in the period, those served by nobody among them; work that no partner reported is not seen, and a kind of agency " +
			"without a partner cannot be counted.",
		Source: "the programme's grant objective; no national standard counts kinds of agency",
		Differences: "There is no standard of the same name to compare with. The figures say who worked with a person within the same 90 " +
			"days, not whether they worked with each other: share_team_meeting comes nearer to that.",
		Statistics: append(statistics,
			declare.Statistic{Name: "share_two_or_more", Unit: "share", Says: "share of persons served by two or more kinds of agency", From: []string{"two_or_more", "kinds"}},
			declare.Statistic{Name: "share_team_meeting", Unit: "share", Says: "share of persons with a team meeting", From: []string{"team_meeting"}}),
		Vectors: []declare.Vector{
			{Name: "kinds", Says: "the number of kinds of agency that served the person", Encoding: declare.Histogram, Cells: Kinds(), Linf: 1, SQL: select_["kinds"]},
			{Name: "two_or_more", Says: "+1 for two kinds or more, -1 for fewer", Encoding: declare.Signed, Cells: []string{"d"}, Linf: 1, SQL: select_["two_or_more"]},
			{Name: "team_meeting", Says: "+1 for a team meeting, -1 for none", Encoding: declare.Signed, Cells: []string{"d"}, Linf: 1, SQL: select_["team_meeting"]},
		},
		SQL: answers, Table: "agencies_working_together",
	}
}
