// Package onlineads declares the measure online-ads, beside the SQL that answers it.
package onlineads

import (
	_ "embed"

	"heatwatch/models"
	"heatwatch/reports/measures/declare"
)

var (
	//go:embed online_ads.sql
	answers string
	//go:embed vectors.sql
	vectors string
)

// Measure is the declaration.
func Measure() declare.Measure {
	areas := models.Dictionary().Values("ad_snapshots.area")
	select_ := declare.Sections(vectors)
	by := []string{"area", "snapshot"} // both at once: the date of the snapshot there
	const first = 8
	return declare.Measure{
		ID: "online-ads", Title: "A 24-hour snapshot of online advertising", Definition: 1,
		Population: "profiles",
		Objective:  declare.ObjectivePrevention,
		Prong:      declare.ProngCommunity,
		Says: "Now and then a partner looks through the advertisements of an area for 24 hours and notes each profile with its number of " +
			"ads. Of each area, the first local day on which such a window began in the quarter is the quarter's snapshot of that area; " +
			"others of the same quarter are not measured. A profile is one key of one partner. All rows of a profile " +
			"in that area on that day count as one, with the largest number of ads. Published are, for each area and snapshot, the " +
			"profiles, their ads, the ads for each profile, and the change of profiles and of ads against the snapshot of the same area " +
			"whose day is nearest to 365 days earlier and within 45 days of it (of two as near, the earlier); where there is none, there is no " +
			"change. On which day each area had its snapshot is a public fact, measured exactly. A row with ads = 0 and profile_key none is a " +
			"snapshot that found nothing: it is in the calendar, and no profile.",
		Window:   "24 hours from window_start; the date of a snapshot is the local date on which its windows began",
		Due:      "15 days after the end of the quarter: a window that begins on its last day ends a day later, and 14 days for late data",
		DueAfter: 15, WindowDays: 1,
		Bounds: "a profile counts with 1 to 10 ads, in one area of a quarter (by keyed choice among those that it was seen in), and in the first 8 " +
			"quarters in which it was in any snapshot",
		Denominator: "Profiles seen in the area's snapshot of the quarter, in the first 8 quarters of each; a profile seen in several areas in one of " +
			"them. A profile is not a person: one person may have several, and one profile may stand for several persons.",
		Source: "the programme's own 24-hour counts of 2019 and 2020; no national standard counts online advertising",
		Differences: "The programme's own counts took all ads of a profile; here one profile counts with at most 10. Keys may change where a site gives a " +
			"profile a new one, so that the eight quarters are those of a key.",
		Statistics: []declare.Statistic{
			{Name: "profiles", Unit: "profiles", Says: "profiles in the area's snapshot", By: by, NoTotal: true, Level: "snapshot", From: []string{"profiles", "calendar"}},
			{Name: "ads", Unit: "ads", Says: "their ads, at most 10 of a profile", By: by, NoTotal: true, Level: "snapshot", From: []string{"ads", "profiles", "calendar"}},
			{Name: "ads_per_profile", Unit: "ads_per_profile", Says: "ads for each profile", By: by, NoTotal: true, Level: "snapshot", From: []string{"ads", "profiles", "calendar"}},
			{Name: "profiles_change", Unit: "change", Says: "profiles against the snapshot of about a year earlier, as a fraction", By: by, NoTotal: true, Level: "snapshot",
				From: []string{"profiles", "calendar"}},
			{Name: "ads_change", Unit: "change", Says: "ads against the snapshot of about a year earlier, as a fraction", By: by, NoTotal: true, Level: "snapshot",
				From: []string{"ads", "profiles", "calendar"}},
		},
		Vectors: []declare.Vector{
			{Name: "profiles", Says: "1 for a profile, in the area in which it counts", Encoding: declare.Count, Each: "area", EachValues: areas,
				Cells: []string{"profiles"}, Linf: 1, L0: 1, SQL: select_["profiles"], Activity: select_["on_date"], First: first},
			{Name: "ads", Says: "its ads around 5.5, at least 1 and at most 10, in half ads", Encoding: declare.CentredSum, Each: "area", EachValues: areas,
				Cells: []string{"s"}, Unit: "half ads", Scale: 2, Mid: 11, Low: 1, High: 10, Linf: 9, L0: 1, SQL: select_["ads"],
				Activity: select_["on_date"], First: first},
			{Name: "calendar", Says: "a public fact: the day of the quarter, from 1, on which the area had its first snapshot; 0 for none", Encoding: declare.Exact,
				Population: "none", Each: "area", EachValues: areas, Cells: []string{"day"}, SQL: select_["calendar"]},
		},
		SQL: answers, Table: "online_ads",
	}
}
