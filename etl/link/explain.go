package link

import (
	"cmp"
	"slices"

	"heatwatch/etl/tokens"
)

// Compare says on which recipes two sets agree.
func Compare(a, b *tokens.Set) Agreement {
	at := make(map[tokens.Value][]int, tokens.Count)
	for i, v := range b {
		at[v] = append(at[v], i)
	}
	var g Agreement
	for i, v := range a {
		for _, j := range at[v] {
			g.meet(tokens.RecipeOf[i], tokens.RecipeOf[j])
		}
	}
	return g
}

// Recipes are the names of the recipes on which the sets agree, in the order of the table.
func (a Agreement) Recipes() (list []string) {
	for r := range tokens.Recipes {
		if a.on(r) {
			list = append(list, r.String())
		}
	}
	if a.noFirst {
		list = append(list, tokens.LastDateAlone.String())
	}
	if a.rareUndated {
		list = append(list, tokens.N2RareAlone.String())
	}
	return list
}

// Reason is why a file belongs to a person.
type Reason struct {
	Row
	With    string   // the agency whose file it agrees with best; "" for the one that founded the person
	Score   float64  // binary logarithm of the odds
	Recipes []string // on which both agree
}

// Explain says of every file of a person by which recipes it belongs to it. rows are the person's, sets those of its files.
func Explain(rows []Row, sets []FounderSet) []Reason {
	w := Default()
	mine := func(r Row) (list []FounderSet) {
		for _, s := range sets {
			if s.Partner == r.Partner && s.PersonKey == r.PersonKey && s.Population == r.Population {
				list = append(list, s)
			}
		}
		return list
	}
	var out []Reason
	for _, r := range rows {
		x := Reason{Row: r}
		for _, other := range rows {
			if r.Founding || other.Since > r.Since || other.Partner == r.Partner && other.PersonKey == r.PersonKey {
				continue
			}
			for _, a := range mine(r) {
				for _, b := range mine(other) {
					g := Compare(a.Set.Set, b.Set.Set)
					if s := w.Score(g.Evidence()); x.With == "" || s > x.Score {
						x.With, x.Score, x.Recipes = other.Partner, s, g.Recipes()
					}
				}
			}
		}
		out = append(out, x)
	}
	slices.SortStableFunc(out, func(a, b Reason) int { return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Partner, b.Partner)) })
	return out
}
