package link

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"heatwatch/etl/tokens"
	"heatwatch/models"
)

// Version names the rule of this package in release manifests: it changes when the same files would become other
// persons. Recipes of tokens and the weights belong to it.
const Version = "3 sets of 98"

// Token is one linkage token of a file that is compared as a whole.
type Token struct{ Column, Value string }

// Set is the tokens of a file that deidentify made, under one epoch's key. Its column names form and epoch.
type Set struct {
	Column string
	*tokens.Set
}

// File is what one agency holds about one person.
type File struct {
	Population string // minors, accused or profiles
	Partner    string
	PersonKey  string
	Created    int64 // when it first came: microseconds of the manifest's created
	Tokens     []Token
	Sets       []Set
	Repeats    bool // the agency does not say that one person has one number
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

// FounderSet is the set of a file that has a person.
type FounderSet struct {
	Population string
	Partner    string
	PersonKey  string
	Person     uint32
	Founding   bool // of the file that founded the person
	Set
}

// Known is what earlier nights decided, as far as the new files can touch it: the founders of their tokens, and the
// agencies that have a file of those persons.
type Known struct {
	Founders []Founder
	Sets     []FounderSet
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
	Sets     []FounderSet
	Last     uint32
}

// Assign gives every file a person. It changes neither files nor known.
func Assign(files []File, known Known, since models.Date, rand io.Reader) (Outcome, error) {
	return AssignBy(FoundersAgreement, files, known, since, rand)
}

// AssignBy is Assign by another rule.
func AssignBy(rule Rule, files []File, known Known, since models.Date, rand io.Reader) (Outcome, error) {
	a := newAssigner(rule, files, known, since, rand)
	sorted := inOrder(files)
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].Created == sorted[0].Created && sorted[n].Partner == sorted[0].Partner {
			n++
		}
		if err := a.assign(sorted[:n]); err != nil {
			return Outcome{}, err
		}
		sorted = sorted[n:]
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

type founderKey struct{ population, column, value string }

type assigner struct {
	rule     Rule
	weights  Weights
	founders map[founderKey]uint32
	index    *index
	nodes    []node // of the sets in the index
	members  map[Member]bool
	since    models.Date
	rand     io.Reader
	out      Outcome
	met      map[int]*Agreement // scratch of candidates
}

// node says whose a set of the index is.
type node struct {
	population string
	person     uint32
	founding   bool
}

func newAssigner(rule Rule, files []File, known Known, since models.Date, rand io.Reader) *assigner {
	sets := len(known.Sets)
	for _, f := range files {
		sets += len(f.Sets)
	}
	a := &assigner{rule: rule, weights: Default(), founders: make(map[founderKey]uint32, len(known.Founders)), index: newIndex(sets),
		members: make(map[Member]bool, len(known.Members)+len(files)), since: since, rand: rand, met: map[int]*Agreement{},
		out: Outcome{Last: known.Last, Rows: make([]Row, 0, len(files))}}
	for _, f := range known.Founders {
		a.found(f)
	}
	for _, s := range known.Sets {
		a.put(s)
	}
	for _, m := range known.Members {
		a.members[m] = true
	}
	return a
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

func (a *assigner) put(s FounderSet) {
	a.index.add(s.Set.Set)
	a.nodes = append(a.nodes, node{s.Population, s.Person, s.Founding})
}

// keep indexes the sets of a file that has a person now.
func (a *assigner) keep(f File, person uint32, founding bool) {
	for _, s := range f.Sets {
		kept := FounderSet{f.Population, f.Partner, f.PersonKey, person, founding, s}
		a.put(kept)
		a.out.Sets = append(a.out.Sets, kept)
	}
}

// assign gives the files of one agency and one drop their persons: the strongest pairs first, then, in order, each of the
// rest a person of its own.
func (a *assigner) assign(files []File) error {
	type pair struct {
		file int
		candidate
	}
	var pairs []pair
	for i, f := range files {
		for _, c := range a.leaders(a.candidates(f)) {
			pairs = append(pairs, pair{i, c})
		}
	}
	slices.SortStableFunc(pairs, func(p, q pair) int { return cmp.Compare(q.score, p.score) })
	joined, held := make([]uint32, len(files)), make([]bool, len(files))
	for _, p := range pairs {
		f := files[p.file]
		switch taken := !f.Repeats && a.members[Member{p.person, f.Partner}]; {
		case joined[p.file] != 0 || held[p.file]:
		case taken && p.strong:
			held[p.file] = true
		case !taken:
			joined[p.file] = p.person
			a.members[Member{p.person, f.Partner}] = true
		}
	}
	first := a.out.Last // persons above it are of this drop
	for i, f := range files {
		if err := a.settle(f, joined[i], held[i], first); err != nil {
			return err
		}
	}
	return nil
}

// settle writes down what becomes of a file. One that joins nobody may be a second file of somebody of its own drop.
func (a *assigner) settle(f File, joined uint32, held bool, first uint32) error {
	if joined == 0 && !held && a.out.Last > first {
		for _, c := range a.candidates(f) {
			if c.person > first && (c.strong || f.Repeats) {
				held, joined = true, c.person
				break
			}
		}
		if f.Repeats {
			held = false
		} else {
			joined = 0
		}
	}
	if joined == 0 {
		return a.newPerson(f, !held)
	}
	a.row(f, joined, false, true)
	if a.rule != FounderOnly {
		a.keep(f, joined, false)
	}
	return nil
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
	if !founding { // kept for the steward and for estimates: without a founding file nobody joins its person
		a.keep(f, p.Person, false)
		return nil
	}
	for _, t := range sortedTokens(f.Tokens) {
		founder := Founder{f.Population, p.Person, t}
		if a.found(founder) {
			a.out.Founders = append(a.out.Founders, founder)
		}
	}
	a.keep(f, p.Person, true)
	return nil
}

func (a *assigner) row(f File, person uint32, founding, measured bool) {
	a.out.Rows = append(a.out.Rows, Row{f.Population, f.Partner, f.PersonKey, person, founding, measured, a.since})
}

// AddToken adds a cell of a token column: a set by the name of its column, else a token that is compared as a whole.
func (f *File) AddToken(column, value string) {
	if _, ok := tokens.EpochOf(column); ok {
		if s, ok := tokens.ParseText([]byte(value)); ok {
			f.Sets = append(f.Sets, Set{column, &s})
			return
		}
	}
	f.Tokens = append(f.Tokens, Token{column, value})
}
