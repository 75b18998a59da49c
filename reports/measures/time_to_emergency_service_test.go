package measures_test

import (
	"fmt"
	"strings"
	"testing"

	"heatwatch/reports/measures/measuretest"
)

// Each case is one person. A service is "START [TYPE] [day] [no|unknown] [agency-x]", emergency crisis_advocacy of
// agency-a by the minute unless it says otherwise. want is the cell of the curve, with " by day" where the first service
// is known by date only.
var emergencyCases = []struct {
	name, why string
	engaged   string // of agency-a, patrol_contact
	served    []string
	want      string
}{
	{name: "at once", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T10:00-07:00"}, want: "1h"},
	{name: "exactly 1 h", why: "each edge is inclusive",
		engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T11:00-07:00"}, want: "1h"},
	{name: "1 h and a microsecond", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T11:00:00.000001-07:00"}, want: "4h"},
	{name: "exactly 4 h", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T14:00-07:00"}, want: "4h"},
	{name: "4 h and a second", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T14:00:01-07:00"}, want: "12h"},
	{name: "exactly 12 h", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T22:00-07:00"}, want: "12h"},
	{name: "12 h and a second", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T22:00:01-07:00"}, want: "24h"},
	{name: "exactly 24 h", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-11T10:00-07:00"}, want: "24h"},
	{name: "24 h and a second", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-11T10:00:01-07:00"}, want: "48h"},
	{name: "exactly 48 h", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-12T10:00-07:00"}, want: "48h"},
	{name: "48 h and a second", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-12T10:00:01-07:00"}, want: "72h"},
	{name: "exactly 72 h", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-13T10:00-07:00"}, want: "72h"},
	{name: "72 h and a second", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-13T10:00:01-07:00"}, want: "7d"},
	{name: "exactly 168 h", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-17T10:00-07:00"}, want: "7d"},
	{name: "168 h and a second", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-17T10:00:01-07:00"}, want: "30d"},
	{name: "exactly 720 h", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-08-09T10:00-07:00"}, want: "30d"},
	{name: "720 h and a microsecond", why: "followed for 720 h",
		engaged: "2026-07-10T10:00-07:00", served: []string{"2026-08-09T10:00:00.000001-07:00"}, want: "never"},
	{name: "no service", engaged: "2026-07-10T10:00-07:00", want: "never"},

	{name: "exactly 2 h before", why: "no earlier than 2 h before counts as 0 h",
		engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T08:00-07:00"}, want: "1h"},
	{name: "a microsecond more than 2 h before", engaged: "2026-07-10T10:00-07:00",
		served: []string{"2026-07-10T07:59:59.999999-07:00"}, want: "never"},
	{name: "3 h before, and 5 h after", why: "what does not count hides nothing",
		engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T07:00-07:00", "2026-07-10T15:00-07:00"}, want: "12h"},
	{name: "1 h before, on the date before", why: "the tolerance is in hours, midnight is no border",
		engaged: "2026-07-10T00:30-07:00", served: []string{"2026-07-09T23:30-07:00"}, want: "1h"},
	{name: "two services", why: "the first counts", engaged: "2026-07-10T10:00-07:00",
		served: []string{"2026-07-12T15:00-07:00", "2026-07-10T13:00-07:00"}, want: "4h"},

	{name: "no emergency", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T11:00-07:00 no"}, want: "never"},
	{name: "unknown is not an emergency", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T11:00-07:00 unknown"}, want: "never"},
	{name: "merged service of two agencies", why: "emergency is yes if any row says yes", engaged: "2026-07-10T10:00-07:00",
		served: []string{"2026-07-10T11:00-07:00 no", "2026-07-10T11:00-07:00 agency-b"}, want: "1h"},

	{name: "by day, same date", why: "within 24 h, in the bin of 12 to 24 h",
		engaged: "2026-07-10T22:00-07:00", served: []string{"2026-07-10T00:00-07:00 day"}, want: "24h by day"},
	{name: "by day, same date, entered just after midnight", engaged: "2026-07-10T00:01-07:00",
		served: []string{"2026-07-10T00:00-07:00 day"}, want: "24h by day"},
	{name: "by day, the date before", why: "it does not count, not even 1 minute before midnight",
		engaged: "2026-07-10T00:01-07:00", served: []string{"2026-07-09T23:59-07:00 day"}, want: "never"},
	{name: "by day, next date", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-11T00:00-07:00 day"}, want: "48h by day"},
	{name: "by day, day 2", why: "24 x 2 = 48 h", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-12T00:00-07:00 day"}, want: "48h by day"},
	{name: "by day, day 3", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-13T00:00-07:00 day"}, want: "72h by day"},
	{name: "by day, day 4", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-14T00:00-07:00 day"}, want: "7d by day"},
	{name: "by day, day 7", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-17T23:59-07:00 day"}, want: "7d by day"},
	{name: "by day, day 8", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-18T00:00-07:00 day"}, want: "30d by day"},
	{name: "by day, day 30", why: "24 x 30 = 720 h, inclusive", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-08-09T23:00-07:00 day"}, want: "30d by day"},
	{name: "by day, day 31", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-08-10T00:00-07:00 day"}, want: "never"},
	{name: "by day, no emergency", engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T00:00-07:00 day no"}, want: "never"},
	{name: "by day and by the minute in the same bin", why: "the one by day stands at the bin's upper edge",
		engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T00:00-07:00 day", "2026-07-11T09:00-07:00"}, want: "24h"},
	{name: "by day and by the minute at the very edge", engaged: "2026-07-10T10:00-07:00",
		served: []string{"2026-07-10T00:00-07:00 day", "2026-07-11T10:00-07:00"}, want: "24h"},
	{name: "by day in an earlier bin than the one by the minute", engaged: "2026-07-10T10:00-07:00",
		served: []string{"2026-07-10T00:00-07:00 day", "2026-07-11T10:00:01-07:00"}, want: "24h by day"},
	{name: "by the minute in an earlier bin", engaged: "2026-07-10T10:00-07:00",
		served: []string{"2026-07-10T00:00-07:00 day", "2026-07-10T21:00-07:00"}, want: "12h"},
	{name: "by day on day 4, by the minute on day 5", why: "both up to 7 days: the one by day stands at 168 h",
		engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-14T00:00-07:00 day", "2026-07-15T12:00-07:00"}, want: "7d"},
	{name: "merged, one row by day, one by the minute", why: "dated by day only if all its rows are",
		engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T10:30-07:00 day", "2026-07-10T10:30-07:00 agency-b"}, want: "1h"},
	{name: "merged by day, the row by the minute is no emergency", why: "the merged service is one, an emergency and by the minute",
		engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T10:30-07:00 day", "2026-07-10T10:30-07:00 no agency-b"}, want: "1h"},
	{name: "merged by day and minute, before the tolerance", why: "by the minute it is too early, though the date is right",
		engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T00:00-07:00 day", "2026-07-10T00:00-07:00 agency-b no"}, want: "never"},
	{name: "not merged: another type at the same instant", engaged: "2026-07-10T10:00-07:00",
		served: []string{"2026-07-10T00:00-07:00 day", "2026-07-10T00:00-07:00 medical_exam no"}, want: "24h by day"},
	{name: "not merged: another person at the same instant", why: "the case above has a timed row of this type and instant",
		engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-10T10:30-07:00 day"}, want: "24h by day"},
	{name: "both rows by day", engaged: "2026-07-10T10:00-07:00",
		served: []string{"2026-07-10T00:00-07:00 day", "2026-07-10T00:00-07:00 day agency-b"}, want: "24h by day"},

	{name: "24 h across the end of summer time", why: "elapsed hours: 10:00 to 9:00 next day",
		engaged: "2026-10-31T10:00-07:00", served: []string{"2026-11-01T09:00-08:00"}, want: "24h"},
	{name: "25 elapsed hours between the same clock times", engaged: "2026-10-31T10:00-07:00",
		served: []string{"2026-11-01T10:00-08:00"}, want: "48h"},
	{name: "23 elapsed hours between the same clock times", why: "summer time begins 2026-03-08",
		engaged: "2026-03-07T10:00-08:00", served: []string{"2026-03-08T10:00-07:00"}, want: "24h"},
	{name: "720 h across the start of summer time", why: "the local date of the service is day 31",
		engaged: "2026-03-01T23:30-08:00", served: []string{"2026-04-01T00:30-07:00"}, want: "30d"},
	{name: "the hour that happens twice", why: "01:30 PDT to 01:15 PST is 45 minutes",
		engaged: "2026-11-01T01:30-07:00", served: []string{"2026-11-01T01:15-08:00"}, want: "1h"},
	{name: "same date by day across time zones", why: "the local date decides: 03:00 in New York is the date before here",
		engaged: "2026-07-10T10:00-07:00", served: []string{"2026-07-11T02:59-04:00 day"}, want: "24h by day"},
	{name: "the first instant that a file can hold", engaged: "2026-07-10T10:00-07:00", served: []string{"0001-01-02T00:00Z", "0001-01-02T00:00Z day no"}, want: "never"},
}

func TestTimeToEmergencyService(t *testing.T) {
	var b strings.Builder
	b.WriteString("-- case --\nperiod 2026\nasof 2027-12-31\n-- engagements --\nperson,agency,engaged_at,channel\n")
	for i, c := range emergencyCases {
		fmt.Fprintf(&b, "%04d,agency-a,%s,patrol_contact\n", i+1, c.engaged)
	}
	b.WriteString("-- services --\nperson,agency,service_type,emergency,started_at,started_precision\n")
	for i, c := range emergencyCases {
		for _, s := range c.served {
			agency, kind, emergency, precision := "agency-a", "crisis_advocacy", "yes", ""
			at, rest, _ := strings.Cut(s, " ")
			for _, w := range strings.Fields(rest) {
				switch w {
				case "day":
					precision = w
				case "no", "unknown":
					emergency = w
				case "agency-b":
					agency = w
				default:
					kind = w
				}
			}
			fmt.Fprintf(&b, "%04d,%s,%s,%s,%s,%s\n", i+1, agency, kind, emergency, at, precision)
		}
	}
	d := loaded(t, b.String())
	cells := map[int]string{}
	vector(t, "time-to-emergency-service.curve", d, func(person int, cell string, _ int64) { cells[person] = cell })
	vector(t, "time-to-emergency-service.day_precision", d, func(person int, cell string, value int64) {
		if (cell == "u") != (cells[person] == "never") {
			t.Errorf("%s: cell %s of day_precision for %s", emergencyCases[person-1].name, cell, cells[person])
		}
		if cell == "d" && value == 1 {
			cells[person] += " by day"
		}
	})
	for i, c := range emergencyCases {
		if got := cells[i+1]; got != c.want {
			t.Errorf("%s: %s, want %s (%s)", c.name, got, c.want, c.why)
		}
	}
	vector(t, "time-to-emergency-service.within_24h", d, func(person int, cell string, value int64) {
		hours := strings.TrimSuffix(emergencyCases[person-1].want, " by day")
		within := hours == "1h" || hours == "4h" || hours == "12h" || hours == "24h"
		if cell != "d" || (value == 1) != within || value*value != 1 {
			t.Errorf("%s: within_24h gives %s %d", emergencyCases[person-1].name, cell, value)
		}
	})
}

// loaded parses a case, loads it and makes every table.
func loaded(t testing.TB, text string) *measuretest.DB {
	t.Helper()
	c, err := measuretest.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	d := measuretest.New(t)
	d.Load(t, c)
	d.Prepare(t, c.Period, c.Asof)
	return d
}

// vector calls each for what every person gives to a vector.
func vector(t testing.TB, name string, d *measuretest.DB, each func(person int, cell string, value int64)) {
	t.Helper()
	rows, err := d.Query("SELECT v.person, v.cell, v.value FROM (" + sqlOf(t, name) + ") v")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var person int
		var cell string
		var value int64
		if err := rows.Scan(&person, &cell, &value); err != nil {
			t.Fatal(err)
		}
		each(person, cell, value)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// TestServiceAfterAsof holds the as-of rule, which an item that is due never reaches: events up to that day's end only.
func TestServiceAfterAsof(t *testing.T) {
	text := `-- case --
period 2026Q3
asof 2026-07-11
-- engagements --
person,agency,engaged_at,channel
A,agency-a,2026-07-10T10:00-07:00,outreach
B,agency-a,2026-07-10T10:00-07:00,outreach
C,agency-a,2026-07-12T00:00-07:00,outreach      # enters the day after
-- services --
person,agency,service_type,emergency,started_at
A,agency-a,legal,yes,2026-07-11T23:59-07:00     # the end of that local day is still in
B,agency-a,legal,yes,2026-07-12T00:00-07:00
-- want --
entry.heads persons 2
time-to-emergency-service.curve 48h 1
time-to-emergency-service.curve never 1
`
	measuretest.Run(t, []byte(text))
}
