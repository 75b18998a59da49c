package deidentify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"heatwatch/models"
)

// Totals counts a file about persons of which no row may leave: the agreement shares totals only. It is the agency's own.
type Totals struct {
	Entity  string
	Rows    int
	Persons int // different own numbers
	Codes   []CodeTotals
}

// CodeTotals is how many rows have each code of a column.
type CodeTotals struct {
	Column string
	Values []string // codes of the dictionary, and notKnown last
	Rows   []int
}

const (
	notKnown = "not known" // empty, or no code: a cell is never shown
	// fewest is the smallest count that is printed. It is the limit of the CMS cell size policy: 1 to 10 are not shown.
	fewest = 11
)

// aboutPersons tells whether a file's rows are about single persons.
func aboutPersons(e models.Entity) bool { return e.Index("person_key") >= 0 }

// countTotals counts the files about persons, and tells whether anything else is there that may leave.
func (s setup) countTotals(ctx context.Context, src source) (all []Totals, others bool, err error) {
	for _, e := range order() {
		in, err := src.open(e.Name)
		if err != nil {
			return nil, false, err
		}
		if in == nil {
			continue
		}
		if !aboutPersons(e) {
			others = others || s.agreement.AllowsEntity(e.Name)
			in.Close()
			continue
		}
		t, err := totalsOf(ctx, e, in)
		if err := errors.Join(err, in.Close()); err != nil {
			return nil, false, err
		}
		all = append(all, t)
	}
	return all, others, nil
}

func totalsOf(ctx context.Context, e models.Entity, in records) (Totals, error) {
	t := Totals{Entity: e.Name}
	type counted struct {
		at   int
		rows map[string]int
	}
	var columns []counted
	key := -1
	for i, name := range in.header() {
		c, ok := e.Column(name)
		switch {
		case name == "person_key":
			key = i
		case ok && (c.Type == models.TypeCode || c.Type == models.TypeFlag) && name != "deleted":
			columns = append(columns, counted{i, map[string]int{}})
			t.Codes = append(t.Codes, CodeTotals{Column: name, Values: append(slices.Clone(c.Values), notKnown)})
		}
	}
	seen := map[[sha256.Size]byte]bool{}
	for {
		row, _, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return t, err
		}
		if blank(row) {
			continue
		}
		t.Rows++
		if key >= 0 && len(row[key]) > 0 {
			seen[sha256.Sum256(row[key])] = true
		}
		for k, c := range columns {
			value := notKnown
			for _, v := range t.Codes[k].Values {
				if v == string(row[c.at]) {
					value = v
				}
			}
			c.rows[value]++
		}
	}
	t.Persons = len(seen)
	for k := range t.Codes {
		for _, v := range t.Codes[k].Values {
			t.Codes[k].Rows = append(t.Codes[k].Rows, columns[k].rows[v])
		}
	}
	return t, nil
}

// text is the table. Counts of 1 to 10 are not shown; where a single one of a column is not, the next larger one is not either, or it
// would be the difference to the total.
func (t Totals) text(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s: %s, %s\n", t.Entity, few(t.Rows, "row"), few(t.Persons, "person"))
	if t.Rows < fewest {
		return
	}
	for _, c := range t.Codes {
		hidden := c.hidden()
		var shown []string
		for i, n := range c.Rows {
			switch {
			case n == 0 && !hidden[i]:
			case hidden[i]:
				shown = append(shown, c.Values[i]+" (few)")
			default:
				shown = append(shown, fmt.Sprintf("%s %d", c.Values[i], n))
			}
		}
		fmt.Fprintf(b, "  %-22s %s\n", c.Column, strings.Join(shown, ", "))
	}
}

// hidden are the counts that are not shown.
func (c CodeTotals) hidden() []bool {
	hidden := make([]bool, len(c.Rows))
	var rest []int
	n := 0
	for i, rows := range c.Rows {
		switch {
		case rows > 0 && rows < fewest:
			hidden[i] = true
			n++
		case rows > 0:
			rest = append(rest, i)
		}
	}
	if n == 1 && len(rest) > 0 {
		hidden[slices.MinFunc(rest, func(i, j int) int { return cmp.Compare(c.Rows[i], c.Rows[j]) })] = true
	}
	return hidden
}

func few(n int, what string) string {
	if n > 0 && n < fewest {
		return fmt.Sprintf("fewer than %d %ss", fewest, what)
	}
	return count(n, what)
}
