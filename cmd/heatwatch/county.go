package main

import (
	"os"

	"github.com/spf13/cobra"

	"heatwatch/fixtures"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// countyCommand writes a synthetic county, for trials and benchmarks.
func (c *command) countyCommand() *cobra.Command {
	var cfg fixtures.Config
	var first, end, out string
	cmd := &cobra.Command{Use: "county --out DIR", Short: "Write the raw exports of a synthetic county, with its truth; no person in it exists", Args: cobra.NoArgs,
		Long: `Writes what 20 synthetic agencies would export, one folder each, in the form that deidentify takes, and truth.json with
the exact value of every statistic. The same flags give the same bytes on every machine.`,
		Example: `  heatwatch county --out raw
  heatwatch county --out big --persons 330000 --service-rows 10000000 --quarters 20 --no-figures`,
		RunE: func(*cobra.Command, []string) error {
			var err error
			if cfg.FirstQuarter, err = period(first); err != nil {
				return err
			}
			if cfg.FirstQuarter.Level() != models.LevelQuarter {
				return problem.New(problem.Usage, "--first", "a quarter is needed", "write 2021Q1")
			}
			last := cfg.FirstQuarter
			for range cfg.Quarters - 1 {
				last = last.Next()
			}
			cfg.End = last.Last() + 1
			if end != "" {
				d, ok := models.ParseDate(end)
				if !ok {
					return problem.New(problem.Usage, "--end", "this is no date", "write YYYY-MM-DD")
				}
				cfg.End = d
			}
			if err := os.MkdirAll(out, 0o700); err != nil {
				return problem.Wrap(err, problem.Failed, out, "the folder cannot be made", "check the permissions")
			}
			truth, err := fixtures.Generate(cfg, fixtures.OSDir(out))
			if err != nil {
				return problem.Wrap(err, problem.Failed, out, "the county could not be written", "check the flags and the room on the disk; a folder that holds one already is not written over")
			}
			var rows int64
			for _, r := range truth.Rows {
				rows += r.Rows
			}
			c.Say("wrote %d rows about %d children of a synthetic county to %s", rows, truth.Children, out)
			return nil
		}}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "folder, one subfolder per agency")
	f.Uint64Var(&cfg.Seed, "seed", demoSeed, "another seed, another county")
	f.IntVar(&cfg.Persons, "persons", 300, "number of children")
	f.StringVar(&first, "first", "2021Q1", "first quarter of first contacts")
	f.IntVar(&cfg.Quarters, "quarters", 8, "number of quarters")
	f.StringVar(&end, "end", "", "first day that is not in the exports (default: the day after the last quarter)")
	f.Int64Var(&cfg.ServiceRows, "service-rows", 0, "rows of services in all (default: as they come)")
	f.BoolVar(&cfg.Dirty, "dirty", false, "plant rows that intake must quarantine")
	f.BoolVar(&cfg.NoFigures, "no-figures", false, "leave the figures out of truth.json")
	cmd.MarkFlagRequired("out")
	return cmd
}
