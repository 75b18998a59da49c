package reconcile

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// row makes an equality from what adds up on the left and on the right.
func row(left, right []int) Row {
	var r Row
	for _, c := range left {
		r = append(r, Term{c, 1})
	}
	for _, c := range right {
		r = append(r, Term{c, -1})
	}
	return r
}

// dense is A.
func dense(rows []Row, n int) *mat.Dense {
	if len(rows) == 0 {
		return nil
	}
	a := mat.NewDense(len(rows), n, nil)
	for i, r := range rows {
		for _, t := range r {
			a.Set(i, t.Cell, a.At(i, t.Cell)+float64(t.Coef))
		}
	}
	return a
}

// rank by exact elimination in fractions, written apart from the code under test.
func rank(rows []Row, n int) int {
	m := make([][]*big.Rat, len(rows))
	for i, r := range rows {
		m[i] = make([]*big.Rat, n)
		for j := range m[i] {
			m[i][j] = new(big.Rat)
		}
		for _, t := range r {
			m[i][t.Cell].Add(m[i][t.Cell], new(big.Rat).SetInt64(t.Coef))
		}
	}
	k := 0
	for c := 0; c < n && k < len(m); c++ {
		at := -1
		for i := k; i < len(m); i++ {
			if m[i][c].Sign() != 0 {
				at = i
				break
			}
		}
		if at < 0 {
			continue
		}
		m[k], m[at] = m[at], m[k]
		for i := k + 1; i < len(m); i++ {
			f := new(big.Rat).Quo(m[i][c], m[k][c])
			for j := c; j < n; j++ {
				m[i][j].Sub(m[i][j], new(big.Rat).Mul(f, m[k][j]))
			}
		}
		k++
	}
	return k
}

// systems are random ones, with rows that follow from each other.
func systems(t *rapid.T) System {
	s := System{Cells: rapid.IntRange(1, 8).Draw(t, "cells"), Hidden: rapid.IntRange(0, 4).Draw(t, "hidden")}
	for range rapid.IntRange(0, 6).Draw(t, "rows") {
		var r Row
		for range rapid.IntRange(1, 5).Draw(t, "terms") {
			r = append(r, Term{rapid.IntRange(0, s.Cells+s.Hidden-1).Draw(t, "cell"), rapid.Int64Range(-3, 3).Draw(t, "coef")})
		}
		s.Rows = append(s.Rows, r)
	}
	if len(s.Rows) > 1 && rapid.Bool().Draw(t, "redundant") {
		s.Rows = append(s.Rows, slices.Concat(s.Rows[0], s.Rows[1]))
	}
	return s
}

// What is left once hidden numbers are gone says exactly what the system says of measured ones: its rank is the rank of all
// less that of the hidden part, no row is too many, and each follows from the system.
func TestIndependentRowsAreAllThatIsSaidOfMeasuredCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := systems(t)
		rows, err := s.Independent()
		if err != nil {
			t.Fatal(err)
		}
		n := s.Cells + s.Hidden
		var hidden []Row
		for _, r := range s.Rows {
			hidden = append(hidden, slices.DeleteFunc(slices.Clone(r), func(t Term) bool { return t.Cell < s.Cells }))
		}
		want := rank(s.Rows, n) - rank(hidden, n)
		if len(rows) != want || rank(rows, n) != want {
			t.Fatalf("%d rows of rank %d, want %d", len(rows), rank(rows, n), want)
		}
		if rank(slices.Concat(s.Rows, rows), n) != rank(s.Rows, n) {
			t.Fatal("a row does not follow from the system")
		}
		for _, r := range rows {
			for _, x := range r {
				if x.Cell >= s.Cells {
					t.Fatalf("a row speaks of hidden cell %d", x.Cell)
				}
			}
		}
	})
}

