package lake

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"heatwatch/models"
)

// views are the statements that make a generation readable by name. They are generated: the dictionary names the columns
// and the manifest the files.
func views(m Manifest, dir string) []string {
	var out []string
	for _, e := range models.Dictionary().Entities {
		out = append(out, entityView(m, dir, e))
	}
	out = append(out, agenciesView(m), coverageView(m), peopleView(m, dir))
	return append(out, Macros()...)
}

// entityView reads the files of all partners with one scan: planning a statement over twenty costs more than running it. Which
// partner's a row is follows from the place of its file in the list (DuckDB's virtual column file_index).
func entityView(m Manifest, dir string, e models.Entity) string {
	cols := []column{{"agency", "USMALLINT"}}
	if population(e) != "" {
		cols = append(cols, column{"person", "UINTEGER"})
	}
	cols = append(cols, columnsOf(e)...)
	var names, agencies []string
	var all []layers
	for _, c := range cols[1:] {
		names = append(names, name(c.name))
	}
	for i, p := range m.Partners {
		l := m.layers(e.Name, p.Name)
		all = append(all, l)
		for range l.rows {
			agencies = append(agencies, fmt.Sprint(i))
		}
	}
	if len(agencies) == 0 {
		return "CREATE VIEW " + name(e.Name) + " AS " + empty(cols)
	}
	return fmt.Sprintf("CREATE VIEW %s AS SELECT ([%s])[(file_index + 1)::BIGINT]::USMALLINT AS agency, %s FROM %s",
		name(e.Name), strings.Join(agencies, ", "), strings.Join(names, ", "), visible(dir, all...))
}

// empty is a relation with the right columns and no row.
func empty(cols []column) string {
	var list []string
	for _, c := range cols {
		list = append(list, "NULL::"+c.typ+" AS "+name(c.name))
	}
	return "SELECT " + strings.Join(list, ", ") + " WHERE false"
}

func agenciesView(m Manifest) string {
	cols := []column{{"agency", "USMALLINT"}, {"name", "VARCHAR"}, {"kind", "VARCHAR"}}
	var rows []string
	for i, p := range m.Partners {
		rows = append(rows, fmt.Sprintf("(%d, %s, %s)", i, quote(p.Name), quote(p.Kind)))
	}
	return constant("agencies", cols, rows)
}

func coverageView(m Manifest) string {
	cols := []column{{"agency", "USMALLINT"}, {"entity", "VARCHAR"}, {"covers_from", "DATE"}, {"covers_to", "DATE"}}
	var rows []string
	for i, p := range m.Partners {
		for _, e := range models.Dictionary().Entities {
			if c, ok := p.Coverage[e.Name]; ok {
				rows = append(rows, fmt.Sprintf("(%d, %s, DATE %s, DATE %s)", i, quote(e.Name), quote(c.From.String()), quote(c.To.String())))
			}
		}
	}
	return constant("coverage", cols, rows)
}

// constant is a view of given rows, with fixed types.
func constant(view string, cols []column, rows []string) string {
	if len(rows) == 0 {
		return "CREATE VIEW " + view + " AS " + empty(cols)
	}
	var casts, names []string
	for _, c := range cols {
		casts = append(casts, "v."+name(c.name)+"::"+c.typ+" AS "+name(c.name))
		names = append(names, name(c.name))
	}
	return "CREATE VIEW " + view + " AS SELECT " + strings.Join(casts, ", ") + " FROM (VALUES " + strings.Join(rows, ", ") + ") AS v(" + strings.Join(names, ", ") + ")"
}

func peopleView(m Manifest, dir string) string {
	cols := []column{{"person", "UINTEGER"}, {"population", "VARCHAR"}, {"pseudonym", "BLOB"}, {"engaged_seen", "TIMESTAMP"}, {"measured", "BOOLEAN"}}
	if _, ok := m.file(peopleName); !ok {
		return "CREATE VIEW people AS " + empty(cols)
	}
	return "CREATE VIEW people AS SELECT person, population, pseudonym, engaged_seen, measured FROM read_parquet(" + quote(filepath.Join(dir, peopleName)) + ")"
}

// Macros are the statements that make code(column, value) and label(column, number). A column is written as
// 'services.service_type', a shared list as 'agency_kind'. A name that the dictionary does not have is an error, not NULL:
// a misspelt code would otherwise be a condition that is never true.
func Macros() []string {
	d := models.Dictionary()
	lists := map[string][]string{} // by the values as SQL: the names that have them
	var values []string
	note := func(name string, v []string) {
		if len(v) == 0 {
			return
		}
		var q []string
		for _, s := range v {
			q = append(q, quote(s))
		}
		key := "[" + strings.Join(q, ", ") + "]"
		if lists[key] == nil {
			values = append(values, key)
		}
		lists[key] = append(lists[key], quote(name))
	}
	for _, l := range []string{"agency_kind", "yes_no", "program"} {
		note(l, d.List(l))
	}
	for _, e := range d.Entities {
		for _, c := range e.Columns {
			note(e.Name+"."+c.Name, c.Values)
		}
	}
	var list strings.Builder
	list.WriteString("CASE")
	for _, v := range values {
		names := lists[v]
		slices.Sort(names)
		fmt.Fprintf(&list, " WHEN c IN (%s) THEN %s", strings.Join(names, ", "), v)
	}
	list.WriteString(" ELSE error('no such list or column with codes') END")
	return []string{
		"CREATE MACRO codes(c) AS " + list.String(),
		"CREATE MACRO code(c, v) AS CAST(coalesce(list_position(codes(c), v), error('no such code')) - 1 AS UTINYINT)",
		"CREATE MACRO label(c, n) AS codes(c)[n + 1]",
	}
}
