package nightly

import (
	"fmt"

	"heatwatch/etl/intake"
	"heatwatch/internal/problem"
)

// Outcome is what became of one drop in this run.
type Outcome struct {
	Partner     string          `json:"partner"`
	Drop        string          `json:"drop"`
	State       string          `json:"state"` // accepted, partial, refused or waiting
	Accepted    int64           `json:"accepted"`
	Quarantined int64           `json:"quarantined"`
	Reasons     []intake.Reason `json:"reasons,omitempty"` // of the whole drop
	Note        string          `json:"note,omitempty"`
}

// Waiting is the state of a drop that is not complete or whose predecessor has not come. Nothing of it is recorded.
const Waiting = "waiting"

// Summary is what a run did.
type Summary struct {
	Generation  int       `json:"generation"`
	Content     string    `json:"content"`
	Changed     bool      `json:"changed"` // there is a new generation
	Drops       []Outcome `json:"drops"`   // in the order in which they were taken
	Taken       int       `json:"taken"`   // drops that were accepted, whole or in part
	Refused     int       `json:"refused"`
	Waiting     int       `json:"waiting"`
	Accepted    int64     `json:"accepted"` // rows
	Quarantined int64     `json:"quarantined"`
	Receipts    int       `json:"receipts"`           // written in this run
	Scorecards  int       `json:"scorecards"`         // files renewed in this run
	Cleaned     []int     `json:"cleaned,omitempty"`  // generations that went
	Unknown     []string  `json:"unknown,omitempty"`  // folders of the area that belong to no partner; they are left alone
	Notes       []string  `json:"notes,omitempty"`    // what the operator should know; one line each
	Failures    []string  `json:"failures,omitempty"` // what did not work and was passed over; one line each
}

// News reports whether the run changed anything on disk but scorecards, which are renewed with the date.
func (s Summary) News() bool { return s.Changed || s.Receipts > 0 || s.Taken > 0 || len(s.Cleaned) > 0 }

// ExitCode is 1 if something was passed over that did not work, 4 for any refusal or quarantined row, else 0.
func (s Summary) ExitCode() int {
	switch {
	case len(s.Failures) > 0:
		return problem.Failed
	case s.Refused > 0 || s.Quarantined > 0:
		return problem.Quarantined
	}
	for _, o := range s.Drops {
		if o.State == intake.Partial {
			return problem.Quarantined
		}
	}
	return 0
}

// String is the run in one line.
func (s Summary) String() string {
	if !s.News() && s.Refused == 0 && s.Waiting == 0 {
		return fmt.Sprintf("nothing new; generation %d", s.Generation)
	}
	return fmt.Sprintf("generation %d: %d drops taken, %d refused, %d waiting; %d rows accepted, %d quarantined",
		s.Generation, s.Taken, s.Refused, s.Waiting, s.Accepted, s.Quarantined)
}

func (s *Summary) add(o Outcome) {
	s.Drops = append(s.Drops, o)
	switch o.State {
	case intake.Refused:
		s.Refused++
	case Waiting:
		s.Waiting++
	default:
		s.Taken++
	}
	s.Accepted += o.Accepted
	s.Quarantined += o.Quarantined
}

// join adds what became of other drops.
func (s *Summary) join(o Summary) {
	for _, d := range o.Drops {
		s.add(d)
	}
	s.Failures = append(s.Failures, o.Failures...)
}

func outcome(d intake.Drop) Outcome {
	o := Outcome{Partner: d.Partner, Drop: d.Name, State: d.State, Reasons: d.Reasons}
	for _, f := range d.Files {
		o.Accepted += f.Accepted
		o.Quarantined += f.Quarantined
	}
	return o
}
