package lake

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"

	"heatwatch/internal/home"
	"heatwatch/models"
)

// Unsettled is a row that its own file's check accepted and that its neighbours rule out.
type Unsettled struct {
	Entity string
	Line   int64
	Column string
	Code   string // duplicate_key or person_not_sent
}

// Settle looks at a drop as a whole, after its files were checked one by one: of rows with one key in a file all but the
// first are duplicates, and a row whose person has no persons row (accused_persons row) is held. The persons rows that
// count are those that hold once the drop is applied in its place among the partner's earlier ones, so a receipt says
// what the next generation will do. A row is reported once: a duplicate is not also held. Rows come by entity, then line;
// memory is bounded by the engine, not by the drop.
func Settle(ctx context.Context, h home.Home, o Engine, earlier []Input, this Input, report func(Unsettled) error) error {
	if err := os.MkdirAll(h.Staging(), 0o700); err != nil {
		return err
	}
	staging, err := os.MkdirTemp(h.Staging(), stagedPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(staging)
	d, err := openEngine(ctx, o, staging)
	if err != nil {
		return err
	}
	defer d.close()
	s := settling{db: d, all: inOrder(append(append([]Input{}, earlier...), this)), this: this, known: map[string]bool{}}
	for _, e := range models.Dictionary().Entities {
		for _, f := range this.Files {
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
	all   []Input // the partner's drops in order, this one among them
	this  Input
	known map[string]bool // populations whose keys are in the table known
}

func (s *settling) file(ctx context.Context, e models.Entity, f InputFile, report func(Unsettled) error) error {
	from := "read_parquet(" + quote(f.Path) + ")"
	dup := fmt.Sprintf("SELECT line, %d AS reason FROM (SELECT line, row_number() OVER (PARTITION BY %s ORDER BY line) AS n FROM (SELECT line, %s FROM %s) SEMI JOIN (SELECT %s FROM %s GROUP BY ALL HAVING count(*) > 1) USING (%s)) WHERE n > 1",
		duplicate, keys(e), keys(e), from, keys(e), from, keys(e))
	pop := population(e)
	if pop == "" || e.Tokens {
		return s.report(ctx, e, "SELECT * FROM ("+dup+") ORDER BY line", report)
	}
	if err := s.collect(ctx, e); err != nil {
		return err
	}
	// Only held rows that are no duplicates are added: of a row with both faults the duplicate is what its sender can mend.
	query := fmt.Sprintf(`WITH dup AS MATERIALIZED (%s), held AS (SELECT line, %d AS reason FROM %s AS r WHERE NOT EXISTS (
		SELECT 1 FROM known AS k WHERE k.population = %s AND k.person_key = r.person_key))
		SELECT * FROM dup UNION ALL SELECT * FROM held WHERE line NOT IN (SELECT line FROM dup) ORDER BY line`, dup, notSent, from, pop)
	return s.report(ctx, e, query, report)
}

const (
	duplicate = iota
	notSent
)

func (s *settling) report(ctx context.Context, e models.Entity, query string, report func(Unsettled) error) error {
	return s.each(ctx, query, func(r *sql.Rows) error {
		u := Unsettled{Entity: e.Name}
		var reason int
		if err := r.Scan(&u.Line, &reason); err != nil {
			return err
		}
		if reason == duplicate {
			u.Code, u.Column = "duplicate_key", strings.Join(e.Key, " ")
			if len(e.Key) > 1 {
				u.Column = ""
			}
		} else {
			u.Code, u.Column = "person_not_sent", "person_key"
		}
		return report(u)
	})
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
		if err := s.exec(ctx, "INSERT INTO known SELECT "+quote(p.Population)+", person_key FROM ("+r.current(p, "")+")"); err != nil {
			return err
		}
	}
	return nil
}
