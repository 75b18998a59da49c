// Package trace finds everything that a home has of one person, before that person is forgotten: the files of all
// agencies that are linked as the person, the tokens they ever came with, and where they lie. It never says a key or a token.
package trace

import (
	"errors"
	"fmt"

	"heatwatch/etl/intake"
	"heatwatch/etl/lake"
	"heatwatch/etl/link"
	"heatwatch/etl/partner"
	"heatwatch/etl/scan"
	"heatwatch/etl/tokens"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// Trace is what a home has of one person.
type Trace struct {
	Population  string
	Files       []link.File // keys, each with the tokens it ever came with; the first is the one that was asked for
	Pseudonym   []byte      // nil: the person was never loaded
	Rows        int64       // of drops that came in
	Drops       int
	Before      bool  // it was forgotten before: what is left is to finish, to scan and to write the receipt
	Generations []int // that hold any of the files
}

func (t Trace) String() string {
	return fmt.Sprintf("%d files of agencies and %d rows", len(t.Files), t.Rows)
}

func (t Trace) has(partner string, p intake.Person) bool {
	for _, x := range t.Files {
		if x.Partner == partner && x.Population == p.Population && x.PersonKey == p.Key {
			return true
		}
	}
	return false
}

func (t Trace) hasRow(r link.Row) bool {
	return t.has(r.Partner, intake.Person{Population: r.Population, Key: r.PersonKey})
}

// Gone tells whether an agency's key is of somebody who was forgotten; nil: nobody was.
type Gone func(partner string, p intake.Person) bool

// Find gathers the files of the person of whom an agency speaks by a key. population may be "" where the agency has the
// key in one population alone.
func Find(h home.Home, gone Gone, agency, population, key string) (t Trace, err error) {
	if !partner.ValidName(agency) {
		return t, nothing("--agency")
	}
	rows, err := lake.Whole(h)
	if err != nil {
		return t, err
	}
	if gone == nil {
		gone = func(string, intake.Person) bool { return false }
	}
	if t.Population, err = populationOf(h, rows, gone, agency, population, key); err != nil {
		return t, err
	}
	t.Files = []link.File{{Population: t.Population, Partner: agency, PersonKey: key}}
	t.Before = gone(agency, intake.Person{Population: t.Population, Key: key})
	person, err := personOf(h, rows, t.Files[0])
	if err != nil {
		return t, err
	}
	if person > 0 {
		for _, r := range rows {
			if r.Person == person && !t.hasRow(r) {
				t.Files = append(t.Files, link.File{Population: r.Population, Partner: r.Partner, PersonKey: r.PersonKey})
			}
		}
		known, err := lake.TracesOf(h, person)
		if err != nil {
			return t, err
		}
		t.Pseudonym, t.Files[0].Tokens = known.Pseudonym, known.Tokens
	}
	if t.Generations, err = lake.Holders(h, t.hasRow); err != nil {
		return t, err
	}
	return t, t.landed(h)
}

// personOf is the number of a file's person. A file that no generation has loaded, such as one that its agency has left out again before
// a night saw it, is of the person whom it would have joined.
func personOf(h home.Home, rows []link.Row, f link.File) (uint32, error) {
	for _, r := range rows {
		if r.Partner == f.Partner && r.PersonKey == f.PersonKey && r.Population == f.Population {
			return r.Person, nil
		}
	}
	alone := Trace{Files: []link.File{f}}
	if err := alone.landed(h); err != nil {
		return 0, err
	}
	person, err := lake.PersonOf(h, alone.Files[0])
	for _, r := range rows {
		if r.Person == person && r.Partner == f.Partner { // a second file of its agency stays alone
			return 0, err
		}
	}
	return person, err
}

// ErrNobody is in the error of a key that no drop of its agency ever named.
var ErrNobody = errors.New("nobody")

func nothing(where string) error {
	return problem.Wrap(ErrNobody, problem.Usage, where, "the warehouse has nothing under this pseudonym in that population", "check agency, pseudonym and population; heatwatch link dump lists them")
}

// populationOf is the population that was named, or the only one in which the agency has the key.
func populationOf(h home.Home, rows []link.Row, gone Gone, agency, named, key string) (string, error) {
	seen := map[string]bool{}
	for _, r := range rows {
		if r.Partner == agency && r.PersonKey == key {
			seen[r.Population] = true
		}
	}
	drops, err := intake.Drops(h.Landing(), agency)
	if err != nil {
		return "", err
	}
	for _, d := range drops {
		err := intake.Owners(h.Landing(), d, func(p intake.Person) error {
			if p.Key == key {
				seen[p.Population] = true
			}
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	for _, p := range models.Dictionary().Populations {
		if gone(agency, intake.Person{Population: p.Name, Key: key}) {
			seen[p.Name] = true
		}
	}
	switch {
	case named != "" && seen[named]:
		return named, nil
	case len(seen) == 0 || named != "":
		return "", nothing(agency)
	case len(seen) > 1:
		return "", problem.New(problem.Usage, agency, "the agency has this pseudonym in several populations", "say --population minors, accused or profiles")
	}
	for p := range seen {
		named = p
	}
	return named, nil
}

// landed adds the tokens with which the files ever came, and counts their rows.
func (t *Trace) landed(h home.Home) error {
	for i := range t.Files {
		drops, err := intake.Drops(h.Landing(), t.Files[i].Partner)
		if err != nil {
			return err
		}
		for _, d := range drops {
			if err := t.landedIn(h, &t.Files[i], d); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Trace) landedIn(h home.Home, f *link.File, d intake.Drop) error {
	who, rows := intake.Person{Population: f.Population, Key: f.PersonKey}, t.Rows
	err := intake.Owners(h.Landing(), d, func(p intake.Person) error {
		if p == who {
			t.Rows++
		}
		return nil
	})
	if err != nil || t.Rows == rows {
		return err
	}
	t.Drops++
	known := map[link.Token]bool{}
	for _, x := range f.Tokens {
		known[x] = true
	}
	return intake.People(h.Landing(), d, func(p intake.PersonTokens) error {
		for _, x := range p.Tokens {
			if token := (link.Token{Column: x[0], Value: x[1]}); p.Person == who && !known[token] {
				known[token] = true
				f.Tokens = append(f.Tokens, token)
			}
		}
		return nil
	})
}

// Needles is what must not be found once the person was forgotten. A token that somebody else's file carries too, and that
// stays, proves nothing.
func (t Trace) Needles(h home.Home) ([]scan.Needle, error) {
	carried := map[string]bool{}
	var all []scan.Needle
	for _, f := range t.Files {
		all = append(all, scan.Needle{Partner: f.Partner, Value: []byte(f.PersonKey)})
		for _, x := range f.Tokens {
			carried[x.Value] = true
		}
	}
	if t.Pseudonym != nil {
		all = append(all, scan.Needle{Value: t.Pseudonym})
	}
	if len(carried) > 0 {
		if err := t.shared(h, carried); err != nil {
			return nil, err
		}
	}
	for v := range carried {
		all = append(all, scan.Needle{Value: []byte(v)})
		if set, ok := tokens.ParseText([]byte(v)); ok { // as the lake keeps it
			all = append(all, scan.Needle{Value: set.Bytes()})
		}
	}
	return all, nil
}

// shared takes out the tokens that rows of others carry.
func (t Trace) shared(h home.Home, tokens map[string]bool) error {
	drops, err := intake.EveryDrop(h.Landing())
	if err != nil {
		return err
	}
	for _, d := range drops {
		err := intake.People(h.Landing(), d, func(p intake.PersonTokens) error {
			if !t.has(d.Partner, p.Person) {
				for _, x := range p.Tokens {
					delete(tokens, x[1])
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
