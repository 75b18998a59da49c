package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"heatwatch/internal/home"
	"heatwatch/internal/schedule"
)

// sky is a home's nights under a clock that only sleeping moves.
type sky struct {
	t    *testing.T
	at   time.Time
	note nightNote
	ran  []string
	run  func() error // nil: well
	nap  func(s *sky) // what happens while it sleeps
	end  time.Time    // of the test
	stop context.CancelFunc
	said []string
}

const skyLayout = "01-02 15:04 MST"

func (s *sky) nights(spec string) nights {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		s.t.Fatal(err)
	}
	due, err := schedule.Parse(spec, zone)
	if err != nil {
		s.t.Fatal(err)
	}
	s.at = s.at.In(zone)
	return nights{next: due.Next, now: func() time.Time { return s.at },
		sleep: func(_ context.Context, d time.Duration) {
			if d > time.Minute {
				s.t.Errorf("sleeps for %v: a machine that was asleep would wake too late", d)
			}
			s.at = s.at.Add(d)
			if s.nap != nil {
				s.nap(s)
			}
			if !s.at.Before(s.end) {
				s.stop()
			}
		},
		last: func() (nightNote, error) { return s.note, nil },
		run: func(ctx context.Context) error {
			if s.run != nil {
				if err := s.run(); err != nil {
					return err
				}
			}
			s.ran = append(s.ran, s.at.Format(skyLayout))
			s.note.Started = s.at
			s.at = s.at.Add(10 * time.Minute)
			return nil
		},
		say: func(err error) { s.said = append(s.said, err.Error()) }}
}

func (s *sky) want(spec string, days int, want ...string) {
	s.t.Helper()
	s.end = s.at.Add(time.Duration(days) * 24 * time.Hour)
	var ctx context.Context
	ctx, s.stop = context.WithCancel(s.t.Context())
	defer s.stop()
	s.nights(spec).all(ctx)
	if !slices.Equal(s.ran, want) {
		s.t.Errorf("ran at %q, want %q; said %q", s.ran, want, s.said)
	}
}

