package main

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/etl/link"
	"heatwatch/internal/problem"
	"heatwatch/reports/render"
)

func (c *command) linkFit() *cobra.Command {
	return &cobra.Command{Use: "fit", Short: "Hold the frozen weights against what the house's own tokens say", Args: cobra.NoArgs,
		Long: `Estimates, without labels, how often two files agree so far if they are of one person and if they are of two, and prints the weight
that follows (binary logarithm of the ratio, with a 95 % interval) beside the one that is frozen in this version of the linkage. Pairs of two
persons are those of one agency's files; how far names agree is learnt from pairs that agree on the whole number, and the other way round.
Where no such pair was seen an end of the interval is open, and its cell empty.
It changes nothing: a file never moves because others came, so weights change with a version of the program alone. Where the
house has many pairs and frozen lies far outside, tell the maintainers the table; it names nobody.`,
		Example: "  heatwatch link fit --format table",
		RunE: func(*cobra.Command, []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			rows, sets, err := h.linked()
			if err != nil {
				return err
			}
			t := render.Table{Columns: render.Cols("part", "level", "pairs#", "one_person#", "two_persons#", "weight#", "weight_low#", "weight_high#", "frozen#")}
			for _, f := range link.Fit(rows, sets, h.distinct) {
				row := []string{f.Part, f.Level, fmt.Sprint(f.Pairs), fmt.Sprintf("%.4f", f.One.Value), fmt.Sprintf("%.2e", f.Two.Value), "", "", "", fmt.Sprintf("%.1f", f.Frozen)}
				if f.Pairs > 0 {
					row[6] = fmt.Sprintf("%.1f", f.Weight.Low)
				}
				if f.Tells {
					row[7] = fmt.Sprintf("%.1f", f.Weight.High)
				}
				if f.Pairs > 0 && f.Tells {
					row[5] = fmt.Sprintf("%.1f", f.Weight.Value)
				}
				t.Rows = append(t.Rows, row)
			}
			return c.Table(t)
		}}
}

func (c *command) linkSample() *cobra.Command {
	var size int
	cmd := &cobra.Command{Use: "sample", Short: "Draw pairs of files for a clerical review", Args: cobra.NoArgs,
		Long: `Draws pairs of files of different agencies at random: as many that are one person as that are not, near the limit and far from it, and
says how far their tokens agree, and how many pairs each kind has (of). It names nobody. With --reason, which goes into the
access log, it gives the agencies' pseudonyms as well, so that both can look the person up in their own keymaps and say whether it is one.`,
		Example: "  heatwatch link sample --size 10\n  heatwatch link sample --size 10 --reason 'review of the second quarter'"}
	reason := reasonFlag(cmd)
	cmd.Flags().IntVar(&size, "size", 10, "pairs of each of the four kinds")
	cmd.RunE = func(*cobra.Command, []string) error {
		if size < 1 || size > 1000 {
			return problem.New(problem.Usage, "--size", "it is not between 1 and 1000", "draw fewer pairs")
		}
		keys := strings.TrimSpace(*reason) != ""
		h, err := c.open()
		if err != nil {
			return err
		}
		if keys {
			if err := h.accessed("link sample", *reason, named{Files: 8 * size}); err != nil {
				return err
			}
		}
		rows, sets, err := h.linked()
		if err != nil {
			return err
		}
		list, err := link.Sample(rows, sets, size, rand.Reader)
		if err != nil {
			return err
		}
		t := render.Table{Columns: render.Cols("pair#", "linked", "near", "of#", "population", "agency_a", "agency_b", "names", "number", "place", "odds#")}
		if keys {
			t.Columns = append(t.Columns, render.Cols("person_key_a", "person_key_b")...)
		}
		for i, s := range list {
			row := []string{fmt.Sprint(i + 1), yesNo(s.Linked), yesNo(s.Near), fmt.Sprint(s.Of), s.A.Population, s.A.Partner, s.B.Partner, s.Evidence.Name.String(), s.Evidence.Number.String(), s.Evidence.Place.String(), fmt.Sprintf("%.1f", s.Score)}
			if keys {
				row = append(row, s.A.PersonKey, s.B.PersonKey)
			}
			t.Rows = append(t.Rows, row)
		}
		return c.Table(t)
	}
	return cmd
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
