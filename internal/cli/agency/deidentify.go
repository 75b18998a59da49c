// Package agency holds the commands that agencies run: deidentify, check and dictionary. They need no database and no
// network, and are the same in both binaries.
package agency

import (
	"fmt"

	"github.com/spf13/cobra"

	"heatwatch/etl/deidentify"
	"heatwatch/etl/partner"
	"heatwatch/internal/cli"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// Deidentify turns an agency's own exports into a drop.
func Deidentify(app *cli.App) *cobra.Command {
	var kit, out, covers, from, roster, engagements, mapped string
	cmd := &cobra.Command{Use: "deidentify --kit DIR RAW --out DROP", Short: "Turn your own exports into a drop; nothing identifying leaves", Args: cobra.ExactArgs(1),
		Long: `Reads your exports (RAW: a folder with one CSV per entity, columns named as in the dictionary), replaces every number of
your own by a keyed pseudonym, turns names and birth dates into keyed tokens and ages, leaves out every column that the
dictionary does not list, and writes one complete drop. Before the drop is finished, every file is read again and compared
with everything identifying that was seen.

Files that are not named and built as in the dictionary, .xlsx workbooks too, are read by a mapping, which deidentify init proposes.

An agreement may share persons with consent in force alone: then nobody else's row leaves, and the manifest says so. Or totals only: then
no row about a person leaves, what else there is becomes the drop, and a table of counts is printed for your own use.

With --from hmis-csv, RAW is a HUD HMIS CSV export (zip or folder), and --roster names the file of PersonalIDs whose release
is signed, or says all.`,
		Example: `  heatwatch deidentify --kit kit exports --out drops/2026-10-01
  heatwatch deidentify init --kit kit exports
  heatwatch deidentify --kit kit --from hmis-csv --roster released.txt export.zip --out drops/2026-10-01`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if from == "hmis-csv" && roster == "" {
				return problem.New(problem.Usage, "--roster", "it says whose release is signed, and has no default", "name a file with the PersonalIDs, or say all")
			}
			k, err := partner.LoadKit(kit)
			if err != nil {
				return err
			}
			now, err := app.Now(k.Demo)
			if err != nil {
				return err
			}
			if from == "" {
				if mapped, err = deidentify.MappingFor(mapped, kit, args[0]); err != nil {
					return err
				}
			}
			cfg := deidentify.Config{Mapping: mapped, FS: durable.OS(), Kit: k, Raw: args[0], Out: out, Now: now, From: from, Roster: roster, Engagements: engagements}
			if covers != "" {
				if cfg.Covers, err = deidentify.ParseCovers(covers); err != nil {
					return err
				}
			}
			report, err := deidentify.Run(cmd.Context(), cfg)
			if text := report.Text(); report.Made || problem.ExitCode(err) == problem.Refused || report.HMIS != nil || len(report.Totals) > 0 {
				fmt.Fprint(app.Err, text)
			}
			return err
		}}
	f := cmd.Flags()
	f.StringVar(&kit, "kit", "", "the folder that the warehouse handed over")
	f.StringVar(&out, "out", "", "folder of the drop; its name is the drop's name, and it must not exist")
	f.StringVar(&covers, "covers", "", "FROM:TO, the days that the drop speaks for (default: from the agreement's start to yesterday)")
	f.StringVar(&mapped, "mapping", "", "how your own files are read (default: mapping.yaml in the kit, where no file of RAW is named as in the dictionary)")
	f.StringVar(&from, "from", "", "hmis-csv: read a HUD HMIS CSV export")
	f.StringVar(&roster, "roster", "", "hmis-csv: file with the PersonalIDs whose release is signed, or all")
	f.StringVar(&engagements, "engagements", "", "hmis-csv: enrollment, to read each enrolment as an engagement")
	cmd.MarkFlagRequired("kit")
	cmd.MarkFlagRequired("out")
	cmd.AddCommand(deidentifyInit(app))
	return cmd
}
