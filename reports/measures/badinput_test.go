package measures_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"heatwatch/reports/measures/measuretest"
)

// Bad input and faults, as far as SQL alone decides what becomes of them. What releases decide stands elsewhere:
//
//	late partner, restated entry, corrections, no data, one person, future   cmd/heatwatch/testdata/badinput.txtar
//	late records before and after each freeze, frozen entries                TestLateRecordsAreCountedOnce, TestFrozenEntriesWin (privacy)
//	merged, split, forgotten between two releases                            TestAMergedPersonIsCountedOnce,
//	                                                                         TestTheTwoPartsOfASplitPersonEnterNoLaterCohort (privacy), TestForget (register)
//	an empty lake                                                            TestAnEmptyLakeIsReleasedLikeAnyOther (privacy)
//	a new definition, a new code                                             reports/measures/schema/definition_test.go
//	rows that no intake would let through                                    TestNoRowMakesAStatementFail
//
// Each case is rows in and exact cells out, like those of testdata, with the guards that it is about. A guard is taken out of
// the SQL and the case must fail: a test that holds without the guard holds nothing.
var badInputs = []struct {
	name, why string
	text      string
	guards    []guard
}{
	{name: "a partner stops reporting in the middle of a stay", why: "an open stay ends with its partner's coverage: no endless stability, no leaving that nobody saw",
		text: `
-- case --
period 2025
-- coverage --
agency,entity,covers_from,covers_to
agency-late,placements,2020-01-01,2025-03-01
-- engagements --
person,agency,engaged_at,channel
A,agency-late,2025-01-10T09:00-08:00,outreach
-- placements --
person,agency,placement_type,started_on,ended_on
A,agency-late,resource_family,2025-01-20,
-- want --
placement-stability.days s -146                     # 40 nights - 186
placement-stability.moves s -5                      # none
long-term-residential-care.levels under_90 1
long-term-residential-care.retention censored_60 1  # last seen on day 40 of the stay
exits-from-care.reasons unknown 1                   # ended as far as is known, and nobody knows why
`, guards: []guard{
			{"coverage", "least(s.entered_on + 365, s.asof, v.covers_to)", "least(s.entered_on + 365, s.asof)"},
			{"last seen is not left", "s.last.day < 365 AND NOT s.last.open", "s.last.day < 365"},
		}},

	{name: "two agencies contradict each other on everything", why: "one person, one value of each: the common rules say whose",
		text: `
-- case --
period 2025
-- agencies --
name,kind
agency-a,shelter
agency-b,advocacy
-- engagements --
person,agency,engaged_at,channel,age
A,agency-b,2025-01-10T09:00-08:00,arrest,14
A,agency-a,2025-02-12T09:00-08:00,hotline,18
-- persons --
person,agency,gender,prior_abuse
A,agency-a,female,yes
A,agency-b,male,no
-- services --
person,agency,service_type,emergency,started_at
A,agency-b,crisis_advocacy,yes,2025-01-10T11:00-08:00
A,agency-a,crisis_advocacy,no,2025-01-10T11:00-08:00
-- placements --
person,agency,placement_type,started_on,ended_on,exit_reason
A,agency-b,group_home,2025-01-10,2025-01-20,reunified
A,agency-a,group_home,2025-01-15,2025-02-10,aged_out
-- arrests --
person,agency,arrested_at,party_role,offense,disposition
A,agency-b,2025-01-10T08:00-08:00,victim,solicitation,booked
A,agency-a,2025-01-10T08:00-08:00,victim,loitering,released_to_services
-- want --
entry.heads/channel arrest:persons 1               # the first engagement
entry.heads/age_band 14-15:persons 1
entry.heads/gender male:persons 1                  # one against one: who engaged first, not who comes first by name
time-to-emergency-service.curve 4h 1               # an emergency if any row says so
placement-stability.days s -155                    # 31 nights - 186, each once
placement-stability.moves s -5                     # one stay of two agencies: no move
exits-from-care.reasons aged_out 1                 # the row that ends last says why
arrests-by-role.victims released_to_services 1     # any row says so
arrests-by-role.victim_offenses solicitation 1     # a person is in both cells, within the bound of 2
arrests-by-role.victim_offenses loitering 1
`, guards: []guard{
			{"the earliest engagement enters", "min(e.engaged_at) AS entered_at", "max(e.engaged_at) AS entered_at"},
			{"ties go to who engaged first", "struct_pack(fewer := -n.agencies, turn := n.turn, value := n.value)", "struct_pack(fewer := -n.agencies, value := n.value)"},
			{"rows of two agencies are one stay", "HAVING min(r.agency) <> max(r.agency)", "HAVING false"},
			{"the latest end says why", "arg_max(struct_pack(reason := r.exit_reason)", "arg_min(struct_pack(reason := r.exit_reason)"},
			{"released if any row says so", "WHEN bool_or(a.released)", "WHEN bool_and(a.released)"},
		}},

	{name: "what an agency denies and another affirms", why: "disclosure is one-sided: silence and no take nothing back",
		text: `
-- case --
period 2025
-- engagements --
person,agency,engaged_at,channel
A,agency-a,2025-01-10T09:00-08:00,outreach
-- labor_intakes --
person,agency,interviewed_on,pay_withheld
A,agency-a,2025-03-01,no
-- persons --
person,agency,prior_abuse,prior_domestic_violence,runaway_history,foster_history,gang_involved,methamphetamine,violence_by_exploiter,sees_self_as_victim
A,agency-a,no,no,no,no,no,no,no,no
A,agency-b,yes,yes,yes,yes,yes,yes,yes,yes
A,agency-c,unknown,unknown,unknown,unknown,unknown,unknown,unknown,unknown
-- want --
victim-profile.flags prior_abuse:d 1
victim-profile.flags prior_domestic_violence:d 1
victim-profile.flags prior_abuse_or_domestic_violence:d 1
victim-profile.flags runaway_history:d 1
victim-profile.flags foster_history:d 1
victim-profile.flags gang_involved:d 1
victim-profile.flags methamphetamine:d 1
victim-profile.flags violence_by_exploiter:d 1
victim-profile.flags sees_self_as_victim:d 1
`, guards: []guard{{"one yes is enough", "WHEN bool_or(flag = code('persons.prior_abuse', 'yes'))", "WHEN bool_and(flag = code('persons.prior_abuse', 'yes'))"}}},

	{name: "the last instant of a year, and nights on which clocks change", why: "local dates decide the period, elapsed hours the curve, dates the nights",
		text: `
-- case --
period 2025
-- engagements --
person,agency,engaged_at,channel
A,agency-a,2024-12-31T23:59:59.999-08:00,hotline        # 2024, though 2025 in UTC
B,agency-a,2025-12-31T23:59:59.999-08:00,outreach       # 2025, though 2026 in UTC
C,agency-a,2025-03-08T10:00-08:00,outreach              # the night to 9 March has 23 hours
D,agency-a,2025-11-01T22:00-07:00,outreach              # the night to 2 November has 25
-- services --
person,agency,service_type,emergency,started_at
C,agency-a,legal,yes,2025-03-09T11:00-07:00             # 24 hours, a day and an hour by the clock
D,agency-a,legal,yes,2025-11-02T09:30-08:00             # 12.5 hours, 11.5 by the clock
-- placements --
person,agency,placement_type,started_on,ended_on
C,agency-a,group_home,2025-03-08,2025-03-16             # 8 nights
D,agency-a,group_home,2025-11-01,2025-11-09             # 8 nights
-- want --
entry.heads/channel outreach:persons 3                  # B C D
time-to-emergency-service.curve 24h 2                   # C D
time-to-emergency-service.curve never 1                 # B
placement-stability.eligible persons 2
placement-stability.days s -356                         # 8 + 8 - 2 x 186
`, guards: []guard{
			{"the local date", "e.engaged_at_on AS day", "TRY_CAST(e.engaged_at AS DATE) AS day"},
			{"elapsed hours", "epoch_us(s.started_at) - epoch_us(c.entered_at) AS micros",
				"epoch_us(s.started_at) - epoch_us(c.entered_at) + CASE WHEN month(s.started_at) < 6 THEN 3600000000 ELSE -3600000000 END AS micros"},
		}},

	{name: "29 February", why: "a window is 365 days, not a year of the calendar",
		text: `
-- case --
period 2024
-- engagements --
person,agency,engaged_at,channel
A,agency-a,2024-02-29T23:59:59.999-08:00,outreach
B,agency-a,2024-02-28T09:00-08:00,outreach
-- placements --
person,agency,placement_type,site_key,started_on,ended_on
A,agency-a,group_home,x,2024-02-29,2024-03-10
A,agency-a,group_home,y,2025-02-27,2025-03-10           # day 364: a move, and a night
B,agency-a,group_home,x,2024-02-28,2024-03-10
B,agency-a,group_home,y,2025-02-27,2025-03-10           # day 365, a year later by the calendar less a day: outside
-- want --
entry.heads persons 2
placement-stability.moves s -8                          # 1 move of A: -3; none of B: -5
placement-stability.days s -350                         # A 10 + 1, B 11, - 2 x 186
`, guards: []guard{{"365 days", "c.entered_on + 365 AS window_end", "TRY_CAST(c.entered_on + INTERVAL 1 YEAR AS DATE) AS window_end"}}},

	{name: "400 stays in one year", why: "one child weighs no more than the bound, and no night counts twice",
		text: fourHundred(), guards: []guard{{"at most 5 moves", "2 * least(p.moves, 5) - 5", "2 * p.moves - 5"},
			{"distinct nights", "greatest(r.started_on, b.entered_on, r.before)", "greatest(r.started_on, b.entered_on)"}}},

	{name: "overlapping stays of three agencies", why: "the same home told three times is one stay",
		text: `
-- case --
period 2025
-- engagements --
person,agency,engaged_at,channel
A,agency-a,2025-01-10T09:00-08:00,outreach
-- placements --
person,agency,placement_type,started_on,ended_on,exit_reason
A,agency-a,resource_family,2025-02-01,2025-03-15,
A,agency-b,resource_family,2025-02-10,2025-03-20,planned_move
A,agency-c,resource_family,2025-02-20,2025-03-25,reunified
-- want --
placement-stability.moves s -5
placement-stability.days s -134                         # 52 nights - 186
long-term-residential-care.levels under_90 1
long-term-residential-care.retention left_60 1
exits-from-care.reasons reunified 1
`, guards: []guard{
			{"distinct nights", "greatest(r.started_on, b.entered_on, r.before)", "greatest(r.started_on, b.entered_on)"},
			{"rows of agencies are one stay", "HAVING min(r.agency) <> max(r.agency)", "HAVING false"},
			{"nights of a spell once", "greatest(r.a, r.before.day)", "r.a"},
		}},

	{name: "a stay that starts and ends on one day", why: "no night, no stay: it is no move, and nothing between its neighbours",
		text: `
-- case --
period 2025
-- engagements --
person,agency,engaged_at,channel
A,agency-a,2025-01-10T09:00-08:00,outreach
-- placements --
person,agency,placement_type,site_key,started_on,ended_on
A,agency-a,group_home,x,2025-01-10,2025-01-20
A,agency-b,residential_treatment,y,2025-01-20,2025-01-20
A,agency-a,group_home,x,2025-01-20,2025-01-30
-- want --
placement-stability.moves s -5
placement-stability.days s -166                         # 20 nights - 186
`, guards: []guard{{"a night is needed", "WHERE w.has_night", "WHERE true"}}},

	{name: "a date of the year 0001 slipped through", why: "what lies outside a window is outside, however far",
		text: `
-- case --
period 2025
-- engagements --
person,agency,engaged_at,channel
A,agency-a,2025-01-10T09:00-08:00,outreach
B,agency-a,0001-01-01T09:00-08:00,outreach              # believed: entered long ago, and in no cohort of today
B,agency-a,2025-01-10T09:00-08:00,outreach
-- services --
person,agency,service_type,emergency,started_at,started_precision
A,agency-a,legal,yes,0001-01-01T00:00-08:00,day
A,agency-a,legal,yes,2025-01-09T00:00-08:00,day         # the day before, dated by day, is too early as well
-- placements --
person,agency,placement_type,started_on,ended_on
A,agency-a,runaway,0001-01-01,2025-01-12                # 2 nights of the window
A,agency-a,group_home,2025-02-01,0001-01-01             # ended before it began: no night
A,agency-a,group_home,2025-03-01,2025-03-11             # 10 nights
-- want --
entry.heads persons 1
time-to-emergency-service.curve never 1
placement-stability.moves s -5
placement-stability.days s -176
runaway-episodes.days s -28                             # 2 - 30
`, guards: []guard{
			{"no service before the day of entry", "d.day BETWEEN 0 AND 30", "d.day <= 30"},
			{"nights of the window only", "greatest(s.started_on, s.entered_on) AS a", "s.started_on AS a"},
		}},

	{name: "an empty entity", why: "who has no row of an entity is somebody to whom nothing happened, not nobody",
		text: `
-- case --
period 2025
-- engagements --
person,agency,engaged_at,channel
A,agency-a,2025-01-10T09:00-08:00,outreach
-- want --
entry.heads persons 1
entry.heads/gender unknown:persons 1
time-to-emergency-service.curve never 1
placement-stability.eligible none
long-term-residential-care.levels none 1
agencies-working-together.kinds 0 1
runaway-episodes.any d -1
return-engagements.police_contact d -1
exits-from-care.reasons none
screening.levels none
services-received.persons none
`, guards: []guard{
			{"the curve has everybody", "LEFT JOIN first f ON", "JOIN first f ON"},
			{"attributes have everybody", "LEFT JOIN spread s ON", "JOIN spread s ON"},
			{"residential care has everybody", "LEFT JOIN spells s ON", "JOIN spells s ON"},
			{"runaways have everybody", "LEFT JOIN away w ON", "JOIN away w ON"},
		}},
}

