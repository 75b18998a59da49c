package lake

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/parquet-go/parquet-go"

	"heatwatch/etl/link"
	"heatwatch/etl/tokens"
	"heatwatch/models"
)

// setRow is the token set of a file that has a person. Sets are large, random and never change: each night writes those of
// its new files into a file of its own, and takes the others over.
type setRow struct {
	Population string `parquet:"population,dict"`
	Partner    string `parquet:"partner,dict"`
	PersonKey  string `parquet:"person_key"`
	Column     string `parquet:"column,dict"`
	Person     uint32 `parquet:"person"`
	Founding   bool   `parquet:"founding"`
	Value      []byte `parquet:"value"`
}

const setsPrefix = "sets-"

// mostSetFiles is how many files of sets stand side by side before a night makes one of them.
const mostSetFiles = 40

func isSets(f File) bool { return strings.HasPrefix(f.Path, setsPrefix) }

// setFiles are the files of sets of a generation.
func (m Manifest) setFiles() (list []File) {
	for _, f := range m.Files {
		if isSets(f) {
			list = append(list, f)
		}
	}
	return list
}

func (r setRow) founder() (link.FounderSet, error) {
	if len(r.Value) != tokens.Count*len(tokens.Value{}) {
		return link.FounderSet{}, errors.New("a set of tokens has another length than it was written with")
	}
	s := link.FounderSet{Population: r.Population, Partner: r.Partner, PersonKey: r.PersonKey, Person: r.Person, Founding: r.Founding, Set: link.Set{Column: r.Column, Set: new(tokens.Set)}}
	for i := range s.Set.Set {
		copy(s.Set.Set[i][:], r.Value[i*len(tokens.Value{}):])
	}
	return s, nil
}

func setRowOf(s link.FounderSet) setRow {
	return setRow{s.Population, s.Partner, s.PersonKey, s.Column, s.Person, s.Founding, s.Set.Set.Bytes()}
}

// eachSet calls use for every set of a generation.
func eachSet(dir string, files []File, use func(setRow) error) error {
	var inner error
	for _, f := range files {
		err := each(filepath.Join(dir, f.Path), func(r setRow) {
			if inner == nil {
				inner = use(r)
			}
		})
		if err := errors.Join(err, inner); err != nil {
			return err
		}
	}
	return nil
}

// knownSets reads the sets that have a token in common with one of the new files.
func (b *builder) knownSets(ctx context.Context, files []link.File, k *link.Known) error {
	sieve := link.NewSieve(files)
	if sieve == nil {
		return nil
	}
	members := map[uint32]bool{}
	err := eachSet(b.before(), b.prev.setFiles(), func(r setRow) error {
		r.Person, r.Founding = b.whose(r)
		s, err := r.founder()
		if err == nil && sieve.Meets(s) && !b.gone[r.Person] {
			k.Sets = append(k.Sets, s)
			members[r.Person] = true
		}
		return err
	})
	if err != nil || len(members) == 0 {
		return err
	}
	return b.membersOf(ctx, members, k)
}

// membersOf adds which agencies have a file of the persons.
func (b *builder) membersOf(ctx context.Context, persons map[uint32]bool, k *link.Known) error {
	list := make([]uint32, 0, len(persons))
	for p := range persons {
		list = append(list, p)
	}
	if err := b.db.exec(ctx, "CREATE TABLE near (person UINTEGER)"); err != nil {
		return err
	}
	if err := b.db.fill("near", len(list), func(i int) []driver.Value { return []driver.Value{list[i]} }); err != nil {
		return err
	}
	return b.db.each(ctx, "SELECT person, partner FROM crosswalk WHERE person IN (FROM near)", func(r *sql.Rows) error {
		var m link.Member
		err := r.Scan(&m.Person, &m.Partner)
		k.Members = append(k.Members, m)
		return err
	})
}

// keepSets takes the files of sets over, without those of persons who go, and writes one for tonight's.
func (b *builder) keepSets() error {
	old := b.prev.setFiles()
	if len(old) >= mostSetFiles || len(b.gone) > 0 || len(b.Acts) > 0 {
		return b.rewriteSets(old)
	}
	for _, f := range old {
		if err := b.link(f); err != nil {
			return err
		}
	}
	if len(b.sets) == 0 {
		return nil
	}
	return b.writeSets(func(write func(setRow) error) error { return b.freshSets(write) })
}