// P and its covariance are those of the textbook formula with a pseudo-inverse by singular values, all rows as given, the
// redundant ones too.
func TestProjectionIsThatOfThePseudoInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := systems(t)
		s.Cells, s.Hidden = s.Cells+s.Hidden, 0
		v := make([]float64, s.Cells)
		for i := range v {
			v[i] = rapid.Float64Range(0.5, 200).Draw(t, "variance")
		}
		rows, err := s.Independent()
		if err != nil {
			t.Fatal(err)
		}
		p, err := Project(v, rows)
		if err != nil {
			t.Fatal(err)
		}
		want := naive(v, s.Rows)
		raw := make([]float64, s.Cells)
		for i := range raw {
			raw[i] = rapid.Float64Range(-100, 100).Draw(t, "raw")
		}
		est := p.Estimate(raw)
		for i := range v {
			var x float64
			for j := range v {
				x += want.At(i, j) * raw[j]
				if w := p.Weight(i, j); math.Abs(w-want.At(i, j)) > 1e-7*math.Max(1, math.Sqrt(v[i]/v[j])) || math.Abs(w) > 1e-9 && !slices.Contains(p.Beside(i), j) {
					t.Fatalf("weight of %d in %d: %v, want %v; beside it are %v", j, i, w, want.At(i, j), p.Beside(i))
				}
				if c := want.At(i, j) * v[j]; math.Abs(p.Cov(i, j)-c) > 1e-7*math.Max(v[i], v[j]) {
					t.Fatalf("covariance of %d and %d: %v, want %v", i, j, p.Cov(i, j), c)
				}
			}
			if math.Abs(est[i]-x) > 1e-7*(1+math.Abs(x)) {
				t.Fatalf("cell %d: %v, want %v", i, est[i], x)
			}
			if p.Free(i) && est[i] != raw[i] {
				t.Fatalf("free cell %d went from %v to %v", i, raw[i], est[i])
			}
		}
		for i, x := range p.Estimate(est) {
			if math.Abs(x-est[i]) > 1e-9*(1+math.Abs(x)) {
				t.Fatalf("a second estimate moves cell %d from %v to %v", i, est[i], x)
			}
		}
		for _, r := range s.Rows {
			var sum float64
			for _, x := range r {
				sum += float64(x.Coef) * est[x.Cell]
			}
			if math.Abs(sum) > 1e-9 {
				t.Fatalf("an equality is off by %v", sum)
			}
		}
	})
}

// naive is I - V A' (A V A')^+ A.
func naive(v []float64, rows []Row) *mat.Dense {
	n := len(v)
	p := mat.NewDense(n, n, nil)
	for i := range n {
		p.Set(i, i, 1)
	}
	a := dense(rows, n)
	if a == nil {
		return p
	}
	var va, s mat.Dense
	va.Mul(mat.NewDiagDense(n, v), a.T())
	s.Mul(a, &va)
	var svd mat.SVD
	if !svd.Factorize(&s, mat.SVDThin) {
		panic("no singular values")
	}
	var u, w mat.Dense
	svd.UTo(&u)
	svd.VTo(&w)
	values := svd.Values(nil)
	inv := make([]float64, len(values))
	for i, x := range values {
		if x > 1e-10*values[0] {
			inv[i] = 1 / x
		}
	}
	var wi, plus, vp, m mat.Dense
	wi.Mul(&w, mat.NewDiagDense(len(inv), inv))
	plus.Mul(&wi, u.T())
	vp.Mul(&va, &plus)
	m.Mul(&vp, a)
	p.Sub(p, &m)
	return p
}

