package main

import (
	"crypto/rand"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/etl/lake"
	"heatwatch/etl/link"
	"heatwatch/internal/problem"
	"heatwatch/privacy/register"
)

// asked names a file, as commands do.
type asked struct{ agency, key, population string }

func (c *command) linkMerge() *cobra.Command {
	var a asked
	var intoAgency, intoKey string
	cmd := &cobra.Command{Use: "merge --agency A --key K --into-agency B --into-key L --reason TEXT", Short: "Make the persons of two files one; a steward's act", Args: cobra.NoArgs,
		Long: `Says that two files are about one child: all files of the first one's person join the second one's. A file that waits, because its agency
has another of that person, is measured from then on. What either part has lost in releases counts for the whole; a person above the
cap is left out of everything that follows. The act is logged and cannot be undone by linking: only by a split.`,
		Example: "  heatwatch link merge --agency shelter-a --key K --into-agency police-a --into-key L --reason 'both agencies confirmed it'"}
	reason := reasonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var act link.Act
		err := c.locked("link merge", func(h *house) error {
			rows, at, err := c.stewards(h, "link merge", *reason, a)
			if err != nil {
				return err
			}
			into, err := fileAt(rows, asked{intoAgency, intoKey, at.Population})
			if err != nil {
				return err
			}
			if into.Person == at.Person {
				return problem.New(problem.Usage, "link merge", "both files are of one person already", "nothing is to be done")
			}
			if err := c.Confirm("make these two persons one?"); err != nil {
				return err
			}
			survivor, err := h.identity(into.Person)
			if err != nil {
				return err
			}
			part, err := h.identity(at.Person)
			if err != nil {
				return err
			}
			g, err := h.register()
			if err != nil {
				return err
			}
			// The register first: were the night cut off, both would carry the loss of both, never less.
			if err := g.Merge(register.Stands(h.ledger.Entries()), at.Population, survivor, part); err != nil {
				return err
			}
			act = link.Act{File: at.Of(), Into: into.Of()}
			return nil
		})
		if err != nil {
			return err
		}
		return c.actNow(cmd, act)
	}
	a.flags(cmd)
	cmd.Flags().StringVar(&intoAgency, "into-agency", "", "agency of the file whose person goes on")
	cmd.Flags().StringVar(&intoKey, "into-key", "", "that agency's pseudonym")
	cmd.MarkFlagRequired("into-agency")
	cmd.MarkFlagRequired("into-key")
	return cmd
}

func (c *command) linkSplit() *cobra.Command {
	var a asked
	cmd := &cobra.Command{Use: "split --agency A --key K --reason TEXT", Short: "Take a file out of its person; a steward's act", Args: cobra.NoArgs,
		Long: `Says that a file is about another child than the rest of its person: it becomes a person of its own, which carries all that the whole
has lost in releases so far, and its cohorts. The others stay as they are. The act is logged.`,
		Example: "  heatwatch link split --agency shelter-a --key K --reason 'the shelter says it is the sister'"}
	reason := reasonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var act link.Act
		err := c.locked("link split", func(h *house) error {
			rows, at, err := c.stewards(h, "link split", *reason, a)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(rows, func(r link.Row) bool { return r.Person == at.Person && r.Of() != at.Of() }) {
				return problem.New(problem.Usage, "link split", "the file is alone already", "nothing is to be done")
			}
			if err := c.Confirm("make this file a person of its own?"); err != nil {
				return err
			}
			act = link.Act{File: at.Of()}
			if _, err := io.ReadFull(rand.Reader, act.Pseudonym[:]); err != nil {
				return err
			}
			whole, err := h.identity(at.Person)
			if err != nil {
				return err
			}
			g, err := h.register()
			if err != nil {
				return err
			}
			return g.Split(register.Stands(h.ledger.Entries()), at.Population, whole, h.ledger.Position().Entries, whole, register.ID(act.Pseudonym))
		})
		if err != nil {
			return err
		}
		return c.actNow(cmd, act)
	}
	a.flags(cmd)
	return cmd
}

func (a *asked) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.agency, "agency", "", "the agency whose file it is")
	cmd.Flags().StringVar(&a.key, "key", "", "the agency's pseudonym")
	cmd.Flags().StringVar(&a.population, "population", "", "minors or accused, where the agency has the key in both")
	cmd.MarkFlagRequired("agency")
	cmd.MarkFlagRequired("key")
}

// stewards logs who decides and why, and finds the file.
func (c *command) stewards(h *house, command, reason string, a asked) ([]link.Row, link.Row, error) {
	if strings.TrimSpace(reason) == "" {
		return nil, link.Row{}, problem.New(problem.Usage, "--reason", "nobody's files are merged or split without saying why", "say why, without a name")
	}
	if err := h.accessed(command, reason, named{Partners: 1, Files: 1}); err != nil {
		return nil, link.Row{}, err
	}
	rows, err := lake.Crosswalk(h.Home)
	if err != nil {
		return nil, link.Row{}, err
	}
	at, err := fileAt(rows, a)
	return rows, at, err
}

func fileAt(rows []link.Row, a asked) (link.Row, error) {
	if _, err := personsRows(rows, a.agency, a.population, a.key); err != nil {
		return link.Row{}, err
	}
	i := slices.IndexFunc(rows, func(r link.Row) bool {
		return r.Partner == a.agency && r.PersonKey == a.key && (a.population == "" || r.Population == a.population)
	})
	return rows[i], nil
}

// identity is what the register knows a person by.
func (h *house) identity(person uint32) (register.ID, error) {
	t, err := lake.TracesOf(h.Home, person)
	if err != nil {
		return register.ID{}, err
	}
	return register.ParseID(t.Pseudonym)
}

// actNow makes the generation in which the act holds, in a night of its own: the register knows of it by now, and should the night be cut
// off, the same command says it once more.
func (c *command) actNow(cmd *cobra.Command, a link.Act) error {
	h, err := c.open()
	if err != nil {
		return err
	}
	sum, err := c.runNight(cmd.Context(), h, "", false, a)
	if err != nil {
		return err
	}
	c.Say("done: it holds from generation %d on", sum.Generation)
	return nil
}
