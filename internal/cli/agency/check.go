package agency

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/etl/intake"
	"heatwatch/etl/partner"
	"heatwatch/internal/cli"
	"heatwatch/internal/problem"
	"heatwatch/reports/render"
)

// Check runs the nightly's checks at home.
func Check(app *cli.App) *cobra.Command {
	var kit string
	cmd := &cobra.Command{Use: "check PATH", Short: "Run the nightly's checks on a file or a drop folder, offline", Args: cobra.ExactArgs(1),
		Long: `Runs the very checks of the nightly on one file (named as its entity) or on a drop folder, and writes nothing. With --kit
it also applies your agreement. Exit 0: all is well; 3: something identifying; 4: something would be quarantined or refused.`,
		Example: `  heatwatch check drops/2026-10-01 --kit kit
  heatwatch check services.csv --format json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var o intake.PathOptions
			if kit != "" {
				k, err := partner.LoadKit(kit)
				if err != nil {
					return err
				}
				o.Partner, o.HomeID, o.Allowed = k.Partner, k.Home, k.Agreement.Takes
				if o.Location, err = k.Location(); err != nil {
					return err
				}
			}
			line := &progressLine{w: app.Err, clock: app.System}
			if cli.Terminal(app.Err) {
				o.Progress = line.show
			}
			c, err := intake.CheckPath(cmd.Context(), args[0], o)
			line.clear()
			if err != nil {
				return err
			}
			if err := printCheck(app, c); err != nil {
				return err
			}
			return verdict(c)
		}}
	cmd.Flags().StringVar(&kit, "kit", "", "the folder that the warehouse handed over")
	return cmd
}

func verdict(c intake.Checked) error {
	reasons := append([]intake.Reason{}, c.Reasons...)
	quarantined := c.State != intake.Accepted
	for _, f := range c.Files {
		reasons = append(reasons, f.Reasons...)
	}
	for _, r := range reasons {
		if r.Code == "leak" {
			return cli.Done(problem.Refused)
		}
	}
	if quarantined {
		return cli.Done(problem.Quarantined)
	}
	return nil
}

// printCheck writes the receipt that the nightly would write, with what could not be looked at.
func printCheck(app *cli.App, c intake.Checked) error {
	o, err := app.Options()
	if err != nil {
		return err
	}
	body, text, err := intake.Receipt(c.Drop)
	if err != nil {
		return err
	}
	switch o.Format {
	case render.FormatJSON:
		var receipt map[string]json.RawMessage
		if err := json.Unmarshal(body, &receipt); err != nil {
			return err
		}
		list, _ := json.Marshal(c.NotChecked)
		if c.NotChecked == nil {
			list = []byte("[]")
		}
		trimmed := strings.TrimSuffix(strings.TrimSpace(string(body)), "}")
		_, err = fmt.Fprintf(app.Out, "%s,\n  \"not_checked\": %s\n}\n", strings.TrimRight(trimmed, "\n "), list)
		return err
	case render.FormatTable:
		if _, err := app.Out.Write(text); err != nil {
			return err
		}
		if len(c.NotChecked) > 0 {
			fmt.Fprintf(app.Out, "\nNot looked for here: %s.\n", strings.Join(c.NotChecked, ", "))
		}
		return nil
	}
	t := render.Table{Columns: render.Cols("file", "entity", "rows#", "accepted#", "quarantined#", "code", "column", "count#", "lines")}
	for _, f := range c.Files {
		row := func(r intake.Reason) []string {
			return []string{f.Name, f.Entity, fmt.Sprint(f.Rows), fmt.Sprint(f.Accepted), fmt.Sprint(f.Quarantined), r.Code, r.Column, count(r), lines(r.Lines)}
		}
		if len(f.Reasons) == 0 {
			t.Rows = append(t.Rows, row(intake.Reason{}))
		}
		for _, r := range f.Reasons {
			t.Rows = append(t.Rows, row(r))
		}
	}
	for _, r := range c.Reasons {
		t.Rows = append(t.Rows, []string{"", "", "", "", "", r.Code, r.Column, count(r), lines(r.Lines)})
	}
	return render.Write(app.Out, t, o)
}

func count(r intake.Reason) string {
	if r.Code == "" {
		return ""
	}
	return fmt.Sprint(r.Count)
}

func lines(ns []int64) string {
	var all []string
	for _, n := range ns {
		all = append(all, fmt.Sprint(n))
	}
	return strings.Join(all, ";")
}
