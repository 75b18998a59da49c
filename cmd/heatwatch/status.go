package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"heatwatch/etl/intake"
	"heatwatch/etl/partner"
	"heatwatch/etl/scorecard"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/reports/measures"
	"heatwatch/reports/render"
)

func (c *command) statusCommand() *cobra.Command {
	var parts bool
	cmd := &cobra.Command{Example: "  heatwatch status\n  heatwatch status --parts",
		Use: "status", Short: "Show each partner's last drop, freshness and quality", Args: cobra.NoArgs,
		Long: fmt.Sprintf(`One line per partner: the last drop that was taken, whether it keeps the freshness that was agreed, how many rows were
accepted and quarantined, and a score of 0 to 100 for the last drop. A partner that never sent has no drop.

The score is 100 x (%g valid + %g known + %g on time + %g consistent): the share of rows that are valid; how much the columns
say on which a measure rests; whether the drop came in time; whether it holds as many rows a day as the one before. --parts
shows them, and the columns that say least. Scores are for the partner and for you; they are never published.`,
			scorecard.WeightValid, scorecard.WeightKnown, scorecard.WeightOnTime, scorecard.WeightConsistent),
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
			if parts {
				t.Columns = render.Cols("partner", "last_drop", "score#", "valid#", "known#", "on_time#", "consistent#", "least_known")
			}
			for _, p := range ps {
				x, err := h.statusOf(p)
				if err != nil {
					return err
				}
				if x.damage != nil { // the others stand all the same
					c.Say("heatwatch: %s: no score: %v", x.name, x.damage)
				}
				if parts {
					t.Rows = append(t.Rows, x.parts())
				} else {
					t.Rows = append(t.Rows, x.row(h))
				}
			}
			c.sayLocked(h)
			return c.Table(t)
		}}
	cmd.Flags().BoolVar(&parts, "parts", false, "the parts of each score, and the columns that say least")
	return cmd
}

// standing is where a partner stands: its last drop, if there is one, and the card of that.
type standing struct {
	name   string
	last   *intake.Drop
	fresh  bool
	card   scorecard.Card
	scored bool
	damage error // why it could not be scored
}

func (h *house) statusOf(p enrolled) (standing, error) {
	x := standing{name: p.name}
	drops, err := intake.Drops(h.Landing(), p.name)
	if err != nil {
		return x, err
	}
	drops = slices.DeleteFunc(drops, func(d intake.Drop) bool { return d.State == intake.Refused })
	slices.SortStableFunc(drops, func(a, b intake.Drop) int { return a.Created.Compare(b.Created) })
	n := len(drops)
	if n == 0 {
		return x, nil
	}
	x.last, x.fresh = &drops[n-1], isFresh(drops[n-1], p.Freshness, h.now())
	s := scorecard.Subject{Agreement: p.Agreement, Last: *x.last, Folder: filepath.Join(h.Landing(), p.name, x.last.Name), OnTime: x.fresh,
		Feeds: func(column string) bool { return len(measures.Feeds(column)) > 0 }}
	if n > 1 {
		s.Before = &drops[n-2]
	}
	x.card, x.scored, x.damage = scorecard.Of(s)
	return x, nil
}

func (x standing) row(h *house) []string {
	if x.last == nil {
		return []string{x.name, "", "", "never", "0", "0", ""}
	}
	fresh := "no"
	if x.fresh {
		fresh = "yes"
	}
	var accepted, quarantined int64
	for _, f := range x.last.Files {
		accepted += f.Accepted
		quarantined += f.Quarantined
	}
	created := models.DateOf(x.last.Created.In(h.zone)).String()
	return []string{x.name, x.last.Name, created, fresh, fmt.Sprint(accepted), fmt.Sprint(quarantined), x.score()}
}

func (x standing) score() string {
	if !x.scored {
		return ""
	}
	return fmt.Sprintf("%.1f", x.card.Score())
}

// leastKnown is how many columns are named.
const leastKnown = 3

func (x standing) parts() []string {
	if !x.scored {
		name := ""
		if x.last != nil {
			name = x.last.Name
		}
		return []string{x.name, name, "", "", "", "", "", ""}
	}
	part := func(v float64) string { return fmt.Sprintf("%.3f", v) }
	var least []string
	for _, c := range x.card.Columns[:min(leastKnown, len(x.card.Columns))] {
		least = append(least, c.Name+" "+part(c.Known))
	}
	return []string{x.name, x.last.Name, x.score(), part(x.card.Valid), part(x.card.Known), part(x.card.OnTime), part(x.card.Consistent), strings.Join(least, ";")}
}

// isFresh compares the last drop with what was promised, with a week of grace.
func isFresh(d intake.Drop, promise string, now time.Time) bool {
	days := map[string]int{"weekly": 7, "monthly": 31, "quarterly": 92}[promise]
	return now.Sub(d.Created) <= time.Duration(days+7)*24*time.Hour
}

func (c *command) quarantineCommand() *cobra.Command {
	cmd := &cobra.Command{Example: "  heatwatch quarantine list",
		Use: "quarantine", Short: "Look at rows that were put aside"}
	var only string
	var reason *string
	list := &cobra.Command{Example: "  heatwatch quarantine list --partner shelter-a",
		Use: "list", Short: "List rows that were put aside, with reasons, never with their values", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			var what named
			if only != "" {
				what.Partners = 1
			}
			if err := h.accessed("quarantine list", *reason, what); err != nil {
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
	reason = reasonFlag(list)
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
