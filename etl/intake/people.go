package intake

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/parquet-go/parquet-go"

	"heatwatch/models"
)

// Person is whom one agency's rows speak of: a key within a population. It is nobody's person yet: linkage decides.
type Person struct{ Population, Key string }

// PersonTokens is one persons row that landed: the key and its linkage tokens, as column and value.
type PersonTokens struct {
	Person
	Tokens [][2]string
}

// People calls each for every row of a landed drop that vouches for a person, and for every profile. The bytes of keys and
// tokens are copies.
func People(landing string, d Drop, each func(PersonTokens) error) error {
	for _, f := range d.Files {
		e, ok := models.Dictionary().Entity(f.Entity)
		if !ok || f.Refused || f.Parquet == "" || !e.Tokens && e.Population != "profiles" {
			continue
		}
		if err := eachRow(filepath.Join(landing, d.Partner, d.Name, f.Parquet), e, func(p Person, row parquet.Row, names []string) error {
			t := PersonTokens{Person: p}
			for _, v := range row {
				if n := names[v.Column()]; models.IsToken(n) && !v.IsNull() {
					t.Tokens = append(t.Tokens, [2]string{n, string(v.ByteArray())})
				}
			}
			return each(t)
		}); err != nil {
			return err
		}
	}
	return nil
}

// Owners calls each for every row of a landed drop that is about a person.
func Owners(landing string, d Drop, each func(Person) error) error {
	for _, f := range d.Files {
		e, ok := models.Dictionary().Entity(f.Entity)
		if !ok || f.Refused || f.Parquet == "" {
			continue
		}
		err := eachRow(filepath.Join(landing, d.Partner, d.Name, f.Parquet), e, func(p Person, _ parquet.Row, _ []string) error { return each(p) })
		if err != nil {
			return err
		}
	}
	return nil
}

// rowOwner tells whom a row of a landing file is about.
type rowOwner struct {
	entity    models.Entity
	key, role int // columns of the file; -1: it has none
	roles     []string
}

func ownerOf(e models.Entity, names []string) rowOwner {
	o := rowOwner{entity: e, key: slices.Index(names, e.PersonKey()), role: slices.Index(names, "party_role")}
	if c, ok := e.Column("party_role"); ok {
		o.roles = c.Values
	}
	return o
}

func (o rowOwner) of(row parquet.Row) (p Person) {
	var role string
	for _, v := range row {
		switch {
		case v.IsNull():
		case v.Column() == o.key:
			p.Key = string(v.ByteArray())
		case v.Column() == o.role && o.roles != nil && int(v.Int32()) < len(o.roles):
			role = o.roles[v.Int32()]
		}
	}
	p.Population = o.entity.About(role)
	return p
}

// eachRow reads a landing file row by row. The row is valid until each returns.
func eachRow(path string, e models.Entity, each func(p Person, row parquet.Row, names []string) error) error {
	in, f, err := openLanding(path)
	if err != nil {
		return err
	}
	defer in.Close()
	names := columnNames(f)
	owner := ownerOf(e, names)
	if owner.key < 0 {
		return nil
	}
	return readRows(f, func(rows []parquet.Row) error {
		for _, row := range rows {
			if err := each(owner.of(row), row, names); err != nil {
				return err
			}
		}
		return nil
	})
}

func openLanding(path string) (*os.File, *parquet.File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	st, err := in.Stat()
	if err != nil {
		in.Close()
		return nil, nil, err
	}
	f, err := parquet.OpenFile(in, st.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		in.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return in, f, nil
}

func columnNames(f *parquet.File) (names []string) {
	for _, p := range f.Schema().Columns() {
		names = append(names, p[0])
	}
	return names
}

// readRows hands out the rows of a file in batches.
func readRows(f *parquet.File, each func([]parquet.Row) error) error {
	buf := make([]parquet.Row, 256)
	for _, g := range f.RowGroups() {
		r := g.Rows()
		for {
			n, err := r.ReadRows(buf)
			if e := each(buf[:n]); e != nil {
				return errors.Join(e, r.Close())
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return errors.Join(err, r.Close())
			}
		}
		if err := r.Close(); err != nil {
			return err
		}
	}
	return nil
}
