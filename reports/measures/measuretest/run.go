package measuretest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/declare"
	"heatwatch/reports/measures/schema"
)

// Prepare makes entries, the cohort of the period and the tables of all measures, as of a day.
func (d *DB) Prepare(t testing.TB, period models.Period, asof models.Date) {
	t.Helper()
	d.Cohort(t, period, asof)
	d.Tables(t)
}

// Tables makes the shared relations and the tables of these measures (all, where none is named) for the cohort that is
// there.
func (d *DB) Tables(t testing.TB, ms ...measures.Measure) {
	t.Helper()
	if len(ms) == 0 {
		ms = measures.All()
	}
	d.Exec(t, measures.CommonFor(ms...))
	for _, m := range ms {
		d.Exec(t, m.SQL)
	}
}

// PrepareFor makes the cohort that a vector is about, which may be that of an activity or of another population, and the
// tables of its measure.
func (d *DB) PrepareFor(t testing.TB, vector string, period models.Period, asof models.Date) {
	t.Helper()
	m, v, ok := measures.LookupVector(vector)
	if !ok {
		t.Fatalf("no vector %s", vector)
	}
	d.Cohort(t, period, asof)
	if population := cmp.Or(v.Population, m.Population); population != "minors" {
		d.Exec(t, measures.NoEntries())
		d.Exec(t, "CREATE OR REPLACE TEMP TABLE cohort AS SELECT e.person, e.entered_at, e.entered_on, e.agency, e.agency_kind, e.channel, e.setting, e.age_band, e.age FROM entries e")
	}
	if v.Activity != "" {
		level, name, _ := period.Level(), m.ID+"."+v.Name, 0
		if cmp.Or(v.Population, m.Population) == "profiles" {
			level = privacy.LevelSnapshot
		}
		name, _, _ = strings.Cut(name, "/")
		d.Exec(t, privacy.ActiveCohort(schema.Schema(), name, level, len(period.Years()), period))
	}
	d.Tables(t, m)
}

// Cohort makes params, entries and cohort only, as in a session that begins.
func (d *DB) Cohort(t testing.TB, period models.Period, asof models.Date) {
	t.Helper()
	d.forget(t)
	entries, _ := measures.CommonSQL()
	d.Exec(t, fmt.Sprintf("CREATE OR REPLACE TEMP TABLE params AS SELECT DATE '%s' AS asof, DATE '%s' AS period_first, DATE '%s' AS period_last",
		asof, period.First(), period.Last()))
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
	times, from := "1", d.patched(v.SQL)
	if v.Encoding == declare.Exact {
		return d.facts(t, vector, v)
	}
	if v.Events {
		times = "v.times"
	}
	if !v.Events { // as the bounds do: nobody outside the cohort counts
		from = "SELECT a.person, a.cell, a.value FROM (" + from + ") a SEMI JOIN cohort c ON c.person = a.person"
	}
	rows, err := d.Query("SELECT v.cell, sum(v.value * " + times + ")::BIGINT, max(abs(v.value)), count(v.person), count(DISTINCT v.person) FROM (" +
		from + ") v GROUP BY v.cell")
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
		if !slices.Contains(cellsOf(v), cell) {
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
	if v.L0 <= 1 && v.Each == "" {
		var twice int
		if err := d.QueryRow("SELECT count(v.person) - count(DISTINCT v.person) FROM (" + from + ") v").Scan(&twice); err != nil {
			t.Fatalf("%s: %v", vector, err)
		}
		if twice > 0 {
			t.Errorf("%s: a person is in two cells", vector)
		}
	}
	return cells
}

// facts are the sums of an exact vector: about nobody, in any number of rows, without a bound.
func (d *DB) facts(t testing.TB, vector string, v measures.Vector) map[string]int64 {
	t.Helper()
	rows, err := d.Query("SELECT f.cell, sum(f.value)::BIGINT FROM (" + v.SQL + ") f WHERE f.cell IS NOT NULL GROUP BY f.cell")
	if err != nil {
		t.Fatalf("%s: %v", vector, err)
	}
	defer rows.Close()
	cells := map[string]int64{}
	for rows.Next() {
		var cell string
		var sum int64
		if err := rows.Scan(&cell, &sum); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(cellsOf(v), cell) {
			t.Errorf("%s: cell %q is not declared", vector, cell)
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

// cellsOf are a vector's cells, block by block where it has blocks.
func cellsOf(v measures.Vector) []string {
	if v.Each == "" {
		return v.Cells
	}
	var all []string
	for _, block := range v.EachValues {
		for _, c := range v.Cells {
			all = append(all, block+":"+c)
		}
	}
	return all
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
	for name, got := range d.Answers(t, c) {
		if !maps.Equal(got, c.Want[name]) {
			t.Errorf("%s: cells %v, want %v", name, got, c.Want[name])
		}
	}
}

// Answers are the cells of each vector that a case wants. Load must have run.
func (d *DB) Answers(t testing.TB, c Case) map[string]map[string]int64 {
	t.Helper()
	all := map[string]map[string]int64{}
	last := ""
	for _, name := range slices.Sorted(maps.Keys(c.Want)) {
		m, v, _ := measures.LookupVector(name)
		if who := fmt.Sprint(m.ID, v.Population, v.Activity, c.asofOf(name)); who != last { // else its tables are there
			d.PrepareFor(t, name, c.Period, c.asofOf(name))
			last = who
		}
		all[name] = d.Cells(t, name)
	}
	return all
}
