package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/etl/intake"
	"heatwatch/etl/partner"
	"heatwatch/etl/scorecard"
	"heatwatch/internal/problem"
	"heatwatch/reports/measures"
	"heatwatch/reports/render"
)

func (c *command) statusCommand() *cobra.Command {
	var parts bool
	var metrics string
	cmd := &cobra.Command{Example: "  heatwatch status\n  heatwatch status --parts\n  heatwatch status --prometheus /var/lib/node_exporter/heatwatch.prom",
		Use: "status", Short: "Show each partner's last drop, freshness and quality", Args: cobra.NoArgs,
		Long: fmt.Sprintf(`One line per partner: the last drop that was taken, whether it keeps the freshness that was agreed, how many rows were
accepted and quarantined, a score of 0 to 100 for the last drop, and a state:

  ok            the last drop came in time and has rows
  empty         the last drop came in time and holds not one row
  late          no drop has come within the promise and a week of grace
  refused       the newest drop was refused; what was taken before stands
  never         nothing has come since the partner was enrolled
  not_expected  the agreement is a draft, suspended or over

A note marks a partner that is the only one of its kind: figures by kind of agency speak of this agency alone.

The score is 100 x (%g valid + %g known + %g on time + %g consistent): the share of rows that are valid; how much the columns
say on which a measure rests; whether the drop came in time; whether it holds as many rows a day as usual. --parts shows them,
and the columns that say least. Scores are for the partner, who finds them in receipts/scorecard.txt, and for you; they are
never published.

--prometheus writes the same as metrics into a file, in one step, for a collector of text files, and prints nothing.`,
			scorecard.WeightValid, scorecard.WeightKnown, scorecard.WeightOnTime, scorecard.WeightConsistent),
		RunE: func(*cobra.Command, []string) error {
			if parts && metrics != "" {
				return problem.New(problem.Usage, "", "--parts and --prometheus do not go together", "the metrics hold every score")
			}
			h, err := c.open()
			if err != nil {
				return err
			}
			all, err := c.standings(h)
			if err != nil {
				return err
			}
			if metrics != "" {
				return h.writeMetrics(metrics, all)
			}
			t := render.Table{Columns: render.Cols("partner", "last_drop", "last_created", "fresh", "accepted#", "quarantined#", "score#", "state", "note")}
			if parts {
				t.Columns = render.Cols("partner", "last_drop", "score#", "valid#", "known#", "on_time#", "consistent#", "unique#", "timely#", "least_known")
			}
			for _, x := range all {
				if parts {
					t.Rows = append(t.Rows, x.parts())
				} else {
					t.Rows = append(t.Rows, x.row())
				}
			}
			c.sayLocked(h)
			return c.Table(t)
		}}
	cmd.Flags().BoolVar(&parts, "parts", false, "the parts of each score, and the columns that say least")
	cmd.Flags().StringVar(&metrics, "prometheus", "", "write metrics into this file instead")
	return cmd
}

// feeds tells whether a measure rests on a column.
func feeds(column string) bool { return len(measures.Feeds(column)) > 0 }

// standing is where a partner stands.
type standing struct {
	name string
	kind string
	card scorecard.Card
	note string
}

// standings are those of all partners, by name. What cannot be scored is said; the others stand all the same.
func (c *command) standings(h *house) ([]standing, error) {
	ps, err := h.partners()
	if err != nil {
		return nil, err
	}
	var all []standing
	kinds := map[string]int{}
	for _, p := range ps {
		drops, err := intake.Drops(h.Landing(), p.name)
		if err != nil {
			return nil, err
		}
		s := scorecard.Subject{Partner: p.name, Agreement: p.Agreement, Drops: drops, Landing: h.Landing(), Today: h.today(), Zone: h.zone, Feeds: feeds}
		card, damage := scorecard.Of(s)
		if damage != nil {
			c.Say("heatwatch: %s: no score: %v", p.name, damage)
		}
		all = append(all, standing{name: p.name, kind: p.Kind, card: card})
		kinds[p.Kind]++
	}
	for i, x := range all {
		if kinds[x.kind] == 1 {
			all[i].note = "only " + x.kind
		}
	}
	return all, nil
}

func (x standing) row() []string {
	last, created, fresh := "", "", "never"
	if x.card.Last != nil {
		last, created, fresh = x.card.Last.Name, x.card.Created.String(), "no"
		if x.card.Fresh {
			fresh = "yes"
		}
	}
	return []string{x.name, last, created, fresh, fmt.Sprint(x.card.Accepted), fmt.Sprint(x.card.Quarantined), x.score(), x.card.State, x.note}
}

func (x standing) score() string {
	if !x.card.Scored {
		return ""
	}
	return fmt.Sprintf("%.1f", x.card.Score())
}

// leastKnown is how many columns are named.
const leastKnown = 3

func (x standing) parts() []string {
	if !x.card.Scored {
		name := ""
		if x.card.Last != nil {
			name = x.card.Last.Name
		}
		return []string{x.name, name, "", "", "", "", "", "", "", ""}
	}
	part := func(v float64) string { return fmt.Sprintf("%.3f", v) }
	var least []string
	for _, c := range x.card.Columns[:min(leastKnown, len(x.card.Columns))] {
		least = append(least, c.Name+" "+part(c.Known))
	}
	k := x.card
	return []string{x.name, k.Last.Name, x.score(), part(k.Valid), part(k.Known), part(k.OnTime), part(k.Consistent), part(k.Unique),
		part(float64(k.InTime) / float64(len(k.Taken))), strings.Join(least, ";")}
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