func TestProjectRefusesWhatItCannotDo(t *testing.T) {
	r := row([]int{0}, []int{1, 2})
	for name, f := range map[string]func() error{
		"no variance":          func() error { _, err := Project([]float64{1, 0, 1}, []Row{r}); return err },
		"infinite variance":    func() error { _, err := Project([]float64{1, math.Inf(1), 1}, []Row{r}); return err },
		"not a number":         func() error { _, err := Project([]float64{1, math.NaN(), 1}, []Row{r}); return err },
		"a row twice":          func() error { _, err := Project([]float64{1, 1, 1}, []Row{r, r}); return err },
		"a cell that is not":   func() error { _, err := Project([]float64{1, 1}, []Row{r}); return err },
		"a system's lost cell": func() error { _, err := System{Cells: 2, Rows: []Row{r}}.Independent(); return err },
		"a huge coefficient":   func() error { _, err := System{Cells: 2, Rows: []Row{{{0, 1 << 40}}}}.Independent(); return err },
		"a presenter's ditto":  func() error { _, err := NewPresenter(System{Cells: 2, Rows: []Row{r}}); return err },
		"coefficients that grow": func() error { // each row multiplies by a million
			m := int64(1<<20 - 1)
			_, err := System{Cells: 2, Hidden: 3, Rows: []Row{{{0, 1}, {2, 1}}, {{1, 1}, {4, 1}}, {{2, m + 1}, {3, m}}, {{3, m + 1}, {4, m}}}}.Independent()
			return err
		},
	} {
		if f() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// Cells whose noise is next to nothing beside others in the same equalities are as good as known.
func TestVeryUnequalVariances(t *testing.T) {
	s := System{Cells: 4, Rows: []Row{row([]int{0}, []int{1}), row([]int{0}, []int{2}), row([]int{0}, []int{3})}}
	rows, err := s.Independent()
	if err != nil {
		t.Fatal(err)
	}
	p, err := Project([]float64{100, 1e-57, 1e-57, 1e-57}, rows)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range p.Estimate([]float64{-30, 7, 7, 7}) {
		if math.Abs(x-7) > 1e-6 || p.Cov(i, i) > 1e-6 || i > 0 && !(p.Cov(i, i) > 0 && p.Cov(i, i) <= 1.001e-57) {
			t.Errorf("cell %d: %v with variance %v, want 7", i, x, p.Cov(i, i))
		}
	}
}

// tables is a set of tables as releases have them: a total (measured or hidden), lists that add up to it, and for some lists
// a table crossed with the list of answers; and a flag that repeats one column.
type tables struct {
	System
	names []string
}

// names numbers cells as they are named; hidden ones come last.
func build(dims []int, answers int, crossed []bool, total, flag bool) tables {
	var x tables
	at := map[string]int{}
	var hidden []string
	add := func(measured bool, name string) {
		if measured {
			at[name] = len(x.names)
			x.names = append(x.names, name)
		} else {
			hidden = append(hidden, name)
		}
	}
	add(total, "all")
	for d, n := range dims {
		for i := range n {
			add(true, fmt.Sprintf("n%d.%d", d, i))
			for a := range answers {
				add(crossed[d], fmt.Sprintf("c%d.%d.%d", d, i, a))
			}
			add(flag && crossed[d], fmt.Sprintf("f%d.%d", d, i))
		}
	}
	for a := range answers {
		add(true, fmt.Sprintf("a.%d", a))
	}
	x.Cells = len(x.names)
	for _, h := range hidden {
		at[h] = len(x.names)
		x.names = append(x.names, h)
	}
	x.Hidden = len(hidden)
	says := func(parent string, children ...string) {
		r := Row{{at[parent], 1}}
		for _, c := range children {
			r = append(r, Term{at[c], -1})
		}
		x.Rows = append(x.Rows, r)
	}
	list := func(n int, format string, args ...any) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf(format, append(slices.Clone(args), i)...))
		}
		return all
	}
	says("all", list(answers, "a.%d")...)
	for d, n := range dims {
		says("all", list(n, "n%d.%d", d)...)
		for a := range answers {
			var column []string
			for i := range n {
				column = append(column, fmt.Sprintf("c%d.%d.%d", d, i, a))
			}
			says(fmt.Sprintf("a.%d", a), column...)
		}
		for i := range n {
			says(fmt.Sprintf("n%d.%d", d, i), list(answers, "c%d.%d.%d", d, i)...)
			says(fmt.Sprintf("f%d.%d", d, i), fmt.Sprintf("c%d.%d.%d", d, i, answers-1))
		}
	}
	return x
}

func randomTables(t *rapid.T) tables {
	var dims []int
	var crossed []bool
	for range rapid.IntRange(1, 3).Draw(t, "dims") {
		dims = append(dims, rapid.IntRange(2, 5).Draw(t, "size"))
		crossed = append(crossed, rapid.Bool().Draw(t, "crossed"))
	}
	return build(dims, rapid.IntRange(2, 4).Draw(t, "answers"), crossed, rapid.Bool().Draw(t, "total"), rapid.Bool().Draw(t, "flag"))
}

// adds reports the first equality among measured cells that numbers break, and the first number below zero.
func adds(s System, x []int64) error {
	rows, err := s.Independent()
	if err != nil {
		return err
	}
	for _, r := range rows {
		var sum int64
		for _, t := range r {
			sum += t.Coef * x[t.Cell]
		}
		if sum != 0 {
			return fmt.Errorf("%v is off by %d", r, sum)
		}
	}
	for i, v := range x {
		if v < 0 {
			return fmt.Errorf("cell %d is %d", i, v)
		}
	}
	return nil
}

