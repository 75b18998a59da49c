package privacy

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy/register"
)

// chunk is how many members go into the session with one statement, as one text per column. Larger ones are no faster.
const chunk = 50_000

// loadFrozen puts the frozen members into the session and lets their entries win over what the lake says today. The
// earliest freeze of a person is the one that stays.
func loadFrozen(ctx context.Context, eng Engine, book *register.Book) error {
	if err := run(ctx, eng, `CREATE OR REPLACE TEMP TABLE frozen(pseudonym BLOB, period VARCHAR, level VARCHAR, ord INTEGER, entered_at TIMESTAMP, entered_on DATE, agency VARCHAR,
  agency_kind VARCHAR, channel VARCHAR, setting VARCHAR, age_band VARCHAR, age INTEGER)`); err != nil {
		return err
	}
	frozen := book.Frozen()
	for ord, period := range book.Periods() {
		for ms := range slices.Chunk(frozen[period], chunk) {
			if err := insertMembers(ctx, eng, period, ord, ms); err != nil {
				return err
			}
		}
	}
	if len(book.Periods()) == 0 {
		return nil
	}
	err := run(ctx, eng, `CREATE OR REPLACE TEMP TABLE held AS
WITH first_freeze AS (
  SELECT pseudonym, arg_min(entered_at, ord) AS entered_at, arg_min(entered_on, ord) AS entered_on, arg_min(agency, ord) AS agency,
    arg_min(agency_kind, ord) AS agency_kind, arg_min(channel, ord) AS channel, arg_min(setting, ord) AS setting, arg_min(age_band, ord) AS age_band, arg_min(coalesce(age, -1), ord) AS age
  FROM frozen GROUP BY pseudonym)
SELECT p.person, f.entered_at, f.entered_on, a.agency, f.agency_kind, f.channel, f.setting, f.age_band, nullif(f.age, -1) AS age
FROM first_freeze f JOIN people p USING (pseudonym) LEFT JOIN agencies a ON a.name = f.agency WHERE p.measured`,
		"DELETE FROM entries WHERE person IN (SELECT person FROM held)",
		"INSERT INTO entries BY NAME FROM held")
	if err != nil {
		return err
	}
	return allThere(ctx, eng)
}

// column is the values of one column as one parameter: they stand in no statement, so no error can quote them. Codes of
// ours and names of partners hold no line end.
func column(ms []register.Member, value func(m register.Member) string) string {
	var b strings.Builder
	for i, m := range ms {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(value(m))
	}
	return b.String()
}

func insertMembers(ctx context.Context, eng Engine, period models.Period, ord int, ms []register.Member) error {
	list := "unnest(string_split(?::VARCHAR, chr(10)))"
	return query(ctx, eng, fmt.Sprintf(`INSERT INTO frozen SELECT unhex(%[1]s), %[2]s, %[3]s, %[4]d, make_timestamp(%[1]s::BIGINT), DATE '1970-01-01' + %[1]s::INTEGER,
  %[1]s, %[1]s, %[1]s, %[1]s, %[1]s, nullif(%[1]s::INTEGER, -1)`, list, sqlText(period.String()), sqlText(period.Level()), ord),
		nil,
		column(ms, func(m register.Member) string { return m.Person.Hex() }),
		column(ms, func(m register.Member) string { return strconv.FormatInt(m.EnteredAt, 10) }),
		column(ms, func(m register.Member) string { return strconv.FormatInt(int64(m.EnteredOn), 10) }),
		column(ms, func(m register.Member) string { return m.Agency }),
		column(ms, func(m register.Member) string { return m.AgencyKind }),
		column(ms, func(m register.Member) string { return m.Channel }),
		column(ms, func(m register.Member) string { return m.Setting }),
		column(ms, func(m register.Member) string { return m.AgeBand }),
		column(ms, func(m register.Member) string { return strconv.FormatInt(int64(m.Age), 10) }))
}

