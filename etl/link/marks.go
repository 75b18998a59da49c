package link

import (
	"encoding/hex"

	"heatwatch/etl/tokens"
)

// Mark is a token as tombstones know it: of a set, each value with its recipe.
type Mark struct{ Column, Value string }

// Marks are all tokens of a file, one by one.
func (f File) Marks() []Mark {
	var list []Mark
	for _, t := range f.whole() {
		list = append(list, Mark(t))
	}
	for _, s := range f.sets() {
		for slot, v := range s.Set {
			list = append(list, markOf(s.Column, tokens.RecipeOf[slot], v))
		}
	}
	return list
}

func markOf(column string, r tokens.Recipe, v tokens.Value) Mark {
	return Mark{column, r.String() + " " + hex.EncodeToString(v[:])}
}

// whole are the tokens that are compared as they are.
func (f File) whole() []Token {
	var list []Token
	for _, t := range f.Tokens {
		if _, set := tokens.EpochOf(t.Column); !set {
			list = append(list, t)
		}
	}
	return list
}

// sets are the file's sets, also those that were read as text.
func (f File) sets() []Set {
	list := f.Sets
	for _, t := range f.Tokens {
		if _, set := tokens.EpochOf(t.Column); set {
			if s, ok := tokens.ParseText([]byte(t.Value)); ok {
				list = append(list, Set{t.Column, &s})
			}
		}
	}
	return list
}

// Matches tells whether a file is of somebody of whom only marks are left: one of the tokens that are compared as a whole is
// there, or as many values of a set as would make one person of two files.
func (f File) Matches(has func(Mark) bool) bool {
	for _, t := range f.whole() {
		if has(Mark(t)) {
			return true
		}
	}
	w := Default()
	for _, s := range f.sets() {
		var a Agreement
		for slot, v := range s.Set {
			mine := tokens.RecipeOf[slot]
			for _, other := range mine.Meets() {
				if has(markOf(s.Column, other, v)) {
					a.meet(mine, other)
				}
			}
		}
		if e := a.Evidence(); w.Accepted(e) {
			return true
		}
	}
	return false
}

// Parsed is the file with sets that were read as text taken for sets.
func (f File) Parsed() File {
	f.Sets, f.Tokens = f.sets(), f.whole()
	return f
}

// Best is the person whom a file would join by its sets, 0 for none.
func Best(f File, known []FounderSet) uint32 {
	a := newAssigner(FoundersAgreement, nil, Known{Sets: known}, 0, nil)
	if list := a.leaders(a.candidates(f)); len(list) > 0 {
		return list[0].person
	}
	return 0
}