// guard is a piece of SQL and what stands there when it is taken out.
type guard struct{ what, sql, without string }

// fourHundred is a child with 400 stays of a night at 400 sites, two for each of 200 nights.
func fourHundred() string {
	var b strings.Builder
	b.WriteString("-- case --\nperiod 2025\n-- engagements --\nperson,agency,engaged_at,channel\nA,agency-a,2025-01-10T09:00-08:00,outreach\n" +
		"-- placements --\nperson,agency,placement_type,site_key,started_on,ended_on\n")
	first := time.Date(2025, 1, 10, 0, 0, 0, 0, time.UTC)
	for i := range 400 {
		day := first.AddDate(0, 0, i/2)
		fmt.Fprintf(&b, "A,agency-a,group_home,site-%d,%s,%s\n", i, day.Format(time.DateOnly), day.AddDate(0, 0, 1).Format(time.DateOnly))
	}
	b.WriteString("-- want --\nplacement-stability.moves s 5\nplacement-stability.days s 14\nplacement-stability.two_or_fewer d -1\n")
	return b.String()
}

func TestBadInput(t *testing.T) {
	for _, bad := range badInputs {
		t.Run(bad.name, func(t *testing.T) {
			c, err := measuretest.Parse([]byte(bad.text))
			if err != nil {
				t.Fatal(err)
			}
			d := measuretest.New(t)
			d.Load(t, c)
			for name, got := range d.Answers(t, c) {
				if !maps.Equal(got, c.Want[name]) {
					t.Errorf("%s (%s): cells %v, want %v", name, bad.why, got, c.Want[name])
				}
			}
			for _, g := range bad.guards {
				there := false
				d.Patch = func(statement string) string {
					there = there || strings.Contains(statement, g.sql)
					return strings.ReplaceAll(statement, g.sql, g.without)
				}
				hear := &listener{TB: t}
				answers := d.Answers(hear, c)
				switch {
				case !there:
					t.Errorf("%s: no statement has %q", g.what, g.sql)
				case hear.errors == 0 && maps.EqualFunc(answers, c.Want, maps.Equal[map[string]int64]):
					t.Errorf("%s: the case holds without %q", g.what, g.sql)
				}
			}
		})
	}
}

// listener counts errors instead of failing.
type listener struct {
	testing.TB
	errors int
}

func (l *listener) Errorf(string, ...any) { l.errors++ }
