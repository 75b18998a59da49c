package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"heatwatch/etl/lake"
	"heatwatch/etl/link"
	"heatwatch/reports/render"
)

func (c *command) linkCommand() *cobra.Command {
	cmd := &cobra.Command{Example: "  heatwatch link report",
		Use: "link", Short: "Look at the linkage, inside the house"}
	cmd.AddCommand(
		c.linkReport(), c.linkFit(), c.linkSample(), c.linkExplain(), c.linkMerge(), c.linkSplit(), c.linkDump())
	return cmd
}

func (c *command) linkDump() *cobra.Command {
	cmd := &cobra.Command{Example: "  heatwatch link dump --format csv\n  heatwatch link dump --reason 'two files in doubt'",
		Use: "dump", Short: "Print which file belongs to which person; never to leave the house", Args: cobra.NoArgs}
	reason := reasonFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		h, err := c.open()
		if err != nil {
			return err
		}
		if err := h.accessed("link dump", *reason); err != nil {
			return err
		}
		rows, err := lake.Crosswalk(h.Home)
		if err != nil {
			return err
		}
		link.DumpOrder(rows)
		t := render.Table{Columns: render.Cols("agency", "person_key", "person#", "population")}
		for _, r := range rows {
			t.Rows = append(t.Rows, []string{r.Partner, r.PersonKey, fmt.Sprint(r.Person), r.Population})
		}
		return c.Table(t)
	}
	return cmd
}
