package privacy

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // the driver "duckdb"
	"pgregory.net/rapid"

	"heatwatch/internal/problem"
)

// bench is a session with the tables that the bounding SQL reads: people, cohort, and one source of each shape.
type bench struct {
	*sql.DB
	s Schema
}

var selectionKey = []byte("0123456789abcdef0123456789abcdef")

func newBench(t testing.TB) bench {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	b := bench{DB: db, s: Schema{
		Vectors: map[string]Vector{
			"m.cells":  {Name: "m.cells", Measure: "m", Encoding: Histogram, Cells: []string{"a", "b", "c", "d"}, Linf: 1, SQL: "SELECT person, cell, value FROM source"},
			"m.wide":   {Name: "m.wide", Measure: "m", Encoding: CentredSum, Cells: []string{"a", "b", "c", "d"}, Linf: 100, SQL: "SELECT person, cell, value FROM source"},
			"m.signed": {Name: "m.signed", Measure: "m", Encoding: Signed, Cells: []string{"d"}, Linf: 1, SQL: "SELECT person, 'd' AS cell, value FROM source"},
			"m.text":   {Name: "m.text", Measure: "m", Encoding: CentredSum, Cells: []string{"a"}, Linf: 100, SQL: "SELECT person, cell, text AS value FROM source"},
			"m.broken": {Name: "m.broken", Measure: "m", Encoding: Count, Cells: []string{"a"}, Linf: 1, SQL: "SELECT person, cell, CAST(text AS BIGINT) AS value FROM source"},
		},
		Dimensions: map[string]Dimension{"kind": {Name: "kind", Values: []string{"shelter", "police", "other"}, SQL: "SELECT person, value FROM dims"}},
	}}
	b.exec(t, `CREATE TABLE people (person UINTEGER, population VARCHAR, pseudonym BLOB, measured BOOLEAN);
CREATE TABLE cohort (person UINTEGER);
CREATE TABLE dims (person UINTEGER, value VARCHAR);
CREATE TABLE source (person UINTEGER, cell VARCHAR, value BIGINT, text VARCHAR, record VARCHAR);`)
	return b
}

func (b bench) exec(t testing.TB, q string, args ...any) {
	t.Helper()
	if _, err := b.Exec(q, args...); err != nil {
		t.Fatalf("%v\n%.300s", err, q)
	}
}

// pseudonym is a stand-in for the random one: fixed for a person, unrelated to the number.
func pseudonym(person int) []byte {
	h := sha256.Sum256(fmt.Appendf(nil, "pseudonym of %d", person))
	return h[:16]
}

// enter puts persons into people and cohort.
func (b bench) enter(t testing.TB, persons ...int) {
	t.Helper()
	for _, p := range persons {
		b.exec(t, "INSERT INTO people VALUES (?, 'minors', ?, true)", p, pseudonym(p))
		b.exec(t, "INSERT INTO cohort VALUES (?)", p)
	}
}

type row struct {
	person int
	cell   string
	value  int64
}

func (b bench) rows(t testing.TB, rows ...row) {
	t.Helper()
	var parts []string
	for i, r := range rows {
		parts = append(parts, fmt.Sprintf("(%d, '%s', %d, NULL, 'record-%d')", r.person, r.cell, r.value, i))
	}
	for chunk := range slices.Chunk(parts, 1000) {
		b.exec(t, "INSERT INTO source VALUES "+strings.Join(chunk, ","))
	}
}

func (b bench) sums(t testing.TB, it Item, small map[string]bool) []int64 {
	t.Helper()
	out, err := b.try(it, small)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (b bench) try(it Item, small map[string]bool) ([]int64, error) {
	cells, err := b.s.cells(it)
	if err != nil {
		return nil, err
	}
	sums, err := newBounder(b.s, b, selectionKey).measure(context.Background(), it, cells, small)
	if err != nil {
		return nil, err
	}
	return sums.cells(), nil
}

// item measures one of the vectors of a bench.
func item(vector string, l0, linf int64) Item {
	return Item{ID: "it_" + vector, Vector: "m." + vector, Measure: "m", L0: l0, Linf: linf}
}

func equal(t *testing.T, what string, got []int64, want ...int64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: cells %v, want %v", what, got, want)
	}
}

