package ledger

import (
	"errors"
	"fmt"

	"heatwatch/internal/problem"
	"heatwatch/privacy/accountant"
)

const (
	maxEntries = 999_999
	restore    = "restore the ledger folder from a backup, never edit it, then run heatwatch budget verify"
)

func fileName(number int) string { return fmt.Sprintf("%06d.json", number) }

func place(number int) string { return "ledger/" + fileName(number) }

// AlreadyMeasured says that an item was measured before, whatever it was called. Its exit code is 3.
type AlreadyMeasured struct {
	Item, Population, Period string
	Entry                    int // that measured it first
	where                    string
}

func (a *AlreadyMeasured) problem() *problem.Problem {
	return problem.New(problem.Refused, a.where, fmt.Sprintf("%s of %s (%s) was measured by entry %d and is never measured again", a.Item, a.Period, a.Population, a.Entry),
		"use its recorded release")
}
func (a *AlreadyMeasured) Error() string { return a.problem().Error() }

// Unwrap makes it a *problem.Problem.
func (a *AlreadyMeasured) Unwrap() error { return a.problem() }

// OverCap says that an entry would spend more than the population's cap. Its exit code is 3.
type OverCap struct {
	Population string
	Would, Cap accountant.Mu2
	CapEpsilon float64
	where      string
}

func (o *OverCap) problem() *problem.Problem {
	return problem.New(problem.Refused, o.where, fmt.Sprintf("%s: the loss of one unit would be mu %.4f, and the cap is mu %.4f (epsilon %.4g)", o.Population, o.Would.Mu(), o.Cap.Mu(), o.CapEpsilon),
		"nothing was spent; plan fewer items, or change the cap publicly with heatwatch budget amend --reason TEXT")
}
func (o *OverCap) Error() string { return o.problem().Error() }

// Unwrap makes it a *problem.Problem.
func (o *OverCap) Unwrap() error { return o.problem() }

// clockSetBack refuses a date before that of the last entry: due dates follow the system's clock.
func clockSetBack(today, last string, entry int) error {
	return problem.New(problem.Refused, "", fmt.Sprintf("the clock was set back: it says %s, and entry %d was made on %s", today, entry, last),
		"correct the clock of this machine, then try again")
}

// locate gives an error its place and exit code 3: whatever is wrong inside the ledger refuses. do is the advice for errors
// that have none of their own.
func locate(err error, where, do string) error {
	var p *problem.Problem
	var a *AlreadyMeasured
	var o *OverCap
	switch {
	case errors.As(err, &a):
		a.where = where
		return a
	case errors.As(err, &o):
		o.where = where
		return o
	case errors.As(err, &p):
		located := *p
		if located.Where == "" {
			located.Where = where
		}
		return &located
	}
	return problem.Wrap(err, problem.Refused, where, err.Error(), do)
}
