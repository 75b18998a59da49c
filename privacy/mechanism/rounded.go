package mechanism

import (
	"fmt"
	"math"
)

// exactBelow is where rounding begins to show: from here on the variance of a rounded Gaussian is
// sd^2 + 1/12 to within 1e-33.
const exactBelow = 2

// VarRounded is the variance of a Gaussian with standard deviation sd that was rounded to the nearest integer.
func VarRounded(sd float64) float64 {
	switch {
	case !(sd > 0):
		return math.NaN()
	case sd >= exactBelow:
		return sd*sd + 1.0/12
	}
	// E R^2 = sum over k >= 0 of (2k + 1) P(|R| > k)
	var sum float64
	for k := 0.0; ; k++ {
		term := (2*k + 1) * beyond(k, sd)
		sum += term
		if term <= sum*1e-18 {
			return sum
		}
	}
}

// HalfWidthRounded is the smallest integer h such that a rounded Gaussian is within [-h, h] with at least the given
// confidence. It is exact also where sd is small, where a multiple of sd would be wrong by up to one.
func HalfWidthRounded(sd, confidence float64) (int64, error) {
	if !(sd > 0 && sd <= MaxSd) || !(confidence > 0 && confidence <= 1-1e-15) {
		return 0, fmt.Errorf("mechanism: no interval for sd %v and confidence %v", sd, confidence)
	}
	miss := 1 - confidence
	h := math.Max(0, math.Floor(sd*math.Sqrt2*math.Erfcinv(miss)-0.5))
	for h > 0 && beyond(h-1, sd) <= miss {
		h--
	}
	for beyond(h, sd) > miss {
		h++
	}
	return int64(h), nil
}

// Rounded are the probabilities of -m, ..., m under a rounded Gaussian; what lies beyond m is below 1e-18.
func Rounded(sd float64) []float64 {
	m := int(math.Ceil(9 * sd))
	p := make([]float64, 2*m+1)
	p[m] = 1 - beyond(0, sd)
	for k := 1; k <= m; k++ {
		q := (beyond(float64(k-1), sd) - beyond(float64(k), sd)) / 2
		p[m-k], p[m+k] = q, q
	}
	return p
}

// beyond is P(|R| > k) for an integer k >= 0.
func beyond(k, sd float64) float64 { return math.Erfc((k + 0.5) / (sd * math.Sqrt2)) }
