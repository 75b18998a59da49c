package lake

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parquet-go/parquet-go"

	"heatwatch/etl/link"
	"heatwatch/internal/home"
)

// Traces is what the current generation keeps of one person beside its files: the pseudonym and the founding tokens.
type Traces struct {
	Pseudonym []byte // nil: the generation has no such person
	Tokens    []link.Token
}

// TracesOf reads the traces of a person by number.
func TracesOf(h home.Home, person uint32) (t Traces, err error) {
	n, err := Current(h)
	if err != nil || n == 0 {
		return t, err
	}
	type someone struct {
		Person    uint32 `parquet:"person"`
		Pseudonym []byte `parquet:"pseudonym"`
	}
	type token struct {
		Person uint32 `parquet:"person"`
		Column string `parquet:"column"`
		Value  string `parquet:"value"`
	}
	err = each(filepath.Join(generationPath(h, n), peopleName), func(p someone) {
		if p.Person == person {
			t.Pseudonym = append([]byte(nil), p.Pseudonym...)
		}
	})
	if err != nil {
		return t, err
	}
	err = each(filepath.Join(generationPath(h, n), tokensName), func(x token) {
		if x.Person == person {
			t.Tokens = append(t.Tokens, link.Token{Column: x.Column, Value: x.Value})
		}
	})
	if err != nil {
		return t, err
	}
	m, err := ReadManifest(h, n)
	if err != nil {
		return t, err
	}
	return t, eachSet(generationPath(h, n), m.setFiles(), func(r setRow) error {
		if r.Person != person {
			return nil
		}
		s, err := r.founder()
		if err == nil {
			t.Tokens = append(t.Tokens, link.Token{Column: r.Column, Value: string(s.Set.Set.AppendText(nil))})
		}
		return err
	})
}

// PersonOf is the person whom a file with these tokens would join, as linkage matches them: 0 for none. Of a file that has a person
// the crosswalk tells.
func PersonOf(h home.Home, f link.File) (person uint32, err error) {
	n, err := Current(h)
	if err != nil || n == 0 {
		return 0, err
	}
	type founder struct {
		Population string `parquet:"population"`
		Column     string `parquet:"column"`
		Value      string `parquet:"value"`
		Person     uint32 `parquet:"person"`
	}
	own := map[link.Token]bool{}
	for _, t := range f.Tokens {
		own[t] = true
	}
	var by string
	err = each(filepath.Join(generationPath(h, n), tokensName), func(x founder) {
		if x.Population == f.Population && own[link.Token{Column: x.Column, Value: x.Value}] && (person == 0 || x.Column < by) {
			person, by = x.Person, x.Column
		}
	})
	if err != nil || person != 0 {
		return person, err
	}
	return personBySet(h, n, f)
}

// personBySet is the person whom a file would join by its sets.
func personBySet(h home.Home, generation int, f link.File) (uint32, error) {
	f = f.Parsed()
	sieve := link.NewSieve([]link.File{f})
	if sieve == nil {
		return 0, nil
	}
	m, err := ReadManifest(h, generation)
	if err != nil {
		return 0, err
	}
	var known []link.FounderSet
	err = eachSet(generationPath(h, generation), m.setFiles(), func(r setRow) error {
		s, err := r.founder()
		if err == nil && sieve.Meets(s) {
			known = append(known, s)
		}
		return err
	})
	return link.Best(f, known), err
}

// each reads a file of ours, row by row. One that is not there has none. A damaged file may make the library panic; that is an error
// here.
func each[T any](path string, use func(T)) (err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: not a readable Parquet file: %v", path, p)
		}
	}()
	r := parquet.NewGenericReader[T](f)
	defer func() { err = errors.Join(err, r.Close()) }()
	buf := make([]T, 1024)
	for {
		n, err := r.Read(buf)
		for _, row := range buf[:n] {
			use(row)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case n == 0:
			return io.ErrNoProgress
		}
	}
}

// SetsOf are the token sets of a person's files in the current generation, for person 0 those of all.
func SetsOf(h home.Home, person uint32) (list []link.FounderSet, err error) {
	n, err := Current(h)
	if err != nil || n == 0 {
		return nil, err
	}
	m, err := ReadManifest(h, n)
	if err != nil {
		return nil, err
	}
	return list, eachSet(generationPath(h, n), m.setFiles(), func(r setRow) error {
		if person != 0 && r.Person != person {
			return nil
		}
		s, err := r.founder()
		list = append(list, s)
		return err
	})
}