// Whatever the noise: whole numbers, none below zero, that add up; and what is so already stays.
func TestPresentedNumbersAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := randomTables(t)
		p, err := NewPresenter(s.System)
		if err != nil {
			t.Fatal(err)
		}
		v := make([]float64, s.Cells)
		raw := make([]float64, s.Cells)
		wild := rapid.SampledFrom([]int{3, 30, 100000}).Draw(t, "range")
		for i := range raw {
			v[i] = rapid.Float64Range(0.1, 500).Draw(t, "variance")
			raw[i] = float64(rapid.IntRange(-wild, wild).Draw(t, "raw"))
		}
		rows, err := s.Independent()
		if err != nil {
			t.Fatal(err)
		}
		proj, err := Project(v, rows)
		if err != nil {
			t.Fatal(err)
		}
		est := proj.Estimate(raw)
		got := p.Present(est)
		if err := adds(s.System, got); err != nil {
			t.Fatalf("%v of %v: %v", got, est, err)
		}
		again := make([]float64, len(got))
		for i, x := range got {
			again[i] = float64(x)
		}
		if next := p.Present(again); !slices.Equal(next, got) {
			t.Fatalf("presented again, %v became %v", got, next)
		}
		// Also of numbers that do not add up, or are none.
		raw[0] = math.NaN()
		if err := adds(s.System, p.Present(raw)); err != nil {
			t.Fatal(err)
		}
	})
}

// A table is the nearest one between its margins: no other table of whole numbers is nearer.
func TestATableIsTheNearestOne(t *testing.T) {
	s := build([]int{2}, 3, []bool{true}, true, false)
	p, err := NewPresenter(s.System)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(4, 4))
	at := func(name string) int { return slices.Index(s.names, name) }
	worse := 0
	for range 400 {
		want := make([]float64, s.Cells)
		for i := range want {
			want[i] = r.NormFloat64() * 3
		}
		x := p.Present(want)
		far := func(x []int64) (d float64) {
			for i := range 2 {
				for a := range 3 {
					c := at(fmt.Sprintf("c0.%d.%d", i, a))
					d += (float64(x[c]) - want[c]) * (float64(x[c]) - want[c])
				}
			}
			return d
		}
		have := far(x)
		best := have
		y := slices.Clone(x)
		a, b := x[at("n0.0")], [3]int64{x[at("a.0")], x[at("a.1")], x[at("a.2")]}
		for i := int64(0); i <= a; i++ {
			for j := int64(0); i+j <= a; j++ {
				first := [3]int64{i, j, a - i - j}
				possible := true
				for k := range 3 {
					y[at(fmt.Sprintf("c0.0.%d", k))], y[at(fmt.Sprintf("c0.1.%d", k))] = first[k], b[k]-first[k]
					possible = possible && first[k] <= b[k]
				}
				if possible {
					best = math.Min(best, far(y))
				}
			}
		}
		// The real table is found first and then made whole, which may differ from the nearest whole one by a unit or two.
		if have > best+1e-4 {
			worse++
		}
		if have > best+2 {
			t.Errorf("%v for %v: %.3f away, the nearest table is %.3f away", x, want, have, best)
		}
	}
	if worse > 20 {
		t.Errorf("%d of 400 tables are not the nearest", worse)
	}
}

