package agency

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/etl/partner"
	"heatwatch/internal/cli"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/reports/measures"
	"heatwatch/reports/render"
)

// AgreementOf finds the agreement of a partner by its name.
type AgreementOf func(partner string) (partner.Agreement, error)

// Dictionary prints what a partner may send. Where there is a home, agreements knows its partners; at an agency it is nil.
func Dictionary(app *cli.App, agreements AgreementOf) *cobra.Command {
	var templates, entity string
	var reasons bool
	var c contractFlags
	cmd := &cobra.Command{Use: "dictionary", Short: "Print the data dictionary: documentation, CSV templates, reason codes, contracts", Args: cobra.NoArgs,
		Long: `Prints every entity and column that a partner may send, with the measures that rest on it, or what else it is for.
Markdown is the partner documentation; JSON is for machines. --contract writes the dictionary for other people's tools: odcs is
a data contract of the Open Data Contract Standard 3.1 in YAML, table-schema a JSON Table Schema for each entity. For one
partner they hold what its agreement lists, its dates, freshness and legal authority.`,
		Example: c.example(agreements != nil),
		RunE: func(*cobra.Command, []string) error {
			d := models.Dictionary()
			entities := d.Entities
			if entity != "" {
				e, ok := d.Entity(entity)
				if !ok {
					return problem.New(problem.Usage, "--entity", "there is no entity of that name", "`heatwatch dictionary` lists them")
				}
				entities = []models.Entity{e}
			}
			if err := c.check(); err != nil {
				return err
			}
			switch {
			case c.form != "":
				return c.write(app, d, entity, agreements)
			case templates != "":
				return writeTemplates(app, entities, templates)
			case reasons:
				return app.Table(reasonTable())
			}
			o, err := app.Options()
			if err != nil {
				return err
			}
			switch o.Format {
			case render.FormatMarkdown:
				_, err := app.Out.Write(Markdown(d, entities))
				return err
			case render.FormatJSON:
				return writeContract(app, d, entities)
			}
			return render.Write(app.Out, columnTable(entities), o)
		}}
	cmd.Flags().StringVar(&templates, "templates", "", "write a CSV template per entity into this folder")
	cmd.Flags().StringVar(&entity, "entity", "", "one entity only")
	cmd.Flags().BoolVar(&reasons, "reasons", false, "print the reason codes of receipts")
	c.add(cmd, agreements != nil)
	return cmd
}

func reasonTable() render.Table {
	t := render.Table{Columns: render.Cols("code", "scope", "meaning", "remedy")}
	for _, r := range models.Reasons() {
		t.Rows = append(t.Rows, []string{r.Code, r.Scope, r.Meaning, r.Remedy})
	}
	return t
}

// allowed says what a cell may hold.
func allowed(c models.Column) string {
	switch c.Type {
	case models.TypeCode, models.TypeFlag:
		return strings.Join(c.Values, ", ")
	case models.TypeInt:
		return fmt.Sprintf("%d to %d", c.Min, c.Max)
	case models.TypeDate:
		return "YYYY-MM-DD, from 1900"
	case models.TypeDateTime:
		return "RFC 3339 with offset, such as 2026-07-03T22:00:00-07:00"
	case models.TypeToken:
		return "made by deidentify"
	}
	return "1 to 64 of A-Z a-z 0-9 _ -"
}

func columnTable(entities []models.Entity) render.Table {
	t := render.Table{Columns: render.Cols("entity", "column", "type", "required?", "allowed", "says", "feeds")}
	for _, e := range entities {
		for _, c := range e.Columns {
			t.Rows = append(t.Rows, []string{e.Name, c.Name, c.Type.String(), fmt.Sprint(c.Required), allowed(c), c.Says, measures.Use(e.Name + "." + c.Name)})
		}
	}
	return t
}

