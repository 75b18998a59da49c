package lake

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"

	"heatwatch/models"
)

// tables of a build. sent: every current persons row of the partners that changed; loaded: those whose rows are loaded,
// with their person. consented is false where release is none or has run out. In all of them the person_key of a profile is
// its profile_key.
var tables = []string{
	`CREATE TABLE sent (partner INTEGER, population VARCHAR, person_key VARCHAR, consented BOOLEAN, came BIGINT)`,
	`CREATE TABLE crosswalk (population VARCHAR, partner VARCHAR, person_key VARCHAR, person UINTEGER, founding BOOLEAN, measured BOOLEAN, since DATE)`,
	`CREATE TABLE people (person UINTEGER, population VARCHAR, pseudonym BLOB, engaged_seen TIMESTAMP, measured BOOLEAN)`,
	`CREATE TABLE tokens (population VARCHAR, "column" VARCHAR, value VARCHAR, person UINTEGER)`,
}

// persons folds the persons rows of the partners that changed and gives every new file, and every new profile, its person.
func (b *builder) persons(ctx context.Context) error {
	if err := b.db.exec(ctx, tables...); err != nil {
		return err
	}
	for _, t := range []string{"crosswalk", "people", "tokens"} {
		if _, ok := b.prev.file(t + ".parquet"); ok {
			from := filepath.Join(b.before(), t+".parquet")
			if err := b.db.exec(ctx, "INSERT INTO "+t+" BY NAME SELECT * FROM read_parquet("+quote(from)+")"); err != nil {
				return err
			}
		}
	}
	if b.Erase {
		if err := b.erase(ctx); err != nil {
			return err
		}
	}
	if err := b.steward(ctx); err != nil {
		return err
	}
	for _, name := range b.Left {
		if err := b.db.exec(ctx, "DELETE FROM crosswalk WHERE partner = "+quote(name)); err != nil {
			return err
		}
	}
	for i := range b.next.Partners {
		if err := b.foldPersons(ctx, i); err != nil {
			return fmt.Errorf("persons of %s: %w", b.next.Partners[i].Name, err)
		}
	}
	if err := b.assign(ctx); err != nil {
		return err
	}
	if err := b.renew(ctx); err != nil {
		return err
	}
	return b.db.exec(ctx, `CREATE TABLE loaded AS SELECT s.partner, s.population, s.person_key, x.person FROM sent AS s
		JOIN names AS n ON n.id = s.partner JOIN crosswalk AS x ON x.partner = n.name AND x.population = s.population AND x.person_key = s.person_key
		WHERE s.consented`)
}

// dirty reports whether any file of the partner that speaks of persons is folded anew.
func (b *builder) dirty(p Partner) bool {
	for _, e := range models.Dictionary().Entities {
		if _, ok := p.Inputs[e.Name]; ok && population(e) != "" && !b.unchanged(p, e.Name) {
			return true
		}
	}
	return false
}

// sizes are how many rows with tokens drops hold, and how many of the entity that has the most.
func sizes(drops []Input) (persons, most int64, err error) {
	for _, e := range models.Dictionary().Entities {
		var n int64
		for _, d := range drops {
			for _, f := range d.Files {
				if f.Entity != e.Name {
					continue
				}
				k, err := fileRows(f.Path)
				if err != nil {
					return 0, 0, err
				}
				n += k
			}
		}
		if most = max(most, n); e.Tokens {
			persons += n
		}
	}
	return persons, most, nil
}

func personsTable(partner int, e models.Entity) string { return fmt.Sprintf("%s_%d", e.Name, partner) }

// foldPersons makes a table of each entity with tokens and notes its keys in sent, and those of profiles.
func (b *builder) foldPersons(ctx context.Context, i int) error {
	p := &b.next.Partners[i]
	if was, ok := b.prev.partner(p.Name); ok && !b.dirty(*p) {
		p.ConsentNext = was.ConsentNext
		return nil
	}
	b.step("reading persons of %s", p.Name)
	for _, e := range models.Dictionary().Entities {
		if _, sent := p.Inputs[e.Name]; sent && profiles(e) && !b.unchanged(*p, e.Name) {
			if err := b.foldProfiles(ctx, i, e); err != nil {
				return err
			}
		}
		if !e.Tokens {
			continue
		}
		r, err := rowsOf(e, sources(b.drops[p.Name], e.Name))
		if err != nil {
			return err
		}
		t, kind := personsTable(i, e), "VIEW"
		if r.folds { // else each reader takes the columns that it needs from the file
			kind = "TABLE"
		}
		if err := b.db.exec(ctx, "CREATE "+kind+" "+t+" AS SELECT _at, "+r.names("")+" FROM ("+r.current(e, "")+")",
			fmt.Sprintf("INSERT INTO sent SELECT %d, %s, person_key, %s, _at FROM %s", i, quote(e.Population), consent(e, b.today, b.strict[p.Name]), t)); err != nil {
			return err
		}
		if err := b.consentNext(ctx, p, t, e); err != nil {
			return err
		}
	}
	return nil
}

// foldProfiles notes the profiles of one partner in sent. Nobody has to vouch for them, and no consent is asked.
func (b *builder) foldProfiles(ctx context.Context, i int, e models.Entity) error {
	r, err := rowsOf(e, sources(b.drops[b.next.Partners[i].Name], e.Name))
	if err != nil {
		return err
	}
	key := e.PersonKey()
	return b.db.exec(ctx, fmt.Sprintf("INSERT INTO sent SELECT %d, %s, %s, true, min(_at) FROM (%s) WHERE %s <> %s GROUP BY %s",
		i, quote(e.Population), key, r.current(e, ""), key, quote(noProfile), key))
}

// consentNext notes the first day on which a consent that holds tonight does not.
func (b *builder) consentNext(ctx context.Context, p *Partner, table string, e models.Entity) error {
	if e.Index("release_until") < 0 {
		return nil
	}
	var until sql.NullInt64
	if err := b.db.one(ctx, "SELECT min(release_until - DATE '1970-01-01') FROM "+table+" WHERE "+consent(e, b.today, b.strict[p.Name]), &until); err != nil {
		return err
	}
	if until.Valid {
		d := models.Date(until.Int64).AddDays(1)
		p.ConsentNext = &d
	}
	return nil
}

// personRows are the rows of an entity with tokens that are loaded.
func (b *builder) personRows(i int, e models.Entity) (string, error) {
	r, err := rowsOf(e, sources(b.drops[b.next.Partners[i].Name], e.Name))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("SELECT x.person, %s FROM %s AS r JOIN loaded AS x ON x.partner = %d AND x.population = %s AND x.person_key = r.person_key",
		namesOf(r.loaded(), "r."), personsTable(i, e), i, quote(e.Population)), nil
}
