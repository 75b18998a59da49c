package agency

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"heatwatch/etl/contract"
	"heatwatch/etl/partner"
	"heatwatch/internal/cli"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// contractFlags are those of `dictionary --contract`.
type contractFlags struct {
	form, out, partner, kit string
}

func (contractFlags) example(home bool) string {
	s := `  heatwatch dictionary --format markdown > dictionary.md
  heatwatch dictionary --templates templates
  heatwatch dictionary --reasons
  heatwatch dictionary --contract odcs > heatwatch.odcs.yaml
  heatwatch dictionary --contract table-schema --out schemas`
	if home {
		return s + "\n  heatwatch dictionary --contract odcs --partner shelter-a --out contracts"
	}
	return s + "\n  heatwatch dictionary --contract odcs --kit kit --out contracts"
}

func (c *contractFlags) add(cmd *cobra.Command, home bool) {
	cmd.Flags().StringVar(&c.form, "contract", "", "write the contract for other tools: odcs or table-schema")
	cmd.Flags().StringVar(&c.out, "out", "", "folder for the contract's files (default: one file to standard output)")
	cmd.Flags().StringVar(&c.kit, "kit", "", "with --contract: only what the agreement of this kit lists")
	if home {
		cmd.Flags().StringVar(&c.partner, "partner", "", "with --contract: only what this partner's agreement lists")
	}
}

func (c *contractFlags) check() error {
	switch {
	case c.form != "" && c.form != "odcs" && c.form != "table-schema":
		return problem.New(problem.Usage, "--contract", "this form is not offered", "use odcs or table-schema")
	case c.form == "" && c.out+c.partner+c.kit != "":
		return problem.New(problem.Usage, "", "--out, --partner and --kit belong to --contract", "say --contract odcs or --contract table-schema")
	case c.partner != "" && c.kit != "":
		return problem.New(problem.Usage, "", "--partner and --kit name an agreement each", "use one of them")
	}
	return nil
}

// scope finds the agreement that the contract is to be of, if any.
func (c *contractFlags) scope(agreements AgreementOf) (contract.Scope, error) {
	switch {
	case c.kit != "":
		k, err := partner.LoadKit(c.kit)
		return contract.Scope{Partner: k.Partner, Agreement: &k.Agreement}, err
	case c.partner != "":
		a, err := agreements(c.partner)
		return contract.Scope{Partner: c.partner, Agreement: &a}, err
	}
	return contract.Scope{}, nil
}

type contractFile struct {
	name string
	data []byte
}

// write prints the contract, or puts its files into a folder. Files of an earlier export are replaced: they are copies.
func (c *contractFlags) write(app *cli.App, d *models.Dict, entity string, agreements AgreementOf) error {
	s, err := c.scope(agreements)
	if err != nil {
		return err
	}
	files, err := c.files(d, entity, s)
	if err != nil {
		return err
	}
	if c.out == "" {
		return c.print(app, files)
	}
	if err := os.MkdirAll(c.out, 0o755); err != nil {
		return problem.Wrap(err, problem.Failed, c.out, "the folder cannot be made", "check the permissions")
	}
	for _, f := range files {
		path := filepath.Join(c.out, f.name)
		if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return problem.New(problem.Usage, path, "there is something of this name that is no file", "name another folder")
		}
		if err := os.WriteFile(path, f.data, 0o644); err != nil {
			return problem.Wrap(err, problem.Failed, path, "the contract cannot be written", "check the room on the disk")
		}
	}
	what := "1 file"
	if len(files) > 1 {
		what = fmt.Sprintf("%d files", len(files))
	}
	app.Say("wrote %s to %s", what, c.out)
	return nil
}

func (c *contractFlags) files(d *models.Dict, entity string, s contract.Scope) ([]contractFile, error) {
	if c.form == "odcs" {
		if entity != "" {
			return nil, problem.New(problem.Usage, "--entity", "a data contract holds all entities", "leave --entity out, or say --contract table-schema")
		}
		b, err := contract.ODCS(d, s)
		name := "heatwatch"
		if s.Partner != "" {
			name = s.Partner
		}
		return []contractFile{{name + ".odcs.yaml", b}}, err
	}
	var files []contractFile
	for _, e := range s.Entities(d) {
		if entity != "" && e.Name != entity {
			continue
		}
		b, err := contract.TableSchema(d, e, s)
		if err != nil {
			return nil, err
		}
		files = append(files, contractFile{e.Name + ".schema.json", b})
	}
	if len(files) == 0 {
		return nil, problem.New(problem.Usage, "", "the agreement lists nothing of this", "`heatwatch partner set NAME columns.ENTITY=all` agrees on an entity")
	}
	return files, nil
}

// print writes one file as it is, and several table schemas as one JSON list.
func (c *contractFlags) print(app *cli.App, files []contractFile) error {
	if len(files) == 1 {
		_, err := app.Out.Write(files[0].data)
		return err
	}
	var all [][]byte
	for _, f := range files {
		all = append(all, bytes.TrimSpace(f.data))
	}
	_, err := app.Out.Write(append(append([]byte("[\n"), bytes.Join(all, []byte(",\n"))...), "\n]\n"...))
	return err
}
