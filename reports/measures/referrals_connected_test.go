package measures_test

import (
	"fmt"
	"strings"
	"testing"

	"heatwatch/reports/measures/measuretest"
)

// referralCase is one person with one referral in 2026, to a shelter for emergency_shelter unless it says otherwise, as of
// 2027-01-21. Agencies a and b are shelters, m is mental_health.
type referralCase struct {
	name, why, referred  string
	to                   string   // "KIND TYPE"
	services, placements []string // "AGENCY START [day] [TYPE]", "AGENCY FIRST LAST [TYPE]"
	followed             bool
}

var referralCases = []referralCase{
	{name: "nothing follows", referred: "07-10T10:00-07:00"},
	{name: "at the same instant", referred: "07-10T10:00-07:00", services: []string{"a 07-10T10:00-07:00"}, followed: true},
	{name: "a minute before", referred: "07-10T10:00-07:00", services: []string{"a 07-10T09:59-07:00"}},
	{name: "168 hours", why: "the edge counts", referred: "07-10T10:00-07:00", services: []string{"a 07-17T10:00-07:00"}, followed: true},
	{name: "a millisecond more", referred: "07-10T10:00-07:00", services: []string{"a 07-17T10:00:00.001-07:00"}},
	{name: "another type", referred: "07-10T10:00-07:00", services: []string{"a 07-11T10:00-07:00 housing"}},
	{name: "another kind of agency", referred: "07-10T10:00-07:00", services: []string{"m 07-11T10:00-07:00"}},
	{name: "the second service follows", referred: "07-10T10:00-07:00", services: []string{"a 07-10T09:00-07:00", "b 07-11T10:00-07:00"}, followed: true},
	{name: "clock put back", why: "168 h end at 22:30 of day 7", referred: "10-29T23:30-07:00", services: []string{"a 11-05T22:30-08:00"}, followed: true},
	{name: "clock put back, day 7 is not over", referred: "10-29T23:30-07:00", services: []string{"a 11-05T22:31-08:00"}},
	{name: "clock put forward", why: "168 h end at 00:30 of day 8", referred: "03-06T23:30-08:00", services: []string{"a 03-14T00:30-07:00"}, followed: true},
	{name: "clock put forward, too late", referred: "03-06T23:30-08:00", services: []string{"a 03-14T00:31-07:00"}},
	{name: "the last instant of the year", referred: "12-31T23:59:59.999-08:00", services: []string{"a 2027-01-07T23:59:59.999-08:00"}, followed: true},

	{name: "by day, same date", why: "though its midnight was before", referred: "07-10T10:00-07:00", services: []string{"a 07-10T00:00-07:00 day"}, followed: true},
	{name: "by day, the date before", referred: "07-10T00:10-07:00", services: []string{"a 07-09T00:00-07:00 day"}},
	{name: "by day, day 7", why: "dates count, not hours", referred: "07-10T00:10-07:00", services: []string{"a 07-17T12:00-07:00 day"}, followed: true},
	{name: "by day, day 8", referred: "03-06T23:30-08:00", why: "167.5 hours, but day 8", services: []string{"a 03-14T00:00-07:00 day"}},
	{name: "by day, timed by another agency", why: "one service, known by the minute: it started before", referred: "07-10T10:00-07:00",
		services: []string{"a 07-10T00:00-07:00 day", "m 07-10T00:00-07:00"}},
	{name: "by day, timed within 168 h", why: "one service; the shelter's row gives the kind", referred: "07-10T10:00-07:00",
		services: []string{"a 07-11T00:00-07:00 day", "m 07-11T00:00-07:00"}, followed: true},
	{name: "by day, another type timed", why: "not the same service", referred: "07-10T10:00-07:00",
		services: []string{"a 07-10T00:00-07:00 day", "a 07-10T00:00-07:00 housing"}, followed: true},

	{name: "a stay on the same date", referred: "07-10T23:50-07:00", placements: []string{"a 07-10 07-20"}, followed: true},
	{name: "a stay the day before", referred: "07-10T00:10-07:00", placements: []string{"a 07-09 07-20"}},
	{name: "a stay on day 7", referred: "07-10T00:10-07:00", placements: []string{"a 07-17 07-20"}, followed: true},
	{name: "a stay on day 8", referred: "07-10T23:50-07:00", placements: []string{"a 07-18 07-20"}},
	{name: "a stay that ends the same day", referred: "07-10T10:00-07:00", placements: []string{"a 07-11 07-11"}, followed: true},
	{name: "an open stay", referred: "07-10T10:00-07:00", placements: []string{"a 07-11 -"}, followed: true},
	{name: "a stay of another kind of agency", referred: "07-10T10:00-07:00", placements: []string{"m 07-11 07-20"}},
	{name: "a stay of another type", referred: "07-10T10:00-07:00", placements: []string{"a 07-11 07-20 group_home"}},
	{name: "a stay where another service was asked for", referred: "07-10T10:00-07:00", to: "shelter housing", placements: []string{"a 07-11 07-20"}},
	{name: "a stay reported by two agencies", why: "each row is a start", referred: "07-12T10:00-07:00", placements: []string{"a 07-11 07-20", "b 07-12 07-20"}, followed: true},
}

