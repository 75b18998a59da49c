package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Presenter finds whole numbers, none below zero, that fulfil the equalities of a system. Only NewPresenter makes one,
// and one that was made succeeds for all estimates. It is safe for concurrent use.
type Presenter struct {
	cells  int
	name   []int // of every number: the one it is equal to
	fill   []sum // how hidden numbers follow from the others, in order
	stages []stage
}

// sum says that one number is the sum of others. A parent is at least as large as each of its children.
type sum struct {
	parent   int
	children []int
}

// stage is a step on the way down: numbers whose sums stand already.
type stage struct {
	free int // a number that is no part of any sum; -1: none
	rows []sum
	cols []sum
	// Where there are columns, every number of the stage is in one row and one column.
	cells []int
	at    [][2]int // row and column of a cell
}

// NewPresenter works out the way down. Each row must say that numbers add up: one or more with coefficient 1, the others
// with -1 (or all with signs changed). It fails where numbers overlap in such a way that whole solutions cannot be
// promised.
func NewPresenter(s System) (Presenter, error) {
	if err := s.check(); err != nil {
		return Presenter{}, err
	}
	b := &builder{n: s.Cells + s.Hidden, u: newUnion(s.Cells + s.Hidden)}
	for _, r := range tidy(s.Rows) {
		if err := b.read(r); err != nil {
			return Presenter{}, err
		}
	}
	if err := b.settle(); err != nil {
		return Presenter{}, err
	}
	p := Presenter{cells: s.Cells}
	p.fill = b.determine(s.Cells)
	var err error
	if p.stages, err = b.order(); err != nil {
		return Presenter{}, err
	}
	p.name = make([]int, b.n)
	for i := range p.name {
		p.name[i] = b.u.find(i)
	}
	return p, b.complete(s)
}

type builder struct {
	n    int
	u    union
	sums []sum
}

// read takes a row as a sum. A number that stands for the sum is made up where the row has none.
func (b *builder) read(r Row) error {
	var sides [2][]int
	for _, t := range r {
		switch t.Coef {
		case 1:
			sides[0] = append(sides[0], t.Cell)
		case -1:
			sides[1] = append(sides[1], t.Cell)
		default:
			return fmt.Errorf("reconcile: cell %d counts %d-fold in an equality: whole numbers that add up cannot be promised", t.Cell, t.Coef)
		}
	}
	switch {
	case len(sides[0]) == 0 || len(sides[1]) == 0:
		return fmt.Errorf("reconcile: an equality says that %d cells add up to nothing", len(r))
	case len(sides[0]) == 1:
		b.sums = append(b.sums, sum{sides[0][0], sides[1]})
	case len(sides[1]) == 1:
		b.sums = append(b.sums, sum{sides[1][0], sides[0]})
	default:
		b.u = append(b.u, b.n)
		b.sums = append(b.sums, sum{b.n, sides[0]}, sum{b.n, sides[1]})
		b.n++
	}
	return nil
}

// settle makes numbers one that are equal (a sum of one, two sums of the same numbers), and puts sums within sums: where
// A + B + C has A + B in it and that has a name, the name stands for both.
func (b *builder) settle() error {
	for changed := true; changed; {
		changed = false
		var kept []sum
		for _, s := range b.sums {
			s, err := b.renamed(s)
			if err != nil {
				return err
			}
			if len(s.children) == 1 {
				if b.u.find(s.parent) != b.u.find(s.children[0]) {
					b.u.join(s.parent, s.children[0])
					changed = true
				}
				continue
			}
			kept = append(kept, s)
		}
		slices.SortStableFunc(kept, func(x, y sum) int {
			return cmp.Or(cmp.Compare(len(x.children), len(y.children)), slices.Compare(x.children, y.children), cmp.Compare(x.parent, y.parent))
		})
		var once []sum
		for _, s := range kept {
			if n := len(once); n > 0 && slices.Equal(once[n-1].children, s.children) {
				if b.u.find(once[n-1].parent) != b.u.find(s.parent) {
					b.u.join(once[n-1].parent, s.parent)
					changed = true
				}
				continue
			}
			once = append(once, s)
		}
		b.sums = once
		if !changed {
			changed = b.nest()
		}
	}
	return nil
}

