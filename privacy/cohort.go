package privacy

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"heatwatch/internal/problem"
	"heatwatch/models"
)

// Member is one person of a frozen cohort, with the entry that stays whatever arrives later. It holds protected data:
// it is written to the encrypted register alone.
type Member struct {
	Pseudonym  string `json:"p"`
	EnteredAt  int64  `json:"at"` // microseconds, UTC
	EnteredOn  int32  `json:"on"` // days since 1970-01-01, local
	Agency     string `json:"agency"`
	AgencyKind string `json:"kind"`
	Channel    string `json:"channel"`
	Setting    string `json:"setting"`
	AgeBand    string `json:"band"`
	Age        int32  `json:"age"` // -1 where unknown
}

// frozen is the register as far as a population is concerned.
type frozen map[models.Period][]Member

// prepareFrozen loads frozen members into the session and lets their entries win over what the lake says today. The
// earliest freeze of a person is the one that stays.
func prepareFrozen(ctx context.Context, eng Engine, fr frozen) error {
	statements := []string{`CREATE OR REPLACE TEMP TABLE frozen(pseudonym BLOB, period VARCHAR, level VARCHAR, ord INTEGER, entered_at TIMESTAMP, entered_on DATE, agency VARCHAR,
  agency_kind VARCHAR, channel VARCHAR, setting VARCHAR, age_band VARCHAR, age INTEGER)`}
	periods := make([]models.Period, 0, len(fr))
	for p := range fr {
		periods = append(periods, p)
	}
	slices.SortFunc(periods, func(a, b models.Period) int { return int(a.Last() - b.Last()) })
	for ord, p := range periods {
		for chunk := range slices.Chunk(fr[p], 400) {
			rows := mapSlice(chunk, func(m Member) string {
				return fmt.Sprintf("(unhex(%s), %s, %s, %d, make_timestamp(%d), DATE '1970-01-01' + %d, %s, %s, %s, %s, %s, %s)", sqlText(m.Pseudonym), sqlText(p.String()), sqlText(p.Level()),
					ord, m.EnteredAt, m.EnteredOn, sqlText(m.Agency), sqlText(m.AgencyKind), sqlText(m.Channel), sqlText(m.Setting), sqlText(m.AgeBand), age(m.Age))
			})
			statements = append(statements, "INSERT INTO frozen VALUES "+strings.Join(rows, ", "))
		}
	}
	statements = append(statements, `CREATE OR REPLACE TEMP TABLE entries AS
WITH first_freeze AS (
  SELECT pseudonym, arg_min(entered_at, ord) AS entered_at, arg_min(entered_on, ord) AS entered_on, arg_min(agency, ord) AS agency,
    arg_min(agency_kind, ord) AS agency_kind, arg_min(channel, ord) AS channel, arg_min(setting, ord) AS setting, arg_min(age_band, ord) AS age_band, arg_min(coalesce(age, -1), ord) AS age
  FROM frozen GROUP BY pseudonym),
held AS (SELECT p.person, f.entered_at, f.entered_on, a.agency, f.agency_kind, f.channel, f.setting, f.age_band, nullif(f.age, -1) AS age
  FROM first_freeze f JOIN people p USING (pseudonym) LEFT JOIN agencies a ON a.name = f.agency WHERE p.measured)
SELECT person, entered_at, entered_on, agency, agency_kind, channel, setting, age_band, age FROM held
UNION ALL
SELECT e.person, e.entered_at, e.entered_on, e.agency, e.agency_kind, e.channel, e.setting, e.age_band, e.age FROM entries e ANTI JOIN held USING (person)`)
	if err := run(ctx, eng, statements...); err != nil {
		return err
	}
	return allThere(ctx, eng)
}

// allThere refuses a lake that has lost persons of frozen cohorts: they would come back as others, and be measured again.
func allThere(ctx context.Context, eng Engine) error {
	rows, err := eng.QueryContext(ctx, "SELECT count(*) FROM frozen f ANTI JOIN people p ON p.pseudonym = f.pseudonym")
	if err != nil {
		return err
	}
	defer rows.Close()
	var gone int64
	for rows.Next() {
		if err := rows.Scan(&gone); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil || gone == 0 {
		return err
	}
	return problem.New(problem.Refused, "lake/", "persons of released cohorts are not in the lake any more", "restore lake/ from a copy: made anew, it would count them again")
}

func age(a int32) string {
	if a < 0 {
		return "NULL"
	}
	return fmt.Sprint(a)
}

// cohort makes the temporary relation cohort of a period: the frozen members if the period is frozen, and otherwise
// everybody who entered in it, or in frozen periods just before it without being a member of any: a person belongs to
// the first cohort, at or after the entry, that was not frozen when the person came to be known.
func cohort(ctx context.Context, eng Engine, fr frozen, period models.Period) error {
	const columns = "e.person, e.entered_at, e.entered_on, e.agency, e.agency_kind, e.channel, e.setting, e.age_band, e.age"
	query := fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE cohort AS SELECT %s FROM entries e JOIN people p USING (person)
  SEMI JOIN (SELECT pseudonym FROM frozen WHERE period = %s) f ON f.pseudonym = p.pseudonym`, columns, sqlText(period.String()))
	if _, ok := fr[period]; !ok {
		first := period
		for {
			before := previous(first)
			if _, ok := fr[before]; !ok {
				break
			}
			first = before
		}
		query = fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE cohort AS SELECT %s FROM entries e JOIN people p USING (person)
  ANTI JOIN (SELECT pseudonym FROM frozen WHERE level = %s) f ON f.pseudonym = p.pseudonym
  WHERE e.entered_on BETWEEN DATE '1970-01-01' + %d AND DATE '1970-01-01' + %d`, columns, sqlText(period.Level()), first.First(), period.Last())
	}
	return run(ctx, eng, query)
}

func previous(p models.Period) models.Period {
	if p.Level() == models.LevelQuarter {
		return models.QuarterOf(p.First() - 1)
	}
	return models.YearOf(p.First() - 1)
}

// members reads the cohort for the register, in the order of pseudonyms.
func members(ctx context.Context, eng Engine) ([]Member, error) {
	rows, err := eng.QueryContext(ctx, `SELECT p.pseudonym, epoch_us(c.entered_at), (c.entered_on - DATE '1970-01-01')::INTEGER, a.name, c.agency_kind, c.channel, c.setting, c.age_band, coalesce(c.age, -1)
FROM cohort c JOIN people p USING (person) LEFT JOIN agencies a USING (agency) ORDER BY p.pseudonym`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Member
	for rows.Next() {
		var m Member
		var p []byte
		var agency, kind, channel, setting, band *string
		if err := rows.Scan(&p, &m.EnteredAt, &m.EnteredOn, &agency, &kind, &channel, &setting, &band, &m.Age); err != nil {
			return nil, err
		}
		m.Pseudonym = hex.EncodeToString(p)
		m.Agency, m.AgencyKind, m.Channel, m.Setting, m.AgeBand = text(agency), text(kind), text(channel), text(setting), text(band)
		all = append(all, m)
	}
	return all, rows.Err()
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
