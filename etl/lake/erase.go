package lake

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"heatwatch/etl/link"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
)

// erase takes the persons of whom a file is suppressed out of the tables that are carried from night to night. Everybody else keeps
// person, pseudonym and tokens: nothing is linked anew.
func (b *builder) erase(ctx context.Context) error {
	b.gone = map[uint32]bool{}
	gone := b.gone
	err := b.db.each(ctx, "SELECT population, partner, person_key, person FROM crosswalk", func(r *sql.Rows) error {
		var f link.File
		var person uint32
		err := r.Scan(&f.Population, &f.Partner, &f.PersonKey, &person)
		if err == nil && b.Suppress != nil && b.Suppress(f) {
			gone[person] = true
		}
		return err
	})
	if err != nil || len(gone) == 0 {
		return err
	}
	if err := b.db.exec(ctx, "CREATE TABLE gone (person UINTEGER)"); err != nil {
		return err
	}
	list := make([]uint32, 0, len(gone))
	for p := range gone {
		list = append(list, p)
	}
	if err := b.db.fill("gone", len(list), func(i int) []driver.Value { return []driver.Value{list[i]} }); err != nil {
		return err
	}
	for _, t := range []string{"crosswalk", "people", "tokens"} {
		if err := b.db.exec(ctx, "DELETE FROM "+t+" WHERE person IN (FROM gone)"); err != nil {
			return err
		}
	}
	return nil
}

// Holders are the generations whose crosswalk has a file that gone names, the oldest first.
func Holders(h home.Home, gone func(link.Row) bool) (list []int, err error) {
	all, err := Generations(h)
	if err != nil {
		return nil, err
	}
	for _, n := range all {
		rows, err := crosswalkOf(filepath.Join(generationPath(h, n), crosswalkName))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("generation %d: %w", n, err)
		}
		for _, r := range rows {
			if gone(r) {
				list = append(list, n)
				break
			}
		}
	}
	return list, nil
}

// Remove removes generations that are not the current one. It reports those that a reader holds: they stay until it ends.
func Remove(h home.Home, fsys durable.FS, generations []int) (held []int, err error) {
	current, err := Current(h)
	if err != nil {
		return nil, err
	}
	for _, n := range generations {
		if n == current {
			return held, fmt.Errorf("lake: generation %d is the current one", n)
		}
		ok, err := remove(h, fsys, n)
		if err != nil {
			return held, err
		}
		if !ok {
			held = append(held, n)
		}
	}
	return held, nil
}
