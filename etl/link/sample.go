package link

import (
	"cmp"
	"encoding/binary"
	"io"
	"slices"
)

// Sampled is a pair of files for a clerical review: what their tokens agree on, and what was made of it.
type Sampled struct {
	A, B     Row
	Evidence Evidence
	Score    float64 // binary logarithm of the odds
	Linked   bool    // one person
	Near     bool    // the score lies near the limit
	Of       int     // pairs of its stratum: linked or not, near or not
}

// near is how far from the limit a score is in doubt, in bits: between one and thirty in 32.
const near = 5

// Sample draws pairs of files of different agencies at random, as many of each stratum as of the others: linked or not, near the limit or not.
// Pairs without a token in common are in none. n is how many are wanted of a stratum.
func Sample(rows []Row, sets []FounderSet, n int, rand io.Reader) ([]Sampled, error) {
	files := filesOf(rows, sets)
	at := map[FileID]Row{}
	for _, r := range rows {
		at[r.Of()] = r
	}
	type drawn struct {
		Sampled
		lot uint64
	}
	strata, count := map[[2]bool][]drawn{}, map[[2]bool]int{}
	w := Default()
	var err error
	var lot [8]byte
	Pairs(files, func(i, j int, e Evidence) {
		if files[i].Partner == files[j].Partner || err != nil {
			return
		}
		if _, err = io.ReadFull(rand, lot[:]); err != nil {
			return
		}
		s := Sampled{A: at[files[i].id()], B: at[files[j].id()], Evidence: e, Score: w.Score(e)}
		s.Linked, s.Near = s.A.Person == s.B.Person, s.Score > accept-near && s.Score < accept+near
		k := [2]bool{s.Linked, s.Near}
		count[k]++
		list := strata[k]
		list = append(list, drawn{s, binary.LittleEndian.Uint64(lot[:])})
		if len(list) > 2*n { // the smallest lots stay
			slices.SortFunc(list, func(a, b drawn) int { return cmp.Compare(a.lot, b.lot) })
			list = list[:n]
		}
		strata[k] = list
	})
	if err != nil {
		return nil, err
	}
	var out []Sampled
	for _, k := range [][2]bool{{true, true}, {false, true}, {true, false}, {false, false}} {
		list := strata[k]
		slices.SortFunc(list, func(a, b drawn) int { return cmp.Compare(a.lot, b.lot) })
		for _, d := range list[:min(n, len(list))] {
			d.Of = count[k]
			out = append(out, d.Sampled)
		}
	}
	return out, nil
}
