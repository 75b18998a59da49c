package main

import (
	"math"
	"strconv"

	"github.com/spf13/cobra"

	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/render"
)

func period(s string) (models.Period, error) {
	p, err := models.ParsePeriod(s)
	if err != nil {
		return p, problem.New(problem.Usage, "PERIOD", err.Error(), "")
	}
	return p, nil
}

func (c *command) planCommand() *cobra.Command {
	var persons float64
	var optimise bool
	cmd := &cobra.Command{Use: "plan PERIOD", Short: "Show what a release of a period measures, when, at what price and how well; spends nothing",
		Args: cobra.ExactArgs(1),
		Long: `Lists every figure that the release plan publishes for a period: when it is due, where it stands, what one person loses
by its item (mu squared), and the 95 % half-width to expect from the noise, at the plan's design size or among --persons.
All of it follows from the plan; no record is read.`,
		Example: `  heatwatch plan 2025Q1
  heatwatch plan 2025 --persons 80 --format table`,
		RunE: func(_ *cobra.Command, args []string) error {
			if optimise {
				return problem.New(problem.Failed, "--optimise", "finding the best allocation is not built yet", "edit the sigmas of a plan of your own and compare with `plan`")
			}
			if persons < 0 {
				return problem.New(problem.Usage, "--persons", "a number of persons is not negative", "")
			}
			p, err := period(args[0])
			if err != nil {
				return err
			}
			h, err := c.open()
			if err != nil {
				return err
			}
			c.warn(h)
			plan, sc, err := h.plan()
			if err != nil {
				return err
			}
			r := privacy.Releaser{Ledger: h.ledger, Plan: plan, Schema: sc, Today: h.today()}
			rows, err := plan.Planned(sc, p, persons, r.State)
			if err != nil {
				return err
			}
			t := render.Table{Columns: render.Cols("period", "item", "population", "measure", "statistic", "by", "due", "state", "mu2#", "half_width#", "published?", "note")}
			for _, x := range rows {
				t.Rows = append(t.Rows, []string{p.String(), x.Item, x.Population, x.Measure, x.Statistic, x.By, x.Due.String(), x.State,
					number(x.Mu2, 6), number(x.HalfWidth, 4), strconv.FormatBool(x.Published), x.Note})
			}
			return c.Table(t)
		}}
	cmd.Flags().Float64Var(&persons, "persons", 0, "persons in the period (default: the plan's design size)")
	cmd.Flags().BoolVar(&optimise, "optimise", false, "find the allocation for declared targets")
	return cmd
}

// number writes significant digits; nothing for what has no value.
func number(x float64, digits int) string {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', digits, 64)
}
