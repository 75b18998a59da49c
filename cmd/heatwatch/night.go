package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"heatwatch/etl/nightly"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// nightNote is the note about the last nightly that came to an end, for serve after a restart, for a monitor and for hooks.
type nightNote struct {
	Schema     int       `json:"schema"`
	Started    time.Time `json:"started"`  // zero before the first
	Finished   time.Time `json:"finished"` // the same
	State      string    `json:"state"`    // "" before the first
	Generation int       `json:"generation"`
	CameToEnd  time.Time `json:"came_to_end"`    // the first of a day without an error, of any area; zero before the first
	Since      time.Time `json:"since"`          // when serve ran first: nights before that were not missed
	Late       []string  `json:"late,omitempty"` // partners for whose lateness alert was called
}

// How a night can end.
const (
	nightDone    = "done"
	nightAside   = "put_aside"     // rows or drops were
	nightPartly  = "partly_failed" // something was passed over, a partner's server that is down, say
	nightFailure = "failed"
)

func nightState(sum nightly.Summary, err error) string {
	switch {
	case err != nil:
		return nightFailure
	case sum.ExitCode() == problem.Failed:
		return nightPartly
	case sum.ExitCode() == problem.Quarantined:
		return nightAside
	}
	return nightDone
}

// lastNight reads the note; before the first night it is the zero one. A note that cannot be read counts as none: it is
// no part of the data, and the next night writes it anew.
func (h *house) lastNight() (nightNote, error) {
	b, err := os.ReadFile(h.NightNote())
	if errors.Is(err, fs.ErrNotExist) {
		return nightNote{}, nil
	}
	if err != nil {
		return nightNote{}, problem.Wrap(err, problem.Failed, h.NightNote(), "the note about the last night cannot be read", "check the permissions")
	}
	var n nightNote
	if json.Unmarshal(b, &n) != nil || n.Schema != 1 {
		return nightNote{}, nil
	}
	return n, nil
}

func (h *house) writeNight(n nightNote) error {
	n.Schema = 1
	b, err := json.MarshalIndent(n, "", " ")
	if err != nil {
		return err
	}
	err = durable.MkdirAll(h.fs, h.Logs(), 0o700)
	if err == nil {
		err = durable.Replace(h.fs, h.NightNote(), append(b, '\n'), 0o600)
	}
	if err != nil {
		return problem.Wrap(err, problem.Failed, h.NightNote(), "the note about the last night cannot be written", "check the room on the disk")
	}
	return nil
}

// night runs one nightly of a home, and tells whoever wants to know how it ended. from is "" for the home's own area.
func (c *command) night(ctx context.Context, h *house, from string, rebuild bool) (nightly.Summary, error) {
	started := c.System()
	done := c.insist(ctx, patience)
	sum, err := c.runNight(ctx, h, from, rebuild)
	done()
	if err != nil && ctx.Err() != nil {
		return sum, problem.Wrap(ctx.Err(), problem.Failed, "nightly", "it was stopped before its end", "nothing is lost: the next run goes on from there")
	}
	if problem.ExitCode(err) == problem.Usage {
		return sum, err
	}
	if told := c.ended(ctx, h, from == "", started, sum, err); err == nil {
		err = told
	}
	return sum, err
}

func (h *house) day(t time.Time) models.Date { return models.DateOf(t.In(h.zone)) }

// patience is how long a run that was told to stop may take to come to a safe point: a sort of gigabytes does not look up.
const patience = 4500 * time.Millisecond

// insist ends the process if a run goes on for too long after ctx has ended; done says that the run is over. A night may be
// killed anywhere, so this loses no more than the next run makes good.
func (c *command) insist(ctx context.Context, patience time.Duration) (done func()) {
	over := make(chan struct{})
	go func() {
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		select {
		case <-over:
		case <-time.After(patience):
			c.Say("heatwatch: nightly: it was ended in the middle of a step: nothing is lost: the next run goes on from there")
			c.Exit(problem.Failed)
		}
	}()
	return func() { close(over) }
}

// ended notes how a night ended and calls the hooks. One that was stopped or never began is no night. A night of another
// area than the home's own does not stand for the one that is due.
func (c *command) ended(ctx context.Context, h *house, own bool, started time.Time, sum nightly.Summary, failed error) error {
	if ctx.Err() != nil || errors.Is(failed, home.ErrHeld) {
		return nil
	}
	last, err := h.lastNight()
	if err != nil {
		return err
	}
	state := nightState(sum, failed)
	var alerts []alert
	var late []string
	if len(h.settings.Hooks.Alert) > 0 { // else nobody asks, and it reads the record of every drop
		if alerts, late, err = h.alerts(sum, state, last.Late); err != nil {
			return err
		}
	}
	changed := !slices.Equal(late, last.Late) || own && h.day(started) != h.day(last.Started)
	if last.Late = late; own {
		changed = changed || c.serving || sum.News() || state != last.State
		last.Started, last.Finished, last.State = started, c.System(), state
		if failed == nil {
			last.Generation = sum.Generation
		}
	}
	// Once a day, so that a second run changes nothing. It is for whoever watches; nothing else rests on it.
	if failed == nil && h.day(last.CameToEnd) != h.today() {
		last.CameToEnd, changed = h.now().UTC().Truncate(time.Second), true
	}
	// First the note: a hook that hangs or kills must not make the night run again. A second run by hand on the same day
	// that changed nothing writes nothing either.
	if changed {
		if err := h.writeNight(last); err != nil {
			return err
		}
	}
	c.callHooks(ctx, h, alerts, state)
	return nil
}