// renamed gives numbers their names, children in order.
func (b *builder) renamed(s sum) (sum, error) {
	out := sum{parent: b.u.find(s.parent)}
	for _, c := range s.children {
		out.children = append(out.children, b.u.find(c))
	}
	slices.Sort(out.children)
	if len(slices.Compact(slices.Clone(out.children))) != len(out.children) || slices.Contains(out.children, out.parent) {
		return sum{}, fmt.Errorf("reconcile: cell %d is part of itself, or counts twice in a sum", out.parent)
	}
	return out, nil
}

// nest replaces the numbers of one sum within a larger one by their name.
func (b *builder) nest() bool {
	for i := range b.sums {
		for j := i + 1; j < len(b.sums); j++ {
			small, large := b.sums[i], b.sums[j]
			if len(small.children) < len(large.children) && within(small.children, large.children) {
				rest := []int{small.parent}
				for _, c := range large.children {
					if _, in := slices.BinarySearch(small.children, c); !in {
						rest = append(rest, c)
					}
				}
				b.sums[j].children = rest
				return true
			}
		}
	}
	return false
}

// within reports whether all of a, which is sorted, is in b, which is too.
func within(a, b []int) bool {
	for _, x := range a {
		if _, in := slices.BinarySearch(b, x); !in {
			return false
		}
	}
	return true
}

// determine finds how hidden numbers follow from measured ones, and drops the sums that hold one which does not.
func (b *builder) determine(cells int) []sum {
	known := map[int]bool{}
	for c := range cells {
		known[b.u.find(c)] = true
	}
	var fill []sum
	for changed := true; changed; {
		changed = false
		for _, s := range b.sums {
			unknown := 0
			for _, c := range s.children {
				if !known[c] {
					unknown++
				}
			}
			switch {
			case unknown == 0 && !known[s.parent]:
				known[s.parent] = true
				fill = append(fill, s)
				changed = true
			case unknown == 1 && known[s.parent]:
				known[s.children[slices.IndexFunc(s.children, func(c int) bool { return !known[c] })]] = true
				fill = append(fill, s)
				changed = true
			}
		}
	}
	b.sums = slices.DeleteFunc(b.sums, func(s sum) bool {
		return !known[s.parent] || slices.ContainsFunc(s.children, func(c int) bool { return !known[c] })
	})
	return fill
}

// order groups sums that share children into stages, and sorts the stages so that every total stands before its parts.
func (b *builder) order() ([]stage, error) {
	groups := newUnion(b.n)
	child := map[int]bool{}
	for _, s := range b.sums {
		for _, c := range s.children {
			groups.join(s.children[0], c)
			child[c] = true
		}
	}
	var stages []stage
	done := map[int]bool{} // numbers that stand
	so := basis{}
	numbers := map[int]bool{}
	for i := range b.n {
		numbers[b.u.find(i)] = true
	}
	for _, i := range slices.Sorted(maps.Keys(numbers)) {
		if !child[i] {
			stages = append(stages, stage{free: i})
			done[i] = true
		}
	}
	left := map[int][]sum{}
	for _, s := range b.sums {
		root := groups.find(s.children[0])
		left[root] = append(left[root], s)
	}
	for len(left) > 0 {
		ready := -1
		for _, g := range slices.Sorted(maps.Keys(left)) {
			if !slices.ContainsFunc(left[g], func(s sum) bool { return !done[s.parent] }) {
				ready = g
				break
			}
		}
		if ready < 0 {
			return nil, fmt.Errorf("reconcile: %d sets of sums need each other before they can be filled", len(left))
		}
		st, err := newStage(left[ready], so)
		if err != nil {
			return nil, err
		}
		for _, s := range left[ready] {
			if err := so.add(s.row()); err != nil {
				return nil, err
			}
			for _, c := range s.children {
				done[c] = true
			}
		}
		stages = append(stages, st)
		delete(left, ready)
	}
	return stages, nil
}

func (s sum) row() Row {
	r := Row{{s.parent, -1}}
	for _, c := range s.children {
		r = append(r, Term{c, 1})
	}
	return r
}

