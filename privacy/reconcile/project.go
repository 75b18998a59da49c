package reconcile

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Projection is the least-squares estimate of cells that were measured independently and are bound by equalities. Only
// Project makes one. It is safe for concurrent use.
type Projection struct {
	variance []float64
	of       []place // where a cell stands
	blocks   []block
}

type place struct{ block, cell int } // block -1: no equality speaks of the cell

// block is a set of cells that equalities connect.
type block struct {
	cells    []int
	variance []float64
	rows     []Row       // over places in cells
	scale    []float64   // 1 / standard deviation of each row
	factor   [][]float64 // lower triangle: factor factor' = scaled A V A'
	cov      [][]float64
	cut      []float64 // where a variance was raised to the floor: brings that of the estimate back to it
}

// floor is the least variance within a block relative to the greatest: what is more exact than that is as good as known,
// and a smaller number would only spoil the arithmetic.
const floor = 1e-9

// Project prepares the estimate for cells with these variances (above 0, finite) under independent rows, as
// System.Independent returns them. It fails where rows depend on each other.
func Project(variance []float64, rows []Row) (Projection, error) {
	p := Projection{variance: slices.Clone(variance), of: make([]place, len(variance))}
	for i, v := range variance {
		if !(v > 0) || math.IsInf(v, 0) {
			return Projection{}, fmt.Errorf("reconcile: cell %d has the variance %v", i, v)
		}
		p.of[i] = place{-1, i}
	}
	u := newUnion(len(variance))
	for _, r := range rows {
		for _, t := range r {
			if t.Cell < 0 || t.Cell >= len(variance) {
				return Projection{}, fmt.Errorf("reconcile: cell %d of %d", t.Cell, len(variance))
			}
			u.join(r[0].Cell, t.Cell)
		}
	}
	at := map[int]int{}
	for _, r := range rows {
		root := u.find(r[0].Cell)
		if _, ok := at[root]; !ok {
			at[root] = len(p.blocks)
			p.blocks = append(p.blocks, block{})
		}
	}
	for i := range variance {
		if b, ok := at[u.find(i)]; ok {
			p.of[i] = place{b, len(p.blocks[b].cells)}
			p.blocks[b].cells = append(p.blocks[b].cells, i)
			p.blocks[b].variance = append(p.blocks[b].variance, variance[i])
		}
	}
	for _, r := range rows {
		b := &p.blocks[p.of[r[0].Cell].block]
		local := make(Row, len(r))
		for i, t := range r {
			local[i] = Term{p.of[t.Cell].cell, t.Coef}
		}
		b.rows = append(b.rows, local)
	}
	for i := range p.blocks {
		if err := p.blocks[i].prepare(); err != nil {
			return Projection{}, err
		}
	}
	return p, nil
}

var errDependent = errors.New("reconcile: the equalities are not independent")

func (b *block) prepare() error {
	most := slices.Max(b.variance)
	own := slices.Clone(b.variance)
	for i, v := range b.variance {
		b.variance[i] = math.Max(v, floor*most)
	}
	n, m := len(b.cells), len(b.rows)
	// S = A V A', each row scaled to 1 on the diagonal.
	in := make([][]Term, n) // rows that a cell stands in
	for r, row := range b.rows {
		for _, t := range row {
			in[t.Cell] = append(in[t.Cell], Term{r, t.Coef})
		}
	}
	s := square(m)
	for c, terms := range in {
		for _, x := range terms {
			for _, y := range terms {
				if y.Cell <= x.Cell {
					s[x.Cell][y.Cell] += float64(x.Coef*y.Coef) * b.variance[c]
				}
			}
		}
	}
	b.scale = make([]float64, m)
	for r := range s {
		b.scale[r] = 1 / math.Sqrt(s[r][r])
	}
	for r := range s {
		for q := range r + 1 {
			s[r][q] *= b.scale[r] * b.scale[q]
		}
	}
	if err := cholesky(s); err != nil {
		return err
	}
	b.factor = s
	// cov = V - W'W with W = factor^-1 scaled(A) V.
	w := make([][]float64, m)
	for r, row := range b.rows {
		w[r] = make([]float64, n)
		for _, t := range row {
			w[r][t.Cell] = b.scale[r] * float64(t.Coef) * b.variance[t.Cell]
		}
		for q := range r {
			if f := s[r][q]; f != 0 {
				axpy(-f, w[q], w[r])
			}
		}
		f := 1 / s[r][r]
		for i := range w[r] {
			w[r][i] *= f
		}
	}
	b.cov = square(n)
	for i, v := range b.variance {
		b.cov[i][i] = v
	}
	for _, x := range w {
		for i, f := range x {
			if f != 0 {
				axpy(-f, x[:i+1], b.cov[i][:i+1])
			}
		}
	}
	b.cut = make([]float64, n)
	for i := range n {
		b.cov[i][i] = math.Max(0, b.cov[i][i])
		b.cut[i] = math.Sqrt(math.Min(1, own[i]/math.Max(b.cov[i][i], math.SmallestNonzeroFloat64)))
		for j := range i {
			b.cov[j][i] = b.cov[i][j]
		}
	}
	return nil
}