func TestEqualRowsCountOnceAndAreRemovedBeforeTheClamp(t *testing.T) {
	b := newBench(t)
	b.enter(t, 1, 2)
	b.rows(t, row{1, "a", 60}, row{1, "a", 60}, row{1, "a", 60}, row{1, "b", 60}, row{1, "b", 30}, row{2, "c", 70}, row{2, "c", 70}, row{2, "c", -90})
	equal(t, "duplicates", b.sums(t, item("wide", 4, 100), nil), 60, 90, -20, 0)
}

func TestAPersonIsClampedInEachCellBothWays(t *testing.T) {
	b := newBench(t)
	b.enter(t, 1, 2, 3, 4, 5)
	b.rows(t, row{4, "c", 5000}, row{5, "d", math.MaxInt64}, // one row is clamped like several
		row{1, "a", 101}, row{1, "b", 99}, row{1, "b", 2}, row{2, "a", -5000}, row{2, "b", -100}, row{3, "a", 40}, row{3, "b", 7})
	equal(t, "clamp", b.sums(t, item("wide", 4, 100), nil), 40, 7, 100, 100) // 100 - 100 + 40, 100 - 100 + 7
}

func TestNothingOverflowsAndNothingIsAnError(t *testing.T) {
	b := newBench(t)
	b.enter(t, 1, 2, 3, 4, 5, 6)
	b.exec(t, `INSERT INTO source SELECT 1, 'a', 4611686018427387904 + range, NULL, NULL FROM range(8);
INSERT INTO source SELECT 2, 'a', -9223372036854775807 - 1 + range, NULL, NULL FROM range(8);
INSERT INTO source VALUES (3, 'a', NULL, NULL, NULL), (4, NULL, 5, NULL, NULL), (NULL, 'a', 5, NULL, NULL), (5, 'b', 7, NULL, NULL), (6, '', 9, NULL, NULL)`)
	equal(t, "extremes", b.sums(t, item("wide", 4, 100), nil), 0, 7, 0, 0)

	text := newBench(t)
	for i, v := range []string{"12", "nonsense", "", "9999999999999999999999", "-3", "NaN", "inf", "1e400", "7", "0x10", "\x00", "'; DROP TABLE people; --"} {
		text.enter(t, i+1)
		text.exec(t, "INSERT INTO source VALUES (?, 'a', NULL, ?, NULL)", i+1, v)
	}
	equal(t, "text", text.sums(t, item("text", 1, 100), nil), 12-3+7+16) // DuckDB reads hexadecimal

	many := newBench(t)
	many.exec(t, `INSERT INTO people SELECT range, 'minors', NULL, true FROM range(5000);
INSERT INTO cohort SELECT range FROM range(5000); INSERT INTO source SELECT range, 'a', 9223372036854775807, NULL, NULL FROM range(5000)`)
	it := item("wide", 1, 1<<40)
	equal(t, "the sum of all saturates", many.sums(t, it, nil), maxSum, 0, 0, 0)
}

func TestAFailureSaysNothingOfTheData(t *testing.T) {
	b := newBench(t)
	b.enter(t, 1)
	b.exec(t, "INSERT INTO source VALUES (1, 'a', NULL, 'Anna-4711', NULL)")
	_, err := b.try(item("broken", 1, 1), nil)
	if err == nil || strings.Contains(err.Error(), "4711") || !strings.Contains(err.Error(), "release failed") {
		t.Errorf("error %v: want one that says no more than that the release failed", err)
	}
	var p *problem.Problem
	if !errors.As(err, &p) || p.Exit != problem.Failed {
		t.Errorf("error %T, want a problem with exit %d", err, problem.Failed)
	}
}

