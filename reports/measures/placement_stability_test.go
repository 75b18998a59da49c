package measures_test

import (
	"fmt"
	"strings"
	"testing"
)

// Each case is one person, engaged on 2025-01-10 at the age of 15 unless the case says otherwise. A stay is "AGENCY TYPE FROM TO [SITE]
// [EXIT_REASON] [id=KEY]": dates of 2025 without a year, "-" for an open end, sites begin with "site-". Agencies a, b and c
// cover everything; agency late covers placements up to 2025-03-01. want is "DAYS MOVES FIRST_TYPE", cfsr the same two of
// the federal variant ("" is not asked), "-" for persons who are not in it.
var placementCases = []struct {
	name, why string
	engaged   string
	age       string
	stays     []string
	want      string
	cfsr      string
}{
	{name: "never in care", stays: nil, want: "0 0 -", cfsr: "-"},
	{name: "7 nights", why: "at least 8", stays: []string{"a shelter 01-10 01-17"}, want: "7 0 shelter", cfsr: "-"},
	{name: "8 nights", stays: []string{"a shelter 01-10 01-18"}, want: "8 0 shelter", cfsr: "8 0"},
	{name: "8 nights in two stays, one before entry", why: "nights before entry do not count",
		stays: []string{"a shelter 01-01 01-12 site-x", "a shelter 02-01 02-07 site-x"}, want: "8 0 shelter"},
	{name: "every type in care", why: "the list of the definition, and moves are not bounded here",
		stays: []string{"a shelter 01-10 01-11", "a relative_home 01-11 01-12", "a foster 01-12 01-13", "a group 01-13 01-14",
			"a residential_treatment 01-14 01-15", "a transitional_housing 01-15 01-16", "a supportive_housing 01-16 01-17",
			"a supervised_independent_living 01-17 01-18"}, want: "8 7 shelter", cfsr: "8 7"},
	{name: "every type out of care", stays: []string{"a home 01-10 01-20", "a hospital 01-20 01-30", "a detention 01-30 02-10", "a runaway 02-10 02-20",
		"a permanent_rental 02-20 03-20", "a unsheltered 03-20 04-20", "a other 04-20 05-20"}, want: "0 0 -"},

	{name: "first stay began before the window", why: "it is the initial placement, not a move",
		stays: []string{"a shelter 2024-12-01 01-20"}, want: "10 0 shelter"},
	{name: "a stay that ended on the day of entry", why: "it has no night in the window; the next is the initial one",
		stays: []string{"a shelter 01-01 01-10", "b foster 01-10 01-30"}, want: "20 0 foster"},
	{name: "a stay with one night in the window", stays: []string{"a shelter 01-01 01-11", "b foster 01-11 01-30"}, want: "20 1 shelter"},
	{name: "a stay that starts on day 364", why: "the last night of the window",
		stays: []string{"a shelter 01-10 01-20", "b foster 2026-01-09 2026-02-01"}, want: "11 1 shelter", cfsr: "10 0"},
	{name: "a stay that starts on day 365", why: "outside", stays: []string{"a shelter 01-10 01-20", "b foster 2026-01-10 2026-02-01"}, want: "10 0 shelter"},
	{name: "care only after the window", why: "no initial placement", stays: []string{"a foster 2026-01-10 2026-03-01"}, want: "0 0 -"},
	{name: "all year", stays: []string{"a foster 01-01 2027-01-01"}, want: "365 0 foster", cfsr: "356 0"},
	{name: "a stay without a night", why: "no care stay, no move, and nothing between its neighbours",
		stays: []string{"a shelter 01-10 01-20 site-x", "b foster 01-20 01-20", "a shelter 01-20 01-30 site-x"}, want: "20 0 shelter"},
	{name: "overlapping types", why: "distinct nights; the second is a move", stays: []string{"a shelter 01-10 01-20", "b foster 01-15 01-30"}, want: "20 1 shelter"},
	{name: "one inside the other", stays: []string{"a shelter 01-10 02-10", "b foster 01-15 01-20"}, want: "31 1 shelter"},
	{name: "the one before has no night in the window", why: "the care stay before it is the one before it in order, wherever its nights lie",
		stays: []string{"a foster 2024-11-01 01-20 site-x", "b shelter 2024-12-01 2024-12-20", "a foster 01-25 02-10 site-x"}, want: "26 1 foster"},
	{name: "6 moves", stays: []string{"a foster 01-10 01-20 site-a", "a foster 01-20 01-30 site-b", "a foster 01-30 02-10 site-c", "a foster 02-10 02-20 site-d",
		"a foster 02-20 03-01 site-e", "a foster 03-01 03-10 site-f", "a foster 03-10 03-20 site-g"}, want: "69 6 foster"},

	{name: "same site after 100 days", stays: []string{"a foster 01-10 01-20 site-x", "a foster 05-01 05-10 site-x"}, want: "19 0 foster"},
	{name: "same site, a planned move away and back", why: "with sites on both sides reasons do not matter",
		stays: []string{"a foster 01-10 01-20 site-x planned_move", "a foster 01-20 01-30 site-x"}, want: "20 0 foster"},
	{name: "same site, another type", stays: []string{"a shelter 01-10 01-20 site-x", "a transitional_housing 01-20 01-30 site-x"}, want: "20 0 shelter"},
	{name: "same site key at another agency", why: "site keys are an agency's own",
		stays: []string{"a foster 01-10 01-20 site-x planned_move", "b foster 01-20 01-30 site-x"}, want: "20 1 foster"},
	{name: "home to home", why: "another site of the same type is a move", stays: []string{"a foster 01-10 01-20 site-x", "a foster 01-20 01-30 site-y"}, want: "20 1 foster"},
	{name: "no site, 14 nights between", stays: []string{"a foster 01-10 01-20", "a foster 02-03 02-10"}, want: "17 0 foster"},
	{name: "no site, 15 nights between", stays: []string{"a foster 01-10 01-20", "a foster 02-04 02-10"}, want: "16 1 foster"},
	{name: "site on one side only", stays: []string{"a foster 01-10 01-20 site-x", "a foster 01-25 02-10"}, want: "26 0 foster"},
	{name: "no site, planned move", stays: []string{"a foster 01-10 01-20 planned_move", "a foster 01-20 01-30"}, want: "20 1 foster"},
	{name: "no site, placement change", stays: []string{"a foster 01-10 01-20 placement_change", "a foster 01-20 01-30"}, want: "20 1 foster"},
	{name: "no site, ran away and came back", stays: []string{"a foster 01-10 01-20 ran_away", "a runaway 01-20 01-30", "a foster 01-30 02-10"}, want: "21 0 foster", cfsr: "31 0"},
	{name: "no site, unknown reason", stays: []string{"a foster 01-10 01-20 unknown", "a foster 01-20 01-30"}, want: "20 0 foster"},
	{name: "no site, another type", stays: []string{"a shelter 01-10 01-20", "a transitional_housing 01-20 01-30"}, want: "20 1 shelter"},
	{name: "no site, overlapping rows of one agency", why: "never merged, but the same place", stays: []string{"a foster 01-10 01-30", "a foster 01-20 02-10"}, want: "31 0 foster"},
	{name: "no site, another agency far away in time", stays: []string{"a foster 01-10 01-20", "b foster 01-25 02-10"}, want: "26 1 foster"},
	{name: "detention in between", why: "nights elsewhere are not moves", stays: []string{"a foster 01-10 01-20 site-x", "c detention 01-20 01-30", "a foster 01-30 02-10 site-x"}, want: "21 0 foster"},
	{name: "home in between, then elsewhere", stays: []string{"a foster 01-10 01-20 site-x", "c home 01-20 01-30", "a foster 01-30 02-10 site-y"}, want: "21 1 foster"},
	{name: "there and back", stays: []string{"a foster 01-10 01-20 site-x", "b shelter 01-20 01-25", "a foster 01-25 02-10 site-x"}, want: "31 2 foster"},

	{name: "open to the end of the window", stays: []string{"a foster 01-20 -"}, want: "355 0 foster", cfsr: "346 0"},
	{name: "open, and the partner stopped reporting", why: "up to the end of coverage, no endless stability", stays: []string{"late foster 01-20 -"}, want: "40 0 foster"},
	{name: "open, begun after coverage", stays: []string{"late foster 03-05 -"}, want: "0 0 -"},
	{name: "closed after coverage", why: "coverage cuts open stays only", stays: []string{"late foster 01-20 04-01"}, want: "71 0 foster"},
	{name: "ended after as-of", why: "that end has not happened yet: open", stays: []string{"late foster 01-20 2029-01-01 planned_move"}, want: "40 0 foster"},
	{name: "open with a reason", why: "it has not ended, so it did not end with a move; read to 03-01, 9 nights between",
		stays: []string{"late foster 01-20 - planned_move", "late foster 03-10 03-20"}, want: "50 0 foster"},
	{name: "open, then the same agency again", why: "read to 03-01, 15 nights between", stays: []string{"late foster 01-20 -", "late foster 03-16 03-20"}, want: "44 1 foster"},
	{name: "same start, one open", why: "open is last in order", stays: []string{"a foster 02-01 - id=1", "b shelter 02-01 02-20 id=2"}, want: "343 1 shelter"},
	{name: "same start, the shorter first", stays: []string{"a foster 02-01 03-01", "b shelter 02-01 02-20"}, want: "28 1 shelter"},
	{name: "same start and end", why: "partner in byte order", stays: []string{"b foster 02-01 02-20", "a shelter 02-01 02-20"}, want: "19 1 shelter"},
	{name: "same start, end and partner", why: "then the key, capitals before small letters", stays: []string{"a foster 02-01 02-20 id=a", "a shelter 02-01 02-20 id=B"}, want: "19 1 shelter"},

	{name: "two agencies share a night", why: "one stay, even with a planned move", stays: []string{"a foster 01-10 01-20 planned_move", "b foster 01-19 01-30"}, want: "20 0 foster"},
	{name: "two agencies share no type", stays: []string{"a foster 01-10 01-20", "b group 01-19 01-30"}, want: "20 1 foster"},
	{name: "two agencies, next day 0", stays: []string{"a foster 01-10 01-20", "b foster 01-20 01-30"}, want: "20 0 foster"},
	{name: "two agencies, next day 1", why: "the night between is no day in care", stays: []string{"a foster 01-10 01-20", "b foster 01-21 01-30"}, want: "19 0 foster"},
	{name: "two agencies, next day 2", stays: []string{"a foster 01-10 01-20", "b foster 01-22 01-30"}, want: "18 1 foster"},
	{name: "two agencies, next day after a planned move", stays: []string{"a foster 01-10 01-20 planned_move", "b foster 01-20 01-30"}, want: "20 1 foster"},
	{name: "two agencies, next day after a change", stays: []string{"a foster 01-10 01-20 placement_change", "b foster 01-21 01-30"}, want: "19 1 foster"},
	{name: "two agencies, next day after running away", stays: []string{"a foster 01-10 01-20 ran_away", "b foster 01-20 01-30"}, want: "20 0 foster"},
	{name: "three agencies in a chain", why: "each belongs to the row before", stays: []string{"a foster 01-10 01-20", "b foster 01-20 01-30", "c foster 01-31 02-10"}, want: "30 0 foster"},
	{name: "a, b, a in a chain", why: "the stay has a row of a: a stay of its own, but the same place as that of a",
		stays: []string{"a foster 01-10 01-20 site-x", "b foster 01-20 01-30 site-y", "a foster 01-30 02-10 site-x"}, want: "31 0 foster"},
	{name: "a, b, a in a chain, another home", stays: []string{"a foster 01-10 01-20 site-x", "b foster 01-20 01-30 site-y", "a foster 01-30 02-10 site-z"}, want: "31 1 foster"},
	{name: "a, b, a, b in two homes", why: "the second b joins the second a", stays: []string{"a foster 01-10 01-20 site-x", "b foster 01-10 01-20", "a foster 01-20 01-30 site-y placement_change", "b foster 01-20 01-30"},
		want: "20 1 foster"},
	{name: "two homes at once, each reported twice", why: "the second row of b may not join the stay that has one of b",
		stays: []string{"a foster 01-10 01-20 site-x id=1", "a foster 01-10 01-20 site-y id=2", "b foster 01-10 01-20 id=3", "b foster 01-10 01-20 id=4"}, want: "10 1 foster"},
	{name: "the first of two stays takes the third agency", why: "c touches b (in the first stay) and a's second home: it joins the first, so the second ends with planned_move",
		stays: []string{"a foster 01-10 01-20", "a foster 01-15 01-30 planned_move", "b foster 01-16 01-25", "c foster 01-26 02-10", "a foster 02-01 02-10"}, want: "31 1 foster"},
	{name: "merged keeps partner and site of the earlier", stays: []string{"a foster 01-10 01-20 site-x", "b foster 01-18 01-30 site-y", "a foster 02-10 02-20 site-x"}, want: "30 0 foster"},
	{name: "merged hides partner and site of the later", stays: []string{"a foster 01-10 01-20 site-x", "b foster 01-18 01-30 site-y", "b foster 02-10 02-20 site-y"}, want: "30 1 foster"},
	{name: "merged keeps a missing site", why: "the later row's site is not borrowed, so type and 14 nights decide",
		stays: []string{"a foster 01-10 01-20", "b foster 01-18 01-30 site-y", "a foster 02-10 02-20 site-z"}, want: "30 0 foster"},
	{name: "merged ends with the reason of the row that ends last", stays: []string{"a foster 01-10 01-20", "b foster 01-18 01-30 planned_move", "a foster 02-01 02-10"}, want: "29 1 foster"},
	{name: "merged forgets the reason of the row that ends first", stays: []string{"a foster 01-10 01-20 planned_move", "b foster 01-18 01-30", "a foster 02-05 02-10"}, want: "25 0 foster"},
	{name: "merged, both end the same day", why: "the first in order gives the reason", stays: []string{"a foster 01-10 01-30", "b foster 01-18 01-30 planned_move", "a foster 02-05 02-10"}, want: "25 0 foster"},
	{name: "a row without a night joins", why: "and carries the stay's end a day further", stays: []string{"a foster 01-10 01-20", "b foster 01-21 01-21", "c foster 01-22 01-30"}, want: "18 0 foster"},
	{name: "merged through an open row", why: "late is read to 03-01; b starts that day", stays: []string{"late foster 01-20 -", "b foster 03-01 03-11"}, want: "50 0 foster"},
	{name: "merged across the start of the window", why: "the stay began before entry with a's row", stays: []string{"a foster 2024-12-01 01-09", "b foster 01-10 01-30", "c shelter 01-30 02-05"},
		want: "26 1 foster"},

	{name: "entered on 20 December", why: "nights and moves of the variant end on 31 December", engaged: "2025-12-20",
		stays: []string{"a foster 12-20 2026-01-20 site-x", "a foster 2026-01-20 2026-02-20 site-y"}, want: "62 1 foster", cfsr: "12 0"},
	{name: "a move on 31 December", stays: []string{"a foster 01-10 01-20", "b shelter 12-31 2026-01-05"}, want: "15 1 foster", cfsr: "11 1"},
	{name: "a move on 1 January", stays: []string{"a foster 01-10 01-20", "b shelter 2026-01-01 2026-01-05"}, want: "14 1 foster", cfsr: "10 0"},
	{name: "care only in the year after entry", why: "of the persons of the measure: 0 days in the variant", engaged: "2025-12-20",
		stays: []string{"a foster 2026-01-05 2026-02-05"}, want: "31 0 foster", cfsr: "0 0"},
	{name: "entered on 1 January of a leap year", why: "365 days end before 31 December does", engaged: "2024-01-01",
		stays: []string{"a foster 2024-01-01 2025-06-01"}, want: "365 0 foster", cfsr: "365 0"},
	{name: "runaway before the first care stay", why: "not between care stays", stays: []string{"a runaway 01-10 01-20", "a foster 01-20 01-30"}, want: "10 0 foster", cfsr: "10 0"},
	{name: "runaway after the last care stay", stays: []string{"a foster 01-10 01-20", "a runaway 01-20 02-20"}, want: "10 0 foster", cfsr: "10 0"},
	{name: "runaway, back in care by 31 December", stays: []string{"a foster 01-10 01-20", "a runaway 12-01 12-31", "a foster 12-31 2026-01-02"}, want: "12 1 foster", cfsr: "41 1"},
	{name: "runaway, back in care on 1 January", stays: []string{"a foster 01-10 01-20", "a runaway 12-01 2026-01-01", "a foster 2026-01-01 2026-01-03"}, want: "12 1 foster", cfsr: "10 0"},
	{name: "open runaway", why: "only its nights before the next care stay", stays: []string{"a foster 01-10 01-20 site-x", "a runaway 01-20 -", "a foster 01-30 02-10 site-x"}, want: "21 0 foster", cfsr: "31 0"},
	{name: "runaway reported twice, overlapping care", why: "distinct nights", stays: []string{"a foster 01-10 01-20 site-x", "a runaway 01-15 01-25", "b runaway 01-18 01-30", "a foster 01-30 02-10 site-x"},
		want: "21 0 foster", cfsr: "31 0"},
	{name: "not in care, not on the run", why: "home nights stay out of the variant", stays: []string{"a foster 01-10 01-20 site-x", "a home 01-20 01-30", "a foster 01-30 02-10 site-x"}, want: "21 0 foster", cfsr: "21 0"},
	{name: "17 at entry", age: "17", stays: []string{"a foster 01-10 01-20"}, want: "10 0 foster", cfsr: "10 0"},
	{name: "18 at entry", age: "18", stays: []string{"a foster 01-10 01-20"}, want: "10 0 foster", cfsr: "-"},
	{name: "age unknown", age: "?", stays: []string{"a foster 01-10 01-20"}, want: "10 0 foster", cfsr: "-"},
}

