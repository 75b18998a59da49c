package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"heatwatch/etl/drop"
	"heatwatch/etl/intake"
	"heatwatch/etl/lake"
	"heatwatch/etl/link"
	"heatwatch/etl/nightly"
	"heatwatch/internal/cli"
	"heatwatch/internal/problem"
	"heatwatch/reports/render"
)

func (c *command) nightlyCommand() *cobra.Command {
	var from string
	var rebuild bool
	cmd := &cobra.Command{Use: "nightly", Short: "One night: pull, verify, check, link, load", Args: cobra.NoArgs,
		Long: `Takes in every complete drop, checks it row by row, puts aside what does not fit, links the same person across agencies,
writes a new generation of the lake and swaps it in, and leaves a receipt with each partner. A second run changes nothing.
A run that was cut off is finished by the next one. Exit 4: a drop or rows were put aside or refused; waiting drops are no
fault.`,
		Example: `  heatwatch nightly
  heatwatch nightly --from /srv/copied-area`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			sum, err := c.night(cmd.Context(), h, from, rebuild)
			if err != nil {
				return err
			}
			if err := c.printNight(sum); err != nil {
				return err
			}
			if code := sum.ExitCode(); code != 0 {
				return cli.Done(code)
			}
			return nil
		}}
	cmd.Flags().StringVar(&from, "from", "", "read a local folder laid out as the SFTP area instead")
	cmd.Flags().BoolVar(&rebuild, "rebuild", false, "make every file of the lake anew from what was taken in, as after damage")
	return cmd
}

// runNight runs one nightly of a home.
func (c *command) runNight(ctx context.Context, h *house, from string, rebuild bool, acts ...link.Act) (nightly.Summary, error) {
	if from != "" {
		if st, err := os.Stat(from); err != nil || !st.IsDir() {
			return nightly.Summary{}, problem.New(problem.Usage, from, "there is no such folder", "name a folder laid out as PARTNER/incoming/DROP")
		}
	}
	if err := h.lakeGone(); err != nil {
		return nightly.Summary{}, err
	}
	cfg := nightly.Config{Home: h.Home, FS: h.fs, From: from, Now: h.now(), Location: h.zone, Rand: rand.Reader, HomeID: h.ledger.Home(),
		Keep: h.keep(), Rebuild: rebuild, Acts: acts, Progress: c.steps(), Feeds: feeds}
	cfg.Gone = func() (nightly.Forgotten, error) { // of the home as it is under the lock
		now, err := c.open()
		if err != nil {
			return nightly.Forgotten{}, err
		}
		return now.forgotten()
	}
	var err error
	if cfg.Keeping, err = h.keeping(); err != nil {
		return nightly.Summary{}, err
	}
	keys, err := h.keys()
	if err != nil {
		return nightly.Summary{}, err
	}
	cfg.Opening, cfg.Vault = cfg.Keeping, keys.Vault()
	if cfg.Epochs, err = h.epochs(); err != nil {
		return nightly.Summary{}, err
	}
	if len(h.settings.SFTP.Pull) > 0 {
		cfg.Pull, cfg.Push = h.pull, h.push
	}
	return nightly.Run(ctx, cfg)
}

// lakeGone refuses to begin a new lake where figures were released from one that is not there any more: every person
// would get a new pseudonym, and would be measured once more as somebody new.
func (h *house) lakeGone() error {
	n, err := lake.Current(h.Home)
	if err != nil || n > 0 {
		return err
	}
	released := false
	for _, e := range h.ledger.Entries() {
		released = released || e.Release != nil
	}
	taken, err := filepath.Glob(filepath.Join(h.Landing(), "*", "*", intake.DropFileName))
	if err != nil || !released || len(taken) == 0 {
		return err
	}
	return problem.New(problem.Refused, h.Lake(), "the lake is gone, though figures were released from it", "restore lake/ from a copy: a new one would count every person again")
}

