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

// whole makes an interval one of whole numbers, never below 0: the value rounded, the ends outwards, less a hair so that
// an exact integer stays itself.
func (iv interval) whole() interval {
	const hair = 1e-9
	return interval{math.Round(iv.value), math.Floor(iv.low + hair), math.Ceil(iv.high - hair)}.cut(0, math.Inf(1))
}

// countInterval is that of a number, from the noise alone.
func countInterval(f form, r readings) interval {
	v, h := f.value(r), halfWidth(f, r)
	return interval{v, v - h, v + h}.whole()
}

// poisson is that of the expected number, where each of those counted adds at most most (1 in a plain count): the
// variance is then at most most x expected. It is the score interval: (v - t)^2 <= z^2 (noise + most t).
func poisson(f form, r readings, most float64) interval {
	v, h := f.value(r), halfWidth(f, r)
	mid := v + z95*z95*most/2
	root := math.Sqrt(math.Max(0, mid*mid-v*v+h*h))
	return interval{v, mid - root, mid + root}.whole()
}

// chance is the variance that sampling adds to above - t below: c0 + c1 t + c2 t^2.
type chance struct{ c0, c1, c2 float64 }

func (c chance) at(t float64) float64 { return math.Max(0, c.c0+c.c1*t+c.c2*t*t) }

// fieller is the confidence set of a/b for jointly normal a and b (E. C. Fieller, "Some problems in interval
// estimation", 1954): all t with (a - t b)^2 <= z^2 (va - 2 t cab + t^2 vb + chance). With chance n t (1 - t) and no
// noise it is Wilson's for a share. Where b cannot be told from zero the set has no end, and bounded is false.
func fieller(a, b, va, vb, cab float64, c chance) (iv interval, bounded bool) {
	iv.value = a / b
	z2 := z95 * z95
	qa := b*b - z2*(vb+c.c2)
	qb := -2*a*b + z2*(2*cab-c.c1)
	qc := a*a - z2*(va+c.c0)
	if qa <= 0 || b <= 0 {
		return iv, false
	}
	// Below zero only with chance, for a share that noise has put far out of its range: the nearest t is all there is.
	root := math.Sqrt(math.Max(qb*qb-4*qa*qc, 0))
	iv.low, iv.high = (-qb-root)/(2*qa), (-qb+root)/(2*qa)
	return iv, true
}

// ratioOf is fieller for two forms.
func ratioOf(above, below form, r readings, c chance) (interval, bool) {
	return ratioAt(above.value(r), above, below, r, c)
}

// ratioAt is ratioOf for a number above the line that has the noise of a form, but not its value.
func ratioAt(a float64, above, below form, r readings, c chance) (interval, bool) {
	if coarse(above, r) || coarse(below, r) {
		return searched(a, above, below, r, c)
	}
	return fieller(a, below.value(r), cov(above, above, r), cov(below, below, r), cov(above, below, r), c)
}

// searched is ratioOf where the noise is so small that its rounding shows: each end is the place where above - t below
// is just too large for the noise, sought from the value outwards.
func searched(a float64, above, below form, r readings, c chance) (interval, bool) {
	b := below.value(r)
	iv := interval{value: a / b}
	outside := func(t float64) bool {
		f := weigh(1, above)
		f.add(below, -t)
		h := bound(f, r)
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
	if b <= 0 || b <= bound(below, r) {
		return iv, false
	}
	var low, high bool
	iv.low, low = end(-1)
	iv.high, high = end(1)
	return iv, low && high
}

// Rounding of the noise shows in a cell whose sd lies between these: below, the draw is 0 in all but one of a billion
// releases; above, the rounded draw is as good as normal.
const (
	silentBelow = 0.08
	normalFrom  = 2
)

// coarse tells whether rounding shows in a form: whether one cell with little noise counts for much of it.
func coarse(f form, r readings) bool {
	most := 0.0
	for k, w := range f {
		if sd := r[k.readingKey].sd; sd >= silentBelow && sd < normalFrom {
			most = math.Max(most, math.Abs(w))
		}
	}
	const many = 8 // from this many steps of the largest cell on, the sum is as good as normal
	return most > 0 && math.Sqrt(cov(f, f, r)) < many*most
}

// halfWidth is the distance that the noise on a form does not exceed in 95 of 100 releases: from the normal
// distribution, or where rounding shows from the exact one, or where that is out of reach from a bound.
func halfWidth(f form, r readings) float64 {
	if !coarse(f, r) {
		return z95 * math.Sqrt(cov(f, f, r))
	}
	if h, ok := exactHalfWidth(f, r); ok {
		return h
	}
	return bound(f, r)
}

// bound is at least the half-width: rounding moves a draw by one half at most, so it is added outright for every cell
// in which it shows.
func bound(f form, r readings) float64 {
	v, slack := 0.0, 0.0
	coarse := coarse(f, r)
	for _, k := range f.keys() {
		rd, w := r[k.readingKey], math.Abs(f[k])
		switch {
		case !coarse || rd.sd >= normalFrom:
			v += w * w * rd.vars
		case rd.sd >= silentBelow:
			v += w * w * rd.sd * rd.sd
			slack += w / 2
		}
	}
	return z95*math.Sqrt(v) + slack
}

// maxSteps is how many steps of a cell the exact distribution of a sum may span.
const maxSteps = 1 << 14

// exactHalfWidth is the smallest distance that holds the sum of the rounded draws in 95 of 100 releases, for a form
// whose weights are whole multiples of one step.
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
