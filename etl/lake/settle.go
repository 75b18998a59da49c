package lake

import (
	"context"
	"database/sql"
	"fmt"
	"os"

	"heatwatch/internal/home"
	"heatwatch/models"
)

// Unsettled is a row that its own file's check accepted and that its neighbours rule out.
type Unsettled struct {
	Entity string
	Line   int64
	Column string
	Code   string // duplicate_key, person_not_sent or no_consent
}

// Settling is one drop to be looked at as a whole.
type Settling struct {
	Home      home.Home
	Engine    Engine
	Earlier   []Input // the partner's drops that were taken before
	This      Input
	Consented bool // the agreement lets in only persons with a signed release in force
	Today     models.Date
	Forgotten func(population, key string) bool // whose rows count as vouched for, so that no receipt tells; nil: nobody's
}

// Settle looks at a drop as a whole, after its files were checked one by one: of rows with one key in a file all but the
// first are duplicates, and a row whose person has no persons row (accused_persons row) is held. The persons rows that
// count are those that hold once the drop is applied in its place among the partner's earlier ones, so a receipt says
// what the next generation will do. A row is reported once: a duplicate is not also held. Rows come by entity, then line;
// memory is bounded by the engine, not by the drop.
func (c Settling) Settle(ctx context.Context, report func(Unsettled) error) error {
	if err := os.MkdirAll(c.Home.Staging(), 0o700); err != nil {
		return err
	}
	staging, err := os.MkdirTemp(c.Home.Staging(), stagedPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(staging)
	all := inOrder(append(append([]Input{}, c.Earlier...), c.This))
	_, most, err := sizes([]Input{c.This})
	if err != nil {
		return err
	}
	var persons int64
	for _, e := range models.Dictionary().Entities {
		if !e.Tokens {
			continue
		}
		for _, s := range sources(all, e.Name) {
			n, err := fileRows(s.file.Path)
			if err != nil {
				return err
			}
			persons += n
		}
	}
	d, err := openEngine(ctx, c.Engine.sized(persons, most), staging)
	if err != nil {
		return err
	}
	defer d.close()
	s := settling{db: d, Settling: c, all: all, known: map[string]bool{}}
	for _, e := range models.Dictionary().Entities {
		for _, f := range c.This.Files {
			if f.Entity == e.Name && f.Path != "" {
				if err := s.file(ctx, e, f, report); err != nil {
					return fmt.Errorf("%s: %w", e.Name, err)
				}
			}
		}
	}
	return nil
}

type settling struct {
	*db
	Settling
	all   []Input         // the partner's drops in order, this one among them
	known map[string]bool // populations whose keys are in the table known
}

func (s *settling) file(ctx context.Context, e models.Entity, f InputFile, report func(Unsettled) error) error {
	from := "read_parquet(" + quote(f.Path) + ")"
	repeats, err := mayRepeat(f.Path, e)
	if err != nil {
		return err
	}
	dup := fmt.Sprintf("SELECT NULL::BIGINT AS line, %d AS reason WHERE false", duplicate)
	if repeats {
		dup = fmt.Sprintf("SELECT line, %d AS reason FROM (SELECT line, row_number() OVER (PARTITION BY %s ORDER BY line) AS n FROM (SELECT line, %s FROM %s) SEMI JOIN (SELECT %s FROM %s GROUP BY ALL HAVING count(*) > 1) USING (%s)) WHERE n > 1",
			duplicate, keys(e), keys(e), from, keys(e), from, keys(e))
	}
	pop := population(e)
	if e.Tokens && s.Consented && e.Index("release") >= 0 {
		return s.report(ctx, e, fmt.Sprintf(`WITH dup AS MATERIALIZED (%s) SELECT * FROM dup UNION ALL
			SELECT line, %d FROM %s WHERE NOT (%s) AND deleted IS DISTINCT FROM %d AND line NOT IN (SELECT line FROM dup) ORDER BY line`,
			dup, noConsent, from, consent(e, s.Today, true), deletedYes), report)
	}
	if pop == "" || e.Tokens || profiles(e) {
		if !repeats {
			return nil
		}
		return s.report(ctx, e, "SELECT * FROM ("+dup+") ORDER BY line", report)
	}
	if err := s.collect(ctx, e); err != nil {
		return err
	}
	// Only held rows that are no duplicates are added: of a row with both faults the duplicate is what its sender can mend.
	query := fmt.Sprintf(`WITH dup AS MATERIALIZED (%[1]s), held AS (SELECT line, %[2]d AS reason, %[4]s AS population, r.person_key FROM %[3]s AS r WHERE NOT EXISTS (
		SELECT 1 FROM known AS k WHERE k.population = %[4]s AND k.person_key = r.person_key))
		SELECT line, reason, NULL, NULL FROM dup UNION ALL SELECT * FROM held WHERE line NOT IN (SELECT line FROM dup) ORDER BY line`, dup, notSent, from, pop)
	return s.each(ctx, query, func(r *sql.Rows) error {
		u := Unsettled{Entity: e.Name}
		var reason int
		var population, key sql.NullString
		if err := r.Scan(&u.Line, &reason, &population, &key); err != nil {
			return err
		}
		if reason == notSent && s.Forgotten != nil && s.Forgotten(population.String, key.String) {
			return nil
		}
		return report(u.because(e, reason))
	})
}

const (
	duplicate = iota
	notSent
	noConsent
)

func (s *settling) report(ctx context.Context, e models.Entity, query string, report func(Unsettled) error) error {
	return s.each(ctx, query, func(r *sql.Rows) error {
		u := Unsettled{Entity: e.Name}
		var reason int
		if err := r.Scan(&u.Line, &reason); err != nil {
			return err
		}
		return report(u.because(e, reason))
	})
}

func (u Unsettled) because(e models.Entity, reason int) Unsettled {
	switch reason {
	case duplicate:
		if u.Code = "duplicate_key"; len(e.Key) == 1 {
			u.Column = e.Key[0]
		}
	case notSent:
		u.Code, u.Column = "person_not_sent", "person_key"
	case noConsent:
		u.Code, u.Column = "no_consent", "release"
	}
	return u
}

// collect folds the persons rows that an entity refers to into the table known.
func (s *settling) collect(ctx context.Context, e models.Entity) error {
	if len(s.known) == 0 {
		if err := s.exec(ctx, "CREATE TABLE known (population VARCHAR, person_key VARCHAR)"); err != nil {
			return err
		}
	}
	for _, p := range models.Dictionary().Entities {
		refers := e.Refers("victim") == p.Name || e.Refers("exploiter") == p.Name
		if !p.Tokens || s.known[p.Name] || !refers {
			continue
		}
		s.known[p.Name] = true
		r, err := rowsOf(p, sources(s.all, p.Name))
		if err != nil {
			return err
		}
		if err := s.exec(ctx, "INSERT INTO known SELECT "+quote(p.Population)+", person_key FROM ("+r.current(p, "")+") WHERE "+s.counts(p)); err != nil {
			return err
		}
	}
	return nil
}

// counts is true for a persons row that lets the person's other rows in. A person without consent counts, as long as the
// agreement does not ask for it: the rows are accepted then, and not loaded.
func (s *settling) counts(p models.Entity) string {
	if !s.Consented {
		return "true"
	}
	return consent(p, s.Today, true)
}
