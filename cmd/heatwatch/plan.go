package main

import (
	"math"
	"strconv"

	"github.com/spf13/cobra"

	"heatwatch/internal/durable"
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
	var optimise, budget bool
	var out string
	cmd := &cobra.Command{Use: "plan PERIOD", Short: "Show what a release of a period measures, when, at what price and how well; spends nothing",
		Args: cobra.ExactArgs(1),
		Long: `Lists every figure that the release plan publishes for a period: when it is due, where it stands, what one person loses
by its item (mu squared), and the 95 % half-width to expect from the noise, at the plan's design size or among --persons.
A second table, below the first one where a person reads, splits the lifetime budget of each population; --budget shows it
alone, and adds it to the JSON form. All of it follows from the plan; no record is read.

--optimise proposes sigmas that serve the targets best within the usable budget (cap less reserve and what is held back).
An item's "target" is a half-width (left out: the plan's limit), its "weight" counts it more. --out writes the plan with
the proposed sigmas; the home is not touched.`,
		Example: `  heatwatch plan 2025Q1
  heatwatch plan 2025 --persons 80 --format table
  heatwatch plan 2025 --budget
  heatwatch plan 2025 --optimise --out next.yaml`,
		RunE: func(_ *cobra.Command, args []string) error {
			if !(persons >= 0 && persons <= 1e9) {
				return problem.New(problem.Usage, "--persons", "a number of persons is not negative", "")
			}
			if out != "" && !optimise {
				return problem.New(problem.Usage, "--out", "there is a plan to write only with --optimise", "")
			}
			if budget && optimise {
				return problem.New(problem.Usage, "--budget", "this is another table than that of --optimise", "ask for one of them")
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
			if optimise {
				return c.optimise(h, plan, sc, p, persons, out)
			}
			split, err := budgetTable(h, plan)
			if err != nil {
				return err
			}
			o, err := c.Options()
			if err != nil {
				return err
			}
			if budget && o.Format != render.FormatJSON {
				return c.Table(split.Table)
			}
			var more []render.Named
			if budget || o.Format != render.FormatJSON { // the keys of the JSON form are a contract
				more = append(more, split)
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
			return c.Table(t, more...)
		}}
	cmd.Flags().Float64Var(&persons, "persons", 0, "persons in the period (default: the plan's design size)")
	cmd.Flags().BoolVar(&budget, "budget", false, "the split of the lifetime budget: alone, or in JSON beside the figures")
	cmd.Flags().BoolVar(&optimise, "optimise", false, "find the sigmas that serve the targets best within the usable budget")
	cmd.Flags().StringVar(&out, "out", "", "with --optimise: write the plan with the proposed sigmas to a new file")
	return cmd
}

// budgetTable splits the lifetime budget of each population.
func budgetTable(h *house, plan *privacy.Plan) (render.Named, error) {
	_, delta := h.epsilon()
	shares, err := plan.Budget(delta)
	t := render.Named{Name: "budget", Table: render.Table{Columns: render.Cols("population", "part", "items#", "mu2#", "of_cap#", "mu#", "epsilon#", "delta#")}}
	for _, x := range shares {
		items := ""
		if x.Items > 0 {
			items = strconv.Itoa(x.Items)
		}
		t.Rows = append(t.Rows, []string{x.Population, x.Part, items, number(x.Mu2, 4), number(x.OfCap, 3), number(x.Mu, 4), number(x.Epsilon, 4), number(delta, 3)})
	}
	return t, err
}

// optimise shows what other sigmas would change, and writes them where it is told to.
func (c *command) optimise(h *house, plan *privacy.Plan, sc privacy.Schema, p models.Period, persons float64, out string) error {
	epsilon, delta := h.epsilon()
	a, err := plan.Optimise(sc, h.planFile(), p, persons, epsilon, delta)
	if err != nil {
		return err
	}
	t := render.Table{Columns: render.Cols("item", "population", "measure", "statistic", "by", "sigma#", "sigma_proposed#", "half_width#", "half_width_proposed#", "target#", "met?")}
	for _, x := range a.Proposals {
		met := ""
		if x.Target > 0 {
			met = strconv.FormatBool(x.Met())
		} else {
			x.HalfWidth, x.ProposedHalfWidth, x.Target = math.NaN(), math.NaN(), math.NaN()
		}
		t.Rows = append(t.Rows, []string{x.Item, x.Population, x.Measure, x.Statistic, x.By, number(x.Sigma, 6), number(x.ProposedSigma, 6),
			number(x.HalfWidth, 4), number(x.ProposedHalfWidth, 4), number(x.Target, 4), met})
	}
	if err := c.Table(t); err != nil {
		return err
	}
	c.Say("half-width over target, root mean square: %.3f now, %.3f proposed, within the usable budget", a.Now, a.Proposed)
	if out == "" {
		return nil
	}
	if err := durable.Create(durable.OS(), out, a.Text, 0o644); err != nil {
		return problem.Wrap(err, problem.Failed, out, "the plan cannot be written", "name a new file in a folder that is there")
	}
	c.Say("wrote %s; nothing in the home was changed: a new plan is entered with `heatwatch budget amend`", out)
	return nil
}

// number writes significant digits; nothing for what has no value.
func number(x float64, digits int) string {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', digits, 64)
}
