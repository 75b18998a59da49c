package lake

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"heatwatch/etl/link"
	"heatwatch/models"
)

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
	if err != nil {
		return err
	}
	if b.Suppress != nil {
		files = slices.DeleteFunc(files, b.Suppress)
	}
	if len(files) == 0 {
		return nil
	}
	b.step("linking %d new files", len(files))
	known, err := b.known(ctx)
	if err != nil {
		return err
	}
	if err := b.knownSets(ctx, files, &known); err != nil {
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
	if err := b.db.exec(ctx, `CREATE TABLE freshtokens (population VARCHAR, "column" VARCHAR, value VARCHAR)`); err != nil {
		return nil, err
	}
	for i, p := range b.next.Partners {
		var n int
		if err := b.db.one(ctx, fmt.Sprintf("SELECT count(*) FROM fresh WHERE partner = %d", i), &n); err != nil {
			return nil, err
		}
		if n == 0 {
			continue
		}
		files = slices.Grow(files, n)
		for _, e := range models.Dictionary().Entities {
			switch {
			case e.Tokens:
				own, err := b.freshPersons(ctx, i, e)
				if err != nil {
					return nil, err
				}
				if err := b.firstSeen(ctx, i, e, own); err != nil {
					return nil, err
				}
				files = append(files, own...)
			case profiles(e):
				query := fmt.Sprintf("SELECT person_key, came FROM fresh WHERE partner = %d AND population = %s", i, quote(e.Population))
				err := b.db.each(ctx, query, func(r *sql.Rows) error {
					f := link.File{Partner: p.Name, Population: e.Population}
					err := r.Scan(&f.PersonKey, &f.Created)
					files = append(files, f)
					return err
				})
				if err != nil {
					return nil, err
				}
			}
		}
	}
	return files, nil
}

// freshPersons reads the new files of an entity with tokens.
func (b *builder) freshPersons(ctx context.Context, i int, e models.Entity) (files []link.File, err error) {
	p := b.next.Partners[i].Name
	r, err := rowsOf(e, sources(b.drops[p], e.Name))
	if err != nil {
		return nil, err
	}
	from := fmt.Sprintf("FROM %s JOIN (SELECT person_key, came FROM fresh WHERE partner = %d AND population = %s) USING (person_key)", personsTable(i, e), i, quote(e.Population))
	var named, columns []string
	for _, c := range r.columns {
		if models.IsToken(c.name) {
			named, columns = append(named, c.name), append(columns, name(c.name))
		}
	}
	values := make([]sql.NullString, len(named))
	query := "SELECT " + strings.Join(append([]string{"person_key", "came"}, columns...), ", ") + " " + from
	err = b.db.each(ctx, query, func(r *sql.Rows) error {
		f := link.File{Partner: p, Population: e.Population, Repeats: b.repeats[p]}
		into := []any{&f.PersonKey, &f.Created}
		for k := range values {
			into = append(into, &values[k])
		}
		if err := r.Scan(into...); err != nil {
			return err
		}
		for k, v := range values {
			if v.Valid {
				f.AddToken(named[k], v.String)
			}
		}
		files = append(files, f)
		return nil
	})
	for k := 0; k < len(named) && err == nil; k++ {
		if !isSet(named[k]) {
			err = b.db.exec(ctx, fmt.Sprintf("INSERT INTO freshtokens SELECT %s, %s, %s %s WHERE %s IS NOT NULL", quote(e.Population), quote(named[k]), columns[k], from, columns[k]))
		}
	}
	return files, err
}

// firstSeen sets Created to the first of tonight's drops that had the file, so that one night with many drops gives the
// same order as many nights.
func (b *builder) firstSeen(ctx context.Context, i int, e models.Entity, files []link.File) error {
	p := b.next.Partners[i]
	old := map[Drop]bool{}
	for _, d := range b.prev.Drops {
		old[d] = true
	}
	var parts []string
	for _, d := range b.drops[p.Name] {
		for _, f := range d.Files {
			if f.Entity == e.Name && f.Path != "" && !old[Drop{d.Partner, d.Drop, d.Manifest}] {
				r, err := rowsOf(e, []source{{at: d.Created.UnixMicro(), file: f}})
				if err != nil {
					return err
				}
				parts = append(parts, "SELECT person_key, _at AS came FROM ("+r.current(e, "")+") WHERE "+consent(e, b.today, b.strict[p.Name]))
			}
		}
	}
	if len(parts) < 2 {
		return nil
	}
	place := make(map[string]int, len(files))
	for k, f := range files {
		place[f.PersonKey] = k
	}
	query := fmt.Sprintf("SELECT person_key, min(came) FROM (%s) JOIN (SELECT person_key FROM fresh WHERE partner = %d AND population = %s) USING (person_key) GROUP BY ALL",
		strings.Join(parts, " UNION ALL "), i, quote(e.Population))
	return b.db.each(ctx, query, func(r *sql.Rows) error {
		var key string
		var at int64
		err := r.Scan(&key, &at)
		if n, ok := place[key]; ok {
			files[n].Created = min(files[n].Created, at)
		}
		return err
	})
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
	b.sets = out.Sets
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
