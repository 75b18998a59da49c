package privacy

import (
	"math"
	"slices"
)

// LifeTable is the share that is still there after each bin, from the numbers that left in it and that were last seen
// in it (any unit, bins in order, both of one length). Who is last seen in a bin is at risk for half of it (the
// actuarial estimate; Cutler and Ederer 1958), so S_k = product over i <= k of (1 - left_i / (risk_i - censored_i/2)). From a
// bin on in which nobody is at risk the share stays as it is.
func LifeTable(left, censored []float64) []float64 {
	out := make([]float64, len(left))
	risk := 0.0
	for k := range left {
		risk += left[k] + censored[k]
	}
	s := 1.0
	for k := range left {
		if at := risk - censored[k]/2; at > 0 {
			s *= 1 - left[k]/at
		}
		out[k] = s
		risk -= left[k] + censored[k]
	}
	return out
}

// Curve reads a life table's shares, which hold after each edge, on any days in order: from 1 on day 0, straight between
// edges, level behind the last. What noise made impossible is mended first: a share lies between 0 and 1 and never rises.
func Curve(edges, shares, days []float64) []float64 {
	fall := mapSlice(shares, func(s float64) float64 { return -math.Min(1, math.Max(0, s)) })
	rise(fall)
	before, from, k := 1.0, 0.0, 0
	return mapSlice(days, func(day float64) float64 {
		for k < len(edges) && day > edges[k] {
			before, from = -fall[k], edges[k]
			k++
		}
		if k == len(edges) {
			return before
		}
		return before + (day-from)/(edges[k]-from)*(-fall[k]-before)
	})
}

// survivors is the number that is still there, risk x S, with its derivatives by each of left, each of censored and the
// number at the start; ok is false where nobody is at risk. greenwood is the sum of left / (at (at - left)).
func survivors(left, censored []float64, risk float64) (n float64, by []float64, greenwood float64, ok bool) {
	m := len(left)
	// derivatives of S and of the number at risk, forwards through the bins; the last place is the start's
	ds, at := make([]float64, 2*m+1), make([]float64, 2*m+1)
	at[2*m] = 1
	s, now := 1.0, risk
	for k := range m {
		b := now - censored[k]/2
		if b <= 0 {
			return 0, nil, 0, false
		}
		q := 1 - left[k]/b
		for j := range ds {
			db := at[j]
			if j == m+k {
				db -= 0.5
			}
			dq := left[k] / (b * b) * db
			if j == k {
				dq -= 1 / b
			}
			ds[j] = ds[j]*q + s*dq
		}
		s *= q
		if l := math.Max(0, left[k]); l < b {
			greenwood += l / (b * (b - l))
		}
		now -= left[k] + censored[k]
		at[k]--
		at[m+k]--
	}
	n = risk * s
	for j := range ds {
		ds[j] *= risk
	}
	ds[2*m] += s
	return n, ds, greenwood, true
}

// covariances are those of the noise on several forms, and their weights on the cells in which rounding shows.
type covariances struct {
	c     [][]float64
	rough [][]float64
}

func covariancesOf(forms []form, r readings) covariances {
	out := covariances{c: make([][]float64, len(forms)), rough: make([][]float64, len(forms))}
	all := form{}
	shows := false
	for _, f := range forms {
		shows = shows || coarse(f, r)
	}
	if shows { // over raw cells, of which rounding can be counted one by one
		forms = mapSlice(forms, func(f form) form { return f.raw(r) })
	}
	for _, f := range forms {
		all.add(f, 0)
	}
	keys := all.keys()
	for i, f := range forms {
		for _, g := range forms {
			if !shows {
				out.c[i] = append(out.c[i], cov(f, g, r))
				continue
			}
			var sum float64
			for _, k := range keys {
				v, _ := drawn(r[k.readingKey])
				sum += f[k] * g[k] * v
			}
			out.c[i] = append(out.c[i], sum)
		}
		for _, k := range keys {
			if _, rough := drawn(r[k.readingKey]); shows && rough {
				out.rough[i] = append(out.rough[i], f[k])
			}
		}
	}
	return out
}

// pencil is the noise on a combination of the forms, and on their last one.
func (c covariances) pencil(w []float64) pencil {
	last := len(w) - 1
	p := pencil{vb: c.c[last][last], rb: c.rough[last]}
	if p.rb != nil {
		p.ra = make([]float64, len(p.rb))
	}
	for i, x := range w {
		for j, y := range w {
			p.va += x * y * c.c[i][j]
		}
		p.cab += x * c.c[i][last]
		for k, y := range c.rough[i] {
			p.ra[k] += x * y
		}
	}
	return p
}

// survivalLinear is the noise on the share, to first order, among so many persons who fall into the cells as the formula
// expects: Expect.Cells are the shares of Left and then of Censored.
func (d derivation) survivalLinear(persons float64) (noise form, per float64) {
	f := d.formula
	bins := len(f.Edges)
	if len(f.Expect.Cells) != 2*bins {
		return nil, 0
	}
	m, start := d.bin(), 0.0
	cells := mapSlice(f.Expect.Cells, func(x float64) float64 { start += persons * x; return persons * x })
	n, by, _, ok := survivors(cells[:m], cells[bins:bins+m], start)
	if !ok {
		return nil, 0
	}
	h := weigh(-n/start, d.below)
	for i, g := range slices.Concat(d.bins[:m], d.censored[:m], []form{d.below}) {
		h.add(g, by[i])
	}
	return h, 1 / start
}

// bin is the number of bins up to Formula.At.
func (d derivation) bin() int {
	m := 0
	for m < len(d.formula.Edges) && d.formula.Edges[m] <= d.formula.At {
		m++
	}
	return m
}

// survival is the life table's share after the bin that ends at Formula.At. The number still there is taken as linear
// in the cells around the estimate; for that number over the number at the start the interval is Fieller's. With
// sampling, Greenwood's variance (1926) is added, never less than that of a share without censoring.
func (d derivation) survival(v values, sp spread, sampling bool) (iv interval, bounded bool, note string) {
	m := d.bin()
	n, by, greenwood, ok := survivors(v.bins[:m], v.censored[:m], v.below)
	if !ok {
		return iv, false, noteNobodyLeft
	}
	c := chance{}
	if sampling {
		s := n / v.below
		inflation := 1.0
		if s > 0 && s < 1 {
			inflation = math.Max(1, v.below*s*greenwood/(1-s))
		}
		c = chance{0, v.below * inflation, -v.below * inflation}
	}
	iv, bounded = ratio(n, v.below, sp.table.pencil(by), c)
	return iv, bounded, ""
}
