package agency

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
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
		Long: `Looks at your files (CSV in any charset, separated by commas, semicolons, tabs or bars, and .xlsx workbooks), finds out which kind of record each
file or sheet holds and which of your columns, dates and codes are which of the dictionary's, and writes a mapping file for you to
check and correct. What it does not name stays with you. Of each file five rows are shown as shapes (Xxxx 99), never as they are.`,
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
			if err := writeMapping(out, mapping.Text(seen), app.Yes); err != nil {
				return err
			}
			for _, s := range seen {
				fmt.Fprint(app.Out, preview(s, k.Agreement))
			}
			fmt.Fprintf(app.Out, "\nwrote %s: check every line, then run deidentify%s\n", out, withMapping(out, k.Dir, args[0]))
			return nil
		}}
	cmd.Flags().StringVar(&kit, "kit", "", "the folder that the warehouse handed over")
	cmd.Flags().StringVar(&out, "out", "", "where to write the mapping (default: mapping.yaml in the kit)")
	cmd.MarkFlagRequired("kit")
	return cmd
}

func writeMapping(out string, text []byte, replace bool) error {
	write := durable.Create
	if replace {
		write = durable.Replace
	}
	err := write(durable.OS(), out, text, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return problem.Wrap(err, problem.Usage, out, "there is a mapping already", "look at it, name another with --out, or replace it with --yes")
	}
	if err != nil {
		return problem.Wrap(err, problem.Failed, out, "the mapping cannot be written", "check the permissions and the room on the disk")
	}
	return nil
}

// withMapping is what deidentify has to be told where it would not take the mapping by itself.
func withMapping(out, kit, raw string) string {
	entries, err := os.ReadDir(raw)
	if filepath.Clean(out) == filepath.Join(kit, deidentify.MappingName) && err == nil && !slices.ContainsFunc(entries, deidentify.NamedAsEntity) {
		return ""
	}
	return " --mapping " + out
}

// preview is what was found in one file or sheet, with its first rows as shapes.
func preview(s mapping.Seen, a partner.Agreement) string {
	var b strings.Builder
	switch {
	case s.Why != "":
		fmt.Fprintf(&b, "%s: not read: %s\n", s.Label, s.Why)
		return b.String()
	case s.Also != "":
		fmt.Fprintf(&b, "%s: %s as well, but another file fits better; nothing of it leaves\n", s.Label, s.Also)
		return b.String()
	case s.Entity == "":
		fmt.Fprintf(&b, "%s: fits no kind of record; nothing of it leaves\n", s.Label)
		return b.String()
	case s.Charset == "":
		fmt.Fprintf(&b, "%s: %s\n", s.Label, s.Entity)
	default:
		fmt.Fprintf(&b, "%s: %s, %s, separated by %s\n", s.Label, s.Entity, s.Charset, map[string]string{",": "commas", ";": "semicolons", `\t`: "tabs", "|": "bars"}[s.Separator])
	}
	for i, h := range s.Header {
		fmt.Fprintf(&b, "  %-24s %-40s %s\n", h.Shown(i, h.Name), becomes(h.Ours, s.Entity, a), strings.Join(h.Masked, " | "))
		if h.Unmatched > 0 {
			fmt.Fprintf(&b, "      values that are no code of %s: %d. Name them under codes, or deidentify refuses them\n", h.Ours, h.Unmatched)
		}
		if h.Undated {
			fmt.Fprintf(&b, "      not every cell is a date in one order that is known: export it anew, or name the order under dates\n")
		}
		if h.Ambiguous {
			fmt.Fprintf(&b, "      read as %s, but day and month could be the other way round: check\n", s.Dates[h.Ours])
		}
	}
	return b.String()
}

func becomes(ours, entity string, a partner.Agreement) string {
	switch {
	case ours == "":
		return "stays with you"
	case slices.Contains(mapping.Identifying, ours):
		return ours + ", becomes tokens and stays with you"
	case !a.Allows(entity, ours):
		return ours + ", which your agreement does not name: stays with you"
	}
	return ours
}
