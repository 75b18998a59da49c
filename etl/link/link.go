package link

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"heatwatch/models"
)

// Version names the rule of this package in release manifests: it changes when the same files would become other
// persons. The recipe of the token belongs to it.
const Version = "1 token_name_dob"

// Token is one linkage token of a file.
type Token struct{ Column, Value string }

// File is what one agency holds about one person.
type File struct {
	Population string // minors, accused or profiles
	Partner    string
	PersonKey  string
	Created    int64 // when it first came: microseconds of the manifest's created
	Tokens     []Token
}

// Row is a line of the crosswalk.
type Row struct {
	Population string
	Partner    string
	PersonKey  string
	Person     uint32
	Founding   bool // its tokens are matched against
	Measured   bool // false: a second file of its agency, which waits for a steward
	Since      models.Date
}

// Person is a unit of privacy.
type Person struct {
	Person     uint32
	Population string
	Pseudonym  [16]byte // random, for ever; what selection by keyed hash depends on
	Measured   bool
}

// Founder is a token of a founding file, as it is kept.
type Founder struct {
	Population string
	Person     uint32
	Token
}

// Known is what earlier nights decided, as far as the new files can touch it: the founders of their tokens, and the
// agencies that have a file of those persons.
type Known struct {
	Founders []Founder
	Members  []Member
	Last     uint32 // the highest number ever given to a person
}

// Member says that a partner has a file of a person.
type Member struct {
	Person  uint32
	Partner string
}

// Outcome is what one night decided.
type Outcome struct {
	Rows     []Row // in the order in which the files were taken
	Persons  []Person
	Founders []Founder
	Last     uint32
}

type founderKey struct{ population, column, value string }

type assigner struct {
	founders map[founderKey]uint32
	members  map[Member]bool
	since    models.Date
	rand     io.Reader
	out      Outcome
}

// Assign gives every file a person. It changes neither files nor known.
func Assign(files []File, known Known, since models.Date, rand io.Reader) (Outcome, error) {
	a := assigner{founders: make(map[founderKey]uint32, len(known.Founders)+len(files)), members: make(map[Member]bool, len(known.Members)+len(files)), since: since, rand: rand,
		out: Outcome{Last: known.Last, Rows: make([]Row, 0, len(files))}}
	for _, f := range known.Founders {
		a.found(f)
	}
	for _, m := range known.Members {
		a.members[m] = true
	}
	for _, f := range inOrder(files) {
		if err := a.assign(f); err != nil {
			return Outcome{}, err
		}
	}
	return a.out, nil
}

func inOrder(files []File) []File {
	sorted := slices.Clone(files)
	slices.SortFunc(sorted, func(a, b File) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.Partner, b.Partner),
			cmp.Compare(a.PersonKey, b.PersonKey), cmp.Compare(a.Population, b.Population))
	})
	return sorted
}

func (a *assigner) assign(f File) error {
	person, matched := a.match(f)
	switch {
	case !matched:
		return a.newPerson(f, true)
	case a.members[Member{person, f.Partner}]:
		return a.newPerson(f, false)
	}
	a.members[Member{person, f.Partner}] = true
	a.row(f, person, false, true)
	return nil
}

// match looks the tokens up in the byte order of their columns; the first that is known decides.
func (a *assigner) match(f File) (uint32, bool) {
	for _, t := range sortedTokens(f.Tokens) {
		if p, ok := a.founders[founderKey{f.Population, t.Column, t.Value}]; ok {
			return p, true
		}
	}
	return 0, false
}

func sortedTokens(tokens []Token) []Token {
	if len(tokens) < 2 {
		return tokens
	}
	sorted := slices.Clone(tokens)
	slices.SortFunc(sorted, func(a, b Token) int { return cmp.Compare(a.Column, b.Column) })
	return sorted
}

// newPerson gives the file a person of its own. Only a founding one can be joined by others.
func (a *assigner) newPerson(f File, founding bool) error {
	if a.out.Last == math.MaxUint32 {
		return errors.New("link: the numbers of persons are used up")
	}
	a.out.Last++
	p := Person{Person: a.out.Last, Population: f.Population, Measured: founding}
	if _, err := io.ReadFull(a.rand, p.Pseudonym[:]); err != nil {
		return fmt.Errorf("link: no randomness for a pseudonym: %w", err)
	}
	a.out.Persons = append(a.out.Persons, p)
	a.members[Member{p.Person, f.Partner}] = true
	a.row(f, p.Person, founding, founding)
	if !founding {
		return nil
	}
	for _, t := range sortedTokens(f.Tokens) {
		founder := Founder{f.Population, p.Person, t}
		if a.found(founder) {
			a.out.Founders = append(a.out.Founders, founder)
		}
	}
	return nil
}

// found indexes a token unless another founder has it already: the first keeps it.
func (a *assigner) found(f Founder) bool {
	k := founderKey{f.Population, f.Column, f.Value}
	if _, taken := a.founders[k]; taken {
		return false
	}
	a.founders[k] = f.Person
	return true
}

func (a *assigner) row(f File, person uint32, founding, measured bool) {
	a.out.Rows = append(a.out.Rows, Row{f.Population, f.Partner, f.PersonKey, person, founding, measured, a.since})
}
