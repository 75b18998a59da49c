// Package longtermresidentialcare declares the measure long-term-residential-care, beside the SQL that answers it.
package longtermresidentialcare

import (
	_ "embed"
	"fmt"

	"heatwatch/reports/measures/declare"
)

var (
	//go:embed long_term_residential_care.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Edges are the upper edges of the life table's bins in days since the first residential night, each inclusive.
func Edges() []int { return []int{30, 60, 90, 180, 365} }

// Left is the cell of those who left residential care in the bin with this upper edge.
func Left(edge int) string { return fmt.Sprint("left_", edge) }

// Censored is the cell of those who were last seen in that bin, still in residential care.
func Censored(edge int) string { return fmt.Sprint("censored_", edge) }

// Measure is the declaration.
func Measure() declare.Measure {
	by := []string{declare.AgeBand, declare.RaceEthnicity, declare.Gender}
	select_ := declare.Sections(vectors)
	retention := []string{"none"}
	for _, e := range Edges() {
		retention = append(retention, Left(e), Censored(e))
	}
	return declare.Measure{
		ID: "long-term-residential-care", Title: "Long-term residential care", Definition: 1,
		Population: "minors",
		Objective:  declare.ObjectiveResidential,
		Prong:      declare.ProngServices,
		Says: "Residential care means a stay in a resource family, group home, residential treatment, transitional housing, " +
			"supportive housing or supervised independent living; emergency shelters and relative homes are not counted here. Nights " +
			"are distinct nights in the window at any agency; a stay covers the night of its first day, not that of its last, and nights " +
			"before entry do not count. Retention is a life table from the first residential night in the window, over the days " +
			"1 to 30, 31 to 60, 61 to 90, 91 to 180 and 181 to 365 after it. A person leaves on the first day from which he or she is out of " +
			"residential care for more than 1 night; a transfer between homes, types or agencies is no leaving. Who has not " +
			"left by day 365 after entry is last seen on that day, and who is in an open stay is last seen at the end of what " +
			"that partner's last drop covers. A person last seen in a bin is at risk for half of it. An open stay is read to end at the " +
			"earliest of the end of the window, the as-of date and the end of coverage.",
		Window:   "365 days: the nights from the local date of entry to day 364; a leaving on day 364 is one unless the person is back on day 365",
		Due:      "379 days after the end of the period of entry: 365 days of follow-up and 14 days for late data",
		DueAfter: 379, WindowDays: 365,
		Bounds: "each person is at one level, and in one cell of the life table; at most 365 nights",
		Denominator: "Shares: all persons who entered in the period, those never in residential care among them. Retention: those with " +
			"at least one residential night in the window; the others are left out. Placements that nobody reported are not seen.",
		Source: "the programme's grant objective; life table by the actuarial method (Cutler and Ederer, 1958)",
		Differences: "No national standard has this name. AFCARS counts time since removal from home; this measure counts nights after the first " +
			"engagement by the programme, whether the person was removed or not, and adds transitional and supportive " +
			"housing. A stay that begins after day 275 cannot reach 90 nights in the window, nor one after day 185 180 nights. " +
			"Retention comes from five bins, not from single days as a Kaplan-Meier curve does.",
		Statistics: statistics(by),
		Vectors: []declare.Vector{
			{Name: "levels", Says: "the number of residential nights in the window: none, 1 to 89, 90 to 179, 180 or more", Encoding: declare.Histogram,
				Cells: []string{"none", "under_90", "90_179", "180_plus"}, Linf: 1, SQL: select_["levels"], Dimensions: by},
			{Name: "retention", Eligible: 0.55, Says: "the bin in which the person left residential care or was last seen in it; persons without a residential night in none",
				Encoding: declare.Histogram, Cells: retention, Linf: 1, SQL: select_["retention"], Dimensions: by},
		},
		Needs: []string{"dimensions", "covered_stays"},
		SQL:   answers, Table: "long_term_residential_care",
	}
}

func statistics(by []string) []declare.Statistic {
	all := []declare.Statistic{
		{Name: "persons", Unit: "persons", Says: "persons who entered", By: by, From: []string{"levels", "entry.heads"}},
		{Name: "share_any", Unit: "share", Says: "share of persons with a residential night in the window", By: by, From: []string{"levels"}},
		{Name: "share_90_nights", Unit: "share", Says: "share of persons with at least 90 residential nights in the window", By: by, From: []string{"levels"}},
		{Name: "share_180_nights", Unit: "share", Says: "share of persons with at least 180 residential nights in the window", By: by, From: []string{"levels"}},
	}
	edges := Edges()
	for _, e := range edges[:len(edges)-1] {
		all = append(all, declare.Statistic{Name: fmt.Sprintf("retention_%dd", e), Unit: "share", By: by, From: []string{"retention"},
			Says: fmt.Sprintf("share still in residential care after day %d, of those who had a residential night: after all leavings on that day or earlier", e)})
	}
	return all
}
