package privacy

import (
	"math"
	"slices"
)

// LifeTable is the share that is still there after each bin, from the numbers that left in it and that were last seen
// in it (any unit, bins in order, both of one length). Who is last seen in a bin is at risk for half of it (the
// actuarial estimate; Cutler and Ederer 1958): S_k = product over i <= k of (1 - left_i / (risk_i - censored_i/2)). Noise
// may bring a share out of [0, 1]; of nobody it is NaN.
func LifeTable(left, censored []float64) []float64 {
	start := 0.0
	for k := range left {
		start += left[k] + censored[k]
	}
	out := make([]float64, len(left))
	for k := range out {
		out[k] = math.NaN()
		if start > 0 {
			n, _, _ := survivors(left[:k+1], censored[:k+1], start)
			out[k] = n / start
		}
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
// number at the start. It is the life table read backwards: those seen behind the last bin, and of each bin's censored the
// part that would be there too (q of a later bin stays, and half of those in the own bin were at risk as long as it took),
//
//	n_(m+1) + sum over k of censored_k (1 + q_k)/2 q_(k+1) ... q_m, q_k = 1 - left_k / (risk_k - censored_k/2)
//
// which is the same as the product wherever every q lies between 0 and 1, and where noise made one impossible holds it
// there and still counts all cells. greenwood is the sum of left / (at (at - left)).
func survivors(left, censored []float64, risk float64) (n float64, by []float64, greenwood float64) {
	m := len(left)
	q, dq := make([]float64, m), make([][]float64, m)
	at := make([]float64, 2*m+1) // derivatives of the number at risk
	at[2*m] = 1
	now := risk
	for k := range m {
		b := now - censored[k]/2
		dq[k] = make([]float64, 2*m+1)
		switch {
		case b <= 0:
			q[k] = 1
		case left[k] < b:
			q[k] = 1 - left[k]/b
			greenwood += math.Max(0, left[k]) / (b * (b - left[k]))
			for j := range dq[k] {
				dq[k][j] = left[k] / (b * b) * at[j]
			}
			dq[k][m+k] -= left[k] / (b * b) / 2
			dq[k][k] -= 1 / b
		}
		now -= left[k] + censored[k]
		at[k]--
		at[m+k]--
	}
	n, by = now, at
	later, dLater := 1.0, make([]float64, 2*m+1)
	for k := m - 1; k >= 0; k-- {
		half := (1 + q[k]) / 2
		n += censored[k] * half * later
		by[m+k] += half * later
		for j := range by {
			by[j] += censored[k] * (dq[k][j]/2*later + half*dLater[j])
			dLater[j] = dq[k][j]*later + q[k]*dLater[j]
		}
		later *= q[k]
	}
	return n, by, greenwood
}

// covariances are those of the noise on several forms, and their weights on the cells in which rounding may show.
type covariances struct {
	c       [][]float64
	cells   []roughness
	weights [][]float64 // by form, by cell
}

func covariancesOf(forms []form, r readings) covariances {
	out := covariances{c: make([][]float64, len(forms)), weights: make([][]float64, len(forms))}
	// In a - t b the other cells may cancel, so more forms than the coarse ones are looked at closely.
	if !slices.ContainsFunc(forms, func(f form) bool { return coarse(f, 4*many, r) }) {
		for i, f := range forms {
			out.c[i] = mapSlice(forms, func(g form) float64 { return cov(f, g, r) })
		}
		return out
	}
	// over raw cells, of which rounding can be counted one by one
	forms = mapSlice(forms, func(f form) form { return f.raw(r) })
	all := form{}
	for i, f := range forms {
		all.add(f, 0)
		out.c[i] = make([]float64, len(forms))
	}
	for _, k := range all.keys() {
		x, rough := r[k.readingKey].rough()
		if rough {
			out.cells = append(out.cells, x)
		}
		for i, f := range forms {
			for j, g := range forms {
				out.c[i][j] += f[k] * g[k] * x.variance
			}
			if rough {
				out.weights[i] = append(out.weights[i], f[k])
			}
		}
	}
	return out
}

// pencil is the noise on a combination of the forms, and on their last one.
func (c covariances) pencil(w []float64) pencil {
	last := len(w) - 1
	p := pencil{va: c.variance(w), vb: c.c[last][last]}
	for i, x := range w {
		p.cab += x * c.c[i][last]
	}
	for k, x := range c.cells {
		cell := roughCell{0, c.weights[last][k], x}
		for i, y := range w {
			cell.a += y * c.weights[i][k]
		}
		p.rough = append(p.rough, cell)
	}
	return p
}

// variance is that of a combination of the forms.
func (c covariances) variance(w []float64) float64 {
	var sum float64
	for i, x := range w {
		for j, y := range w {
			sum += x * y * c.c[i][j]
		}
	}
	return sum
}

// survivalLinear is a figure's error to first order among so many persons who fall into the cells as the formula expects:
// Expect.Cells are the shares of Left and then of Censored.
func (d derivation) survivalLinear(persons float64) (noise form, per float64) {
	f := d.formula
	bins := len(f.Edges)
	if len(f.Expect.Cells) != 2*bins {
		return nil, 0
	}
	m, start := d.bin(), 0.0
	cells := mapSlice(f.Expect.Cells, func(x float64) float64 { start += persons * x; return persons * x })
	n, by, _ := survivors(cells[:m], cells[bins:bins+m], start)
	return d.survivalNoise(by, n/start), 1 / start
}

// survivalNoise is the noise on the number still there less t times the number at the start.
func (d derivation) survivalNoise(by []float64, t float64) form {
	m := d.bin()
	f := weigh(-t, d.below)
	for i, g := range slices.Concat(d.bins[:m], d.censored[:m], []form{d.below}) {
		f.add(g, by[i])
	}
	return f
}

// bin is the number of bins up to Formula.At.
func (d derivation) bin() int {
	m := 0
	for m < len(d.formula.Edges) && d.formula.Edges[m] <= d.formula.At {
		m++
	}
	return m
}

// bent is the variance that a function has beyond that of its tangent, where its derivatives are by: half the trace of
// (H C)^2, C the covariances and H the second derivatives, taken over one sd to each side so that a kink counts for what
// the noise makes of it.
func (c covariances) bent(at []float64, by func(at []float64) []float64) float64 {
	n := len(at)
	hc := make([][]float64, n) // rows of H C
	for i := range n {
		hc[i] = make([]float64, n)
		sd := math.Sqrt(math.Max(0, c.c[i][i]))
		if sd == 0 {
			continue
		}
		up, down := slices.Clone(at), slices.Clone(at)
		up[i] += sd
		down[i] -= sd
		a, b := by(up), by(down)
		for j := range n {
			for k := range n {
				hc[i][k] += (a[j] - b[j]) / (2 * sd) * c.c[j][k]
			}
		}
	}
	var sum float64
	for i := range n {
		for j := range n {
			sum += hc[i][j] * hc[j][i] / 2
		}
	}
	return math.Max(0, sum)
}

// steepest are the slopes at a place, or one sd of a form beside it, that make the noise on a - t b the largest: where the noise may
// have carried the estimate over a kink, the flat side says too little.
func (c covariances) steepest(at []float64, by func(at []float64) []float64, t float64) []float64 {
	best := by(at)
	most := c.pencil(best).half(t)
	for i := range at {
		sd := math.Sqrt(math.Max(0, c.c[i][i]))
		for _, step := range []float64{-sd, sd} {
			x := slices.Clone(at)
			x[i] += step
			slopes := by(x)
			if half := c.pencil(slopes).half(t); half > most {
				best, most = slopes, half
			}
		}
	}
	return best
}

// survival is the life table's share after the bin that ends at Formula.At. The number still there is taken as linear
// in the cells around the estimate, with what its curvature adds to the variance; for that number over the number at the
// start the interval is Fieller's. With sampling, Greenwood's variance (1926) is added, never less than that of a share
// without censoring.
func (d derivation) survival(v values, sp spread, sampling bool) (iv interval, bounded bool, note string) {
	m := d.bin()
	n, _, greenwood := survivors(v.bins[:m], v.censored[:m], v.below)
	c := chance{}
	if sampling {
		s := n / v.below
		inflation := 1.0
		if s > 0 && s < 1 {
			inflation = math.Max(1, v.below*s*greenwood/(1-s))
		}
		c = chance{0, v.below * inflation, -v.below * inflation}
	}
	at := slices.Concat(v.bins[:m], v.censored[:m], []float64{v.below})
	slopes := func(x []float64) []float64 {
		_, by, _ := survivors(x[:m], x[m:2*m], x[2*m])
		return by
	}
	c.c0 = sp.table.bent(at, slopes)
	iv, bounded = ratio(n, v.below, sp.table.pencil(sp.table.steepest(at, slopes, n/v.below)), c)
	return iv, bounded, ""
}