// keeps says by an independent HMAC which cells of a person are kept.
func keeps(it Item, person int, cells []string) []string {
	type scored struct {
		cell string
		sum  []byte
	}
	var all []scored
	for _, c := range cells {
		m := hmac.New(sha256.New, selectionKey)
		fmt.Fprintf(m, "%s|%s|%s", it.ID, strings.ToUpper(hex.EncodeToString(pseudonym(person))), c)
		all = append(all, scored{c, m.Sum(nil)})
	}
	slices.SortFunc(all, func(a, b scored) int { return slices.Compare(a.sum, b.sum) })
	var kept []string
	for _, s := range all[:min(int(it.L0), len(all))] {
		kept = append(kept, s.cell)
	}
	return kept
}

// kept finds out which cells of each person a bench keeps: in a source where person p puts 2^p into each cell.
func (b bench) kept(t testing.TB, it Item) map[int][]string {
	t.Helper()
	all := map[int][]string{}
	for i, sum := range b.sums(t, it, nil) {
		for p := 0; sum>>p != 0; p++ {
			if sum>>p&1 == 1 {
				all[p] = append(all[p], b.s.Vectors[it.Vector].Cells[i])
			}
		}
	}
	return all
}

func powers(persons ...int) []row {
	var all []row
	for _, p := range persons {
		for _, c := range []string{"a", "b", "c", "d"} {
			all = append(all, row{p, c, 1 << p})
		}
	}
	return all
}

func TestKeptCellsAreThoseOfTheSmallestHMAC(t *testing.T) {
	persons := []int{1, 2, 3, 5, 8, 13, 21, 34}
	for l0 := int64(1); l0 <= 4; l0++ {
		b := newBench(t)
		b.enter(t, persons...)
		b.rows(t, powers(persons...)...)
		it := item("wide", l0, 1<<40)
		got := b.kept(t, it)
		distinct := map[string]bool{}
		for _, p := range persons {
			want := keeps(it, p, []string{"a", "b", "c", "d"})
			slices.Sort(want)
			if !slices.Equal(got[p], want) {
				t.Errorf("l0 %d: person %d keeps %v, want %v", l0, p, got[p], want)
			}
			distinct[fmt.Sprint(want)] = true
		}
		if l0 == 1 && len(distinct) < 2 {
			t.Error("every person keeps the same cell: the test proves nothing")
		}
	}
}

// What an agency sends as values does not choose which cells are kept: the largest are not preferred, nor the smallest.
func TestValuesDoNotChooseWhatIsKept(t *testing.T) {
	b := newBench(t)
	persons := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	b.enter(t, persons...)
	cells := []string{"a", "b", "c", "d"}
	var rows []row
	for _, p := range persons {
		for j, c := range cells {
			rows = append(rows, row{p, c, 1 << (4*p + (j+p)%4)}) // four bits of each person, in turn from each cell
		}
	}
	b.rows(t, rows...)
	it := item("wide", 1, 1<<40)
	for j, sum := range b.sums(t, it, nil) {
		for _, p := range persons {
			kept := sum>>(4*p)&15 != 0
			if want := keeps(it, p, cells)[0] == cells[j]; kept != want {
				t.Errorf("person %d, cell %s: kept %t, by the hash it is %t", p, cells[j], kept, want)
			}
		}
	}
}