func (b *builder) freshSets(write func(setRow) error) error {
	for _, s := range b.sets {
		if err := write(setRowOf(s)); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) rewriteSets(old []File) error {
	return b.writeSets(func(write func(setRow) error) error {
		err := eachSet(b.before(), old, func(r setRow) error {
			if b.gone[r.Person] {
				return nil
			}
			r.Person, r.Founding = b.whose(r)
			return write(r)
		})
		return errors.Join(err, b.freshSets(write))
	})
}

// writeSets writes one file of sets; none if there are no rows.
func (b *builder) writeSets(rows func(write func(setRow) error) error) (err error) {
	f := File{Path: fmt.Sprintf("%s%d.parquet", setsPrefix, b.next.Generation)}
	staged := filepath.Join(b.staging, f.Path)
	out, err := os.OpenFile(staged, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := parquet.NewGenericWriter[setRow](out)
	batch := make([]setRow, 0, 256)
	flush := func() error {
		_, err := w.Write(batch)
		batch = batch[:0]
		return err
	}
	err = rows(func(r setRow) error {
		r.Value = append([]byte(nil), r.Value...)
		batch = append(batch, r)
		f.Rows++
		if len(batch) == cap(batch) {
			return flush()
		}
		return nil
	})
	if err = errors.Join(err, flush(), w.Close()); err != nil {
		return err
	}
	if f.Rows == 0 {
		return os.Remove(staged)
	}
	if f.SHA256, f.Bytes, err = hashFile(staged); err != nil {
		return err
	}
	return b.publish(staged, f)
}

// renew adds the sets of a further epoch that files bring which have a person already: while two epochs overlap, agencies
// send tokens under both keys, and whoever is known under the old one becomes known under the new one.
func (b *builder) renew(ctx context.Context) error {
	for i, p := range b.next.Partners {
		for _, e := range models.Dictionary().Entities {
			if !e.Tokens || !b.dirty(p) {
				continue
			}
			if err := b.renewOf(ctx, i, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *builder) renewOf(ctx context.Context, i int, e models.Entity) error {
	p := b.next.Partners[i].Name
	r, err := rowsOf(e, sources(b.drops[p], e.Name))
	if err != nil {
		return err
	}
	var columns []string
	for _, c := range r.columns {
		if isSet(c.name) {
			columns = append(columns, c.name)
		}
	}
	if len(columns) < 2 { // one epoch: every file has its set since it came
		return nil
	}
	had, err := b.setsOf(p, e.Population)
	if err != nil {
		return err
	}
	for _, c := range columns {
		query := fmt.Sprintf("SELECT t.person_key, t.%s, x.person, x.founding FROM %s AS t JOIN crosswalk AS x ON x.partner = %s AND x.population = %s AND x.person_key = t.person_key WHERE t.%s IS NOT NULL AND x.measured",
			name(c), personsTable(i, e), quote(p), quote(e.Population), name(c))
		err := b.db.each(ctx, query, func(rows *sql.Rows) error {
			s := link.FounderSet{Population: e.Population, Partner: p, Set: link.Set{Column: c}}
			var text string
			if err := rows.Scan(&s.PersonKey, &text, &s.Person, &s.Founding); err != nil || had[s.PersonKey+" "+c] {
				return err
			}
			set, ok := tokens.ParseText([]byte(text))
			if ok {
				s.Set.Set = &set
				b.sets = append(b.sets, s)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// setsOf are the keys of a partner's files with the columns of their sets, as they are known by now.
func (b *builder) setsOf(partner, population string) (map[string]bool, error) {
	had := map[string]bool{}
	err := eachSet(b.before(), b.prev.setFiles(), func(r setRow) error {
		if r.Partner == partner && r.Population == population {
			had[r.PersonKey+" "+r.Column] = true
		}
		return nil
	})
	for _, s := range b.sets {
		if s.Partner == partner && s.Population == population {
			had[s.PersonKey+" "+s.Column] = true
		}
	}
	return had, err
}
