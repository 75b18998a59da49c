// Package problem is the error that a person reads: what is wrong, where, and what to do next, on one line,
// with the exit code that the command line promises. It never carries a value from a person's row.
package problem

import (
	"errors"
	"strings"
)

// The exit codes of the command line.
const (
	Failed      = 1 // it did not work
	Usage       = 2 // wrong usage or configuration
	Refused     = 3 // refused to protect privacy
	Quarantined = 4 // done, but some extracts or rows were quarantined
)

// Problem is an error for a person.
type Problem struct {
	What  string // what is wrong
	Where string // file, line, column, partner; may be empty
	Do    string // what to do next; may be empty
	Exit  int
	Err   error // the cause, for programs; its text is not shown
}

// New makes a problem. where and do may be empty.
func New(exit int, where, what, do string) *Problem {
	return &Problem{What: what, Where: where, Do: do, Exit: exit}
}

// Wrap is New with a cause.
func Wrap(err error, exit int, where, what, do string) *Problem {
	return &Problem{What: what, Where: where, Do: do, Exit: exit, Err: err}
}

func (p *Problem) Error() string {
	var parts []string
	for _, s := range []string{p.Where, p.What, p.Do} {
		if s != "" {
			parts = append(parts, strings.Join(strings.Fields(s), " "))
		}
	}
	return strings.Join(parts, ": ")
}

func (p *Problem) Unwrap() error { return p.Err }

// ExitCode returns the exit code of an error: 0 for nil, the problem's own, or 1.
func ExitCode(err error) int {
	var p *Problem
	switch {
	case err == nil:
		return 0
	case errors.As(err, &p):
		return p.Exit
	}
	return Failed
}