func TestNobodyElseChangesWhatAPersonKeeps(t *testing.T) {
	persons := []int{4, 5, 6, 7, 8, 9, 10, 11}
	it := item("wide", 2, 1<<40)
	base := func(t *testing.T, change func(b bench), rows []row) map[int][]string {
		b := newBench(t)
		b.enter(t, persons...)
		b.rows(t, rows...)
		if change != nil {
			change(b)
		}
		return b.kept(t, it)
	}
	want := base(t, nil, powers(persons...))
	reversed := powers(persons...)
	slices.Reverse(reversed)
	cases := map[string]struct {
		change func(b bench)
		rows   []row
	}{
		"a person whose number sorts first": {func(b bench) { b.enter(t, 0); b.rows(t, powers(0)...) }, powers(persons...)},
		"a person whose pseudonym sorts first": {func(b bench) {
			b.exec(t, "INSERT INTO people VALUES (40, 'minors', '\\x00'::BLOB, true)")
			b.exec(t, "INSERT INTO cohort VALUES (40)")
			b.rows(t, row{40, "b", 5}, row{40, "d", 9}, row{40, "a", 9})
		}, powers(persons...)},
		"rows the other way round": {nil, reversed},
		"one thread":               {func(b bench) { b.exec(t, "SET threads = 1") }, powers(persons...)},
		"two threads":              {func(b bench) { b.exec(t, "SET threads = 2") }, powers(persons...)},
		"record ids of an agency":  {func(b bench) { b.exec(t, "UPDATE source SET record = 'aaaa-' || (1000 - rowid)") }, powers(persons...)},
		"other numbers in the table": {func(b bench) {
			b.exec(t, "INSERT INTO people SELECT 100 + range, 'minors', 'x'::BLOB, true FROM range(500)")
		}, powers(persons...)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := base(t, c.change, c.rows)
			for _, p := range persons {
				if !slices.Equal(got[p], want[p]) {
					t.Errorf("person %d keeps %v, before it was %v", p, got[p], want[p])
				}
			}
		})
	}
}

func TestOnlyTheCohortAndTheDomainCount(t *testing.T) {
	b := newBench(t)
	b.enter(t, 1)
	b.exec(t, "INSERT INTO people VALUES (2, 'minors', 'x'::BLOB, true)")
	b.rows(t, row{1, "a", 1}, row{1, "zz", 1}, row{1, "A", 1}, row{1, "a ", 1}, row{2, "a", 1}, row{3, "b", 1})
	equal(t, "outsiders", b.sums(t, item("cells", 4, 1), nil), 1, 0, 0, 0)
	b.exec(t, "INSERT INTO cohort VALUES (1), (1)")
	equal(t, "a person twice in the cohort", b.sums(t, item("cells", 4, 1), nil), 1, 0, 0, 0)
}

// A cell outside the domain takes no place among the kept cells of a person.
func TestCellsOutsideTheDomainTakeNoPlace(t *testing.T) {
	b := newBench(t)
	b.enter(t, 1, 2, 3, 4, 5, 6, 7, 8)
	for p := 1; p <= 8; p++ {
		b.rows(t, row{p, "a", 1}, row{p, "x", 1}, row{p, "y", 1}, row{p, "z", 1})
	}
	equal(t, "one listed cell each", b.sums(t, item("cells", 1, 1), nil), 8, 0, 0, 0)
}

func TestABreakdownHasOneValueOfAPerson(t *testing.T) {
	b := newBench(t)
	b.enter(t, 1, 2, 3, 4, 5)
	b.rows(t, row{1, "", 1}, row{2, "", -1}, row{3, "", 1}, row{4, "", 1}, row{5, "", 1})
	b.exec(t, "INSERT INTO dims VALUES (1, 'shelter'), (1, 'police'), (2, 'shelter'), (3, 'nowhere'), (4, NULL)") // 5 has none
	it := item("signed", 1, 1)
	it.By = "kind"
	// 1 has two values, of which the smallest keyed hash is taken; nowhere is other; 4 and 5 are in no cell.
	want := []int64{-1, 0, 1}
	if keyed("dimension m/kind", 1, "shelter") < keyed("dimension m/kind", 1, "police") {
		want[0]++
	} else {
		want[1]++
	}
	equal(t, "two values", b.sums(t, it, nil), want...)
	equal(t, "small classes", b.sums(t, it, map[string]bool{"shelter": true}), 0, want[1], 1+want[0])
	equal(t, "all small", b.sums(t, it, map[string]bool{"shelter": true, "police": true}), 0, 0, 1)
	it.L0 = 3
	equal(t, "two values with room for three cells", b.sums(t, it, nil), want...)
}

