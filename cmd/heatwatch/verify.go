package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"heatwatch/etl/lake"
	"heatwatch/internal/cli"
	"heatwatch/internal/problem"
	"heatwatch/reports/render"
)

func (c *command) verifyCommand() *cobra.Command {
	var release, site, key string
	cmd := &cobra.Command{Use: "verify", Short: "Check the whole home: lake, ledger, releases, plan", Args: cobra.NoArgs,
		Long: `Reads every file of the lake byte by byte and row by row, the ledger end to end, and every release file against its
ledger entry. Exit 3: ledger, release or plan; 1: damage to the lake.`,
		Example: "  heatwatch verify --format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if release != "" || site != "" || key != "" {
				return problem.New(problem.Failed, "verify", "checking one public file or site on a machine without data is not built yet", "run `heatwatch verify` in the home")
			}
			return c.verify(cmd.Context())
		}}
	cmd.Flags().StringVar(&release, "release", "", "one release file")
	cmd.Flags().StringVar(&site, "site", "", "a published site")
	cmd.Flags().StringVar(&key, "key", "", "fingerprint of the key to expect")
	return cmd
}

type verdict struct {
	Schema   int           `json:"schema"`
	OK       bool          `json:"ok"`
	Lake     lakeVerdict   `json:"lake"`
	Problems []lake.Damage `json:"problems"`
}

type lakeVerdict struct {
	Generation int    `json:"generation"`
	Content    string `json:"content"`
}

func (c *command) verify(ctx context.Context) error {
	v := verdict{Schema: 1, Problems: []lake.Damage{}}
	refused := false
	note := func(err error) error {
		if err == nil {
			return nil
		}
		var p *problem.Problem
		if !errors.As(err, &p) || p.Exit != problem.Refused {
			return err
		}
		refused = true
		v.Problems = append(v.Problems, lake.Damage{What: p.What, Where: p.Where, Restore: p.Do})
		return nil
	}
	h, err := c.open()
	if err := note(err); err != nil {
		return err
	}
	home := c.path()
	if h != nil {
		_, err := h.releases()
		if err := note(err); err != nil {
			return err
		}
		_, _, err = h.plan()
		if err := note(err); err != nil {
			return err
		}
	}
	found, err := lake.Verify(ctx, home)
	if err != nil {
		return err
	}
	v.Lake = lakeVerdict{found.Generation, found.Content.String()}
	v.Problems = append(v.Problems, found.Problems...)
	v.OK = len(v.Problems) == 0
	if err := c.printVerdict(v); err != nil {
		return err
	}
	switch {
	case refused:
		return cli.Done(problem.Refused)
	case !v.OK:
		return cli.Done(problem.Failed)
	}
	return nil
}

func (c *command) printVerdict(v verdict) error {
	o, err := c.Options()
	if err != nil {
		return err
	}
	if o.Format == render.FormatJSON {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.Out, string(b))
		return err
	}
	if v.OK {
		c.Say("all is as it was written: generation %d, content %s", v.Lake.Generation, short(v.Lake.Content))
	}
	t := render.Table{Columns: render.Cols("what", "where", "restore")}
	for _, p := range v.Problems {
		t.Rows = append(t.Rows, []string{p.What, p.Where, p.Restore})
	}
	if len(t.Rows) == 0 && o.Format == render.FormatTable {
		return nil
	}
	return render.Write(c.Out, t, o)
}
