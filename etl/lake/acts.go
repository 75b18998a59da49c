package lake

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"heatwatch/etl/link"
)

// steward carries out what a steward decided about named files: their persons change, here and in the sets, and the files of
// the partners that are touched are folded anew.
func (b *builder) steward(ctx context.Context) error {
	for _, a := range b.Acts {
		rows, err := b.crosswalkRows(ctx, a.File.Population)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(rows, func(r link.Row) bool { return r.Of() == a.File })
		if at < 0 {
			return fmt.Errorf("lake: a file that a steward named has no person")
		}
		if a.Split() {
			err = b.split(ctx, rows, rows[at], a)
		} else {
			err = b.merge(ctx, rows, rows[at], a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) crosswalkRows(ctx context.Context, population string) (rows []link.Row, err error) {
	err = b.db.each(ctx, "SELECT population, partner, person_key, person, founding, measured FROM crosswalk WHERE population = "+quote(population)+" ORDER BY since, partner, person_key", func(r *sql.Rows) error {
		var x link.Row
		err := r.Scan(&x.Population, &x.Partner, &x.PersonKey, &x.Person, &x.Founding, &x.Measured)
		rows = append(rows, x)
		return err
	})
	return rows, err
}

// merge makes the persons of two files one: that of Into goes on.
func (b *builder) merge(ctx context.Context, rows []link.Row, from link.Row, a link.Act) error {
	at := slices.IndexFunc(rows, func(r link.Row) bool { return r.Of() == a.Into })
	if at < 0 || rows[at].Person == from.Person {
		return fmt.Errorf("lake: the files of a merge are of one person, or one has none")
	}
	into := rows[at].Person
	b.touch(rows, from.Person, into)
	b.moved[from.Person] = into
	return b.db.exec(ctx,
		fmt.Sprintf("UPDATE crosswalk SET person = %d, founding = false WHERE person = %d", into, from.Person),
		fmt.Sprintf("UPDATE crosswalk SET measured = true WHERE person = %d", into),
		fmt.Sprintf("UPDATE tokens SET person = %d WHERE person = %d", into, from.Person),
		fmt.Sprintf("UPDATE people SET measured = true, engaged_seen = (SELECT min(engaged_seen) FROM people WHERE person IN (%d, %d)) WHERE person = %d", into, from.Person, into),
		fmt.Sprintf("DELETE FROM people WHERE person = %d", from.Person))
}

// split gives a file a person of its own. Of the others the one that came first founds what is left.
func (b *builder) split(ctx context.Context, rows []link.Row, from link.Row, a link.Act) error {
	rest := slices.DeleteFunc(slices.Clone(rows), func(r link.Row) bool { return r.Person != from.Person || r.Of() == a.File })
	if len(rest) == 0 {
		return fmt.Errorf("lake: the file of a split is alone already")
	}
	var last uint32
	if err := b.db.one(ctx, "SELECT coalesce(max(person), 0) FROM people", &last); err != nil {
		return err
	}
	b.touch(rows, from.Person)
	b.apart[a.File] = last + 1
	founder := rest[0].Of()
	if at := slices.IndexFunc(rest, func(r link.Row) bool { return r.Founding }); at >= 0 {
		founder = rest[at].Of()
	}
	b.founds[founder] = true
	is := func(f link.FileID) string {
		return fmt.Sprintf("population = %s AND partner = %s AND person_key = %s", quote(f.Population), quote(f.Partner), quote(f.PersonKey))
	}
	return b.db.exec(ctx,
		fmt.Sprintf("UPDATE crosswalk SET person = %d, founding = true, measured = true WHERE %s", last+1, is(a.File)),
		fmt.Sprintf("UPDATE crosswalk SET founding = true WHERE %s", is(founder)),
		fmt.Sprintf("INSERT INTO people SELECT %d, population, unhex(%s), engaged_seen, true FROM people WHERE person = %d", last+1, quote(fmt.Sprintf("%x", a.Pseudonym)), from.Person))
}

// touch notes the partners of persons: what they sent is folded anew.
func (b *builder) touch(rows []link.Row, persons ...uint32) {
	for _, r := range rows {
		if slices.Contains(persons, r.Person) {
			b.touched[r.Partner] = true
		}
	}
}

// whose is the person of a set after tonight's acts, and whether its file founds that person.
func (b *builder) whose(r setRow) (person uint32, founding bool) {
	f := link.FileID{Population: r.Population, Partner: r.Partner, PersonKey: r.PersonKey}
	if p, ok := b.apart[f]; ok {
		return p, true
	}
	person, founding = r.Person, r.Founding || b.founds[f]
	for {
		next, ok := b.moved[person]
		if !ok {
			return person, founding
		}
		person, founding = next, false
	}
}
