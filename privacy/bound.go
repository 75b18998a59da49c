package privacy

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"heatwatch/internal/problem"
)

// maxSum bounds a cell's sum: beyond it the library's grid would no longer hold every whole number.
const maxSum = int64(1) << 52

// bounder bounds what one person can change, in SQL, so that the sensitivity of every sum can be read off the text. It
// serves one cohort: rows of a vector and values of a dimension are resolved once, and items read them.
type bounder struct {
	schema    Schema
	eng       Engine
	selection []byte            // key that chooses the cells that are kept
	tables    map[string]string // temporary tables by what they hold
}

func newBounder(s Schema, eng Engine, selection []byte) *bounder {
	return &bounder{s, eng, selection, map[string]string{}}
}

// table makes a temporary table once and returns its name.
func (b *bounder) table(ctx context.Context, what, kind string, sql func(name string) []string) (string, error) {
	if name, ok := b.tables[what]; ok {
		return name, nil
	}
	name := fmt.Sprintf("%s_%d", kind, len(b.tables))
	if err := run(ctx, b.eng, sql(name)...); err != nil {
		return "", err
	}
	b.tables[what] = name
	return name, nil
}

// rows makes NAME_lone (persons with one row, which is nearly everybody) and NAME_several (all rows of the others) of
// a vector, for persons of the cohort. Values that are no whole number are no rows.
func (b *bounder) rows(ctx context.Context, v Vector) (string, error) {
	return b.table(ctx, "vector "+v.Name, "answers", func(name string) []string {
		return []string{
			fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE %s AS
SELECT v.person, CAST(v.cell AS VARCHAR) AS cell, TRY_CAST(v.value AS BIGINT) AS value FROM (%s) v SEMI JOIN cohort USING (person)`, name, v.SQL),
			fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE %[1]s_lone AS
SELECT person, any_value(cell) AS cell, any_value(value) AS value FROM %[1]s WHERE value IS NOT NULL GROUP BY person HAVING count(*) = 1`, name),
			fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE %[1]s_several AS
SELECT a.person, a.cell, a.value FROM %[1]s a ANTI JOIN %[1]s_lone USING (person) WHERE a.value IS NOT NULL`, name),
		}
	})
}

// resolved makes a table (person, value) of a dimension with one value per person of the cohort, whatever the measure
// yields: two values would be two cells. What is not in the public domain is other, if the domain has it; who has no
// value is unknown, if the domain has it, and in no cell otherwise. Of several known values one is chosen by keyed hash.
func (b *bounder) resolved(ctx context.Context, measure string, d Dimension) (string, error) {
	const other, unknown = "other", "unknown"
	listed := strings.Join(mapSlice(d.Values, sqlText), ", ")
	unlisted, missing := "NULL", "JOIN"
	if slices.Contains(d.Values, other) {
		unlisted = sqlText(other)
	}
	if slices.Contains(d.Values, unknown) {
		missing = "LEFT JOIN"
	}
	members, err := b.members(ctx)
	if err != nil {
		return "", err
	}
	return b.table(ctx, "dimension "+measure+"/"+d.Name, "resolved", func(name string) []string {
		return []string{fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE %[1]s AS
WITH said AS (SELECT d.person, CAST(d.value AS VARCHAR) AS value FROM (%[2]s) d SEMI JOIN cohort USING (person)),
known AS (SELECT DISTINCT person, CASE WHEN value IN (%[3]s) THEN value ELSE %[4]s END AS value FROM said WHERE value <> %[5]s),
alone AS (SELECT person, any_value(value) AS value FROM known WHERE value IS NOT NULL GROUP BY person HAVING count(*) = 1),
chosen AS (
  SELECT k.person, arg_min(k.value, %[6]s) AS value FROM known k ANTI JOIN alone USING (person) JOIN %[8]s p USING (person)
  WHERE k.value IS NOT NULL GROUP BY k.person)
SELECT c.person, coalesce(r.value, %[5]s) AS value FROM (SELECT DISTINCT person FROM cohort) c
  %[7]s (SELECT * FROM alone UNION ALL SELECT * FROM chosen) r USING (person)`,
			name, d.SQL, listed, unlisted, sqlText(unknown), b.hash(sqlText("dimension "+measure+"/"+d.Name), "k.value"), missing, members)}
	})
}

// members makes a table (person, pseudonym) of the cohort: what is hashed is of few, and people may be millions.
func (b *bounder) members(ctx context.Context) (string, error) {
	return b.table(ctx, "members", "members", func(name string) []string {
		return []string{fmt.Sprintf("CREATE OR REPLACE TEMP TABLE %s AS SELECT p.person, p.pseudonym FROM people p SEMI JOIN cohort USING (person)", name)}
	})
}

// hash is HMAC-SHA-256(selection key, what|pseudonym|choice) in SQL, of a person of members p. The pseudonym is random and
// given once; nothing that other persons, other agencies or the order of arrival could change enters the choice.
func (b *bounder) hash(what, choice string) string {
	return keyedHash(b.selection, what, "p.pseudonym", choice)
}