func square(n int) [][]float64 {
	all := make([]float64, n*n)
	out := make([][]float64, n)
	for i := range out {
		out[i] = all[i*n : (i+1)*n : (i+1)*n]
	}
	return out
}

// axpy adds f times x to y.
func axpy(f float64, x, y []float64) {
	for i, v := range x {
		y[i] += f * v
	}
}

// cholesky overwrites the lower triangle of a matrix with unit diagonal by its factor.
func cholesky(s [][]float64) error {
	for i := range s {
		for j := range i + 1 {
			sum := s[i][j]
			for k, f := range s[j][:j] {
				sum -= s[i][k] * f
			}
			switch {
			case i != j:
				s[i][j] = sum / s[j][j]
			case sum <= 1e-13:
				return errDependent
			default:
				s[i][i] = math.Sqrt(sum)
			}
		}
	}
	return nil
}

// Estimate is P times the raw numbers: it fulfils every equality, and where the raw ones do, it is them.
func (p Projection) Estimate(raw []float64) []float64 {
	x := slices.Clone(raw)
	for _, b := range p.blocks {
		// Twice: the second time takes away what rounding left of the first.
		b.project(x)
		b.project(x)
	}
	return x
}

// project takes V A' (A V A')^-1 A x from x.
func (b block) project(x []float64) {
	y := make([]float64, len(b.rows))
	for r, row := range b.rows {
		for _, t := range row {
			y[r] += float64(t.Coef) * x[b.cells[t.Cell]]
		}
		y[r] *= b.scale[r]
		for q, f := range b.factor[r][:r] {
			y[r] -= f * y[q]
		}
		y[r] /= b.factor[r][r]
	}
	for r := len(y) - 1; r >= 0; r-- {
		y[r] /= b.factor[r][r]
		axpy(-y[r], b.factor[r][:r], y[:r])
	}
	for r, row := range b.rows {
		for _, t := range row {
			x[b.cells[t.Cell]] -= b.variance[t.Cell] * float64(t.Coef) * b.scale[r] * y[r]
		}
	}
}

// Cov is the covariance of the estimates of two cells. No estimate has more variance than its raw number.
func (p Projection) Cov(i, j int) float64 {
	a, b := p.of[i], p.of[j]
	switch {
	case i == j && a.block < 0:
		return p.variance[i]
	case a.block < 0 || a.block != b.block:
		return 0
	}
	block := p.blocks[a.block]
	return block.cov[a.cell][b.cell] * block.cut[a.cell] * block.cut[b.cell]
}

// Weight is the weight of raw number j in estimate i: the place i, j of P.
func (p Projection) Weight(i, j int) float64 {
	a, b := p.of[i], p.of[j]
	switch {
	case i == j && a.block < 0:
		return 1
	case a.block < 0 || a.block != b.block:
		return 0
	}
	block := p.blocks[a.block]
	return block.cov[a.cell][b.cell] / block.variance[b.cell]
}

// Beside are the cells that equalities connect with a cell, itself among them, in order.
func (p Projection) Beside(i int) []int {
	if p.Free(i) {
		return []int{i}
	}
	return slices.Clone(p.blocks[p.of[i].block].cells)
}

// Free reports whether no equality speaks of a cell: its estimate is the raw number.
func (p Projection) Free(i int) bool { return p.of[i].block < 0 }

// union is a set of sets.
type union []int

func newUnion(n int) union {
	u := make(union, n)
	for i := range u {
		u[i] = i
	}
	return u
}

func (u union) find(i int) int {
	for u[i] != i {
		u[i] = u[u[i]]
		i = u[i]
	}
	return i
}

// join makes the smaller number the name of both sets.
func (u union) join(i, j int) {
	a, b := u.find(i), u.find(j)
	u[max(a, b)] = min(a, b)
}
