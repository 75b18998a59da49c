package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"heatwatch/etl/lake"
	"heatwatch/internal/backup"
	"heatwatch/internal/cli"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
)

func (c *command) backupCommand() *cobra.Command {
	var to, recipient string
	var wait time.Duration
	cmd := &cobra.Command{Use: "backup --to FILE", Short: "Write one sealed copy of the home, while serve runs", Args: cobra.NoArgs,
		Long: `Writes the whole home into one file that only the owner of a key elsewhere can open. The home is copied as it is at one
moment: serve may run, and so may a nightly, which the backup lets end first. FILE appears when it is whole, or not at all.

The home's own secret keys are in it: without them the home could not go on. Whoever can open FILE has everything. So the key
that opens it is made on another machine (heatwatch backup key, or age-keygen), and only its public half, the recipient, is
known here. Lost with it is every backup.

Not in it: uploads whose manifest has not come, and what lies in .staging. Drops that were forgotten later are still in older
files: keep no more of them than you need.`,
		Example: `  heatwatch backup key --out /media/safe/heatwatch.key        elsewhere; prints the recipient
  heatwatch backup --to /mnt/backup/2026-11-24.heatwatch --recipient age1...
  heatwatch restore --drill /mnt/backup/2026-11-24.heatwatch --identity /media/safe/heatwatch.key`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.backup(cmd.Context(), to, recipient, wait)
		}}
	cmd.Flags().StringVar(&to, "to", "", "file to write; it must not exist, and must not lie in the home")
	cmd.Flags().StringVar(&recipient, "recipient", "", "public key of age to seal to, age1... (default: the setting backup.recipient)")
	cmd.Flags().DurationVar(&wait, "wait", 2*time.Hour, "how long to wait for a run that holds the home's lock")
	cmd.MarkFlagRequired("to")
	cmd.AddCommand(c.backupKey())
	return cmd
}

func (c *command) backupKey() *cobra.Command {
	var out string
	cmd := &cobra.Command{Use: "key --out FILE", Short: "Make the pair of keys for backups, away from the home", Args: cobra.NoArgs,
		Long: `Writes the secret key that opens backups (0600), and prints its public half, the recipient. Run it on another machine, or
onto a disk that goes into a safe: a key beside its backups protects nothing.`,
		Example: "  heatwatch backup key --out /media/safe/heatwatch.key",
		RunE: func(*cobra.Command, []string) error {
			id, err := age.GenerateX25519Identity()
			if err != nil {
				return err
			}
			err = durable.Create(durable.OS(), out, fmt.Appendf(nil, "# public key: %s\n%s\n", id.Recipient(), id), 0o600)
			if errors.Is(err, fs.ErrExist) {
				return problem.Wrap(err, problem.Usage, out, "there is a file already", "a key is never overwritten: name another")
			} else if err != nil {
				return problem.Wrap(err, problem.Failed, out, "the key cannot be written", "check the folder and the room on the disk")
			}
			fmt.Fprintln(c.Out, id.Recipient())
			return nil
		}}
	cmd.Flags().StringVar(&out, "out", "", "file for the secret key")
	cmd.MarkFlagRequired("out")
	return cmd
}

func (c *command) backup(ctx context.Context, to, recipient string, wait time.Duration) error {
	h, err := c.open()
	if err != nil {
		return err
	}
	if err := target(h.Home, to); err != nil {
		return err
	}
	if recipient == "" {
		recipient = h.settings.Backup.Recipient
	}
	if recipient == "" {
		return problem.New(problem.Usage, "", "nobody is named who can open the backup", "name a public key with --recipient or the setting backup.recipient: `heatwatch backup key` makes one")
	}
	keys, err := backup.Recipients(recipient)
	if err != nil {
		return err
	}
	v, info, err := c.view(ctx, h.Home, wait)
	if err != nil {
		return err
	}
	defer v.Close()
	info.Files, info.Bytes = v.Size()
	err = durable.CreateFrom(h.fs, to, 0o600, func(w io.Writer) error {
		return backup.Write(ctx, w, v, info, keys, c.counting("sealing", info.Files))
	})
	c.endProgress()
	var p *problem.Problem
	switch {
	case errors.As(err, &p), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, fs.ErrExist):
		return problem.Wrap(err, problem.Usage, to, "there is a file already", "a backup is never overwritten: name another")
	case err != nil:
		return problem.Wrap(err, problem.Failed, to, "the backup could not be written", "check the room on that disk: nothing was left there")
	}
	c.Say("wrote %s: %s", to, info)
	return nil
}

// target refuses a name that is taken, and one in the home: the next backup would hold this one.
func target(h home.Home, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return problem.New(problem.Usage, to, "there is a file already", "a backup is never overwritten: name another")
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(to))
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return problem.Wrap(err, problem.Usage, to, "the folder for the backup cannot be opened", "make it first")
	}
	root, err := filepath.EvalSymlinks(h.Dir)
	if err != nil {
		return err
	}
	if below, err := filepath.Rel(root, dir); err == nil && below != ".." && !strings.HasPrefix(below, ".."+string(filepath.Separator)) {
		return problem.New(problem.Usage, to, "this lies in the home itself", "write to another disk")
	}
	return nil
}

// view looks at the home under its lock and gives the lock back. A run that holds it is let to its end.
func (c *command) view(ctx context.Context, at home.Home, wait time.Duration) (v *backup.View, info backup.Info, err error) {
	lock, err := c.patiently(ctx, at, wait)
	if err != nil {
		return nil, info, err
	}
	defer lock.Unlock()
	if err := at.Migrate(durable.OS()); err != nil {
		return nil, info, err
	}
	h, err := c.open() // what others wrote while we waited counts
	if err != nil {
		return nil, info, err
	}
	n, err := lake.Current(at)
	if err != nil {
		return nil, info, err
	}
	info = backup.Info{Format: home.Format, Home: h.ledger.Home(), MadeOn: h.today().String(), Generation: n, Entries: h.ledger.Position().Entries}
	v, err = backup.Take(at)
	return v, info, err
}

// patiently takes the home's lock as soon as whoever holds it has ended.
func (c *command) patiently(ctx context.Context, at home.Home, wait time.Duration) (*home.Lock, error) {
	end, said := time.Now().Add(wait), false
	for {
		lock, err := at.Lock(home.ForBackup, c.System())
		if !errors.Is(err, home.ErrHeld) || time.Now().After(end) {
			return lock, err
		}
		if !said {
			c.Say("heatwatch: waiting: %v", err)
			said = true
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// counting shows on a terminal how many of so many things are done.
func (c *command) counting(what string, of int) func(done int) {
	if !cli.Terminal(c.Err) {
		return nil
	}
	last := time.Time{}
	return func(done int) {
		if now := time.Now(); now.Sub(last) > 100*time.Millisecond {
			fmt.Fprintf(c.Err, "\r\033[K%s %d of %d", what, done, of)
			last = now
		}
	}
}

func (c *command) endProgress() {
	if cli.Terminal(c.Err) {
		fmt.Fprint(c.Err, "\r\033[K")
	}
}
