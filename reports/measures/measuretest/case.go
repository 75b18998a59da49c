package measuretest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"heatwatch/models"
	"heatwatch/reports/measures"
)

// Case is one txtar file: rows in, exact cells out.
type Case struct {
	Why    string
	Period models.Period
	Asof   models.Date
	Tables []Table
	Want   map[string]map[string]int64 // vector name -> cell -> value
}

// Table is the rows of one relation, as written.
type Table struct {
	Name    string
	Columns []string
	Rows    [][]string
}

// Parse reads a case.
func Parse(text []byte) (Case, error) {
	a := txtar.Parse(text)
	c := Case{Why: strings.TrimSpace(string(a.Comment)), Want: map[string]map[string]int64{}}
	for _, f := range a.Files {
		lines := content(string(f.Data))
		var err error
		switch f.Name {
		case "case":
			err = c.head(lines)
		case "want":
			err = c.want(lines)
		default:
			err = c.table(f.Name, lines)
		}
		if err != nil {
			return Case{}, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return c, nil
}

// content drops the why of each line, and empty lines.
func content(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func (c *Case) head(lines []string) (err error) {
	for _, line := range lines {
		name, value, _ := strings.Cut(line, " ")
		ok := true
		switch name {
		case "period":
			c.Period, err = models.ParsePeriod(value)
		case "asof":
			c.Asof, ok = models.ParseDate(value)
		default:
			ok = false
		}
		if err != nil || !ok {
			return fmt.Errorf("line %q is not understood: %v", line, err)
		}
	}
	return nil
}

func (c *Case) want(lines []string) error {
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) == 2 && f[1] == "none" {
			f = []string{f[0], "", "0"}
		}
		if len(f) != 3 {
			return fmt.Errorf("line %q: write VECTOR CELL VALUE, or VECTOR none", line)
		}
		n, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			return err
		}
		_, v, ok := measures.LookupVector(f[0])
		if !ok || f[1] != "" && !slices.Contains(cellsOf(v), f[1]) {
			return fmt.Errorf("line %q: no such vector or cell", line)
		}
		if c.Want[f[0]] == nil {
			c.Want[f[0]] = map[string]int64{}
		}
		if n != 0 { // a zero may be listed to say why
			c.Want[f[0]][f[1]] = n
		}
	}
	return nil
}

func (c *Case) table(name string, lines []string) error {
	if len(lines) == 0 {
		return fmt.Errorf("no header")
	}
	t := Table{Name: name, Columns: split(lines[0])}
	for _, line := range lines[1:] {
		row := split(line)
		if len(row) != len(t.Columns) {
			return fmt.Errorf("line %q has %d cells, not %d", line, len(row), len(t.Columns))
		}
		t.Rows = append(t.Rows, row)
	}
	c.Tables = append(c.Tables, t)
	return nil
}

func split(line string) []string {
	cells := strings.Split(line, ",")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

// asofOf is the day as of which a vector's rows are read: the case's own, or the first due date of the vector.
func (c Case) asofOf(vector string) models.Date {
	if c.Asof != 0 {
		return c.Asof
	}
	m, v, _ := measures.LookupVector(vector)
	return c.Period.Last().AddDays(cmp.Or(v.DueAfter, m.DueAfter))
}

// Zone is the zone of the measures. Tests only: the program's comes from its configuration.
func Zone() *time.Location {
	l, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		panic(err)
	}
	return l
}
