package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/etl/lake"
	"heatwatch/etl/partner"
	"heatwatch/internal/problem"
	"heatwatch/reports/render"
)

// keep says which generations stay.
func (h *house) keep() lake.Keep {
	return lake.Keep{Nights: h.settings.Nightly.Keep, Months: h.settings.Nightly.Months}
}

func (c *command) lakeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "lake", Short: "Look at the generations of the lake", Example: "  heatwatch lake log"}
	cmd.AddCommand(&cobra.Command{Use: "log", Short: "List the generations that are kept, each with the drops that came with it", Args: cobra.NoArgs,
		Long: `One line per generation, the newest first: when it was made, which drops are new in it, rows and bytes, and the hash of its
content. current marks the one that is read; expired those that the next clean-up removes.`,
		Example: "  heatwatch lake log\n  heatwatch lake log --format json",
		RunE: func(*cobra.Command, []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			o, err := c.Options()
			if err != nil {
				return err
			}
			t, err := h.lakeLog(o.Format == render.FormatTable)
			if err != nil {
				return err
			}
			return c.Table(t)
		}})
	return cmd
}

// lakeLog is one row per generation, the newest first. For people long cells are cut short.
func (h *house) lakeLog(people bool) (render.Table, error) {
	t := render.Table{Columns: render.Cols("generation#", "made_on", "state", "drops", "rows#", "bytes#", "content")}
	current, err := lake.Current(h.Home)
	if err != nil {
		return t, err
	}
	all, err := lake.Generations(h.Home)
	if err != nil {
		return t, err
	}
	expired, err := lake.Expired(h.Home, h.keep(), h.today())
	if err != nil {
		return t, err
	}
	var before lake.Manifest
	for _, n := range all {
		if n > current {
			break // begun, and never finished
		}
		m, err := lake.ReadManifest(h.Home, n)
		if err != nil {
			t.Rows = append(t.Rows, []string{fmt.Sprint(n), "", "damaged", "", "", "", ""})
			continue
		}
		state := "kept"
		switch {
		case n == current:
			state = "current"
		case slices.Contains(expired, n):
			state = "expired"
		}
		var drops []string
		for _, d := range m.Drops {
			if !before.Has(d.Partner, d.Drop) {
				drops = append(drops, d.Partner+"/"+d.Drop)
			}
		}
		content, some := m.Content.String(), strings.Join(drops, ";")
		if people {
			content = short(content)
			if len(drops) > fewDrops {
				some = fmt.Sprintf("%s and %d more", strings.Join(drops[:fewDrops], ";"), len(drops)-fewDrops)
			}
		}
		t.Rows = append(t.Rows, []string{fmt.Sprint(n), m.MadeOn.String(), state, some, fmt.Sprint(m.Rows()), fmt.Sprint(m.Size()), content})
		before = m
	}
	slices.Reverse(t.Rows)
	return t, nil
}

// fewDrops are as many as fit a line.
const fewDrops = 2

func (c *command) gcCommand() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{Use: "gc", Short: "Remove the generations of the lake that have expired", Args: cobra.NoArgs,
		Long: `Keeps the newest generations (nightly.keep) and the last one of each month before (nightly.keep_months), and removes the
others. Every nightly does the same. One that a running command reads stays until the next time. While an agreement has a legal hold
nothing is removed.`,
		Example: "  heatwatch gc --dry-run\n  heatwatch gc",
		RunE: func(*cobra.Command, []string) error {
			t := render.Table{Columns: render.Cols("generation#")}
			list := func(gone []int) error {
				for _, n := range gone {
					t.Rows = append(t.Rows, []string{fmt.Sprint(n)})
				}
				return c.Table(t)
			}
			if dry {
				h, err := c.open()
				if err != nil {
					return err
				}
				gone, err := lake.Expired(h.Home, h.keep(), h.today())
				if err != nil {
					return err
				}
				return list(gone)
			}
			return c.locked("gc", func(h *house) error {
				held, err := partner.Held(h.Partners())
				if err != nil {
					return err
				}
				if len(held) > 0 {
					return problem.New(problem.Failed, held[0], "its agreement has a legal hold: no generation is removed while it lasts",
						"when it has been lifted, run `heatwatch partner set "+held[0]+" legal_hold=no`, then this again")
				}
				gone, err := lake.Clean(h.Home, h.fs, h.keep(), h.today())
				if err != nil {
					return err
				}
				return list(gone)
			})
		}}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "list them, and remove nothing")
	return cmd
}
