// Package example reads a worked example: rows in, cells out, and the why of each, as it stands in a test.
package example

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// Example is a case as people read it. What it holds is true: a test runs it.
type Example struct {
	Says   string  `json:"says"`
	Period string  `json:"period"`
	Asof   string  `json:"asof,omitempty"` // where it is not the due date
	Tables []Table `json:"tables"`
	Cells  []Cell  `json:"cells"`
}

// Table is the rows of one entity.
type Table struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Rows    []Row    `json:"rows"`
}

// Row is a row and why it stands there.
type Row struct {
	Cells []string `json:"cells"`
	Why   string   `json:"why,omitempty"`
}

// Cell is what a vector must hold; an empty cell and value mean that it holds nothing.
type Cell struct {
	Vector string `json:"vector"`
	Cell   string `json:"cell"`
	Value  string `json:"value"`
	Why    string `json:"why,omitempty"`
}

// Parse reads an example (the form is described in package measuretest).
func Parse(text []byte) (Example, error) {
	a := txtar.Parse(text)
	e := Example{Says: strings.Join(strings.Fields(string(a.Comment)), " ")}
	for _, f := range a.Files {
		lines := rows(string(f.Data))
		switch f.Name {
		case "case":
			for _, l := range lines {
				name, value, _ := strings.Cut(l.text, " ")
				switch name {
				case "period":
					e.Period = value
				case "asof":
					e.Asof = value
				}
			}
		case "want":
			for _, l := range lines {
				f := strings.Fields(l.text)
				if len(f) == 2 {
					f = []string{f[0], "", ""}
				}
				if len(f) != 3 {
					return e, fmt.Errorf("want: %q is no cell", l.text)
				}
				e.Cells = append(e.Cells, Cell{f[0], f[1], f[2], l.why})
			}
		default:
			if len(lines) == 0 {
				return e, fmt.Errorf("%s: no header", f.Name)
			}
			t := Table{Name: f.Name, Columns: split(lines[0].text)}
			for _, l := range lines[1:] {
				r := Row{split(l.text), l.why}
				if len(r.Cells) != len(t.Columns) {
					return e, fmt.Errorf("%s: %q has %d cells, not %d", f.Name, l.text, len(r.Cells), len(t.Columns))
				}
				t.Rows = append(t.Rows, r)
			}
			e.Tables = append(e.Tables, t)
		}
	}
	return e, nil
}

type line struct{ text, why string }

func rows(text string) []line {
	var all []line
	for l := range strings.Lines(text) {
		l, why, _ := strings.Cut(l, "#")
		if l = strings.TrimSpace(l); l != "" {
			all = append(all, line{l, strings.TrimSpace(why)})
		}
	}
	return all
}

func split(text string) []string {
	cells := strings.Split(text, ",")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return slices.Clip(cells)
}
