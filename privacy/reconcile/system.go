package reconcile

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// Term is a cell with its coefficient.
type Term struct {
	Cell int
	Coef int64
}

// Row is an equality: the sum of Coef times the cell's number is zero.
type Row []Term

// System is equalities among measured cells, numbered from 0, and hidden ones that nobody measured, numbered from Cells
// on. Rows may follow from each other.
type System struct {
	Cells, Hidden int
	Rows          []Row
}

var errGrows = errors.New("reconcile: the equalities' coefficients grow beyond 2^31")

// normal sorts a row by cell, adds up doubles, and divides by the common factor; the first coefficient is positive.
func normal(r Row) Row {
	out := slices.Clone(r)
	slices.SortFunc(out, func(a, b Term) int { return cmp.Compare(a.Cell, b.Cell) })
	n := 0
	for _, t := range out {
		if n > 0 && out[n-1].Cell == t.Cell {
			out[n-1].Coef += t.Coef
		} else {
			out[n] = t
			n++
		}
	}
	out = slices.DeleteFunc(out[:n], func(t Term) bool { return t.Coef == 0 })
	if len(out) == 0 {
		return nil
	}
	g := out[0].Coef
	for _, t := range out {
		g = gcd(g, t.Coef)
	}
	if (g < 0) != (out[0].Coef < 0) {
		g = -g
	}
	for i := range out {
		out[i].Coef /= g
	}
	return out
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	if a < 0 {
		return -a
	}
	return a
}

func (r Row) coef(cell int) int64 {
	i, ok := slices.BinarySearchFunc(r, cell, func(t Term, c int) int { return cmp.Compare(t.Cell, c) })
	if !ok {
		return 0
	}
	return r[i].Coef
}

// without takes a multiple of pivot from a such that the cell is gone; both are normal.
func without(a, pivot Row, cell int) (Row, error) {
	ca, cp := a.coef(cell), pivot.coef(cell)
	if ca == 0 {
		return a, nil
	}
	g := gcd(ca, cp)
	fa, fp := cp/g, -ca/g
	out := make(Row, 0, len(a)+len(pivot))
	for i, j := 0, 0; i < len(a) || j < len(pivot); {
		switch {
		case j == len(pivot) || i < len(a) && a[i].Cell < pivot[j].Cell:
			out = append(out, Term{a[i].Cell, a[i].Coef * fa})
			i++
		case i == len(a) || pivot[j].Cell < a[i].Cell:
			out = append(out, Term{pivot[j].Cell, pivot[j].Coef * fp})
			j++
		default:
			out = append(out, Term{a[i].Cell, a[i].Coef*fa + pivot[j].Coef*fp})
			i, j = i+1, j+1
		}
	}
	out = normal(out)
	for _, t := range out {
		if bits.Len64(uint64(max(t.Coef, -t.Coef))) > 31 {
			return nil, errGrows // products of two such still fit
		}
	}
	return out, nil
}

// check refuses rows about cells that are not there and coefficients that are too large.
func (s System) check() error {
	for _, r := range s.Rows {
		for _, t := range r {
			if t.Cell < 0 || t.Cell >= s.Cells+s.Hidden {
				return fmt.Errorf("reconcile: cell %d of %d", t.Cell, s.Cells+s.Hidden)
			}
			if t.Coef > 1<<20 || t.Coef < -1<<20 {
				return errGrows
			}
		}
	}
	return nil
}

// Independent returns equalities among measured cells alone, none of which follows from the others, and from which all
// follow that the system says of measured cells. Arithmetic is exact, the order of the result fixed.
func (s System) Independent() ([]Row, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	rows := tidy(s.Rows)
	for {
		hidden, pivot := s.sparsest(rows)
		if hidden < 0 {
			break
		}
		p := rows[pivot]
		rest := make([]Row, 0, len(rows)-1)
		for i, r := range rows {
			if i == pivot {
				continue
			}
			r, err := without(r, p, hidden)
			if err != nil {
				return nil, err
			}
			rest = append(rest, r)
		}
		rows = tidy(rest)
	}
	b := basis{}
	var out []Row
	for _, r := range rows {
		left, err := b.reduce(r)
		if err != nil {
			return nil, err
		}
		if len(left) > 0 {
			b[left[0].Cell] = left
			out = append(out, r)
		}
	}
	return out, nil
}

// sparsest finds the hidden number that stands in the fewest rows, and the shortest of them.
func (s System) sparsest(rows []Row) (hidden, row int) {
	count := map[int]int{}
	shortest := map[int]int{}
	for i, r := range rows {
		for _, t := range r {
			if t.Cell < s.Cells {
				continue
			}
			if at, ok := shortest[t.Cell]; !ok || len(r) < len(rows[at]) {
				shortest[t.Cell] = i
			}
			count[t.Cell]++
		}
	}
	best := -1
	for c := s.Cells; c < s.Cells+s.Hidden; c++ {
		if n := count[c]; n > 0 && (best < 0 || n < count[best]) {
			best = c
		}
	}
	return best, shortest[best]
}

// tidy makes rows normal, shortest first, each once.
func tidy(rows []Row) []Row {
	out := make([]Row, 0, len(rows))
	for _, r := range rows {
		if n := normal(r); len(n) > 0 {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, compareRows)
	return slices.CompactFunc(out, func(a, b Row) bool { return compareRows(a, b) == 0 })
}

func compareRows(a, b Row) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), slices.CompareFunc(a, b, func(x, y Term) int {
		return cmp.Or(cmp.Compare(x.Cell, y.Cell), cmp.Compare(x.Coef, y.Coef))
	}))
}

// basis holds rows in echelon form, by their first cell.
type basis map[int]Row

// reduce takes from a row what the basis says; what is left, if anything, begins at a cell that the basis lacks.
func (b basis) reduce(r Row) (Row, error) {
	for len(r) > 0 {
		p, ok := b[r[0].Cell]
		if !ok {
			return r, nil
		}
		var err error
		if r, err = without(r, p, r[0].Cell); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// add puts a row into the basis, if it says anything new.
func (b basis) add(r Row) error {
	left, err := b.reduce(normal(r))
	if err == nil && len(left) > 0 {
		b[left[0].Cell] = left
	}
	return err
}

// implies reports whether a row follows from the basis.
func (b basis) implies(r Row) (bool, error) {
	left, err := b.reduce(normal(r))
	return len(left) == 0, err
}
