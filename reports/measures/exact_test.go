package measures_test

import (
	"database/sql"
	"testing"

	"heatwatch/reports/measures"
	"heatwatch/reports/measures/declare"
	"heatwatch/reports/measures/measuretest"
)

// mayRead is all that exact vectors may see of a lake: what is released without noise must not know of any person. A new
// one has to be judged before it stands here.
var mayRead = map[string]string{
	"online-ads.calendar": `CREATE TABLE ad_snapshots (area UTINYINT, window_start TIMESTAMP, window_start_on DATE)`, // where and when
	"resources.quantity":  `CREATE TABLE resources (agency USMALLINT, resource_id VARCHAR, resource_type UTINYINT, program UTINYINT, unit UTINYINT, effective_on DATE, quantity BIGINT)`,
}

// TestExactVectorsSeeNoPerson runs each exact vector in a database that holds nothing else.
func TestExactVectorsSeeNoPerson(t *testing.T) {
	for _, m := range append(measures.All(), measures.Entry()) {
		for _, v := range m.Vectors {
			if v.Encoding != declare.Exact {
				continue
			}
			name := m.ID + "." + v.Name
			relation, judged := mayRead[name]
			if !judged {
				t.Errorf("%s is exact, and nobody has judged what it may read", name)
				continue
			}
			if err := alone(t, relation, v.SQL); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if alone(t, relation, "SELECT e.cell, e.value FROM ("+v.SQL+") e WHERE EXISTS (SELECT p.person FROM people p)") == nil {
				t.Errorf("%s: people are there, so this proves nothing", name)
			}
		}
	}
}

// alone runs a SELECT where there is one relation, and params.
func alone(t *testing.T, relation, text string) error {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(relation + "; CREATE TEMP TABLE params AS SELECT DATE '2025-06-01' AS asof, DATE '2025-01-01' AS period_first, DATE '2025-03-31' AS period_last;" + measuretest.Macros()); err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query("SELECT f.cell, f.value FROM (" + text + ") f")
	if err != nil {
		return err
	}
	return rows.Close()
}