func keyedHash(selection []byte, what, pseudonym, choice string) string {
	inner, outer := hmacPads(selection)
	return fmt.Sprintf("sha256(%s || unhex(sha256(%s || (%s || '|' || hex(%s) || '|' || %s)::BLOB)))", outer, inner, what, pseudonym, choice)
}

// KeyedChoice is the statement that gives the measures' SQL the macro keyed(what, pseudonym, choice), the same hash: for
// definitions that take at most so many events of a person. choice must be made of the person's own rows, and of nothing
// that a partner could choose, such as a record's id.
func KeyedChoice(selection []byte) string {
	return "CREATE OR REPLACE TEMP MACRO keyed(what, pseudonym, choice) AS " + keyedHash(selection, "what", "pseudonym", "choice")
}

// boundSQL sums an item's cells so that one person changes their vector by at most Linf x sqrt(L0), whatever the rows
// say: equal rows count once, a person's sum in a cell is clamped to Linf, and
//   - at most L0 cells of a person are kept;
//   - in a vector of blocks, one cell of each block and at most L0 blocks;
//   - of weights, cells until their absolute values add up to Linf, the last one in part.
//
// Which ones are kept is decided by the smallest keyed hash, computed for persons above a bound only. The result is
// (cell number, sum), saturating, for cells that somebody falls in.
func (b *bounder) boundSQL(ctx context.Context, it Item, cells []Cell, small map[string]bool) (string, error) {
	v := b.schema.Vectors[it.Vector]
	blocks := v.Each != "" && it.By == v.Each
	if v.Encoding == Exact {
		return factsSQL(v, domainOf(it, cells)), nil
	}
	if v.Events {
		return eventsSQL(v, it, domainOf(it, cells)), nil
	}
	dim, join := "''", ""
	if it.By != "" && !blocks {
		d, ok := b.schema.Dimension(v.Measure, it.By)
		if !ok {
			return "", fmt.Errorf("%s has no dimension %q", v.Measure, it.By)
		}
		resolved, err := b.resolved(ctx, v.Measure, d)
		if err != nil {
			return "", err
		}
		dim, join = "r.value", "JOIN "+resolved+" r USING (person)"
		if len(small) > 0 {
			dim = fmt.Sprintf("CASE WHEN r.value IN (%s) THEN 'other' ELSE r.value END", sqlList(small))
		}
	}
	rows, err := b.rows(ctx, v)
	if err != nil {
		return "", err
	}
	members, err := b.members(ctx)
	if err != nil {
		return "", err
	}
	place := join + " JOIN domain d ON d.answer = a.cell AND d.dim = " + dim
	block, blockHash, most, each := "''", "''", int64(1), it.L0
	if blocks { // here the SELECT itself says the block
		place = "JOIN domain d ON d.cell = a.cell"
		block, blockHash, most, each = "d.dim", b.hash(sqlText(it.ID+" block"), "d.dim"), it.L0, 1
	}
	above := fmt.Sprintf("count(*) > %d", each)
	if blocks {
		above = fmt.Sprintf("count(*) > count(DISTINCT block) OR count(DISTINCT block) > %d", most)
	}
	keep := fmt.Sprintf("v FROM ranked WHERE nth_block <= %d AND nth <= %d", most, each)
	if v.Encoding == Weights {
		above = fmt.Sprintf("sum(abs(v)) > %d OR count(DISTINCT block) > %d", it.Linf, most)
		if blocks {
			above = fmt.Sprintf("count(*) > count(DISTINCT block) OR count(DISTINCT block) > %d", most)
		}
		keep = fmt.Sprintf("(sign(v) * least(abs(v), %[1]d - before))::BIGINT FROM ranked WHERE nth_block <= %[2]d AND before < %[1]d", it.Linf, most)
	}
	return fmt.Sprintf(`WITH domain(dim, answer, cell, i) AS (VALUES %[1]s),
lone AS (SELECT d.i, greatest(-%[2]d, least(%[2]d, a.value)) AS v FROM %[3]s_lone a %[4]s),
once AS (SELECT DISTINCT a.person, d.i, %[5]s AS block, a.value FROM %[3]s_several a %[4]s),
clamped AS (SELECT person, i, block, greatest(-%[2]d, least(%[2]d, sum(value)))::BIGINT AS v FROM once GROUP BY person, i, block HAVING sum(value) <> 0),
above AS (SELECT person FROM clamped GROUP BY person HAVING %[6]s),
hashed AS (
  SELECT c.person, c.i, c.v, %[7]s AS h, %[8]s AS b FROM clamped c SEMI JOIN above USING (person) JOIN %[11]s p USING (person) JOIN domain d ON d.i = c.i),
ranked AS (
  SELECT i, v, dense_rank() OVER (PARTITION BY person ORDER BY b) AS nth_block, row_number() OVER cells AS nth, sum(abs(v)) OVER cells - abs(v) AS before
  FROM hashed WINDOW cells AS (PARTITION BY person, b ORDER BY h, i ROWS UNBOUNDED PRECEDING)),
kept AS (SELECT i, v FROM lone UNION ALL SELECT i, v FROM clamped ANTI JOIN above USING (person) UNION ALL SELECT i, %[9]s)
SELECT i, greatest(-%[10]d, least(%[10]d, sum(v)))::BIGINT FROM kept GROUP BY i`,
		domainOf(it, cells), it.Linf, rows, place, block, above, b.hash(sqlText(it.ID), "d.cell"), blockHash, keep, maxSum, members), nil
}

