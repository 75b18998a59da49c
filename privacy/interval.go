package privacy

import (
	"math"

	"heatwatch/privacy/mechanism"
)

// z95 is the 97.5 % quantile of the normal distribution.
const z95 = 1.959963984540054

// interval is a value with its 95 % interval from the noise alone.
type interval struct{ value, low, high float64 }

// cut brings an interval into the possible range; the value is in it afterwards.
func (iv interval) cut(low, high float64) interval {
	clamp := func(x float64) float64 { return math.Max(low, math.Min(high, x)) }
	return interval{clamp(iv.value), clamp(iv.low), clamp(iv.high)}
}

// countInterval is that of a number of persons: whole numbers, never below 0. A lone cell with little noise uses the
// exact distribution of the rounded noise.
func countInterval(f form, r readings) interval {
	v := f.value(r)
	h := z95 * math.Sqrt(cov(f, f, r))
	if sd, ok := f.lone(r); ok && sd < 2 {
		h = rounded(sd)
	}
	// Outwards to whole numbers, less a hair so that an exact integer stays itself.
	const hair = 1e-9
	return interval{math.Round(v), math.Floor(v - h + hair), math.Ceil(v + h - hair)}.cut(0, math.Inf(1))
}

// fieller is the confidence set of a/b for jointly normal a and b (E. C. Fieller, "Some problems in interval
// estimation", 1954). Where b cannot be told from zero the set has no end, and bounded is false.
func fieller(a, b, va, vb, cab float64) (iv interval, bounded bool) {
	iv.value = a / b
	z2 := z95 * z95
	// (a - t b)^2 <= z^2 (va - 2 t cab + t^2 vb)
	qa := b*b - z2*vb
	qb := -2 * (a*b - z2*cab)
	qc := a*a - z2*va
	disc := qb*qb - 4*qa*qc
	if qa <= 0 || b <= 0 {
		return iv, false
	}
	root := math.Sqrt(math.Max(disc, 0))
	iv.low, iv.high = (-qb-root)/(2*qa), (-qb+root)/(2*qa)
	return iv, true
}

// ratioOf is fieller for two forms.
func ratioOf(above, below form, r readings) (interval, bool) {
	return fieller(above.value(r), below.value(r), cov(above, above, r), cov(below, below, r), cov(above, below, r))
}

// rounded is the half-width of one cell with little noise, from the exact distribution of the rounded draw.
func rounded(sd float64) float64 {
	h, err := mechanism.HalfWidthRounded(sd, Confidence)
	if err != nil {
		return math.Inf(1)
	}
	return float64(h)
}
