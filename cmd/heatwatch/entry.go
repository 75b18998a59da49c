package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"heatwatch/internal/cli"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy"
)

// entryCommand is what a release starts once per ledger entry. The noise library keeps random bytes in the memory of its
// process: they must not outlive a release, nor be copied with a daemon.
const entryCommand = "release-entry"

// makeEntries makes what is pending of a period, one entry after the other, if it may.
func (c *command) makeEntries(ctx context.Context, h *house, lock *home.Lock, r privacy.Releaser, p models.Period, may func() error) error {
	pending, err := r.Pending(p)
	if err != nil {
		return err
	}
	if len(pending) > 0 {
		if err := may(); err != nil {
			return err
		}
	}
	for _, due := range pending {
		if err := c.makeEntry(ctx, h, lock, p, due, r.Today); err != nil {
			return err
		}
	}
	return nil
}

// makeEntry starts this program again to make one entry, and waits for it. The child has the lock too: should this process be killed,
// nobody else comes in before the child has ended. What goes wrong the child says itself, on standard error; its exit
// code is this command's.
func (c *command) makeEntry(ctx context.Context, h *house, lock *home.Lock, p models.Period, due, today models.Date) error {
	self, err := os.Executable()
	if err != nil {
		return problem.Wrap(err, problem.Failed, "release", "this program does not find itself", "start it by its full path")
	}
	cmd := exec.CommandContext(ctx, self, entryCommand, "--home", h.Dir, p.String(), due.String(), today.String())
	cmd.Args[0] = "heatwatch"
	for _, k := range slices.Sorted(maps.Keys(c.Env)) {
		cmd.Env = append(cmd.Env, k+"="+c.Env[k])
	}
	cmd.Stdout, cmd.Stderr = c.Err, c.Err // standard input is empty
	cmd.ExtraFiles = []*os.File{lock.File()}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it stops where it may
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return cli.Done(exit.ExitCode())
	}
	return problem.Wrap(err, problem.Failed, p.String(), "the process of the release came to no end", "run the command again: what was booked and lost is repeated once")
}

// entryChild is the hidden command. It takes no orders of its own: what is due, and that it may be measured, the parent has
// decided, and only who was handed the home's lock gets through.
func (c *command) entryChild() *cobra.Command {
	return &cobra.Command{Use: entryCommand + " PERIOD DUE TODAY", Short: "One ledger entry of a release", Hidden: true, Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.path().Handed(); err != nil {
				return err
			}
			p, err := period(args[0])
			if err != nil {
				return err
			}
			due, ok1 := models.ParseDate(args[1])
			today, ok2 := models.ParseDate(args[2])
			if !ok1 || !ok2 {
				return problem.New(problem.Usage, entryCommand, "this is no date", "run `heatwatch release`")
			}
			h, err := c.open()
			if err != nil {
				return err
			}
			r, err := h.releaser(c)
			if err != nil {
				return err
			}
			r.Today = today // one day for the whole run
			return r.Measure(cmd.Context(), p, due)
		}}
}