func TestAListIsRoundedByLargestRemainder(t *testing.T) {
	p, err := NewPresenter(System{Cells: 5, Rows: []Row{row([]int{0}, []int{1, 2, 3, 4})}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want []float64
		got  []int64
	}{
		{[]float64{10, 2.6, 3.3, 4.1, 0}, []int64{10, 3, 3, 4, 0}},
		{[]float64{10, 2.5, 2.5, 2.5, 2.5}, []int64{10, 3, 3, 2, 2}},
		{[]float64{10, 14, -4, 0, 0}, []int64{10, 10, 0, 0, 0}},
		{[]float64{-3, 1, -4, 0, 0}, []int64{0, 0, 0, 0, 0}},
		{[]float64{7.4, 4.4, 4.4, -1.4, 0}, []int64{7, 4, 3, 0, 0}},
	} {
		if got := p.Present(c.want); !slices.Equal(got, c.got) {
			t.Errorf("%v: %v, want %v", c.want, got, c.got)
		}
	}
}

// What cannot be promised is refused before there is any number.
func TestSystemsThatCannotBePresentedAreRefused(t *testing.T) {
	cube := func() []Row { // three margins of a 2x2x2 table: whole solutions need not exist
		var rows []Row
		for i := range 2 {
			for j := range 2 {
				rows = append(rows, row([]int{8 + 2*i + j}, []int{4*i + 2*j, 4*i + 2*j + 1}),
					row([]int{12 + 2*i + j}, []int{4*i + j, 4*i + j + 2}), row([]int{16 + 2*i + j}, []int{2*i + j, 2*i + j + 4}))
			}
		}
		return rows
	}
	for name, c := range map[string]struct {
		s    System
		says string
	}{
		"twice a cell":                  {System{Cells: 2, Rows: []Row{{{0, 2}, {1, -1}}}}, "2-fold"},
		"everything adds up to zero":    {System{Cells: 2, Rows: []Row{{{0, 1}, {1, 1}}}}, "nothing"},
		"a cell that is part of itself": {System{Cells: 3, Rows: []Row{row([]int{0}, []int{1}), row([]int{0}, []int{1, 2})}}, "itself"},
		"sums that need each other":     {System{Cells: 4, Rows: []Row{row([]int{0}, []int{1, 2}), row([]int{1}, []int{0, 3})}}, "need each other"},
		"a chain of overlaps":           {System{Cells: 5, Rows: []Row{row([]int{3}, []int{0, 1}), row([]int{4}, []int{1, 2})}}, "two margins"},
		"a triangle":                    {System{Cells: 6, Rows: []Row{row([]int{3}, []int{0, 1}), row([]int{4}, []int{1, 2}), row([]int{5}, []int{0, 2})}}, "circle"},
		"three margins":                 {System{Cells: 20, Rows: cube()}, "only tables"},
		"margins with no common total":  {System{Cells: 8, Rows: []Row{row([]int{4}, []int{0, 1}), row([]int{5}, []int{2, 3}), row([]int{6}, []int{0, 2}), row([]int{7}, []int{1, 3})}}, "same total"},
		"a table with holes": {System{Cells: 7 + 6, Hidden: 1, Rows: []Row{
			row([]int{6}, []int{0, 1}), row([]int{7}, []int{2, 3}), row([]int{8}, []int{4, 5}),
			row([]int{9}, []int{0, 2}), row([]int{10}, []int{3, 4}), row([]int{11}, []int{1, 5}),
			row([]int{12}, []int{6, 7, 8}), row([]int{12}, []int{9, 10, 11})}}, "places"},
	} {
		_, err := NewPresenter(c.s)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// Sums within sums, equal numbers, and sums with several numbers on both sides.
func TestSumsWithinSums(t *testing.T) {
	s := System{Cells: 8, Hidden: 1, Rows: []Row{
		row([]int{0}, []int{1, 2, 3}), row([]int{4}, []int{1, 2}), // 0 = 4 + 3
		row([]int{5, 6}, []int{1, 2, 3}),                 // 5 + 6 = 0
		row([]int{7}, []int{8}), row([]int{8}, []int{3}), // 7 = 3
	}}
	p, err := NewPresenter(s)
	if err != nil {
		t.Fatal(err)
	}
	got := p.Present([]float64{10.2, 3.4, 3.4, 3.4, 6.8, 5.1, 5.1, 3.4})
	if err := adds(s, got); err != nil || got[0] != 10 {
		t.Errorf("%v: %v", got, err)
	}
}

// county is a year of a county: persons in lists, of which one class is empty, and an answer crossed with each list.
func county(n, dims, answers int) (s tables, truth []float64) {
	size := []int{6, 5, 10}[:dims]
	s = build(size, answers, []bool{true, true, false}[:dims], false, true)
	count := map[string]float64{}
	r := rand.New(rand.NewPCG(1, uint64(n)))
	pick := func(n int) int { // small classes are many, the last one is empty
		return min(n-2, int(float64(n)*math.Pow(r.Float64(), 3)))
	}
	for range n {
		a := pick(answers + 1)
		count["all"]++
		count[fmt.Sprintf("a.%d", a)]++
		for d, k := range size {
			i := pick(k)
			count[fmt.Sprintf("n%d.%d", d, i)]++
			count[fmt.Sprintf("c%d.%d.%d", d, i, a)]++
			if a == answers-1 {
				count[fmt.Sprintf("f%d.%d", d, i)]++
			}
		}
	}
	for _, name := range s.names[:s.Cells] {
		truth = append(truth, count[name])
	}
	return s, truth
}

// TestSimulatedCounties draws releases of small, sparse and large counties. Estimates are unbiased with the variance that P
// says; presented numbers are no worse than 1.05 times them.
//
// 3,000 draws a county. The mean of a cell is judged at 5 standard errors (0.6 in a million by chance, for some 400 cells), a
// variance at 5 too.
func TestSimulatedCounties(t *testing.T) {
	const draws = 3000
	for _, c := range []struct {
		name string
		n    int
		sd   float64
	}{{"a county", 300, 9}, {"a small one", 60, 9}, {"an empty one", 0, 9}, {"a large one", 5000, 24}, {"little noise", 300, 0.8}} {
		t.Run(c.name, func(t *testing.T) {
			s, truth := county(c.n, 3, 5)
			if err := func() error {
				var x []int64
				for _, v := range truth {
					x = append(x, int64(v))
				}
				return adds(s.System, x)
			}(); err != nil {
				t.Fatal(err)
			}
			v := make([]float64, s.Cells)
			for i := range v {
				sd := c.sd * (1 + float64(i%3)/4)
				v[i] = sd * sd
			}
			rows, err := s.Independent()
			if err != nil {
				t.Fatal(err)
			}
			p, err := Project(v, rows)
			if err != nil {
				t.Fatal(err)
			}
			pr, err := NewPresenter(s.System)
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(9, uint64(c.n)))
			n := s.Cells
			mean, cross := make([]float64, n), square(n)
			var ls, shown, raw2 float64
			raw := make([]float64, n)
			for range draws {
				for i := range raw {
					raw[i] = truth[i] + r.NormFloat64()*math.Sqrt(v[i])
				}
				est := p.Estimate(raw)
				got := pr.Present(est)
				for i := range est {
					e := est[i] - truth[i]
					mean[i] += e / draws
					ls += e * e
					d := float64(got[i]) - truth[i]
					shown += d * d
					raw2 += (raw[i] - truth[i]) * (raw[i] - truth[i])
					for j := range i + 1 {
						cross[i][j] += e * (est[j] - truth[j]) / draws
					}
				}
			}
			for i := range n {
				if se := math.Sqrt(p.Cov(i, i) / draws); math.Abs(mean[i]) > 5*se {
					t.Errorf("%s is off by %.3f on average, one standard error is %.3f", s.names[i], mean[i], se)
				}
				for j := range i + 1 {
					a, b, ab := p.Cov(i, i), p.Cov(j, j), p.Cov(i, j)
					if se := math.Sqrt((a*b + ab*ab) / draws); math.Abs(cross[i][j]-ab) > 5*se {
						t.Errorf("covariance of %s and %s is %.3f, P says %.3f", s.names[i], s.names[j], cross[i][j], ab)
					}
				}
			}
			ratio := math.Sqrt(shown / ls)
			t.Logf("RMSE: raw %.2f, estimates %.2f, presented %.2f (x %.3f)", math.Sqrt(raw2/draws/float64(n)), math.Sqrt(ls/draws/float64(n)), math.Sqrt(shown/draws/float64(n)), ratio)
			if ratio > 1.05 {
				t.Errorf("presented numbers are %.3f times as far off as estimates", ratio)
			}
			if ls > raw2 {
				t.Errorf("estimates are worse than raw numbers")
			}
		})
	}
}

// A cell that is empty for 20 quarters adds up to nothing but noise by estimates; by presented numbers it drifts.
func TestSumsOfEstimatesDoNotDrift(t *testing.T) {
	s, truth := county(80, 2, 4)
	empty := slices.Index(s.names, "n0.5")
	if truth[empty] != 0 {
		t.Fatal("the class is not empty")
	}
	v := make([]float64, s.Cells)
	for i := range v {
		v[i] = 100
	}
	rows, err := s.Independent()
	if err != nil {
		t.Fatal(err)
	}
	p, err := Project(v, rows)
	if err != nil {
		t.Fatal(err)
	}
	pr, err := NewPresenter(s.System)
	if err != nil {
		t.Fatal(err)
	}
	const draws, quarters = 400, 20
	r := rand.New(rand.NewPCG(2, 2))
	raw := make([]float64, s.Cells)
	var sum, drift float64
	for range draws {
		for range quarters {
			for i := range raw {
				raw[i] = truth[i] + r.NormFloat64()*10
			}
			est := p.Estimate(raw)
			sum += est[empty] / draws
			drift += float64(pr.Present(est)[empty]) / draws
		}
	}
	se := math.Sqrt(quarters * p.Cov(empty, empty) / draws)
	t.Logf("20 quarters of an empty class: %.2f by estimates (standard error %.2f), %.1f by presented numbers", sum, se, drift)
	if math.Abs(sum) > 2*se { // the seed is fixed
		t.Errorf("estimates add up to %.2f, one standard error is %.2f", sum, se)
	}
	if drift < 30 {
		t.Errorf("presented numbers add up to %.1f: they should drift, or this test proves nothing", drift)
	}
}