// newStage makes a list of one sum, or a table of several. so holds what the numbers that stand already fulfil.
func newStage(sums []sum, so basis) (stage, error) {
	if len(sums) == 1 {
		return stage{free: -1, rows: sums, cells: sums[0].children}, nil
	}
	in := map[int][]int{} // sums that a cell is in
	for i, s := range sums {
		for _, c := range s.children {
			in[c] = append(in[c], i)
		}
	}
	cells := slices.Sorted(maps.Keys(in))
	side := make([]int, len(sums)) // 1: row, 2: column
	side[0] = 1
	for changed := true; changed; {
		changed = false
		for _, c := range cells {
			if len(in[c]) != 2 {
				return stage{}, fmt.Errorf("reconcile: cell %d is in %d sums at once, and only tables with two margins can be filled", c, len(in[c]))
			}
			a, z := in[c][0], in[c][1]
			for range 2 {
				if side[a] != 0 && side[z] == 0 {
					side[z] = 3 - side[a]
					changed = true
				}
				a, z = z, a
			}
			if side[a] != 0 && side[a] == side[z] {
				return stage{}, fmt.Errorf("reconcile: the sums around cell %d overlap in a circle, and are no table", c)
			}
		}
	}
	st := stage{free: -1, cells: cells}
	index := make([]int, len(sums))
	var balance Row
	for i, s := range sums {
		if side[i] == 1 {
			index[i] = len(st.rows)
			st.rows = append(st.rows, s)
			balance = append(balance, Term{s.parent, 1})
		} else {
			index[i] = len(st.cols)
			st.cols = append(st.cols, s)
			balance = append(balance, Term{s.parent, -1})
		}
	}
	there := map[[2]int]bool{}
	for _, c := range cells {
		a, z := in[c][0], in[c][1]
		if side[a] == 2 {
			a, z = z, a
		}
		st.at = append(st.at, [2]int{index[a], index[z]})
		there[[2]int{index[a], index[z]}] = true
	}
	if len(there) != len(st.rows)*len(st.cols) {
		return stage{}, fmt.Errorf("reconcile: a table of %d by %d has cells for %d places only: its margins may not be met in whole numbers", len(st.rows), len(st.cols), len(there))
	}
	switch same, err := so.implies(balance); {
	case err != nil:
		return stage{}, err
	case !same:
		return stage{}, fmt.Errorf("reconcile: the two margins of a table need not add up to the same total: nothing says so")
	}
	return st, nil
}

// complete proves that what the stages fulfil is all that the system says of measured cells.
func (b *builder) complete(s System) error {
	so := basis{}
	for i := range b.n {
		if n := b.u.find(i); n != i {
			if err := so.add(Row{{i, 1}, {n, -1}}); err != nil {
				return err
			}
		}
	}
	for _, s := range b.sums {
		if err := so.add(s.row()); err != nil {
			return err
		}
	}
	rows, err := s.Independent()
	if err != nil {
		return err
	}
	for _, r := range rows {
		switch ok, err := so.implies(r); {
		case err != nil:
			return err
		case !ok:
			return fmt.Errorf("reconcile: an equality of %d cells is lost on the way down", len(r))
		}
	}
	return nil
}

// Present returns whole numbers near the estimates, none below zero, that fulfil every equality. Estimates should
// fulfil them too. Numbers beyond 2^40 are cut to it.
func (p Presenter) Present(estimate []float64) []int64 {
	want := make([]float64, len(p.name))
	for i := p.cells - 1; i >= 0; i-- {
		x := estimate[i]
		if math.IsNaN(x) {
			x = 0
		}
		want[p.name[i]] = math.Max(-most, math.Min(most, x))
	}
	p.derive(want)
	x := make([]int64, len(p.name))
	for _, st := range p.stages {
		switch {
		case st.free >= 0:
			x[st.free] = max(0, fixed(want[st.free]).round())
		case st.cols == nil:
			st.list(x, want)
		default:
			st.table(x, want)
		}
	}
	out := make([]int64, p.cells)
	for i := range out {
		out[i] = x[p.name[i]]
	}
	return out
}

const most = 1 << 40

// derive computes what is wanted of hidden numbers.
func (p Presenter) derive(want []float64) {
	known := make([]bool, len(want))
	for i := range p.cells {
		known[p.name[i]] = true
	}
	for _, s := range p.fill {
		var all float64
		missing := -1
		for _, c := range s.children {
			if known[c] {
				all += want[c]
			} else {
				missing = c
			}
		}
		if missing < 0 {
			want[s.parent], known[s.parent] = all, true
		} else {
			want[missing], known[missing] = want[s.parent]-all, true
		}
	}
}
