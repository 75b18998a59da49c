package privacy

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"heatwatch/internal/problem"
)

// maxSum bounds a cell's sum: beyond it the library's grid would no longer hold every whole number.
const maxSum = int64(1) << 52

// boundSQL wraps the rows (person, cell, value) of an item so that its sensitivity can be read off the text: each
// person has one value per dimension, equal rows count once, a person's sum in a cell is clamped to Linf, and at most
// L0 cells of a person are kept, those with the smallest HMAC-SHA-256(selection key, item, pseudonym, cell). The
// result is (cell number, sum), saturating, for cells that somebody falls in.
//
// The pseudonym is random and given once; nothing that other persons, other agencies or the order of arrival could
// change enters the choice.
func (s Schema) boundSQL(it Item, cells []Cell, selection []byte, small map[string]bool) (string, error) {
	v := s.Vectors[it.Vector]
	source := fmt.Sprintf("SELECT v.person, v.cell AS cell, v.value FROM (%s) v SEMI JOIN cohort USING (person)", v.SQL)
	if it.By != "" {
		d, ok := s.Dimension(v.Measure, it.By)
		if !ok {
			return "", fmt.Errorf("%s has no dimension %q", v.Measure, it.By)
		}
		value := "min(d.value)"
		if len(small) > 0 {
			value = fmt.Sprintf("CASE WHEN min(d.value) IN (%s) THEN 'other' ELSE min(d.value) END", sqlList(small))
		}
		source = fmt.Sprintf(`SELECT v.person, r.value || ':' || v.cell AS cell, v.value
  FROM (%s) v SEMI JOIN cohort USING (person)
  JOIN (SELECT d.person, %s AS value FROM (%s) d GROUP BY d.person) r USING (person)`, v.SQL, value, d.SQL)
	}
	var domain []string
	for i, c := range cells {
		domain = append(domain, fmt.Sprintf("(%s, %d)", sqlText(c.text(it.By)), i))
	}
	inner, outer := hmacPads(selection)
	return fmt.Sprintf(`WITH answers AS (%s),
domain(cell, i) AS (VALUES %s),
once AS (SELECT DISTINCT a.person, d.i, TRY_CAST(a.value AS BIGINT) AS value FROM answers a JOIN domain d USING (cell)),
clamped AS (SELECT person, i, greatest(-%[3]d, least(%[3]d, sum(value)))::BIGINT AS v FROM once WHERE value IS NOT NULL GROUP BY person, i),
crowded AS (SELECT person FROM clamped GROUP BY person HAVING count(*) > %[4]d),
ranked AS (
  SELECT c.i, c.v, row_number() OVER (PARTITION BY c.person ORDER BY
    sha256(%[6]s || unhex(sha256(%[5]s || (%[7]s || '|' || hex(p.pseudonym) || '|' || d.cell)::BLOB)))) AS place
  FROM clamped c SEMI JOIN crowded USING (person) JOIN people p USING (person) JOIN domain d ON d.i = c.i),
kept AS (
  SELECT c.i, c.v FROM clamped c ANTI JOIN crowded USING (person)
  UNION ALL
  SELECT i, v FROM ranked WHERE place <= %[4]d)
SELECT i, greatest(-%[8]d, least(%[8]d, sum(v)))::BIGINT FROM kept GROUP BY i`,
		source, strings.Join(domain, ", "), it.Linf, it.L0, inner, outer, sqlText(it.ID), maxSum), nil
}

func sqlList(set map[string]bool) string {
	var all []string
	for k := range set {
		all = append(all, sqlText(k))
	}
	return strings.Join(all, ", ")
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
func (s Schema) measure(ctx context.Context, eng Engine, it Item, cells []Cell, selection []byte, small map[string]bool) (Sums, error) {
	query, err := s.boundSQL(it, cells, selection, small)
	if err != nil {
		return Sums{}, err
	}
	failed := func(err error) error {
		return problem.Wrap(err, problem.Failed, "item "+it.ID, "release failed", "run `heatwatch verify`; the reason is in the log inside the house")
	}
	rows, err := eng.QueryContext(ctx, query)
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
	return Sums{&sums{out}}, nil
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
