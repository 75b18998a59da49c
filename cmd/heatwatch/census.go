package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/etl/census"
	"heatwatch/etl/intake"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/reports/render"
)

func (c *command) censusCommand() *cobra.Command {
	var on string
	cmd := &cobra.Command{Use: "census PERIOD", Short: "Say which agencies a period's figures rest on: expected, reporting, days covered", Args: cobra.ExactArgs(1),
		Long: `One line per agency. It is expected where its agreement holds on a day of the period, and reporting where a drop that was
taken covers a day of it. A mark "start-up" means that the period holds the agency's first quarter: persons whom it knew before
look new in it. An agency in the mode aggregate-only is not in figures about persons, one in the mode consented partly. All of
it follows from agreements and manifests; no record is read. The public page says the same by kind of agency, without names.`,
		Example: `  heatwatch census 2024Q1
  heatwatch census 2024 --as-of 2025-04-14 --format json`,
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := period(args[0])
			if err != nil {
				return err
			}
			h, err := c.open()
			if err != nil {
				return err
			}
			asof := h.today()
			if on != "" {
				var ok bool
				if asof, ok = models.ParseDate(on); !ok {
					return problem.New(problem.Usage, "--as-of", "this is no date", "write it as 2025-04-14")
				}
			}
			rows, err := h.census(p, asof)
			if err != nil {
				return err
			}
			return c.Table(censusTable(p, rows), render.Named{Name: "by_kind", Table: kindTable(p, rows)})
		}}
	cmd.Flags().StringVar(&on, "as-of", "", "as drops stood on this day (default: today)")
	return cmd
}

// census looks at every enrolled agency.
func (h *house) census(p models.Period, asof models.Date) ([]census.Row, error) {
	ps, err := h.partners()
	if err != nil {
		return nil, err
	}
	var rows []census.Row
	for _, x := range ps {
		drops, err := intake.Drops(h.Landing(), x.name)
		if err != nil {
			return nil, err
		}
		rows = append(rows, census.Of(x.name, x.Agreement, drops, p, asof, h.zone))
	}
	return rows, nil
}

func censusTable(p models.Period, rows []census.Row) render.Table {
	t := render.Table{Columns: render.Cols("period", "partner", "kind", "sharing", "state", "expected?", "reporting?", "covers_from", "covers_to", "days#", "of_days#",
		"entities", "first_quarter", "mark", "in_figures")}
	for _, r := range rows {
		from, to, mark := "", "", ""
		if r.Reporting {
			from, to = r.From.String(), r.To.String()
		}
		if r.StartUp {
			mark = "start-up"
		}
		t.Rows = append(t.Rows, []string{p.String(), r.Partner, r.Kind, r.Sharing, r.State, strconv.FormatBool(r.Expected), strconv.FormatBool(r.Reporting), from, to,
			strconv.Itoa(r.Days), strconv.Itoa(r.Of), strings.Join(r.Entities, ";"), r.First.String(), mark, r.Figures})
	}
	return t
}

func kindTable(p models.Period, rows []census.Row) render.Table {
	t := render.Table{Columns: render.Cols("period", "kind", "expected#", "reporting#", "whole_period#", "start_up#", "partly_in_figures#", "not_in_figures#")}
	total := census.Total(rows)
	total.Kind = "all"
	for _, k := range append(census.ByKind(rows), total) {
		t.Rows = append(t.Rows, []string{p.String(), k.Kind, strconv.Itoa(k.Expected), strconv.Itoa(k.Reporting), strconv.Itoa(k.Whole), strconv.Itoa(k.StartUp),
			strconv.Itoa(k.Partly), strconv.Itoa(k.NotIn)})
	}
	return t
}
