package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"heatwatch/internal/problem"
	"heatwatch/internal/settings"
	"heatwatch/privacy"
	"heatwatch/reports/handbook"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/schema"
	"heatwatch/reports/render"
)

func (c *command) measuresCommand() *cobra.Command {
	var logic bool
	cmd := &cobra.Command{Use: "measures [NAME]", Short: "Say what is measured: definitions, windows, bounds, examples, the logic model", Args: cobra.MaximumNArgs(1),
		Long: `Without a name it lists the measures; in Markdown it writes the methodology handbook: how to read, common rules, privacy in
short, a page for each measure, the logic model, the dictionary's columns. With a name it prints that page: definition, who is
counted, differences from the standard, bounds, due dates, vectors, what the plan publishes, the columns that feed it, a worked
example. Plan and dates are those of the home, where there is one, else those of the plan that a home starts with.`,
		Example: `  heatwatch measures
  heatwatch measures placement-stability
  heatwatch measures --logic-model
  heatwatch measures --format markdown > handbook.md`,
		RunE: func(_ *cobra.Command, args []string) error {
			o, err := c.Options()
			if err != nil {
				return err
			}
			switch {
			case logic && len(args) > 0:
				return problem.New(problem.Usage, "--logic-model", "it is about all measures", "leave the name out")
			case logic:
				lines, prongs := handbook.LogicTables()
				return c.Table(lines, render.Named{Name: "prongs", Table: prongs})
			case len(args) == 0 && o.Format != render.FormatMarkdown:
				return c.Table(measureTable())
			}
			plan, sc, delta, err := c.planFor()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				p, err := handbook.Handbook(plan, sc, delta)
				if err != nil {
					return err
				}
				return render.WritePage(c.Out, p, o)
			}
			m, err := lookup(args[0])
			if err != nil {
				return err
			}
			return c.sheet(handbook.Of(m, plan, sc), o)
		}}
	cmd.Flags().BoolVar(&logic, "logic-model", false, "inputs, activities, outputs and outcomes by grant objective, and the measures that show them")
	return cmd
}

func measureTable() render.Table {
	t := render.Table{Columns: render.Cols("measure", "definition#", "title", "population", "window", "due_after_days#")}
	for _, m := range measures.All() {
		t.Rows = append(t.Rows, []string{m.ID, fmt.Sprint(m.Definition), m.Title, m.Population, m.Window, fmt.Sprint(m.DueAfter)})
	}
	return t
}

// sheet writes one measure. It is a page to read unless another form was asked for, also into a pipe.
func (c *command) sheet(s handbook.Sheet, o render.Options) error {
	switch {
	case c.Format == "" || o.Format == render.FormatTable || o.Format == render.FormatMarkdown:
		return render.WritePage(c.Out, s.Page(), o)
	case o.Format == render.FormatJSON:
		enc := json.NewEncoder(c.Out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(s)
	}
	return render.Write(c.Out, s.Table(), o)
}

// planFor is the release plan of the home that was meant, or where there is none, the one that `init` would write.
func (c *command) planFor() (*privacy.Plan, privacy.Schema, float64, error) {
	if err := c.path().Check(); err == nil {
		h, err := c.open()
		if err != nil {
			return nil, privacy.Schema{}, 0, err
		}
		plan, sc, err := h.plan()
		_, delta := h.epsilon()
		return plan, sc, delta, err
	}
	s, err := settings.Load("", c.Env)
	if err != nil {
		return nil, privacy.Schema{}, 0, err
	}
	text, ok := privacy.EmbeddedPlan(s.Privacy.Plan)
	if !ok {
		return nil, privacy.Schema{}, 0, errors.New("the plan " + s.Privacy.Plan + " is not one of the program's")
	}
	sc := schema.Schema()
	plan, err := privacy.ParsePlan(text, s.Privacy.Plan, sc, s.Privacy.LifetimeEpsilon, s.Privacy.Delta)
	return plan, sc, s.Privacy.Delta, err
}
