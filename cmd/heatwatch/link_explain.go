package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/etl/lake"
	"heatwatch/etl/link"
	"heatwatch/internal/problem"
	"heatwatch/reports/render"
)

func (c *command) linkExplain() *cobra.Command {
	var agency, key, population string
	cmd := &cobra.Command{Use: "explain --agency A --key K --reason TEXT", Short: "Say which recipes joined a person; never to leave the house", Args: cobra.NoArgs,
		Long: `Lists the files of one person: which founded it, and for every other the agency with whose file it agrees best, the recipes on
which both agree, and the odds (binary logarithm: 10 is a thousand to one). No name stands behind a recipe that anybody here could
read. Who asks, and why, goes into the access log first.`,
		Example: "  heatwatch link explain --agency shelter-a --key PSEUDONYM --reason 'two files in doubt'"}
	reason := reasonFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		if strings.TrimSpace(*reason) == "" {
			return problem.New(problem.Usage, "--reason", "nobody looks at one person's files without saying why", "say why, without a name")
		}
		h, err := c.open()
		if err != nil {
			return err
		}
		if err := h.accessed("link explain", *reason, named{Partners: 1, Files: 1}); err != nil {
			return err
		}
		all, err := lake.Crosswalk(h.Home)
		if err != nil {
			return err
		}
		rows, err := personsRows(all, agency, population, key)
		if err != nil {
			return err
		}
		sets, err := lake.SetsOf(h.Home, rows[0].Person)
		if err != nil {
			return err
		}
		t := render.Table{Columns: render.Cols("agency", "person_key", "population", "since", "role", "with", "odds#", "recipes")}
		for _, r := range link.Explain(rows, sets) {
			odds := ""
			if r.With != "" {
				odds = fmt.Sprintf("%.1f", r.Score)
			}
			t.Rows = append(t.Rows, []string{r.Partner, r.PersonKey, r.Population, r.Since.String(), role(r), r.With, odds, strings.Join(r.Recipes, " ")})
		}
		return c.Table(t)
	}
	cmd.Flags().StringVar(&agency, "agency", "", "the agency that speaks of the person by this key")
	cmd.Flags().StringVar(&key, "key", "", "the agency's pseudonym of the person")
	cmd.Flags().StringVar(&population, "population", "", "minors or accused, where the agency has the key in both")
	cmd.MarkFlagRequired("agency")
	cmd.MarkFlagRequired("key")
	return cmd
}

func role(r link.Reason) string {
	switch {
	case r.Founding:
		return "founded"
	case !r.Measured:
		return "waits for a steward"
	case r.With == "":
		return "joined by a token that is compared as a whole, or by a steward"
	}
	return "joined"
}

// personsRows are the crosswalk's lines of the person of whom an agency speaks by a key.
func personsRows(all []link.Row, agency, population, key string) ([]link.Row, error) {
	var found []link.Row
	for _, r := range all {
		if r.Partner == agency && r.PersonKey == key && (population == "" || r.Population == population) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return nil, problem.New(problem.Usage, "--key", "the agency has no file by this key in the lake", "compare it with `heatwatch link dump`")
	case 1:
	default:
		return nil, problem.New(problem.Usage, "--population", "the agency has the key in several populations", "say which: minors or accused")
	}
	return slices.DeleteFunc(slices.Clone(all), func(r link.Row) bool { return r.Person != found[0].Person }), nil
}
