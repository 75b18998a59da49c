package main

import (
	"context"
	"errors"
	"time"

	"heatwatch/internal/home"
)

// nights decides when serve runs a nightly. The clock and the home come in from outside.
type nights struct {
	next  func(after time.Time) time.Time            // of the schedule
	now   func() time.Time                           // what the clock on the wall says
	sleep func(ctx context.Context, d time.Duration) // until then, or the end of ctx
	last  func() (nightNote, error)
	run   func(ctx context.Context) error // one nightly
	say   func(error)
}

const (
	nap       = time.Minute      // a machine that slept, or whose clock was put right, notices after so long
	lockRetry = 20 * time.Second // until whoever holds the home is done
)

// all runs nights until ctx ends: at first the one that was missed, if any was, then each that is due.
func (n nights) all(ctx context.Context) {
	due := n.missed()
	for ctx.Err() == nil {
		if wait := due.Sub(n.now()); wait > 0 {
			n.sleep(ctx, min(wait, nap))
			continue
		}
		n.one(ctx, due)
		// Not before the one that was just done, should the clock be put back a little.
		after := n.now()
		if after.Before(due) {
			after = due
		}
		due = n.next(after)
	}
}

// missed returns when the first night is due: the one that was missed since the last that ended, else the next. However
// many were missed, one makes good for all.
func (n nights) missed() time.Time {
	now := n.now()
	last, err := n.last()
	if err != nil {
		n.say(err)
		return n.next(now)
	}
	from := last.Started
	if from.Before(last.Since) {
		from = last.Since
	}
	if from.IsZero() || from.After(now) { // a note of the future: a clock was wrong then
		return n.next(now)
	}
	return n.next(from)
}

// one runs the night that is due, as soon as nobody else holds the home, unless that was a nightly.
func (n nights) one(ctx context.Context, due time.Time) {
	for said := false; ; said = true {
		err := n.run(ctx)
		if !errors.Is(err, home.ErrHeld) || ctx.Err() != nil {
			if err != nil {
				n.say(err)
			}
			return
		}
		if !said {
			n.say(err)
		}
		n.sleep(ctx, lockRetry)
		if last, err := n.last(); err == nil && !last.Started.Before(due) {
			return
		}
	}
}

// sleep waits on the wall's clock, which goes on while a machine sleeps: not for longer than a nap.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
