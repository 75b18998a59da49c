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
SELECT v.person, v.cell, TRY_CAST(v.value AS BIGINT) AS value FROM (%s) v SEMI JOIN cohort USING (person)`, name, v.SQL),
			fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE %[1]s_lone AS
SELECT person, any_value(cell) AS cell, any_value(value) AS value FROM %[1]s WHERE value IS NOT NULL GROUP BY person HAVING count(*) = 1`, name),
			fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE %[1]s_several AS
SELECT a.person, a.cell, a.value FROM %[1]s a ANTI JOIN %[1]s_lone USING (person) WHERE a.value IS NOT NULL`, name),
		}
	})
}

// resolved makes a table (person, value) of a dimension with one value per person, whatever the measure yields: two
// values would be two cells.
func (b *bounder) resolved(ctx context.Context, measure string, d Dimension) (string, error) {
	return b.table(ctx, "dimension "+measure+"/"+d.Name, "resolved", func(name string) []string {
		return []string{fmt.Sprintf("CREATE OR REPLACE TEMP TABLE %s AS SELECT d.person, min(d.value) AS value FROM (%s) d GROUP BY d.person", name, d.SQL)}
	})
}

// boundSQL sums an item's cells: equal rows count once, a person's sum in a cell is clamped to Linf, and at most L0
// cells of a person are kept, those with the smallest HMAC-SHA-256(selection key, item, pseudonym, cell). The result is
// (cell number, sum), saturating, for cells that somebody falls in.
//
// The pseudonym is random and given once; nothing that other persons, other agencies or the order of arrival could
// change enters the choice.
func (b *bounder) boundSQL(ctx context.Context, it Item, cells []Cell, small map[string]bool) (string, error) {
	v := b.schema.Vectors[it.Vector]
	dim, join := "''", ""
	if it.By != "" {
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
	var domain []string
	for i, c := range cells {
		domain = append(domain, fmt.Sprintf("(%s, %s, %s, %d)", sqlText(c.Dim), sqlText(c.Answer), sqlText(c.text(it.By)), i))
	}
	inner, outer := hmacPads(b.selection)
	return fmt.Sprintf(`WITH domain(dim, answer, cell, i) AS (VALUES %[1]s),
lone AS (
  SELECT d.i, greatest(-%[2]d, least(%[2]d, a.value)) AS v FROM %[4]s_lone a %[5]s JOIN domain d ON d.answer = a.cell AND d.dim = %[6]s),
once AS (
  SELECT DISTINCT a.person, d.i, a.value FROM %[4]s_several a %[5]s JOIN domain d ON d.answer = a.cell AND d.dim = %[6]s),
clamped AS (SELECT person, i, greatest(-%[2]d, least(%[2]d, sum(value)))::BIGINT AS v FROM once GROUP BY person, i),
ranked AS (
  SELECT c.i, c.v, row_number() OVER (PARTITION BY c.person ORDER BY
    sha256(%[8]s || unhex(sha256(%[7]s || (%[9]s || '|' || hex(p.pseudonym) || '|' || d.cell)::BLOB)))) AS place
  FROM clamped c JOIN people p USING (person) JOIN domain d ON d.i = c.i),
kept AS (SELECT i, v FROM lone UNION ALL SELECT i, v FROM ranked WHERE place <= %[3]d)
SELECT i, greatest(-%[10]d, least(%[10]d, sum(v)))::BIGINT FROM kept GROUP BY i`,
		strings.Join(domain, ", "), it.Linf, it.L0, rows, join, dim, inner, outer, sqlText(it.ID), maxSum), nil
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
