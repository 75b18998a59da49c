package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"heatwatch/reports/measures"
	"heatwatch/reports/render"
)

func (c *command) measuresCommand() *cobra.Command {
	return &cobra.Command{Use: "measures [NAME]", Short: "Say what is measured: definitions, windows, bounds, sources", Args: cobra.MaximumNArgs(1),
		Example: `  heatwatch measures
  heatwatch measures placement-stability`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				m, err := lookup(args[0])
				if err != nil {
					return err
				}
				_, err = fmt.Fprint(c.Out, m.Text())
				return err
			}
			t := render.Table{Columns: render.Cols("measure", "definition#", "title", "population", "window", "due_after_days#")}
			for _, m := range measures.All() {
				t.Rows = append(t.Rows, []string{m.ID, fmt.Sprint(m.Definition), m.Title, m.Population, m.Window, fmt.Sprint(m.DueAfter)})
			}
			return c.Table(t)
		}}
}