func TestReferralsFollowed(t *testing.T) {
	full := func(s string) string {
		if s == "-" {
			return ""
		}
		if strings.HasPrefix(s, "20") {
			return s
		}
		return "2026-" + s
	}
	var r, s, p strings.Builder
	for i, c := range referralCases {
		kind, service := "shelter", "emergency_shelter"
		if c.to != "" {
			kind, service, _ = strings.Cut(c.to, " ")
		}
		fmt.Fprintf(&r, "%04d,m,%s,%s,%s\n", i+1, full(c.referred), kind, service)
		for _, row := range c.services {
			f := strings.Fields(row)
			precision, is := "", "emergency_shelter"
			for _, w := range f[2:] {
				if w == "day" {
					precision = w
				} else {
					is = w
				}
			}
			fmt.Fprintf(&s, "%04d,%s,%s,no,%s,%s\n", i+1, f[0], is, full(f[1]), precision)
		}
		for _, row := range c.placements {
			f := append(strings.Fields(row), "emergency_shelter")
			fmt.Fprintf(&p, "%04d,%s,%s,%s,%s\n", i+1, f[0], f[3], full(f[1]), full(f[2]))
		}
	}
	c, err := measuretest.Parse([]byte("-- case --\nperiod 2026\n-- agencies --\nname,kind\na,shelter\nb,shelter\nm,mental_health\n" +
		"-- referrals --\nperson,agency,referred_at,to_agency_kind,service_type\n" + r.String() +
		"-- services --\nperson,agency,service_type,emergency,started_at,started_precision\n" + s.String() +
		"-- placements --\nperson,agency,placement_type,started_on,ended_on\n" + p.String()))
	if err != nil {
		t.Fatal(err)
	}
	d := measuretest.New(t)
	d.Load(t, c)
	d.PrepareFor(t, "referrals-connected.followed", c.Period, c.Period.Last().AddDays(21))
	seen := 0
	vector(t, "referrals-connected.followed", d, func(person int, _ string, value int64) {
		seen++
		if c := referralCases[person-1]; (value > 0) != c.followed {
			t.Errorf("%s: followed is %v (%s)", c.name, !c.followed, c.why)
		}
	})
	if seen != len(referralCases) {
		t.Errorf("%d persons, not %d", seen, len(referralCases))
	}
}

// TestFiveReferralsCount gives one person 400 referrals of which every second was connected, and another 6 that say the
// same thing twice each: 5 of each are kept, always the same 5, and whatever their keys are.
func TestFiveReferralsCount(t *testing.T) {
	types := []string{"legal", "housing", "mentoring", "education"}
	cells := func(key func(i int) string) (all []string) {
		var b strings.Builder
		b.WriteString("-- case --\nperiod 2026\n-- referrals --\nperson,agency,referral_id,referred_at,to_agency_kind,service_type,outcome\n")
		for i := range 400 {
			fmt.Fprintf(&b, "A,a,%s,2026-%02d-%02dT%02d:00-07:00,court,%s,%s\n", key(i), 2+i%10, 1+i%28, i%24, types[i%4], []string{"connected", "declined"}[i%2])
		}
		for i := range 6 {
			fmt.Fprintf(&b, "B,a,%s,2026-05-%02dT10:00-07:00,court,%s,%s\n", key(400+i), 1+i/2, types[i/2], []string{"connected", "declined", ""}[i/2])
		}
		c, err := measuretest.Parse([]byte(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		d := measuretest.New(t)
		d.Load(t, c)
		d.PrepareFor(t, "referrals-connected.followed", c.Period, c.Period.Last().AddDays(21))
		n := 0
		if err := d.QueryRow("SELECT count(r.person) FROM referrals_connected r").Scan(&n); err != nil || n != 10 {
			t.Errorf("%d referrals of two persons count, not 10: %v", n, err)
		}
		for _, v := range []string{"connected", "followed_by_type", "connected_by_type"} {
			vector(t, "referrals-connected."+v, d, func(person int, cell string, value int64) { all = append(all, fmt.Sprint(v, person, cell, value)) })
		}
		return all
	}
	once := strings.Join(sorted(cells(func(i int) string { return fmt.Sprintf("r%03d", i) })), " ")
	again := strings.Join(sorted(cells(func(i int) string { return fmt.Sprintf("x%03d", 999-i) })), " ")
	if once != again {
		t.Errorf("another choice when the keys change:\n%s\n%s", once, again)
	}
}
