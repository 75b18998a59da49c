package lake

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"heatwatch/etl/link"
	"heatwatch/models"
)

// tables of a build. sent: every current persons row of the partners that changed; loaded: those whose rows are loaded,
// with their person. consented is false where release is none or has run out.
var tables = []string{
	`CREATE TABLE sent (partner INTEGER, population VARCHAR, person_key VARCHAR, consented BOOLEAN, came BIGINT)`,
	`CREATE TABLE crosswalk (population VARCHAR, partner VARCHAR, person_key VARCHAR, person UINTEGER, founding BOOLEAN, measured BOOLEAN, since DATE)`,
	`CREATE TABLE people (person UINTEGER, population VARCHAR, pseudonym BLOB, engaged_seen TIMESTAMP, measured BOOLEAN)`,
	`CREATE TABLE tokens (population VARCHAR, "column" VARCHAR, value VARCHAR, person UINTEGER)`,
}

// persons folds the persons rows of the partners that changed and gives every new file its person.
func (b *builder) persons(ctx context.Context) error {
	if err := b.db.exec(ctx, tables...); err != nil {
		return err
	}
	for _, t := range []string{"crosswalk", "people", "tokens"} {
		if _, ok := b.prev.file(t + ".parquet"); ok {
			from := filepath.Join(generationPath(b.Home, b.prev.Generation), t+".parquet")
			if err := b.db.exec(ctx, "INSERT INTO "+t+" BY NAME SELECT * FROM read_parquet("+quote(from)+")"); err != nil {
				return err
			}
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

func personsTable(partner int, e models.Entity) string { return fmt.Sprintf("%s_%d", e.Name, partner) }

// foldPersons makes a table of each entity with tokens and notes its keys in sent.
func (b *builder) foldPersons(ctx context.Context, i int) error {
	p := &b.next.Partners[i]
	if was, ok := b.prev.partner(p.Name); ok && !b.dirty(*p) {
		p.ConsentNext = was.ConsentNext
		return nil
	}
	b.step("reading persons of %s", p.Name)
	for _, e := range models.Dictionary().Entities {
		if !e.Tokens {
			continue
		}
		r, err := rowsOf(e, sources(b.drops[p.Name], e.Name))
		if err != nil {
			return err
		}
		t := personsTable(i, e)
		if err := b.db.exec(ctx, "CREATE TABLE "+t+" AS SELECT _at, "+r.names("")+" FROM ("+r.current(e, "")+")",
			fmt.Sprintf("INSERT INTO sent SELECT %d, %s, person_key, %s, _at FROM %s", i, quote(e.Population), b.consent(e), t)); err != nil {
			return err
		}
		if err := b.consentNext(ctx, p, t, e); err != nil {
			return err
		}
	}
	return nil
}

// consent is true for a row whose person may be loaded tonight. A release without an end holds until it is changed; a
// row without a release comes from a partner that needs none.
func (b *builder) consent(e models.Entity) string {
	release, ok := e.Column("release")
	if !ok {
		return "true"
	}
	var none []string
	for i, v := range release.Values {
		if v == "none" {
			none = append(none, fmt.Sprint(i))
		}
	}
	return fmt.Sprintf("coalesce(release NOT IN (%s), true) AND coalesce(release_until >= DATE %s, true)", strings.Join(none, ", "), quote(b.today.String()))
}

// consentNext notes the first day on which a consent that holds tonight does not.
func (b *builder) consentNext(ctx context.Context, p *Partner, table string, e models.Entity) error {
	if e.Index("release_until") < 0 {
		return nil
	}
	var until sql.NullInt64
	if err := b.db.one(ctx, "SELECT min(release_until - DATE '1970-01-01') FROM "+table+" WHERE "+b.consent(e), &until); err != nil {
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
	return fmt.Sprintf("SELECT x.person, %s FROM %s AS r JOIN loaded AS x ON x.partner = %d AND x.population = %s AND x.person_key = r.person_key ORDER BY %s",
		r.names("r."), personsTable(i, e), i, quote(e.Population), order(e)), nil
}

// assign gives the files that have no person one.
func (b *builder) assign(ctx context.Context) error {
	if err := b.db.exec(ctx, "CREATE TABLE names (id INTEGER, name VARCHAR)"); err != nil {
		return err
	}
	if err := b.db.fill("names", len(b.next.Partners), func(i int) []driver.Value { return []driver.Value{int32(i), b.next.Partners[i].Name} }); err != nil {
		return err
	}
	if err := b.db.exec(ctx, `CREATE TABLE fresh AS SELECT s.partner, s.population, s.person_key, s.came FROM sent AS s JOIN names AS n ON n.id = s.partner
		WHERE s.consented AND NOT EXISTS (SELECT 1 FROM crosswalk AS x WHERE x.partner = n.name AND x.population = s.population AND x.person_key = s.person_key)`); err != nil {
		return err
	}
	files, err := b.freshFiles(ctx)
	if err != nil || len(files) == 0 {
		return err
	}
	b.step("linking %d new files", len(files))
	known, err := b.known(ctx)
	if err != nil {
		return err
	}
	out, err := link.Assign(files, known, b.today, b.Rand)
	if err != nil {
		return err
	}
	return b.record(out)
}

// freshFiles reads the new files with their tokens, and when each first came.
func (b *builder) freshFiles(ctx context.Context) ([]link.File, error) {
	var files []link.File
	place := map[[2]string]int{} // of one partner: population and key
	if err := b.db.exec(ctx, `CREATE TABLE freshtokens (population VARCHAR, "column" VARCHAR, value VARCHAR)`); err != nil {
		return nil, err
	}
	for i, p := range b.next.Partners {
		clear(place)
		query := fmt.Sprintf("SELECT population, person_key, came FROM fresh WHERE partner = %d", i)
		err := b.db.each(ctx, query, func(r *sql.Rows) error {
			f := link.File{Partner: p.Name}
			err := r.Scan(&f.Population, &f.PersonKey, &f.Created)
			place[[2]string{f.Population, f.PersonKey}] = len(files)
			files = append(files, f)
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(place) == 0 {
			continue
		}
		if err := b.firstSeen(ctx, i, files, place); err != nil {
			return nil, err
		}
		if err := b.freshTokens(ctx, i, files, place); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// firstSeen sets Created to the first of tonight's drops that had the file, so that one night with many drops gives the
// same order as many nights.
func (b *builder) firstSeen(ctx context.Context, i int, files []link.File, place map[[2]string]int) error {
	p := b.next.Partners[i]
	old := map[Drop]bool{}
	for _, d := range b.prev.Drops {
		old[d] = true
	}
	for _, e := range models.Dictionary().Entities {
		if !e.Tokens {
			continue
		}
		var parts []string
		for _, d := range b.drops[p.Name] {
			for _, f := range d.Files {
				if f.Entity == e.Name && f.Path != "" && !old[Drop{d.Partner, d.Drop, d.Manifest}] {
					parts = append(parts, fmt.Sprintf("SELECT person_key, %d::BIGINT AS came FROM read_parquet(%s)", d.Created.UnixMicro(), quote(f.Path)))
				}
			}
		}
		if len(parts) < 2 {
			continue
		}
		query := fmt.Sprintf("SELECT person_key, min(came) FROM (%s) JOIN (SELECT person_key FROM fresh WHERE partner = %d AND population = %s) USING (person_key) GROUP BY ALL",
			strings.Join(parts, " UNION ALL "), i, quote(e.Population))
		err := b.db.each(ctx, query, func(r *sql.Rows) error {
			var key string
			var at int64
			err := r.Scan(&key, &at)
			if n, ok := place[[2]string{e.Population, key}]; ok {
				files[n].Created = min(files[n].Created, at)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) freshTokens(ctx context.Context, i int, files []link.File, place map[[2]string]int) error {
	for _, e := range models.Dictionary().Entities {
		if !e.Tokens {
			continue
		}
		r, err := rowsOf(e, sources(b.drops[b.next.Partners[i].Name], e.Name))
		if err != nil {
			return err
		}
		for _, c := range r.columns {
			if !models.IsToken(c.name) {
				continue
			}
			query := fmt.Sprintf("FROM %s JOIN (SELECT person_key FROM fresh WHERE partner = %d AND population = %s) USING (person_key) WHERE %s IS NOT NULL",
				personsTable(i, e), i, quote(e.Population), name(c.name))
			err := b.db.each(ctx, "SELECT person_key, "+name(c.name)+" "+query, func(r *sql.Rows) error {
				var key, value string
				err := r.Scan(&key, &value)
				if n, ok := place[[2]string{e.Population, key}]; ok {
					files[n].Tokens = append(files[n].Tokens, link.Token{Column: c.name, Value: value})
				}
				return err
			})
			if err != nil {
				return err
			}
			if err := b.db.exec(ctx, fmt.Sprintf("INSERT INTO freshtokens SELECT %s, %s, %s %s", quote(e.Population), quote(c.name), name(c.name), query)); err != nil {
				return err
			}
		}
	}
	return nil
}

// known reads what earlier nights decided about the tokens of the new files.
func (b *builder) known(ctx context.Context) (k link.Known, err error) {
	const met = `SELECT t.population, t."column", t.value, t.person FROM tokens AS t SEMI JOIN freshtokens AS f
		ON f.population = t.population AND f."column" = t."column" AND f.value = t.value`
	err = b.db.each(ctx, met, func(r *sql.Rows) error {
		var f link.Founder
		err := r.Scan(&f.Population, &f.Column, &f.Value, &f.Person)
		k.Founders = append(k.Founders, f)
		return err
	})
	if err != nil {
		return k, err
	}
	err = b.db.each(ctx, "SELECT person, partner FROM crosswalk WHERE person IN (SELECT person FROM ("+met+"))", func(r *sql.Rows) error {
		var m link.Member
		err := r.Scan(&m.Person, &m.Partner)
		k.Members = append(k.Members, m)
		return err
	})
	if err != nil {
		return k, err
	}
	return k, b.db.one(ctx, "SELECT coalesce(max(person), 0) FROM people", &k.Last)
}

// record adds what was decided to the tables.
func (b *builder) record(out link.Outcome) error {
	err := b.db.fill("crosswalk", len(out.Rows), func(i int) []driver.Value {
		r := out.Rows[i]
		return []driver.Value{r.Population, r.Partner, r.PersonKey, r.Person, r.Founding, r.Measured, r.Since.Time()}
	})
	if err != nil {
		return err
	}
	err = b.db.fill("people", len(out.Persons), func(i int) []driver.Value {
		p := out.Persons[i]
		return []driver.Value{p.Person, p.Population, p.Pseudonym[:], nil, p.Measured}
	})
	if err != nil {
		return err
	}
	return b.db.fill("tokens", len(out.Founders), func(i int) []driver.Value {
		f := out.Founders[i]
		return []driver.Value{f.Population, f.Column, f.Value, f.Person}
	})
}

// people writes the three files about persons, or links them where no line changed.
func (b *builder) people(ctx context.Context) error {
	before := map[string]int64{}
	for _, t := range []string{"crosswalk", "people", "tokens"} {
		if f, ok := b.prev.file(t + ".parquet"); ok {
			before[t] = f.Rows
		}
	}
	seen, err := b.engaged(ctx)
	if err != nil {
		return err
	}
	for t, order := range map[string]string{"crosswalk": "population, partner, person_key", "people": "person", "tokens": `population, "column", value, person`} {
		var n int64
		if err := b.db.one(ctx, "SELECT count(*) FROM "+t, &n); err != nil {
			return err
		}
		// Lines are only ever added, so an equal number means that nothing changed.
		f, ok := b.prev.file(t + ".parquet")
		if ok && n == before[t] && !(t == "people" && seen > 0) && !b.Full {
			if err := b.link(f); err != nil {
				return err
			}
			continue
		}
		staged := filepath.Join(b.staging, t+".parquet")
		if err := b.db.exec(ctx, copyTo("SELECT * FROM "+t+" ORDER BY "+order, staged)); err != nil {
			return err
		}
		if err := b.publish(staged, File{Path: t + ".parquet", Rows: n}); err != nil {
			return err
		}
	}
	return nil
}

// engaged notes the persons whose first engagement the program sees tonight.
func (b *builder) engaged(ctx context.Context) (n int64, err error) {
	var paths []string
	for _, f := range b.next.Files {
		if f.Entity == "engagements" {
			paths = append(paths, quote(filepath.Join(b.dir, f.Path)))
		}
	}
	if len(paths) == 0 {
		return 0, nil
	}
	now := b.Now.UTC().Truncate(time.Microsecond).Format("2006-01-02 15:04:05.999999")
	r, err := b.db.conn.ExecContext(ctx, "UPDATE people SET engaged_seen = TIMESTAMP "+quote(now)+
		" WHERE engaged_seen IS NULL AND person IN (SELECT person FROM read_parquet(["+strings.Join(paths, ", ")+"]))")
	if err != nil {
		return 0, sqlError("UPDATE people", err)
	}
	return r.RowsAffected()
}
