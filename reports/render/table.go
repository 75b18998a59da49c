package render

import (
	"fmt"
	"io"

	"heatwatch/internal/problem"
)

// Column is one column. Name is the same in all four forms.
type Column struct {
	Name  string
	Right bool // numbers: set to the right, JSON numbers (an empty cell is null)
	Flag  bool // "true" and "false", JSON booleans
}

// Table is rows under columns: the one model behind every command that prints rows.
type Table struct {
	Columns []Column
	Rows    [][]string
}

// Cols makes columns from names; a name that ends in # is a column of numbers, one that ends in ? of flags.
func Cols(names ...string) []Column {
	var cols []Column
	for _, n := range names {
		c := Column{Name: n}
		switch n[len(n)-1] {
		case '#':
			c = Column{Name: n[:len(n)-1], Right: true}
		case '?':
			c = Column{Name: n[:len(n)-1], Flag: true}
		}
		cols = append(cols, c)
	}
	return cols
}

// Named is a table that goes with another one.
type Named struct {
	Name string
	Table
}

// Write writes the table in the form that the options name. Further tables stand below it where people read, and under
// their names in JSON; CSV and markdown have room for one.
func Write(w io.Writer, t Table, o Options, more ...Named) error {
	for _, t := range append([]Named{{Table: t}}, more...) {
		for i, r := range t.Rows {
			if len(r) != len(t.Columns) {
				return fmt.Errorf("render: row %d has %d cells for %d columns", i+1, len(r), len(t.Columns))
			}
		}
	}
	switch o.Format {
	case FormatTable, "":
		if err := writeText(w, t, o); err != nil {
			return err
		}
		for _, m := range more {
			if _, err := fmt.Fprintf(w, "\n%s\n", m.Name); err != nil {
				return err
			}
			if err := writeText(w, m.Table, o); err != nil {
				return err
			}
		}
		return nil
	case FormatCSV:
		return writeCSV(w, t)
	case FormatJSON:
		return writeJSON(w, t, more...)
	case FormatMarkdown:
		return writeMarkdown(w, t)
	}
	return problem.New(problem.Usage, "--format", "this form is not offered", "use table, csv, json or markdown")
}