// maxTimes bounds how many events a row may stand for.
const maxTimes = int64(1) << 40

// eventsSQL sums a vector of events without identity: the unit is one event, so its value is clamped and the row, which
// stands for any number of them, is not. A row is in at most L0 cells, the first in published order, and in each once.
func eventsSQL(v Vector, it Item, domain string) string {
	on := "d.answer = CAST(a.cell AS VARCHAR)"
	if v.Each != "" {
		on = "d.cell = CAST(a.cell AS VARCHAR)"
	}
	return fmt.Sprintf(`WITH domain(dim, answer, cell, i) AS (VALUES %[1]s),
said AS (SELECT a.person, d.i, TRY_CAST(a.value AS BIGINT) AS v, TRY_CAST(a.times AS BIGINT) AS n FROM (%[4]s) a JOIN domain d ON %[5]s WHERE a.person IS NOT NULL),
once AS ( -- least and greatest pass over NULL, so it must be gone before them
  SELECT person, i, greatest(-%[2]d, least(%[2]d, min(v))) AS v, greatest(0, least(%[3]d, min(n))) AS n
  FROM said WHERE v IS NOT NULL AND n IS NOT NULL GROUP BY person, i),
kept AS (SELECT i, v, n, row_number() OVER (PARTITION BY person ORDER BY i) AS nth FROM once)
SELECT i, greatest(-%[7]d, least(%[7]d, sum(v::HUGEINT * n)))::BIGINT FROM kept WHERE nth <= %[6]d GROUP BY i`,
		domain, it.Linf, maxTimes, v.SQL, on, it.L0, maxSum)
}

// domainOf writes the public domain of an item as rows: breakdown, answer, both, number.
func domainOf(it Item, cells []Cell) string {
	var domain []string
	for i, c := range cells {
		domain = append(domain, fmt.Sprintf("(%s, %s, %s, %d)", sqlText(c.Dim), sqlText(c.Answer), sqlText(c.text(it.By)), i))
	}
	return strings.Join(domain, ", ")
}

func sqlList(set map[string]bool) string {
	return strings.Join(mapSlice(slices.Sorted(maps.Keys(set)), sqlText), ", ")
}

// hmacPads are the key blocks of HMAC (RFC 2104) as SQL constants, for a key of at most 64 bytes.
func hmacPads(key []byte) (inner, outer string) {
	pad := func(x byte) string {
		b := make([]byte, 64)
		copy(b, key)
		for i := range b {
			b[i] ^= x
		}
		return "unhex('" + hex.EncodeToString(b) + "')"
	}
	return pad(0x36), pad(0x5c)
}

// measure runs the bounding SQL and returns one sum per cell of the public domain; cells nobody falls in hold 0.
// An error says that it failed and nothing else: the engine's text could speak of the data.
func (b *bounder) measure(ctx context.Context, it Item, cells []Cell, small map[string]bool) (Sums, error) {
	failed := func(err error) error {
		return problem.Wrap(err, problem.Failed, "item "+it.ID, "release failed", "run `heatwatch verify`; the reason is in the log inside the house")
	}
	query, err := b.boundSQL(ctx, it, cells, small)
	if err != nil {
		return Sums{}, failed(err)
	}
	rows, err := b.eng.QueryContext(ctx, query)
	if err != nil {
		return Sums{}, failed(err)
	}
	defer rows.Close()
	out := make([]int64, len(cells))
	for rows.Next() {
		var i, v int64
		if err := rows.Scan(&i, &v); err != nil {
			return Sums{}, failed(err)
		}
		if i < 0 || i >= int64(len(out)) {
			return Sums{}, failed(fmt.Errorf("a cell outside the domain"))
		}
		out[i] = v
	}
	if err := rows.Err(); err != nil {
		return Sums{}, failed(err)
	}
	return sumsOf(out), nil
}

// run executes statements that return nothing.
func run(ctx context.Context, eng Engine, statements ...string) error {
	for _, q := range statements {
		rows, err := eng.QueryContext(ctx, q)
		if err != nil {
			return err
		}
		for rows.Next() {
		}
		err = rows.Err()
		rows.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
