package agency

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/etl/deidentify"
	"heatwatch/etl/mapping"
	"heatwatch/etl/partner"
	"heatwatch/internal/cli"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// deidentifyInit proposes a mapping for the agency's own files.
func deidentifyInit(app *cli.App) *cobra.Command {
	var kit, out string
	cmd := &cobra.Command{Use: "init --kit DIR RAW", Short: "Propose how your own files become the dictionary's", Args: cobra.ExactArgs(1),
		Long: `Looks at your files (CSV in any charset, separated by commas, semicolons, tabs or bars), finds out which kind of record each holds and which
of your columns and codes are which of the dictionary's, and writes a mapping file for you to check and correct. What it does not
name stays with you. Of each file five rows are shown as shapes (Xxxx 99), never as they are.`,
		Example: "  heatwatch deidentify init --kit kit exports",
		RunE: func(_ *cobra.Command, args []string) error {
			k, err := partner.LoadKit(kit)
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join(k.Dir, deidentify.MappingName)
			}
			seen, err := mapping.Suggest(args[0])
			if err != nil {
				return problem.Wrap(err, problem.Usage, args[0], "the folder of exports cannot be read", "name the folder that holds your files")
			}
			if !slices.ContainsFunc(seen, func(s mapping.Seen) bool { return s.Entity != "" }) {
				return problem.New(problem.Usage, args[0], "no file of it looks like a kind of record of the dictionary", "each needs a header with the record's own number; `dictionary` lists what there is")
			}
			write := durable.Create
			if app.Yes {
				write = durable.Replace
			}
			err = write(durable.OS(), out, mapping.Text(seen), 0o600)
			if errors.Is(err, fs.ErrExist) {
				return problem.Wrap(err, problem.Usage, out, "there is a mapping already", "look at it, name another with --out, or replace it with --yes")
			}
			if err != nil {
				return problem.Wrap(err, problem.Failed, out, "the mapping cannot be written", "check the permissions and the room on the disk")
			}
			for _, s := range seen {
				fmt.Fprint(app.Out, preview(s, k.Agreement))
			}
			fmt.Fprintf(app.Out, "\nwrote %s: check every line, then run deidentify\n", out)
			return nil
		}}
	cmd.Flags().StringVar(&kit, "kit", "", "the folder that the warehouse handed over")
	cmd.Flags().StringVar(&out, "out", "", "where to write the mapping (default: mapping.yaml in the kit)")
	cmd.MarkFlagRequired("kit")
	return cmd
}

// preview is what was found in one file, with its first rows as shapes.
func preview(s mapping.Seen, a partner.Agreement) string {
	var b strings.Builder
	if s.Entity == "" {
		fmt.Fprintf(&b, "%s: fits no kind of record; nothing of it leaves\n", s.File.File)
		return b.String()
	}
	fmt.Fprintf(&b, "%s: %s, %s, separated by %q\n", s.File.File, s.Entity, s.Charset, s.Separator)
	for i, h := range s.Head {
		becomes := "stays with you"
		if ours, ok := s.Columns[strings.TrimSpace(strings.TrimPrefix(h, "\ufeff"))]; ok {
			switch {
			case slices.Contains(mapping.Identifying, ours):
				becomes = ours + ", becomes tokens and stays with you"
			case a.Allows(s.Entity, ours):
				becomes = ours
			default:
				becomes = ours + ", which your agreement does not name: stays with you"
			}
		}
		var shapes []string
		for _, row := range s.Masked {
			if i < len(row) {
				shapes = append(shapes, row[i])
			}
		}
		fmt.Fprintf(&b, "  %-24s %-40s %s\n", h, becomes, strings.Join(shapes, " | "))
	}
	return b.String()
}
