package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"heatwatch/etl/lake"
	"heatwatch/etl/link"
	"heatwatch/etl/partner"
	"heatwatch/reports/render"
)

func (c *command) linkReport() *cobra.Command {
	return &cobra.Command{Use: "report", Short: "Linked, lone and conflicting files per agency, and estimated errors", Args: cobra.NoArgs,
		Long: `Counts the files of each agency and estimates, from the tokens alone, how many of its links are false and what share was
missed, each with a 95 % interval. False links are estimated from pairs of files of one agency, which are of different persons
where the agreement says distinct_persons; missed ones from how often names find whom numbers find, and the other way round.
influence is the largest number of other files that would belong elsewhere if one file of the agency were not there. For the
operator alone: no agency ever sees it.`,
		Example: "  heatwatch link report --format table",
		RunE: func(*cobra.Command, []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			rows, err := lake.Crosswalk(h.Home)
			if err != nil {
				return err
			}
			sets, err := lake.SetsOf(h.Home, 0)
			if err != nil {
				return err
			}
			distinct := func(name string) bool {
				a, err := partner.Load(h.Partners(), name)
				return err == nil && a.DistinctPersons
			}
			t := render.Table{Columns: render.Cols("agency", "files#", "linked#", "alone#", "conflicts#", "false#", "false_low#", "false_high#", "missed#", "missed_low#", "missed_high#", "influence#")}
			for _, a := range link.Report(rows, sets, distinct) {
				row := []string{a.Agency, fmt.Sprint(a.Files), fmt.Sprint(a.Linked), fmt.Sprint(a.Alone), fmt.Sprint(a.Conflicts)}
				t.Rows = append(t.Rows, append(row, estimates(a)...))
			}
			return c.Table(t)
		}}
}

// estimates are empty where an agency sent no sets, so that nothing can be told.
func estimates(a link.AgencyReport) []string {
	if a.Quality == nil {
		return []string{"", "", "", "", "", "", ""}
	}
	n := func(format string, v float64) string { return fmt.Sprintf(format, v) }
	f, missed := a.Quality.False, []string{"", "", ""}
	if m := a.Quality.Missed; m != nil {
		missed = []string{n("%.4f", m.Value), n("%.4f", m.Low), n("%.4f", m.High)}
	}
	return slices.Concat([]string{n("%.1f", f.Value), n("%.0f", f.Low), n("%.0f", f.High)}, missed, []string{fmt.Sprint(a.Influence)})
}
