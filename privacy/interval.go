package privacy

import (
	"math"

	"heatwatch/privacy/mechanism"
)

// z95 is the 97.5 % quantile of the normal distribution.
const z95 = 1.959963984540054

// interval is a value with a 95 % interval.
type interval struct{ value, low, high float64 }

// cut brings an interval into the possible range; the value is in it afterwards.
func (iv interval) cut(low, high float64) interval {
	clamp := func(x float64) float64 { return math.Max(low, math.Min(high, x)) }
	return interval{clamp(iv.value), clamp(iv.low), clamp(iv.high)}
}

// hair is what an end is drawn in before it is rounded outwards, so that an exact integer stays itself.
const hair = 1e-9

// whole makes an interval one of whole numbers, never below 0: the value rounded, the ends outwards.
func (iv interval) whole() interval {
	return interval{math.Round(iv.value), math.Floor(iv.low + hair), math.Ceil(iv.high - hair)}.cut(0, math.Inf(1))
}

// poisson is the interval of the expected number where v were counted with a half-width h from the noise, and each adds
// at most most (1 in a plain count): its variance is at most most x itself. It is the score interval, all t with
// (v - t)^2 <= h^2 + z^2 most t.
func poisson(v, h, most float64) interval {
	mid := v + z95*z95*most/2
	root := math.Sqrt(math.Max(0, mid*mid-v*v+h*h))
	return interval{v, mid - root, mid + root}
}

// chance is the variance that sampling adds to above - t below: c0 + c1 t + c2 t^2.
type chance struct{ c0, c1, c2 float64 }

func (c chance) at(t float64) float64 { return math.Max(0, c.c0+c.c1*t+c.c2*t*t) }

// pencil is the noise on a - t b for every t: variances and covariance, and the cells in which rounding may show.
type pencil struct {
	va, vb, cab float64
	rough       []roughCell
}

// roughCell is a raw cell with little noise, with its weights in both forms of a pencil.
type roughCell struct {
	a, b float64
	roughness
}

// pencilOf is that of two forms.
func pencilOf(a, b form, r readings) pencil {
	return covariancesOf([]form{a, b}, r).pencil([]float64{1, 0})
}

// half is at least the half-width of a - t b.
func (p pencil) half(t float64) float64 {
	v := math.Max(0, p.va-2*t*p.cab+t*t*p.vb)
	h := z95 * math.Sqrt(v)
	for _, x := range p.rough {
		h += x.widens(x.a-t*x.b, v)
	}
	return h
}

// ratio is the confidence set of a/b: all t with (a - t b)^2 <= half(t)^2 + z^2 chance(t). For normal noise it is Fieller's
// (E. C. Fieller, "Some problems in interval estimation", 1954); with chance n t (1 - t) and no noise it is Wilson's
// for a share. Where b cannot be told from zero the set has no end, and bounded is false.
func ratio(a, b float64, p pencil, c chance) (iv interval, bounded bool) {
	if p.rough != nil {
		return searched(a, b, p, c)
	}
	iv.value = a / b
	z2 := z95 * z95
	qa := b*b - z2*(p.vb+c.c2)
	qb := -2*a*b + z2*(2*p.cab-c.c1)
	qc := a*a - z2*(p.va+c.c0)
	if qa <= 0 || b <= 0 {
		return iv, false
	}
	// Below zero only with chance, for a share that noise has put far out of its range: the nearest t is all there is.
	root := math.Sqrt(math.Max(qb*qb-4*qa*qc, 0))
	iv.low, iv.high = (-qb-root)/(2*qa), (-qb+root)/(2*qa)
	return iv, true
}

// searched is ratio where the noise is so small that its rounding shows: each end is the place where a - t b is just too
// large for the noise, sought from the value outwards.
func searched(a, b float64, p pencil, c chance) (interval, bool) {
	iv := interval{value: a / b}
	outside := func(t float64) bool {
		h := p.half(t)
		return math.Abs(a-t*b) > math.Sqrt(h*h+z95*z95*c.at(t))
	}
	end := func(sign float64) (float64, bool) {
		step := math.Max(1e-6, math.Abs(iv.value)/16)
		in, out := iv.value, iv.value+sign*step
		for range 80 {
			if outside(out) {
				for range 60 {
					if m := in + (out-in)/2; outside(m) {
						out = m
					} else {
						in = m
					}
				}
				return out, true
			}
			step *= 2
			in, out = out, out+sign*step
		}
		return 0, false
	}
	below := pencil{va: p.vb}
	for _, x := range p.rough {
		below.rough = append(below.rough, roughCell{x.b, 0, x.roughness})
	}
	if b <= below.half(0) {
		return iv, false
	}
	var low, high bool
	iv.low, low = end(-1)
	iv.high, high = end(1)
	return iv, low && high
}

