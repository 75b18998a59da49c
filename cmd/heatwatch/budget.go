package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"heatwatch/privacy"
	"heatwatch/reports/render"
)

func (c *command) budgetCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "budget", Short: "Show what has been spent of each population's lifetime budget", Args: cobra.NoArgs,
		Long: `The most that one person of each population can have lost by everything released so far, by the plans: never what a
particular person lost, which would itself be a record.`,
		Example: `  heatwatch budget
  heatwatch budget verify
  heatwatch budget explain heads_q
  heatwatch budget amend --reason 'decided by the board on 3 March' --epsilon 5`,
		RunE: func(*cobra.Command, []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			c.warn(h)
			c.sayAmended(h)
			c.sayLocked(h)
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
			c.sayLocked(h)
			p := h.ledger.Position()
			c.Say("the ledger holds: %d entries, head %s", p.Entries, short(p.Hash))
			return c.Table(render.Table{Columns: render.Cols("entries#", "head", "home"), Rows: [][]string{{fmt.Sprint(p.Entries), p.Hash, p.Home}}})
		}}
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
