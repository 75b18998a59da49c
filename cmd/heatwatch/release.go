package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/etl/lake"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/render"
)

func (c *command) releaseCommand() *cobra.Command {
	var witness string
	var due bool
	cmd := &cobra.Command{Use: "release PERIOD", Short: "Measure what is due of a period, with noise, and record it; spends budget",
		Args: cobra.MaximumNArgs(1),
		Long: `Measures every item of the period that is due and was not measured yet: exact sums inside the house, one Gaussian draw
per cell, a ledger entry before the first draw. What was measured is never measured again: a second run prints the recorded
releases, byte for byte.

Where something is to be measured and the home has released before, a witness from outside must have seen the ledger as
it is now: the published site, or a head.note that somebody keeps. A home that was copied or restored is locked.

It reads the lake as it is now and does not ask whether every agency has sent: run nightly and status first. If a recorded
release file was lost, restore it first: else this command repeats the measurement, once, with more noise.`,
		Example: `  heatwatch release 2025Q1
  heatwatch release --due`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if due == (len(args) == 1) {
				return problem.New(problem.Usage, "release", "name one period, or say --due", "`heatwatch plan PERIOD` shows what is due")
			}
			var periods []models.Period
			if len(args) == 1 {
				p, err := period(args[0])
				if err != nil {
					return err
				}
				periods = []models.Period{p}
			}
			h, err := c.open()
			if err != nil {
				return err
			}
			lock, err := h.Lock("release", h.now())
			if err != nil {
				return err
			}
			defer lock.Unlock()
			return c.release(cmd.Context(), h, lock, periods, witness)
		}}
	cmd.Flags().StringVar(&witness, "witness", "", witnessHelp)
	cmd.Flags().BoolVar(&due, "due", false, "every period with something due")
	return cmd
}

// release makes what is due, each ledger entry in a process of its own, and prints what is recorded.
func (c *command) release(ctx context.Context, h *house, lock *home.Lock, periods []models.Period, witness string) error {
	c.warn(h)
	r, err := h.releaser(c)
	if err != nil {
		return err
	}
	may, err := h.gate(witness)
	if err != nil {
		return err
	}
	if len(periods) == 0 {
		if periods, err = h.duePeriods(r); err != nil {
			return err
		}
	}
	for _, p := range periods {
		if err := c.makeEntries(ctx, h, lock, r, p, may); err != nil {
			return err
		}
	}
	if h, err = c.open(); err != nil { // with what the processes have written
		return err
	}
	var files []privacy.ReleaseFile
	for _, p := range periods {
		fs, err := r.Files(p)
		if err != nil {
			return err
		}
		files = append(files, fs...)
	}
	slices.SortStableFunc(files, func(a, b privacy.ReleaseFile) int { return a.Entry - b.Entry })
	if err := privacy.Check(files, h.ledger); err != nil {
		return err
	}
	return c.printReleases(files)
}

// printReleases writes the recorded files: a table for people, and in every other form a JSON array of their bytes.
func (c *command) printReleases(files []privacy.ReleaseFile) error {
	o, err := c.Options()
	if err != nil {
		return err
	}
	if o.Format != render.FormatTable {
		var parts []string
		for _, f := range files {
			parts = append(parts, strings.TrimSuffix(string(f.Bytes()), "\n"))
		}
		_, err := c.Out.Write([]byte("[" + strings.Join(parts, ",\n") + "]\n"))
		return err
	}
	t := render.Table{Columns: render.Cols("period", "entry#", "due", "item", "cells#", "sd#", "mu2#")}
	for _, f := range files {
		for _, m := range f.Measurements {
			t.Rows = append(t.Rows, []string{f.Period.String(), number(float64(f.Entry), 6), f.Due.String(), m.Item, number(float64(len(m.Cells)), 6), number(m.Sd, 4), number(m.Mu2, 4)})
		}
	}
	return render.Write(c.Out, t, o)
}

// releaser puts together what a release needs.
func (h *house) releaser(c *command) (privacy.Releaser, error) {
	plan, sc, err := h.plan()
	if err != nil {
		return privacy.Releaser{}, err
	}
	keys, err := h.keys()
	if err != nil {
		return privacy.Releaser{}, err
	}
	return privacy.Releaser{
		FS: h.fs, Releases: h.Releases(), Register: h.Register(), Keys: h.Keys(), Ledger: h.ledger, Plan: plan, Schema: sc,
		Selection: keys.Selection.Bytes(), Seal: keys.Register.Bytes(), Today: h.today(), Made: made(),
		Notice: func(text string) { c.Say("heatwatch: %s", text) },
		Open:   h.warehouse,
	}, nil
}

// warehouse opens the lake for a release.
func (h *house) warehouse(ctx context.Context) (privacy.Warehouse, error) {
	s, err := lake.Open(ctx, h.Home, lake.Options{})
	if err != nil {
		return privacy.Warehouse{}, err
	}
	kinds, err := h.kinds()
	if err != nil {
		s.Close()
		return privacy.Warehouse{}, err
	}
	return privacy.Warehouse{Engine: s, Content: s.Manifest.Bytes(), Partners: kinds, Close: s.Close}, nil
}

// duePeriods are the periods of which something has come due and is not recorded, from the calendar, the plan and the ledger:
// the first is that of the earliest agreement. Spans of years come last.
func (h *house) duePeriods(r privacy.Releaser) ([]models.Period, error) {
	start, err := h.firstDay()
	if err != nil {
		return nil, err
	}
	var all []models.Period
	add := func(p models.Period) error {
		left, err := r.Left(p)
		if left {
			all = append(all, p)
		}
		return err
	}
	for q := models.QuarterOf(start); q.Last() < r.Today; q = q.Next() {
		if err := add(q); err != nil {
			return nil, err
		}
	}
	for y := models.YearOf(start); y.Last() < r.Today; y = y.Next() {
		if err := add(y); err != nil {
			return nil, err
		}
	}
	for _, n := range r.Plan.Spans() {
		for first := start.Year() - (start.Year()-1)%n; models.SpanOf(first, first+n-1).Last() < r.Today; first += n {
			if err := add(models.SpanOf(first, first+n-1)); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}