// query runs one statement with parameters and hands each row to scan, which may be nil.
func query(ctx context.Context, eng Engine, text string, scan func(*sql.Rows) error, args ...any) error {
	rows, err := eng.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if scan == nil {
			continue
		}
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// allThere refuses a lake that has lost persons of frozen cohorts: they would come back as others, and be measured again.
func allThere(ctx context.Context, eng Engine) error {
	var gone int64
	err := query(ctx, eng, "SELECT count(*) FROM frozen f ANTI JOIN people p ON p.pseudonym = f.pseudonym", func(r *sql.Rows) error { return r.Scan(&gone) })
	if err != nil || gone == 0 {
		return err
	}
	return problem.New(problem.Refused, "lake/", "persons of released cohorts are not in the lake any more", "restore lake/ from a copy: made anew, it would count them again")
}

// persons makes the temporary relation cohort, the persons that a group of items is about. It is the one place where that is
// decided.
type persons struct {
	eng    Engine
	book   *register.Book
	period models.Period
}

// gather makes cohort for a group, the period's cohort of entry or those with an activity in the period, and keeps a copy
// under the group's number: finding it may take longer than what is then asked of it.
func (p persons) gather(ctx context.Context, n int, who membership) error {
	find := p.entered()
	if who.activity != "" {
		find = activeCohort(who.activity, who.item, p.period)
	}
	return run(ctx, p.eng, find, fmt.Sprintf("CREATE OR REPLACE TEMP TABLE cohort_%d AS FROM cohort", n))
}

// regather makes cohort from the copy of a group that was gathered before.
func (p persons) regather(ctx context.Context, n int) error {
	return run(ctx, p.eng, fmt.Sprintf("CREATE OR REPLACE TEMP TABLE cohort AS FROM cohort_%d", n))
}

// entered selects the frozen members if the period is frozen, and otherwise everybody who entered in it, or in frozen periods just
// before it, without being a member of any cohort of that level: a person belongs to the first cohort, at or after the entry,
// that was not frozen when the person came to be known. It serves every level: quarters, years, spans of one length.
func (p persons) entered() string {
	const columns = "e.person, e.entered_at, e.entered_on, e.agency, e.agency_kind, e.channel, e.setting, e.age_band, e.age"
	if p.book.Froze(p.period) {
		return fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE cohort AS SELECT %s FROM entries e JOIN people p USING (person)
  SEMI JOIN (SELECT pseudonym FROM frozen WHERE period = %s) f ON f.pseudonym = p.pseudonym`, columns, sqlText(p.period.String()))
	}
	first := p.period
	for before := previous(first); p.book.Froze(before); before = previous(first) {
		first = before
	}
	return fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE cohort AS SELECT %s FROM entries e JOIN people p USING (person)
  ANTI JOIN (SELECT pseudonym FROM frozen WHERE level = %s) f ON f.pseudonym = p.pseudonym
  WHERE e.entered_on BETWEEN DATE '1970-01-01' + %d AND DATE '1970-01-01' + %d`, columns, sqlText(p.period.Level()), first.First(), p.period.Last())
}

// previous is the period of the same length before.
func previous(p models.Period) models.Period {
	switch p.Level() {
	case models.LevelQuarter:
		return models.QuarterOf(p.First() - 1)
	case models.LevelYear:
		return models.YearOf(p.First() - 1)
	}
	last := p.First().Year() - 1
	return models.SpanOf(last-len(p.Years())+1, last)
}

// members reads the cohort for the register, in the order of pseudonyms.
func (p persons) members(ctx context.Context) ([]register.Member, error) {
	all := []register.Member{}
	var id []byte
	var agency, kind, channel, setting, band *string
	err := query(ctx, p.eng, `SELECT p.pseudonym, epoch_us(c.entered_at), (c.entered_on - DATE '1970-01-01')::INTEGER, a.name, c.agency_kind, c.channel, c.setting, c.age_band, coalesce(c.age, -1)
FROM cohort c JOIN people p USING (person) LEFT JOIN agencies a USING (agency) ORDER BY p.pseudonym`, func(r *sql.Rows) (err error) {
		var m register.Member
		if err := r.Scan(&id, &m.EnteredAt, &m.EnteredOn, &agency, &kind, &channel, &setting, &band, &m.Age); err != nil {
			return err
		}
		if m.Person, err = register.ParseID(id); err != nil {
			return err
		}
		m.Agency, m.AgencyKind, m.Channel, m.Setting, m.AgeBand = text(agency), text(kind), text(channel), text(setting), text(band)
		all = append(all, m)
		return nil
	})
	return all, err
}

// pseudonyms reads who is in the cohort, sorted.
func (p persons) pseudonyms(ctx context.Context) ([]register.ID, error) {
	return p.ids(ctx, "SELECT p.pseudonym FROM cohort c JOIN people p USING (person) ORDER BY p.pseudonym")
}

// enteredIn reads who entered on these days, sorted.
func (p persons) enteredIn(ctx context.Context, first, last models.Date) ([]register.ID, error) {
	return p.ids(ctx, fmt.Sprintf(`SELECT p.pseudonym FROM entries e JOIN people p USING (person)
  WHERE e.entered_on BETWEEN DATE '1970-01-01' + %d AND DATE '1970-01-01' + %d ORDER BY p.pseudonym`, first, last))
}

// everybody reads all measured persons of a population, sorted.
func (p persons) everybody(ctx context.Context, population string) ([]register.ID, error) {
	return p.ids(ctx, "SELECT p.pseudonym FROM people p WHERE p.measured AND p.population = "+sqlText(population)+" ORDER BY p.pseudonym")
}

func (p persons) ids(ctx context.Context, text string) ([]register.ID, error) {
	var all []register.ID
	var b []byte
	err := query(ctx, p.eng, text, func(r *sql.Rows) error {
		if err := r.Scan(&b); err != nil {
			return err
		}
		id, err := register.ParseID(b)
		all = append(all, id)
		return err
	})
	return all, err
}

// leaveOut takes persons out of the cohort of this entry; they stay members of the frozen one.
func (p persons) leaveOut(ctx context.Context, out []register.ID) error {
	for ids := range slices.Chunk(out, chunk) {
		hex := make([]string, len(ids))
		for i, id := range ids {
			hex[i] = id.Hex()
		}
		err := query(ctx, p.eng, "DELETE FROM cohort WHERE person IN (SELECT p.person FROM people p SEMI JOIN (SELECT unhex(unnest(string_split(?::VARCHAR, chr(10)))) AS pseudonym) o USING (pseudonym))",
			nil, strings.Join(hex, "\n"))
		if err != nil {
			return err
		}
	}
	return nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