func clockAt(t *testing.T, text string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	v, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

const quarterPastTwo = "15 2 * * *"

func TestNightsRunWhenDue(t *testing.T) {
	s := &sky{t: t, at: clockAt(t, "2026-12-01 12:00")}
	s.want(quarterPastTwo, 3, "12-02 02:15 PST", "12-03 02:15 PST", "12-04 02:15 PST")
}

func TestNightsRunOnceWhereTheClocksChange(t *testing.T) {
	s := &sky{t: t, at: clockAt(t, "2026-03-07 12:00")}
	s.want(quarterPastTwo, 2, "03-08 03:00 PDT", "03-09 02:15 PDT")
	s = &sky{t: t, at: clockAt(t, "2026-10-31 12:00")}
	s.want("15 1 * * *", 2, "11-01 01:15 PDT", "11-02 01:15 PST")
}

func TestAMissedNightIsMadeGoodOnce(t *testing.T) {
	for name, c := range map[string]struct {
		note nightNote
		want []string
	}{
		"off for three nights":         {nightNote{Started: clockAt(t, "2026-11-28 02:15")}, []string{"12-01 12:00 PST", "12-02 02:15 PST"}},
		"down for an hour":             {nightNote{Started: clockAt(t, "2026-12-01 02:15")}, []string{"12-02 02:15 PST"}},
		"run by hand since":            {nightNote{Started: clockAt(t, "2026-12-01 09:00")}, []string{"12-02 02:15 PST"}},
		"a new home":                   {nightNote{}, []string{"12-02 02:15 PST"}},
		"never ran, served since":      {nightNote{Since: clockAt(t, "2026-11-30 12:00")}, []string{"12-01 12:00 PST", "12-02 02:15 PST"}},
		"served first after the night": {nightNote{Started: clockAt(t, "2026-10-01 12:00"), Since: clockAt(t, "2026-12-01 11:00")}, []string{"12-02 02:15 PST"}},
		"a note of the future":         {nightNote{Started: clockAt(t, "2027-11-28 02:15")}, []string{"12-02 02:15 PST"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sky{t: t, at: clockAt(t, "2026-12-01 12:00"), note: c.note}
			s.want(quarterPastTwo, 1, c.want...)
		})
	}
}

// A machine that sleeps through two nights runs one when it wakes; a clock that is put back runs none again.
func TestNightsAndTheMachinesClock(t *testing.T) {
	s := &sky{t: t, at: clockAt(t, "2026-12-01 12:00")}
	slept := false
	s.nap = func(s *sky) {
		if !slept && s.at.After(clockAt(t, "2026-12-01 20:00")) {
			slept, s.at = true, clockAt(t, "2026-12-03 09:00")
		}
	}
	s.want(quarterPastTwo, 3, "12-03 09:00 PST", "12-04 02:15 PST")

	s = &sky{t: t, at: clockAt(t, "2026-12-01 12:00")}
	s.run = func() error {
		if len(s.ran) == 0 { // the clock was twenty minutes ahead: the run takes ten
			s.at = s.at.Add(-20 * time.Minute)
		}
		return nil
	}
	s.want(quarterPastTwo, 2, "12-02 01:55 PST", "12-03 02:15 PST")
}

func TestANightWaitsForTheHome(t *testing.T) {
	s := &sky{t: t, at: clockAt(t, "2026-12-01 12:00")}
	locked := fmt.Errorf("somebody: %w", home.ErrHeld)
	s.run = func() error { // a release holds the home until 02:30
		if s.at.Before(clockAt(t, "2026-12-02 02:30")) {
			return locked
		}
		return nil
	}
	s.want(quarterPastTwo, 1, "12-02 02:30 PST")
	if len(s.said) != 1 {
		t.Errorf("said %q", s.said)
	}

	s = &sky{t: t, at: clockAt(t, "2026-12-01 12:00")} // another nightly does
	tries := 0
	s.run = func() error {
		if tries++; tries == 1 {
			s.note.Started = s.at
			return locked
		}
		return nil
	}
	s.want(quarterPastTwo, 1)

	s = &sky{t: t, at: clockAt(t, "2026-12-01 12:00")}
	s.run = func() error { return errors.New("disk full") } // any other failure waits for the next night
	s.want(quarterPastTwo, 2)
	if len(s.said) != 2 {
		t.Errorf("said %q", s.said)
	}
}

func TestReadiness(t *testing.T) {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	due, err := schedule.Parse(quarterPastTwo, zone)
	if err != nil {
		t.Fatal(err)
	}
	ran := func(day, state string) nightNote {
		return nightNote{Since: clockAt(t, "2026-01-01 12:00"), Started: clockAt(t, day+" 02:15"), Finished: clockAt(t, day+" 02:40"), State: state}
	}
	for name, c := range map[string]struct {
		note  nightNote
		now   string
		ready bool
	}{
		"last night went well":        {ran("2026-12-01", nightDone), "2026-12-01 12:00", true},
		"rows were put aside":         {ran("2026-12-01", nightAside), "2026-12-01 12:00", true},
		"a partner's server was down": {ran("2026-12-01", nightPartly), "2026-12-01 12:00", true},
		"last night failed":           {ran("2026-12-01", nightFailure), "2026-12-01 12:00", false},
		"this night is under way":     {ran("2026-11-30", nightDone), "2026-12-01 08:00", true},
		"this night never ended":      {ran("2026-11-30", nightDone), "2026-12-01 08:16", false},
		"a new home":                  {nightNote{Since: clockAt(t, "2026-12-01 12:00")}, "2026-12-01 13:00", true},
		"a home that never ran":       {nightNote{Since: clockAt(t, "2026-11-01 12:00")}, "2026-12-01 13:00", false},
	} {
		if r := readinessOf(c.note, clockAt(t, c.now), due.Next); r.Ready != c.ready {
			t.Errorf("%s: %+v", name, r)
		}
	}
	r := readinessOf(ran("2026-12-01", nightDone), clockAt(t, "2026-12-01 03:15"), due.Next)
	if *r.Age != 3600 || r.State != nightDone || r.Next.Format(skyLayout) != "12-02 02:15 PST" {
		t.Errorf("%+v", r)
	}
}

func TestCalendar(t *testing.T) {
	for spec, want := range map[string]string{
		"15 2 * * *":       "*-*-* 2:15:00 UTC",
		"0,30 1-3 * * 1-5": "Mon..Fri *-*-* 1..3:0,30:00 UTC",
		"*/20 */6 1 */3 *": "*-1/3-1 0/6:0/20:00 UTC",
		"0 3 * * 0,6":      "Sun,Sat *-*-* 3:0:00 UTC",
		"0 3 1 * 1":        "",
		"0 3 * * mon":      "",
		"0 3 * * */2":      "",
	} {
		got, err := calendar(spec, "UTC")
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", spec, got, err, want)
		}
	}
}

func TestPathsInUnits(t *testing.T) {
	for path, want := range map[string]string{"/srv/county": "/srv/county", "/srv/100%": "/srv/100%%", "/srv/our county": `"/srv/our county"`, `/srv/a"b`: "", "/srv/$HOME": ""} {
		if got, err := quoted(path); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %s, %v", path, got, err)
		}
	}
	if !strings.Contains(unitsText, "ReadWritePaths={{.Home}}") {
		t.Error("the home is not named as what may be written")
	}
}