// Markdown is the partner documentation.
func Markdown(d *models.Dict, entities []models.Entity) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# What partners send (data dictionary, version %d)\n\n", d.Version)
	b.WriteString("One file per entity: CSV, UTF-8, comma, a header line, columns in any order, no line end inside a value. " +
		"An empty cell means \"not known to us\". A row that does not fit is put aside with a reason, the others load; a column that is not listed here refuses the file, because it may be identifying.\n\n" +
		"Every entity also takes `deleted` (yes removes the row with that key).\n\n" +
		"The last column of each table names the measures whose figures rest on the column; `heatwatch measures --format markdown` writes what they are. " +
		"A column that feeds none says what else it is for.\n")
	for _, e := range entities {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\nKey: `%s`.", e.Name, upper(e.Says), strings.Join(e.Key, "`, `"))
		if e.Tokens {
			b.WriteString(" Takes the columns `token_*`, which deidentify makes.")
		}
		b.WriteString("\n\n| column | type | required | allowed | what it says | feeds |\n|---|---|---|---|---|---|\n")
		for _, c := range e.Columns {
			required := ""
			if c.Required {
				required = "yes"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", c.Name, c.Type, required, allowed(c), c.Says, measures.Use(e.Name+"."+c.Name))
		}
		for _, r := range d.Rules {
			if r.Entity == e.Name || r.Entity == "all" && e.Start != "" {
				kind := "Check"
				if r.Warning {
					kind = "Warning"
				}
				fmt.Fprintf(&b, "\n%s `%s`: %s.\n", kind, r.Name, r.Says)
			}
		}
	}
	b.WriteString("\n## Reason codes\n\n| code | costs | meaning | what to do |\n|---|---|---|---|\n")
	for _, r := range models.Reasons() {
		fmt.Fprintf(&b, "| `%s` | the %s | %s | %s |\n", r.Code, r.Scope, r.Meaning, r.Remedy)
	}
	return b.Bytes()
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// writeContract is the machine-readable form.
func writeContract(app *cli.App, d *models.Dict, entities []models.Entity) error {
	type column struct {
		Name     string   `json:"name"`
		Type     string   `json:"type"`
		Required bool     `json:"required"`
		Values   []string `json:"values,omitempty"`
		Range    []int64  `json:"range,omitempty"`
		Person   bool     `json:"person,omitempty"`
		Says     string   `json:"says"`
		Feeds    []string `json:"feeds"`            // ids of measures
		Unread   string   `json:"unread,omitempty"` // why it feeds none
	}
	type entityJSON struct {
		Name       string   `json:"name"`
		Population string   `json:"population"`
		Key        []string `json:"key"`
		Tokens     bool     `json:"tokens"`
		Says       string   `json:"says"`
		Columns    []column `json:"columns"`
		Checks     []string `json:"checks"`
	}
	out := struct {
		Schema   int          `json:"schema"`
		Version  int          `json:"version"`
		Entities []entityJSON `json:"entities"`
	}{Schema: 1, Version: d.Version}
	for _, e := range entities {
		j := entityJSON{Name: e.Name, Population: e.Population, Key: e.Key, Tokens: e.Tokens, Says: e.Says, Checks: []string{}}
		for _, c := range e.Columns {
			jc := column{Name: c.Name, Type: c.Type.String(), Required: c.Required, Person: c.Person, Says: c.Says,
				Feeds: append([]string{}, measures.Feeds(e.Name+"."+c.Name)...), Unread: measures.Unread(e.Name + "." + c.Name)}
			switch c.Type {
			case models.TypeCode, models.TypeFlag:
				jc.Values = c.Values
			case models.TypeInt:
				jc.Range = []int64{c.Min, c.Max}
			}
			j.Columns = append(j.Columns, jc)
		}
		for _, c := range e.Checks() {
			j.Checks = append(j.Checks, c.Name+": "+c.Says)
		}
		out.Entities = append(out.Entities, j)
	}
	enc := json.NewEncoder(app.Out)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// writeTemplates writes a header line per entity: what deidentify takes, identifying columns included. A file that is
// there already may be an agency's own export, filled in: nothing is written then.
func writeTemplates(app *cli.App, entities []models.Entity, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return problem.Wrap(err, problem.Failed, dir, "the folder cannot be made", "check the permissions")
	}
	for _, e := range entities {
		if path := filepath.Join(dir, e.Name+".csv"); exists(path) {
			return problem.New(problem.Usage, path, "there is a file of this name, and it is not overwritten", "name an empty folder")
		}
	}
	for _, e := range entities {
		var names []string
		for _, c := range e.Columns {
			names = append(names, c.Name)
		}
		if e.Tokens {
			names = append(names, "first_name", "middle_name", "last_name", "suffix", "aliases", "birth_date", "ssn", "phone", "postal_code")
		}
		path := filepath.Join(dir, e.Name+".csv")
		if err := os.WriteFile(path, []byte(strings.Join(names, ",")+"\n"), 0o644); err != nil {
			return problem.Wrap(err, problem.Failed, path, "the template cannot be written", "check the room on the disk")
		}
	}
	app.Say("wrote %d templates to %s; fill in what you have and delete the other columns", len(entities), dir)
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
