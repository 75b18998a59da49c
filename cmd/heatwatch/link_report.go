package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/etl/lake"
	"heatwatch/etl/link"
	"heatwatch/etl/partner"
	"heatwatch/internal/problem"
	"heatwatch/reports/render"
)

// subgroups are the columns of persons by which `link report` tells files apart.
var subgroups = []string{"gender", "race_ethnicity", "birth_year", "home_area"}

func (c *command) linkReport() *cobra.Command {
	var by string
	cmd := &cobra.Command{Use: "report", Short: "Linked, lone and conflicting files per agency, and estimated errors", Args: cobra.NoArgs,
		Long: `Counts the files of each agency and estimates, from the tokens alone, how many of its links are false and what share was
missed, each with a 95 % interval. False links are estimated from pairs of files of one agency, which are of different persons
where the agreement says distinct_persons; missed ones from how often names find whom numbers find, and the other way round; the
upper end allows both to fail together three times as often as by chance.
influence is the largest number of other files that would belong elsewhere if one file of the agency were not there. --by tells minors
apart by a column of persons instead, where errors that differ would bias a comparison. For the operator alone: no agency ever sees it.`,
		Example: "  heatwatch link report --format table\n  heatwatch link report --by race_ethnicity"}
	cmd.Flags().StringVar(&by, "by", "", "a column of persons: "+strings.Join(subgroups, ", "))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if by != "" && !slices.Contains(subgroups, by) {
			return problem.New(problem.Usage, "--by", "files are not told apart by this column", "name one of "+strings.Join(subgroups, ", "))
		}
		h, err := c.open()
		if err != nil {
			return err
		}
		rows, sets, err := h.linked()
		if err != nil {
			return err
		}
		if by != "" {
			of, err := h.groups(cmd.Context(), by)
			if err != nil {
				return err
			}
			rows = slices.DeleteFunc(rows, func(r link.Row) bool { return r.Population != "minors" })
			return c.Table(reportTable(by, link.ReportBy(rows, sets, h.distinct, of)))
		}
		t := reportTable("agency", nil)
		t.Columns = append(t.Columns, render.Cols("influence#")...)
		for _, a := range link.Report(rows, sets, h.distinct) {
			influence := ""
			if a.Quality != nil {
				influence = fmt.Sprint(a.Influence)
			}
			t.Rows = append(t.Rows, append(reportRow(a), influence))
		}
		return c.Table(t)
	}
	return cmd
}

// linked is who belongs to whom, and the token sets by which they do.
func (h *house) linked() ([]link.Row, []link.FounderSet, error) {
	rows, err := lake.Crosswalk(h.Home)
	if err != nil {
		return nil, nil, err
	}
	sets, err := lake.SetsOf(h.Home, 0)
	return rows, sets, err
}

// distinct tells whether an agency gives one person one number, by its agreement.
func (h *house) distinct(name string) bool {
	a, err := partner.Load(h.Partners(), name)
	return err == nil && a.DistinctPersons
}

// groups says what an agency's file says of its person in a column.
func (h *house) groups(ctx context.Context, column string) (func(link.FileID) string, error) {
	s, err := lake.Open(ctx, h.Home, lake.Options{})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	value := column
	if column != "birth_year" {
		value = "label('persons." + column + "', " + column + ")"
	}
	found, err := s.QueryContext(ctx, "SELECT name, person, max("+value+")::VARCHAR FROM persons JOIN agencies USING (agency) WHERE "+column+" IS NOT NULL GROUP BY ALL")
	if err != nil {
		return nil, err
	}
	defer found.Close()
	type file struct {
		partner string
		person  uint32
	}
	of := map[file]string{}
	for found.Next() {
		var f file
		var v string
		if err := found.Scan(&f.partner, &f.person, &v); err != nil {
			return nil, err
		}
		of[f] = v
	}
	if err := found.Err(); err != nil {
		return nil, err
	}
	rows, err := lake.Crosswalk(h.Home)
	if err != nil {
		return nil, err
	}
	person := link.Persons(rows)
	return func(f link.FileID) string { return of[file{f.Partner, person[f]}] }, nil
}

func reportTable(group string, list []link.GroupReport) render.Table {
	t := render.Table{Columns: render.Cols(group, "files#", "linked#", "alone#", "conflicts#", "false#", "false_low#", "false_high#", "missed#", "missed_low#", "missed_high#")}
	for _, g := range list {
		if g.Group == "" {
			g.Group = "not said"
		}
		t.Rows = append(t.Rows, reportRow(g))
	}
	return t
}

func reportRow(g link.GroupReport) []string {
	row := []string{g.Group, fmt.Sprint(g.Files), fmt.Sprint(g.Linked), fmt.Sprint(g.Alone), fmt.Sprint(g.Conflicts)}
	return append(row, estimates(g.Quality)...)
}

// estimates are empty where nothing can be told, as no sets were sent.
func estimates(q *link.Quality) []string {
	if q == nil {
		return []string{"", "", "", "", "", ""}
	}
	n := func(format string, v float64) string { return fmt.Sprintf(format, v) }
	missed := []string{"", "", ""}
	if m := q.Missed; m != nil {
		missed = []string{n("%.4f", m.Value), n("%.4f", m.Low), n("%.4f", m.High)}
	}
	return slices.Concat([]string{n("%.1f", q.False.Value), n("%.0f", q.False.Low), n("%.0f", q.False.High)}, missed)
}