// log is the operator's log on standard error.
func (c *command) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// steps shows on a terminal how far a night has come.
func (c *command) steps() func(nightly.Step) {
	if !cli.Terminal(c.Err) {
		return nil
	}
	return func(s nightly.Step) {
		if s.Of > 0 {
			fmt.Fprintf(c.Err, "\r\033[K%s (%d of %d)", s.What, s.Done, s.Of)
		} else {
			fmt.Fprintf(c.Err, "\r\033[K%s", s.What)
		}
	}
}

func (c *command) printNight(s nightly.Summary) error {
	if cli.Terminal(c.Err) {
		fmt.Fprint(c.Err, "\r\033[K")
	}
	for _, f := range s.Failures {
		c.Say("heatwatch: %s", f)
	}
	for _, n := range s.Notes {
		c.Say("heatwatch: %s", n)
	}
	for _, u := range s.Unknown {
		c.Say("heatwatch: %s: this folder belongs to no partner and was left alone", u)
	}
	o, err := c.Options()
	if err != nil {
		return err
	}
	switch o.Format {
	case render.FormatJSON:
		b, err := json.Marshal(struct {
			Schema int               `json:"schema"`
			Rows   []nightly.Outcome `json:"rows"`
			nightly.Summary
			Drops any `json:"drops,omitempty"` // they are the rows
		}{Schema: 1, Rows: append([]nightly.Outcome{}, s.Drops...), Summary: s})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.Out, string(b))
		return err
	}
	t := render.Table{Columns: render.Cols("partner", "drop", "state", "accepted#", "quarantined#", "reasons")}
	for _, d := range s.Drops {
		t.Rows = append(t.Rows, []string{d.Partner, d.Drop, d.State, fmt.Sprint(d.Accepted), fmt.Sprint(d.Quarantined), codes(d.Reasons)})
	}
	if len(t.Rows) > 0 || o.Format == render.FormatCSV {
		if err := render.Write(c.Out, t, o); err != nil {
			return err
		}
	}
	c.Say("%s", s)
	return nil
}

func codes(rs []intake.Reason) string {
	var out string
	for i, r := range rs {
		if i > 0 {
			out += ";"
		}
		out += r.Code
	}
	return out
}

// pull fetches the drops of partners with a server of their own.
func (h *house) pull(ctx context.Context) error {
	var errs []error
	for _, p := range h.settings.SFTP.Pull {
		got, err := drop.Pull(ctx, h.fs, h.remote(p.Partner), h.SFTP(), drop.Limits{})
		errs = append(errs, err)
		errs = append(errs, got.Problems...)
	}
	return oneLine(errors.Join(errs...))
}

// push brings receipts back.
func (h *house) push(ctx context.Context) error {
	var errs []error
	for _, p := range h.settings.SFTP.Pull {
		got, err := drop.PushReceipts(ctx, h.fs, h.remote(p.Partner), h.SFTP(), drop.Limits{})
		errs = append(errs, err)
		errs = append(errs, got.Problems...)
	}
	return oneLine(errors.Join(errs...))
}

func oneLine(err error) error {
	if err == nil {
		return nil
	}
	return problem.Wrap(err, problem.ExitCode(err), "sftp.pull", err.Error(), "")
}

// remote is the server of a partner, as the settings have it; relative files lie in the home.
func (h *house) remote(partner string) drop.PullConfig {
	file := func(p string) string {
		if filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(h.Dir, p)
	}
	for _, p := range h.settings.SFTP.Pull {
		if p.Partner == partner {
			return drop.PullConfig{Partner: p.Partner, Host: p.Host, User: p.User, Key: file(p.Key), KnownHosts: file(p.KnownHosts), Path: p.Path,
				Known: func(name string) (string, bool) {
					d, err := intake.ReadDrop(h.Landing(), partner, name)
					return d.Manifest, err == nil
				}}
		}
	}
	return drop.PullConfig{Partner: partner}
}
