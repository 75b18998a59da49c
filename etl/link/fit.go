package link

import "math"

// Fitted is what the house's own tokens say of one level of agreement.
type Fitted struct {
	Part, Level string   // names or number, and how far they agree
	Pairs       int      // with this level, of files that are surely of one person
	One, Two    Estimate // share of the pairs of one person, and of two, that agree so far
	Weight      Estimate // binary logarithm of One to Two
	Frozen      float64  // what this version of the linkage gives for it
	Tells       bool     // pairs of two persons with this level were seen as well: Weight is measured on both sides
}

// Fit finds weights without labels, to be held against those that are frozen; it changes nothing. Pairs of two persons are those of one
// agency's files, where the agency gives one person one number. Pairs of one person are taken on the word of the other part: those that agree on
// the whole number tell how far names agree, those that agree on names and date tell how far numbers do. That is one step of the
// method of Fellegi and Sunter (1969) for independent fields, without the iteration: among the candidates of a county too few are of
// two persons for expectation maximisation (Winkler 1988) to end anywhere but at one class.
func Fit(rows []Row, sets []FounderSet, distinct func(partner string) bool) []Fitted {
	files := filesOf(rows, sets)
	var names, numbers struct{ one, two []int }
	names.one, names.two = make([]int, NameLevels), make([]int, NameLevels)
	numbers.one, numbers.two = make([]int, NumberLevels), make([]int, NumberLevels)
	namesOf, numbersOf := 0, 0
	Pairs(files, func(i, j int, e Evidence) {
		if files[i].Partner == files[j].Partner {
			if distinct(files[i].Partner) {
				names.two[e.Name]++
				numbers.two[e.Number]++
			}
			return
		}
		if e.Number == NumberSame {
			names.one[e.Name]++
			namesOf++
		}
		if e.Name == BothSame {
			numbers.one[e.Number]++
			numbersOf++
		}
	})
	all := pairsWithin(files, distinct)
	w := Default()
	var out []Fitted
	for l := NameYear; l < NameLevels; l++ {
		out = append(out, fitted("names", l.String(), names.one[l], namesOf, names.two[l], all, w.Score(Evidence{Name: l})-w.Prior))
	}
	for l := Last4Same; l < NumberLevels; l++ {
		out = append(out, fitted("number", l.String(), numbers.one[l], numbersOf, numbers.two[l], all, w.Score(Evidence{Number: l})-w.Prior))
	}
	return out
}

func fitted(part, level string, one, ones, two, twos int, frozen float64) Fitted {
	f := Fitted{Part: part, Level: level, Pairs: one, One: share(float64(one), float64(ones)), Two: share(float64(two), float64(twos)), Frozen: frozen, Tells: two > 0}
	ratio := func(a, b float64) float64 { return math.Log2(max(a, 1e-12) / max(b, 1e-12)) }
	f.Weight = Estimate{ratio(f.One.Value, f.Two.Value), ratio(f.One.Low, f.Two.High), ratio(f.One.High, f.Two.Low)}
	return f
}

// pairsWithin is how many pairs the files of each agency make that gives one person one number.
func pairsWithin(files []File, distinct func(partner string) bool) (pairs int) {
	type group struct{ partner, population string }
	n := map[group]int{}
	for _, f := range files {
		if distinct(f.Partner) {
			n[group{f.Partner, f.Population}]++
		}
	}
	for _, k := range n {
		pairs += k * (k - 1) / 2
	}
	return pairs
}
