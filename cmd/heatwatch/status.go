package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"heatwatch/etl/intake"
	"heatwatch/etl/partner"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/reports/render"
)

func (c *command) statusCommand() *cobra.Command {
	return &cobra.Command{Example: "  heatwatch status",
		Use: "status", Short: "Show each partner's last drop, freshness and quality", Args: cobra.NoArgs,
		Long: `One line per partner: the last drop that was taken, whether it keeps the freshness that was agreed, how many rows were
accepted and quarantined, and a score of 0 to 100 for the last drop. A partner that never sent has no drop.`,
		RunE: func(*cobra.Command, []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			ps, err := h.partners()
			if err != nil {
				return err
			}
			t := render.Table{Columns: render.Cols("partner", "last_drop", "last_created", "fresh", "accepted#", "quarantined#", "score#")}
			for _, p := range ps {
				row, err := h.statusOf(p)
				if err != nil {
					return err
				}
				t.Rows = append(t.Rows, row)
			}
			c.sayLocked(h)
			return c.Table(t)
		}}
}

func (h *house) statusOf(p enrolled) ([]string, error) {
	name := p.name
	drops, err := intake.Drops(h.Landing(), name)
	if err != nil {
		return nil, err
	}
	var last *intake.Drop
	for i, d := range drops {
		if d.State != intake.Refused && (last == nil || d.Created.After(last.Created)) {
			last = &drops[i]
		}
	}
	if last == nil {
		return []string{name, "", "", "never", "0", "0", ""}, nil
	}
	fresh := "yes"
	if !isFresh(*last, p.Freshness, h.now()) {
		fresh = "no"
	}
	var accepted, quarantined int64
	for _, f := range last.Files {
		accepted += f.Accepted
		quarantined += f.Quarantined
	}
	created := models.DateOf(last.Created.In(h.zone)).String()
	return []string{name, last.Name, created, fresh, fmt.Sprint(accepted), fmt.Sprint(quarantined), score(accepted, quarantined, fresh == "yes")}, nil
}

// isFresh compares the last drop with what was promised, with a week of grace.
func isFresh(d intake.Drop, promise string, now time.Time) bool {
	days := map[string]int{"weekly": 7, "monthly": 31, "quarterly": 92}[promise]
	return now.Sub(d.Created) <= time.Duration(days+7)*24*time.Hour
}

// score is the part of the data-quality score that one drop shows by itself: valid rows (0.4) and being on time (0.2),
// scaled to 100. The parts that look at columns and at earlier drops come with the scorecards.
func score(accepted, quarantined int64, fresh bool) string {
	rows := accepted + quarantined
	if rows == 0 {
		return ""
	}
	s := 0.4 * float64(accepted) / float64(rows)
	if fresh {
		s += 0.2
	}
	return fmt.Sprintf("%.1f", 100*s/0.6)
}

func (c *command) quarantineCommand() *cobra.Command {
	cmd := &cobra.Command{Example: "  heatwatch quarantine list",
		Use: "quarantine", Short: "Look at rows that were put aside"}
	var only string
	list := &cobra.Command{Example: "  heatwatch quarantine list --partner shelter-a",
		Use: "list", Short: "List rows that were put aside, with reasons, never with their values", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			names, err := partner.List(h.Partners())
			if err != nil {
				return err
			}
			t := render.Table{Columns: render.Cols("partner", "drop", "file", "line#", "offset#", "column", "code", "class")}
			for _, n := range names {
				if only != "" && n != only {
					continue
				}
				if err := h.quarantined(n, &t); err != nil {
					return err
				}
			}
			return c.Table(t)
		}}
	list.Flags().StringVar(&only, "partner", "", "one partner only")
	cmd.AddCommand(list)
	return cmd
}

func (h *house) quarantined(name string, t *render.Table) error {
	drops, err := intake.Drops(h.Landing(), name)
	if err != nil {
		return err
	}
	for _, d := range drops {
		err := intake.ReadQuarantine(h.Landing(), name, d.Name, func(q intake.QuarantineRow) error {
			offset := ""
			if q.Offset != nil {
				offset = fmt.Sprint(*q.Offset)
			}
			t.Rows = append(t.Rows, []string{name, d.Name, q.File, fmt.Sprint(q.Line), offset, q.Column, q.Code, q.Class})
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return problem.Wrap(err, problem.Failed, name+"/"+d.Name, "the quarantine list cannot be read", "run `heatwatch verify`")
		}
	}
	return nil
}
