package measuretest

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // the driver "duckdb"

	"heatwatch/models"
	"heatwatch/privacy"
)

// DB is an in-memory DuckDB with the relations of a lake session, empty until rows are loaded.
type DB struct {
	*sql.DB
	// Patch changes every statement before it runs, for tests that take a guard away and want to see its case fail.
	Patch func(statement string) string
}

// New opens one for the time of the test.
func New(t testing.TB) *DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1) // temp tables belong to a connection
	t.Cleanup(func() { db.Close() })
	d := &DB{DB: db}
	d.Exec(t, "SET threads = 2; "+Schema()+Macros()+privacy.KeyedChoice([]byte("selection key of tests")))
	return d
}

// Exec runs statements, none of them where there is none. Unless they make temporary relations, it may be another lake afterwards.
func (d *DB) Exec(t testing.TB, statements string, args ...any) {
	t.Helper()
	if strings.TrimSpace(statements) == "" {
		return
	}
	if _, err := d.DB.Exec(d.patched(statements), args...); err != nil {
		t.Fatalf("%v\nin: %.400s", err, statements)
	}
	if !strings.Contains(statements, " TEMP ") {
		d.forget(t)
	}
}

// forget drops what a session makes once.
func (d *DB) forget(t testing.TB) {
	t.Helper()
	if _, err := d.DB.Exec("DROP TABLE IF EXISTS first_engagements"); err != nil {
		t.Fatal(err)
	}
}

func (d *DB) patched(statement string) string {
	if d.Patch == nil {
		return statement
	}
	return d.Patch(statement)
}

// Schema creates the session's relations as empty tables.
func Schema() string {
	var b strings.Builder
	for _, e := range models.Dictionary().Entities {
		columns := []string{"agency USMALLINT"}
		if hasPerson(e) {
			columns = append(columns, "person UINTEGER")
		}
		for _, c := range e.Columns {
			columns = append(columns, c.Name+" "+sqlType(c.Type))
			if c.Type == models.TypeDateTime {
				columns = append(columns, c.Name+"_on DATE")
			}
		}
		fmt.Fprintf(&b, "CREATE TABLE %s (%s);\n", e.Name, strings.Join(columns, ", "))
	}
	b.WriteString(`CREATE TABLE agencies (agency USMALLINT, name VARCHAR, kind VARCHAR);
CREATE TABLE coverage (agency USMALLINT, entity VARCHAR, covers_from DATE, covers_to DATE);
CREATE TABLE people (person UINTEGER, population VARCHAR, pseudonym BLOB, engaged_seen TIMESTAMP, measured BOOLEAN);
`)
	return b.String()
}

func hasPerson(e models.Entity) bool {
	_, ok := e.Column("person_key")
	return ok || e.Population == "profiles"
}

func sqlType(t models.Type) string {
	switch t {
	case models.TypeCode, models.TypeFlag:
		return "UTINYINT"
	case models.TypeDate:
		return "DATE"
	case models.TypeDateTime:
		return "TIMESTAMP"
	case models.TypeInt:
		return "BIGINT"
	}
	return "VARCHAR"
}

// Macros creates code(column, value) and label(column, code). code looks the name up in one string constant, which folds
// while the query is planned: a CASE over every column would cost milliseconds for each use. A value that the dictionary
// lacks is an error when the query runs, a column that it lacks has no label.
func Macros() string {
	var codes, labels strings.Builder
	each := func(name string, values []string) {
		for i, v := range values {
			fmt.Fprintf(&codes, "|%s=%s:%d", name, v, i)
		}
		fmt.Fprintf(&labels, "WHEN '%s' THEN ['%s'][n::INTEGER + 1]\n", name, strings.Join(values, "', '"))
	}
	for _, e := range models.Dictionary().Entities {
		for _, c := range e.Columns {
			if c.Type == models.TypeCode || c.Type == models.TypeFlag {
				each(e.Name+"."+c.Name, c.Values)
			}
		}
	}
	each("agency_kind", models.Dictionary().List("agency_kind"))
	return "CREATE MACRO code(c, v) AS split_part(split_part('" + codes.String() + "|', '|' || c || '=' || v || ':', 2), '|', 1)::UTINYINT;\n" +
		"CREATE MACRO label(c, n) AS CASE c " + labels.String() + "END;\n"
}