func TestPlacementStability(t *testing.T) {
	long := strings.NewReplacer("shelter", "emergency_shelter", "foster", "resource_family", "group", "group_home", "home", "family_home")
	typed := func(s string) string {
		switch s {
		case "shelter", "foster", "group", "home":
			return long.Replace(s)
		}
		return s
	}
	year := func(s string) string {
		switch {
		case s == "-":
			return ""
		case len(s) == len("01-10"):
			return "2025-" + s
		}
		return s
	}
	var b strings.Builder
	b.WriteString("-- case --\nperiod 2021-2026\nasof 2028-12-31\n-- coverage --\nagency,entity,covers_from,covers_to\n")
	for _, a := range []string{"a", "b", "c"} {
		fmt.Fprintf(&b, "%s,placements,2020-01-01,2028-12-31\n", a)
	}
	b.WriteString("late,placements,2020-01-01,2025-03-01\nlate,services,2020-01-01,2028-12-31\n-- engagements --\nperson,agency,engaged_at,channel,age\n")
	for i, c := range placementCases {
		day, age := "2025-01-10", "15"
		if c.engaged != "" {
			day = c.engaged
		}
		if c.age != "" {
			age = strings.Trim(c.age, "?")
		}
		fmt.Fprintf(&b, "%04d,a,%sT09:00-08:00,outreach,%s\n", i+1, day, age)
	}
	b.WriteString("-- placements --\nperson,agency,placement_id,placement_type,started_on,ended_on,site_key,exit_reason\n")
	for i, c := range placementCases {
		for j, s := range c.stays {
			f := strings.Fields(s)
			id, site, exit := fmt.Sprintf("p%d", j), "", ""
			for _, w := range f[4:] {
				switch {
				case strings.HasPrefix(w, "site-"):
					site = w
				case strings.HasPrefix(w, "id="):
					id = w[3:]
				default:
					exit = w
				}
			}
			fmt.Fprintf(&b, "%04d,%s,%s,%s,%s,%s,%s,%s\n", i+1, f[0], id, typed(f[1]), year(f[2]), year(f[3]), site, exit)
		}
	}
	d := loaded(t, b.String())
	rows, err := d.Query("SELECT p.person, p.eligible, p.days, p.moves, coalesce(p.first_type, '-'), p.cfsr_eligible, p.cfsr_days, p.cfsr_moves FROM placement_stability p")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var person, days, moves, cfsrDays, cfsrMoves int
		var eligible, cfsrEligible bool
		var first string
		if err := rows.Scan(&person, &eligible, &days, &moves, &first, &cfsrEligible, &cfsrDays, &cfsrMoves); err != nil {
			t.Fatal(err)
		}
		seen++
		c := placementCases[person-1]
		w := strings.Fields(c.want)
		if got, want := fmt.Sprintf("%d %d %s", days, moves, first), w[0]+" "+w[1]+" "+typed(w[2]); got != want {
			t.Errorf("%s: %s, want %s (%s)", c.name, got, want, c.why)
		}
		if eligible != (days >= 8) {
			t.Errorf("%s: eligible is %v with %d days", c.name, eligible, days)
		}
		got := "-"
		if cfsrEligible {
			got = fmt.Sprintf("%d %d", cfsrDays, cfsrMoves)
		}
		if c.cfsr != "" && got != c.cfsr {
			t.Errorf("%s: federal variant %s, want %s (%s)", c.name, got, c.cfsr, c.why)
		}
	}
	if seen != len(placementCases) {
		t.Errorf("%d persons in the table, not %d", seen, len(placementCases))
	}

	// What the vectors make of it: the bound of 5 moves, the range of days, and who is in which cell.
	vector(t, "placement-stability.moves", d, func(person int, _ string, value int64) {
		var days, moves int64
		fmt.Sscan(placementCases[person-1].want, &days, &moves)
		if want := 2*min(moves, 5) - 5; days < 8 || value != want {
			t.Errorf("%s: moves gives %d, want %d", placementCases[person-1].name, value, want)
		}
	})
	vector(t, "placement-stability.two_or_fewer", d, func(person int, cell string, value int64) {
		var days, moves int64
		fmt.Sscan(placementCases[person-1].want, &days, &moves)
		want, in := int64(1), "d"
		if days < 8 {
			in = "u"
		} else if moves > 1 {
			want = -1
		}
		if cell != in || value != want {
			t.Errorf("%s: two_or_fewer gives %s %d, want %s %d", placementCases[person-1].name, cell, value, in, want)
		}
	})
}