// Rounding shows in draws whose sd lies between these: below, the draw is 0 in all but one of a billion releases; above,
// even one cell alone is as good as normal.
const (
	silentBelow = 0.08
	normalFrom  = 8
)

// many is from how many steps of a cell on a sum is as good as normal.
const many = 5

// roughness is what rounding does to a cell's draws beside the variance that is counted for them.
type roughness struct {
	variance float64
	slack    float64 // to be added to a half-width, per unit of weight
	lone     bool    // only as far as the cell stands alone
}

// rough is the roughness of a reading's cells; ok is false where rounding does not show. Rounding moves a draw by one half at
// most: below an sd of 2 that is added outright. From there on rounding is a little more variance, but for one cell
// alone: its draws are whole numbers, and the next one above the half-width may be needed.
func (r reading) rough() (x roughness, ok bool) {
	switch {
	case !r.coarse():
		return roughness{variance: r.vars}, false
	case r.sd < 2:
		return roughness{variance: r.sd * r.sd, slack: 0.5}, true
	}
	h, err := mechanism.HalfWidthRounded(r.sd, Confidence)
	if err != nil {
		return roughness{variance: r.vars, slack: math.Inf(1)}, true
	}
	return roughness{r.vars, math.Max(0, float64(h)-z95*math.Sqrt(r.vars)) + hair, true}, true
}

// widens is what the roughness of a cell of weight w adds to the half-width of a form with that variance. Other noise
// smooths the steps of a lone cell: their first harmonic shrinks by exp(-2 pi^2 variance / step^2).
func (x roughness) widens(w, variance float64) float64 {
	w = math.Abs(w)
	switch {
	case w == 0 || !x.lone && variance > many*many*w*w:
		return 0
	case !x.lone:
		return w * x.slack
	}
	return w * x.slack * math.Exp(-2*math.Pi*math.Pi*math.Max(0, variance/(w*w)-x.variance))
}

// coarse tells whether rounding shows in a form: whether its noise is less than so many steps of one cell with little noise.
func coarse(f form, steps float64, r readings) bool {
	most, any := 0.0, false
	for k := range f {
		rd := r[k.readingKey]
		any = any || rd.coarse() || rd.beside != nil && rd.beside.coarse
	}
	if !any {
		return false
	}
	for k, w := range f.raw(r) {
		if r[k.readingKey].coarse() {
			most = math.Max(most, math.Abs(w))
		}
	}
	return most > 0 && math.Sqrt(cov(f, f, r)) < steps*most
}

// halfWidth is the distance that the noise on a form does not exceed in 95 of 100 releases: from the normal
// distribution, or where rounding shows from the exact one, or where that is out of reach from a bound.
func halfWidth(f form, r readings) float64 {
	if !coarse(f, many, r) {
		return z95 * math.Sqrt(cov(f, f, r))
	}
	if h, ok := exactHalfWidth(f.raw(r), r); ok {
		return h
	}
	return pencilOf(f, form{}, r).half(0)
}

// maxSteps is how many steps of a cell the exact distribution of a sum may span.
const maxSteps = 1 << 14

// exactHalfWidth is the smallest distance that holds the sum of the rounded draws in 95 of 100 releases, for a form
// over raw cells whose weights are whole multiples of one step.
func exactHalfWidth(f form, r readings) (float64, bool) {
	step := math.Inf(1)
	for k, w := range f {
		if w != 0 && r[k.readingKey].sd >= silentBelow {
			step = math.Min(step, math.Abs(w))
		}
	}
	sum := []float64{1} // probabilities of -m..m steps
	for _, k := range f.keys() {
		rd, w := r[k.readingKey], math.Abs(f[k])
		if w == 0 || rd.sd < silentBelow {
			continue
		}
		times := math.Round(w / step)
		if math.Abs(w/step-times) > 1e-9*times {
			return 0, false
		}
		one := mechanism.Rounded(rd.sd)
		if len(sum)+len(one)*int(times) > maxSteps {
			return 0, false
		}
		next := make([]float64, len(sum)+(len(one)-1)*int(times))
		for i, p := range sum {
			for j, q := range one {
				next[i+j*int(times)] += p * q
			}
		}
		sum = next
	}
	m := len(sum) / 2
	held := sum[m]
	h := 0
	for held < Confidence && h < m {
		h++
		held += sum[m-h] + sum[m+h]
	}
	return float64(h) * step, true
}
