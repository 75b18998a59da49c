package measuretest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"heatwatch/models"
)

// Load puts a case's rows into the relations.
func (d *DB) Load(t testing.TB, c Case) {
	t.Helper()
	l := loader{t: t, persons: c.names("person"), agencies: c.names("agency", "name")}
	for _, table := range c.Tables {
		l.table(d, table)
	}
	if !slices.ContainsFunc(c.Tables, func(t Table) bool { return t.Name == "people" }) {
		profiles := c.of("ad_snapshots").names("person")
		for i, name := range l.persons {
			population := "minors"
			if slices.Contains(profiles, name) {
				population = "profiles"
			}
			d.Exec(t, fmt.Sprintf("INSERT INTO people (person, population, pseudonym, measured) VALUES (%d, '%s', unhex(md5('%d')), true)", i+1, population, i+1))
		}
	}
	if !slices.ContainsFunc(c.Tables, func(t Table) bool { return t.Name == "coverage" }) {
		for i := range l.agencies {
			for _, e := range models.Dictionary().Entities {
				d.Exec(t, fmt.Sprintf("INSERT INTO coverage VALUES (%d, '%s', DATE '2000-01-01', DATE '%s')", i+1, e.Name, c.covered()))
			}
		}
	}
	if !slices.ContainsFunc(c.Tables, func(t Table) bool { return t.Name == "agencies" }) {
		for i, name := range l.agencies {
			d.Exec(t, fmt.Sprintf("INSERT INTO agencies VALUES (%d, '%s', 'other')", i+1, name))
		}
	}
}

// covered is the last day that every agency covers where a case does not say: so late that it cuts nothing.
func (c Case) covered() models.Date {
	if c.Asof != 0 {
		return c.Asof
	}
	return c.Period.Last().AddDays(1000)
}

// of is the case with one table alone.
func (c Case) of(table string) Case {
	c.Tables = slices.DeleteFunc(slices.Clone(c.Tables), func(t Table) bool { return t.Name != table })
	return c
}

// names collects the values of columns over all tables, in byte order; "name" is one only in agencies.
func (c Case) names(columns ...string) []string {
	var all []string
	for _, t := range c.Tables {
		for i, column := range t.Columns {
			if !slices.Contains(columns, column) || column == "name" && t.Name != "agencies" {
				continue
			}
			for _, row := range t.Rows {
				if row[i] != "" {
					all = append(all, row[i])
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

type loader struct {
	t                 testing.TB
	persons, agencies []string // number = index + 1
}

func (l loader) table(d *DB, t Table) {
	l.t.Helper()
	e, known := models.Dictionary().Entity(t.Name)
	columns := slices.Clone(t.Columns)
	if t.Name == "agencies" {
		columns = append(columns, "agency")
	}
	var missing []string // absent key columns
	for _, k := range e.Key {
		if known && !slices.Contains(columns, k) && k != "person_key" {
			missing = append(missing, k)
		}
	}
	columns = append(columns, missing...)
	for i, c := range t.Columns {
		if col, ok := e.Column(c); ok && col.Type == models.TypeDateTime {
			columns = append(columns, t.Columns[i]+"_on")
		}
	}
	for n, row := range t.Rows {
		values := make([]string, 0, len(columns))
		var dates []string
		for i, cell := range row {
			v, on := l.value(e, t.Columns[i], cell)
			values = append(values, v)
			if on != "" {
				dates = append(dates, on)
			}
		}
		if t.Name == "agencies" {
			values = append(values, l.number(l.agencies, row[slices.Index(t.Columns, "name")]))
		}
		for range missing {
			values = append(values, fmt.Sprintf("'row-%06d'", n))
		}
		values = append(values, dates...)
		d.Exec(l.t, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.Name, strings.Join(columns, ", "), strings.Join(values, ", ")))
	}
}

func (l loader) number(names []string, name string) string {
	return fmt.Sprint(slices.Index(names, name) + 1)
}

// value writes a cell as a literal; a datetime also gives its local date.
func (l loader) value(e models.Entity, column, cell string) (literal, on string) {
	l.t.Helper()
	c, known := e.Column(column)
	if known && c.Type == models.TypeDateTime {
		if cell == "" {
			return "NULL", "NULL"
		}
		micros, ok := models.ParseDateTime(cell)
		if !ok {
			l.t.Fatalf("%s.%s: %q is no datetime", e.Name, column, cell)
		}
		return fmt.Sprintf("make_timestamp(%d)", micros), "DATE '" + models.LocalDate(micros, Zone()).String() + "'"
	}
	switch {
	case cell == "":
		return "NULL", ""
	case column == "person":
		return l.number(l.persons, cell), ""
	case column == "agency":
		return l.number(l.agencies, cell), ""
	case !known:
		return "'" + cell + "'", "" // agencies, coverage, people: DuckDB casts
	}
	switch c.Type {
	case models.TypeCode, models.TypeFlag:
		i := slices.Index(c.Values, cell)
		if i < 0 {
			l.t.Fatalf("%s.%s: %q is not in the dictionary", e.Name, column, cell)
		}
		return fmt.Sprint(i), ""
	case models.TypeInt:
		return cell, ""
	}
	return "'" + cell + "'", ""
}
