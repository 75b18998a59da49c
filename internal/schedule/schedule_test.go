package schedule

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func parse(t testing.TB, spec, place string) Schedule {
	t.Helper()
	s, err := Parse(spec, zone(t, place))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// nights lists the next n times.
func nights(s Schedule, from time.Time, n int) (all []string) {
	for t := s.Next(from); len(all) < n; t = s.Next(t) {
		all = append(all, t.Format("01-02 15:04 MST"))
	}
	return all
}

// The two nights of Los Angeles in 2026 on which the clocks change: exactly one run, whatever the time.
func TestOneRunInEachNight(t *testing.T) {
	la := zone(t, "America/Los_Angeles")
	for _, c := range []struct {
		name, spec string
		from       time.Time
		want       []string
	}{
		{"02:15 does not exist: at the skip", "15 2 * * *", time.Date(2026, 3, 7, 12, 0, 0, 0, la), []string{"03-08 03:00 PDT", "03-09 02:15 PDT"}},
		{"02:00 neither", "0 2 * * *", time.Date(2026, 3, 7, 12, 0, 0, 0, la), []string{"03-08 03:00 PDT", "03-09 02:00 PDT"}},
		{"01:59 does", "59 1 * * *", time.Date(2026, 3, 7, 12, 0, 0, 0, la), []string{"03-08 01:59 PST", "03-09 01:59 PDT"}},
		{"03:00 does", "0 3 * * *", time.Date(2026, 3, 7, 12, 0, 0, 0, la), []string{"03-08 03:00 PDT", "03-09 03:00 PDT"}},
		{"02:15 and 03:00 are one then", "0,15 2,3 8 3 *", time.Date(2026, 3, 7, 12, 0, 0, 0, la), []string{"03-08 03:00 PDT", "03-08 03:15 PDT"}},
		{"01:15 exists twice: the first", "15 1 * * *", time.Date(2026, 10, 31, 12, 0, 0, 0, la), []string{"11-01 01:15 PDT", "11-02 01:15 PST"}},
		{"01:00 too", "0 1 * * *", time.Date(2026, 10, 31, 12, 0, 0, 0, la), []string{"11-01 01:00 PDT", "11-02 01:00 PST"}},
		{"02:00 once", "0 2 * * *", time.Date(2026, 10, 31, 12, 0, 0, 0, la), []string{"11-01 02:00 PST", "11-02 02:00 PST"}},
		{"02:15 once", "15 2 * * *", time.Date(2026, 10, 31, 12, 0, 0, 0, la), []string{"11-01 02:15 PST", "11-02 02:15 PST"}},
		{"started between the two", "15 1 * * *", time.Date(2026, 11, 1, 8, 40, 0, 0, time.UTC), []string{"11-02 01:15 PST"}},
		{"started in the second hour", "15 1 * * *", time.Date(2026, 11, 1, 9, 5, 0, 0, time.UTC), []string{"11-02 01:15 PST"}},
		{"started just after the skip", "15 2 * * *", time.Date(2026, 3, 8, 10, 0, 1, 0, time.UTC), []string{"03-09 02:15 PDT"}},
		{"started just before the skip", "15 2 * * *", time.Date(2026, 3, 8, 9, 59, 59, 0, time.UTC), []string{"03-08 03:00 PDT", "03-09 02:15 PDT"}},
		{"weekdays", "15 2 * * 1-5", time.Date(2026, 3, 6, 1, 0, 0, 0, la), []string{"03-06 02:15 PST", "03-09 02:15 PDT"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := nights(parse(t, c.spec, "America/Los_Angeles"), c.from, len(c.want)); !slices.Equal(got, c.want) {
				t.Errorf("due at %v, want %v", got, c.want)
			}
		})
	}
}

// In a zone that is put forward by half an hour, one that dropped a whole day, and one without changes.
func TestOtherPlaces(t *testing.T) {
	for _, c := range []struct{ place, spec, after, want string }{
		{"Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00:00Z", "2026-10-04T02:30:00+11:00"},
		{"Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00:00Z", "2026-04-05T01:45:00+11:00"},
		{"Pacific/Apia", "15 2 * * *", "2011-12-29T13:00:00Z", "2011-12-31T00:00:00+14:00"}, // 30 December 2011 was not
		{"UTC", "15 2 * * *", "2026-03-08T02:15:00Z", "2026-03-09T02:15:00Z"},
		{"America/Los_Angeles", "0 0 29 2 *", "2026-03-08T02:15:00Z", "2028-02-29T00:00:00-08:00"},
	} {
		after, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		if got := parse(t, c.spec, c.place).Next(after).Format(time.RFC3339); got != c.want {
			t.Errorf("%s %q after %s: %s, want %s", c.place, c.spec, c.after, got, c.want)
		}
	}
}

// Over ten years a daily schedule is due once on each day, in order, and from wherever one looks the next is the same.
func TestOnceADay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		place := rapid.SampledFrom([]string{"America/Los_Angeles", "Europe/London", "Australia/Lord_Howe", "America/Sao_Paulo"}).Draw(t, "place")
		z, err := time.LoadLocation(place)
		if err != nil {
			t.Skip(err)
		}
		hour, minute := rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute")
		s, err := Parse(time.Date(2000, 1, 1, hour, minute, 0, 0, time.UTC).Format("4 15 * * *"), z)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2024, 1, 1, 0, 0, 0, 0, z).Add(time.Duration(rapid.IntRange(0, 10*365*24*60).Draw(t, "start")) * time.Minute)
		last := s.Next(at)
		for range 400 {
			next := s.Next(last)
			if days := onWall(next).Truncate(24*time.Hour).Sub(onWall(last).Truncate(24*time.Hour)) / (24 * time.Hour); days != 1 {
				t.Fatalf("%v follows %v", next, last)
			}
			between := last.Add(time.Duration(rapid.Int64Range(0, int64(next.Sub(last))-1).Draw(t, "between")))
			if again := s.Next(between); !again.Equal(next) {
				t.Fatalf("after %v comes %v, after %v %v", last, next, between, again)
			}
			last = next
		}
	})
}

func TestWhatIsNoSchedule(t *testing.T) {
	for _, spec := range []string{"", "at night", "15 2 * *", "0 15 2 * * *", "60 2 * * *", "@daily", "@every 1h", "TZ=UTC 15 2 * * *", "CRON_TZ=UTC 15 2 * * *", "TZ=0", "0 0 31 2 *"} {
		if _, err := Parse(spec, time.UTC); err == nil {
			t.Errorf("%q is taken", spec)
		}
	}
}
