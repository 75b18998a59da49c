package measuretest

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"heatwatch/models"
	"heatwatch/reports/measures"
)

// Prepare makes entries, the cohort of the period and the tables of all measures, as of a day.
func (d *DB) Prepare(t testing.TB, period models.Period, asof models.Date) {
	t.Helper()
	d.Cohort(t, period, asof)
	d.Tables(t)
}

// Tables makes the shared relations and the tables of all measures for the cohort that is there.
func (d *DB) Tables(t testing.TB) {
	t.Helper()
	_, rest := measures.CommonSQL()
	d.Exec(t, rest)
	for _, m := range measures.All() {
		d.Exec(t, m.SQL)
	}
}

// Cohort makes params, entries and cohort only.
func (d *DB) Cohort(t testing.TB, period models.Period, asof models.Date) {
	t.Helper()
	entries, _ := measures.CommonSQL()
	d.Exec(t, fmt.Sprintf("CREATE OR REPLACE TEMP TABLE params AS SELECT DATE '%s' AS asof", asof))
	d.Exec(t, entries)
	d.Exec(t, fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE cohort AS
SELECT e.person, e.entered_at, e.entered_on, e.agency, e.agency_kind, e.channel, e.setting, e.age_band, e.age
FROM entries e WHERE e.entered_on BETWEEN DATE '%s' AND DATE '%s'`, period.First(), period.Last()))
}

// Cells returns the exact sums of a vector ("entry.heads", "placement-stability.moves/age_band"), cells that sum to zero
// left out. It fails where a row breaks the vector's promise: one row per person, a listed cell, a value within the bound.
func (d *DB) Cells(t testing.TB, vector string) map[string]int64 {
	t.Helper()
	_, v, ok := measures.LookupVector(vector)
	if !ok {
		t.Fatalf("no vector %s", vector)
	}
	rows, err := d.Query("SELECT v.cell, sum(v.value)::BIGINT, max(abs(v.value)), count(v.person), count(DISTINCT v.person) FROM (" +
		v.SQL + ") v GROUP BY v.cell")
	if err != nil {
		t.Fatalf("%s: %v", vector, err)
	}
	defer rows.Close()
	cells := map[string]int64{}
	for rows.Next() {
		var cell string
		var sum, most, n, persons int64
		if err := rows.Scan(&cell, &sum, &most, &n, &persons); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(v.Cells, cell) {
			t.Errorf("%s: cell %q is not declared", vector, cell)
		}
		if most > v.Linf {
			t.Errorf("%s: a value of %d is beyond the bound %d", vector, most, v.Linf)
		}
		if n != persons {
			t.Errorf("%s: a person has two rows", vector)
		}
		if sum != 0 {
			cells[cell] = sum
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return cells
}

// Names lists every vector and every breakdown of one.
func Names() []string {
	var all []string
	for _, m := range append(measures.All(), measures.Entry()) {
		for _, v := range m.Vectors {
			all = append(all, m.ID+"."+v.Name)
			for _, by := range v.Dimensions {
				all = append(all, m.ID+"."+v.Name+"/"+by)
			}
		}
	}
	return all
}

// Exact returns the cells of every vector and breakdown. Prepare must have run.
func (d *DB) Exact(t testing.TB) map[string]map[string]int64 {
	t.Helper()
	all := map[string]map[string]int64{}
	for _, name := range Names() {
		all[name] = d.Cells(t, name)
	}
	return all
}

// Run loads a case and compares the cells of each vector that it wants.
func Run(t *testing.T, text []byte) {
	t.Helper()
	c, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	d := New(t)
	d.Load(t, c)
	d.Prepare(t, c.Period, c.Asof)
	for _, name := range slices.Sorted(maps.Keys(c.Want)) {
		if got := d.Cells(t, name); !maps.Equal(got, c.Want[name]) {
			t.Errorf("%s: cells %v, want %v", name, got, c.Want[name])
		}
	}
}