func TestItemsWithoutADimensionAreRefused(t *testing.T) {
	b := newBench(t)
	it := item("signed", 1, 1)
	it.By = "shoe size"
	if _, err := newBounder(b.s, b, selectionKey).boundSQL(context.Background(), it, nil, nil); err == nil {
		t.Error("a breakdown that no measure has was accepted")
	}
	if _, err := b.s.cells(Item{Vector: "m.none"}); err == nil {
		t.Error("a vector that no measure has was accepted")
	}
}

// TestOnePersonMovesNoMoreThanDeclared removes any person from any rows: the difference of all cells is within
// sqrt(l0) x linf, for each encoding and with and without a breakdown.
func TestOnePersonMovesNoMoreThanDeclared(t *testing.T) {
	b := newBench(t)
	people := make([]string, 0, 12)
	for p := 1; p <= 12; p++ {
		people = append(people, fmt.Sprintf("(%d, 'minors', unhex('%x'), true)", p, pseudonym(p)))
	}
	b.exec(t, "INSERT INTO people VALUES "+strings.Join(people, ", "))
	attained := 0.0
	rapid.Check(t, func(rt *rapid.T) {
		linf := rapid.SampledFrom([]int64{1, 5, 100}).Draw(rt, "linf")
		it := item(rapid.SampledFrom([]string{"cells", "wide", "signed"}).Draw(rt, "vector"), rapid.Int64Range(1, 4).Draw(rt, "l0"), linf)
		if rapid.Bool().Draw(rt, "breakdown") {
			it.By = "kind"
		}
		small := map[string]bool{"shelter": rapid.Bool().Draw(rt, "small")}
		if !small["shelter"] {
			small = nil
		}
		value := rapid.OneOf(rapid.Int64Range(-3, 3), rapid.Int64Range(-200, 200), rapid.SampledFrom([]int64{math.MaxInt64, math.MinInt64, 1 << 62, 0}))
		var source, cohort, dims []string
		for p := 1; p <= 12; p++ {
			if rapid.IntRange(0, 5).Draw(rt, "in") > 0 {
				cohort = append(cohort, fmt.Sprintf("(%d)", p))
			}
			for range rapid.IntRange(0, 2).Draw(rt, "dims") {
				dims = append(dims, fmt.Sprintf("(%d, '%s')", p, rapid.SampledFrom([]string{"shelter", "police", "other", "junk"}).Draw(rt, "dim")))
			}
			for range rapid.IntRange(0, 9).Draw(rt, "rows") {
				v := "NULL"
				if x := value.Draw(rt, "value"); x != 0 {
					v = fmt.Sprint(x)
					if x == math.MinInt64 {
						v = "(-9223372036854775807 - 1)"
					}
				}
				source = append(source, fmt.Sprintf("(%d, '%s', %s, NULL, NULL)", p, rapid.SampledFrom([]string{"a", "b", "c", "d", "junk"}).Draw(rt, "cell"), v))
			}
		}
		fill := func(table string, rows []string) {
			b.exec(t, "DELETE FROM "+table)
			if len(rows) > 0 {
				b.exec(t, "INSERT INTO "+table+" VALUES "+strings.Join(rows, ", "))
			}
		}
		fill("source", source)
		fill("cohort", cohort)
		fill("dims", dims)
		with := b.sums(t, it, small)
		gone := rapid.IntRange(1, 12).Draw(rt, "gone")
		for _, table := range []string{"source", "cohort", "dims"} {
			b.exec(t, fmt.Sprintf("DELETE FROM %s WHERE person = %d", table, gone))
		}
		without := b.sums(t, it, small)
		var sum float64
		for i := range with {
			sum += float64(with[i]-without[i]) * float64(with[i]-without[i])
		}
		share := math.Sqrt(sum) / (math.Sqrt(float64(it.L0)) * float64(it.Linf))
		if share > 1+1e-12 {
			rt.Errorf("%+v: person %d moves the cells by %.4f of what is declared: %v to %v", it, gone, share, with, without)
		}
		attained = max(attained, share)
	})
	if attained < 1-1e-12 {
		t.Errorf("no neighbour came nearer to the bound than %.3f: the rows are too tame to prove anything", attained)
	}
}
