// Package schedule says when a night is due: five fields as for cron, read on the wall clock of a place.
//
// A time that the clock skips in spring is due at the moment of the skip, and one that it shows twice in autumn is due
// the first time: whatever the clocks do, each time of the schedule is due exactly once. robfig/cron alone leaves out
// the first and runs the second twice.
package schedule

import (
	"errors"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule is a schedule in a time zone. Parse makes one.
type Schedule struct {
	cron cron.Schedule
	zone *time.Location
}

// Parse reads five fields: minute, hour, day of the month, month, day of the week (0 is Sunday). A schedule that is
// never due is an error.
func Parse(spec string, zone *time.Location) (Schedule, error) {
	if strings.ContainsAny(spec, "=@") { // a zone of its own, or words of robfig/cron
		return Schedule{}, errors.New("five fields are wanted")
	}
	c, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(spec)
	if err != nil {
		return Schedule{}, err
	}
	if c.Next(time.Unix(0, 0).UTC()).IsZero() {
		return Schedule{}, errors.New("no day fits it")
	}
	return Schedule{c, zone}, nil
}

// Next is the first time after an instant at which a night is due.
func (s Schedule) Next(after time.Time) time.Time {
	wall := onWall(after.In(s.zone)) // what was due earlier on the wall was due earlier
	for {
		wall = s.cron.Next(wall)
		if due := s.instant(wall); due.After(after) {
			return due
		}
	}
}

// onWall is what the clock shows, as if it were UTC: a line of time without skips.
func onWall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// instant is when the clock first shows a time, or skips it.
func (s Schedule) instant(wall time.Time) time.Time {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, s.zone)
	start, end := t.ZoneBounds()
	switch shown := onWall(t); {
	case shown.After(wall): // skipped, and read with the offset from before
		return start
	case shown.Before(wall): // skipped, and read with the offset from after
		return end
	}
	if start.IsZero() {
		return t
	}
	_, before := start.Add(-time.Second).Zone()
	_, now := t.Zone()
	if first := t.Add(time.Duration(now-before) * time.Second); first.Before(start) && onWall(first).Equal(wall) {
		return first
	}
	return t
}
