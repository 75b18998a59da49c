package main

import (
	"database/sql"
	"path/filepath"
	"testing"
)

// What lands is read by DuckDB with the types that the lake builds on, and holds what the CSV said. It stands here
// because etl/intake itself, its tests too, stays free of cgo.
func TestDuckDBReadsLanding(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.csv"), filepath.Join(dir, "out.parquet")
	const rows = 150_000 // more than one row group
	if err := generate(in, rows, 0, false); err != nil {
		t.Fatal(err)
	}
	if err := oursTo(in, out); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("SET TimeZone='America/Los_Angeles'"); err != nil {
		t.Fatal(err)
	}
	ours, theirs := "read_parquet('"+out+"')", "read_csv('"+in+"', header=true, auto_detect=false, columns="+types+")"
	for column, want := range map[string]string{"service_id": "VARCHAR", "emergency": "UTINYINT", "started_at": "TIMESTAMP", "started_at_on": "DATE", "seen_on": "DATE", "units": "BIGINT", "line": "BIGINT", "deleted": "UTINYINT"} {
		var got string
		if err := db.QueryRow("SELECT typeof(" + column + ") FROM " + ours + " LIMIT 1").Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s (%v), want %s", column, got, err, want)
		}
	}
	var same, all int
	err = db.QueryRow(`SELECT count(*), (SELECT count(*) FROM `+ours+`) FROM `+ours+` o JOIN `+theirs+` t USING (service_id)
		WHERE o.person_key = t.person_key AND o.started_at = timezone('UTC', t.started_at) AND o.started_at_on = t.started_at::DATE
		AND o.ended_at IS NOT DISTINCT FROM timezone('UTC', t.ended_at) AND o.seen_on = t.seen_on AND o.units = t.units
		AND list_extract(['yes','no','unknown'], o.emergency + 1) = t.emergency AND (o.started_precision IS NULL) = (t.started_precision IS NULL)`).Scan(&same, &all)
	if err != nil || same != rows || all != rows {
		t.Errorf("%d of %d rows are as in the CSV, want %d (%v)", same, all, rows, err)
	}
	var groups int
	if err := db.QueryRow("SELECT count(DISTINCT row_group_id) FROM parquet_metadata('" + out + "')").Scan(&groups); err != nil || groups != 2 {
		t.Errorf("%d row groups (%v), want 2", groups, err)
	}
}
