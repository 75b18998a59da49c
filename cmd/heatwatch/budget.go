package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/internal/problem"
	"heatwatch/privacy"
	"heatwatch/reports/render"
)

func (c *command) budgetCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "budget", Short: "Show what has been spent of each population's lifetime budget", Args: cobra.NoArgs,
		Long: `The most that one person of each population can have lost by everything released so far, by the plans: never what a
particular person lost, which would itself be a record.`,
		Example: `  heatwatch budget
  heatwatch budget verify
  heatwatch budget explain heads_q`,
		RunE: func(*cobra.Command, []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			c.warn(h)
			return c.budgetTable(h)
		}}
	cmd.AddCommand(c.budgetVerify(), c.budgetExplain(), c.budgetAmend())
	return cmd
}

func (c *command) budgetTable(h *house) error {
	rows, err := h.ledger.Budget()
	if err != nil {
		return err
	}
	t := render.Table{Columns: render.Cols("population", "unit", "mu_spent#", "epsilon_spent#", "mu_cap#", "epsilon_cap#", "delta#")}
	for _, s := range rows {
		t.Rows = append(t.Rows, []string{s.Population, s.Unit, number(s.MuSpent, 6), number(s.EpsilonSpent, 6), number(s.MuCap, 6), number(s.EpsilonCap, 6), number(s.Delta, 6)})
	}
	return c.Table(t)
}

func (c *command) budgetVerify() *cobra.Command {
	return &cobra.Command{Example: "  heatwatch budget verify",
		Use: "verify", Short: "Check the ledger end to end", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			h, err := c.open() // reads and checks every entry
			if err != nil {
				return err
			}
			files, err := h.releases()
			if err != nil {
				return err
			}
			if gone := privacy.Missing(files, h.ledger); len(gone) > 0 {
				return gone[0]
			}
			if _, _, err := h.plan(); err != nil {
				return err
			}
			p := h.ledger.Position()
			c.Say("the ledger holds: %d entries, head %s", p.Entries, short(p.Hash))
			return c.Table(render.Table{Columns: render.Cols("entries#", "head", "home"), Rows: [][]string{{fmt.Sprint(p.Entries), p.Hash, p.Home}}})
		}}
}

func (c *command) budgetExplain() *cobra.Command {
	return &cobra.Command{Example: "  heatwatch budget explain heads_q",
		Use: "explain ITEM", Short: "Say in words what an item costs and where it was measured", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			plan, _, err := h.plan()
			if err != nil {
				return err
			}
			it, ok := plan.Item(args[0])
			if !ok {
				return problem.New(problem.Usage, "ITEM", "the plan has no item of that name", "`heatwatch plan PERIOD` lists them")
			}
			var b strings.Builder
			fmt.Fprintf(&b, "%s is a %s of %s in the population %s, measured once for each %s", it.ID, it.Encoding, it.Vector, it.Population, it.Level)
			if it.By != "" {
				fmt.Fprintf(&b, ", by %s", it.By)
			}
			fmt.Fprintf(&b, ".\nIt is due %d days after the period's last day. One person changes at most %d of its cells, by at most %d each;\n", it.Due, it.L0, it.Linf)
			fmt.Fprintf(&b, "the noise on a cell has a standard deviation of %s. That costs a person mu^2 = %s each time, in at most %d %s of a lifetime.\n",
				number(it.Sigma*float64(it.Linf), 4), number(it.Mu2(), 4), it.Participations, plural(it.Participations, it.Level))
			share := it.Mu2() * float64(it.Participations) / plan.Cap(it.Population)
			fmt.Fprintf(&b, "Over a lifetime that is %.1f %% of what a person of this population may lose.\n", 100*share)
			for _, e := range h.ledger.Entries() {
				if e.Release == nil {
					continue
				}
				for _, m := range e.Release.Items {
					if m.ID == it.ID {
						fmt.Fprintf(&b, "Entry %d measured it for %s, as of %s.\n", e.Number, m.Period, e.Release.Due)
					}
				}
			}
			_, err = fmt.Fprint(c.Out, b.String())
			return err
		}}
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func (c *command) budgetAmend() *cobra.Command {
	var reason string
	cmd := &cobra.Command{Example: "  heatwatch budget amend --reason 'a second county has joined'",
		Use: "amend --reason TEXT", Short: "Change cap or plan by a signed public entry", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return problem.New(problem.Failed, "budget amend", "amending is not built yet", "cap and plan stay as the ledger's first entry fixed them")
		}}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in words for the public")
	return cmd
}
