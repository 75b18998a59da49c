package privacy

import "math"

// median is linear within the bin in which half is reached; its interval is where the band of the distribution function
// crosses one half.
func (d derivation) median(v values, sp spread, sampling bool) (iv interval, bounded bool, note string) {
	edges := d.formula.Edges
	reached := make([]float64, len(edges))
	var sum float64
	for k := range edges {
		sum += v.bins[k]
		reached[k] = sum
	}
	// The noise may make the numbers fall where they cannot: the nearest rising ones tell where half is reached. Bins cut
	// at zero one by one would all err upwards, and the median downwards.
	rise(reached)
	value, ok := crossing(edges, reached, v.below/2)
	if !ok {
		return iv, false, noteHalf
	}
	extra := 0.0
	if sampling {
		extra = v.below / 4 // the number below the median is binomial
	}
	low, high := medianBand(edges, v, sp.bins, extra)
	return interval{value, math.Min(low, value), math.Max(high, value)}, true, ""
}

// rise replaces numbers by the nearest ones, in squares, that never fall (pool adjacent violators).
func rise(x []float64) {
	type pool struct {
		sum float64
		n   int
	}
	var pools []pool
	for _, v := range x {
		pools = append(pools, pool{v, 1})
		for i := len(pools) - 1; i > 0 && pools[i].sum*float64(pools[i-1].n) < pools[i-1].sum*float64(pools[i].n); i-- {
			pools[i-1] = pool{pools[i-1].sum + pools[i].sum, pools[i-1].n + pools[i].n}
			pools = pools[:i]
		}
	}
	i := 0
	for _, p := range pools {
		for range p.n {
			x[i] = p.sum / float64(p.n)
			i++
		}
	}
}

// crossing is where rising numbers, reached at the edges and 0 at 0, come to half.
func crossing(edges, reached []float64, half float64) (float64, bool) {
	var below, lower float64
	for k, upper := range edges {
		if reached[k] >= half && reached[k] > 0 {
			at := 0.0 // those below zero are at the bin's start
			if up := reached[k] - below; up > 0 {
				at = math.Max(0, half-below) / up
			}
			return lower + math.Min(1, at)*(upper-lower), true
		}
		below, lower = math.Max(0, reached[k]), upper
	}
	return 0, false
}

// bandSteps is how finely a bin is searched for where the band of the distribution function crosses one half; the
// crossing itself is then found by halving.
const (
	bandSteps  = 16
	bandHalves = 40
)

// medianSpread is, for each bin, the noise on the number below it less half of all, and on the bin.
func (d derivation) medianSpread(r readings) []pencil {
	h := weigh(-0.5, d.below)
	return mapSlice(d.bins[:len(d.formula.Edges)], func(bin form) pencil {
		p := pencilOf(h, bin, r)
		h.add(bin, 1)
		return p
	})
}

// medianBand is the lowest and the highest place at which the distribution function could be one half; extra is added
// to the variance of the number below the median.
func medianBand(edges []float64, v values, noise []pencil, extra float64) (low, high float64) {
	low, high = edges[len(edges)-1], 0
	h := -v.below / 2 // the number below the bin, less half of all
	var lower float64
	found := false
	for k, upper := range edges {
		// end is an end of the band at a part t of the bin, sign 1 for the upper one.
		end := func(t, sign float64) float64 {
			half := noise[k].half(-t)
			return h + t*v.bins[k] + sign*math.Sqrt(half*half+z95*z95*extra)
		}
		cross := func(a, b, sign float64) float64 { // end is below zero at a, and not at b, or the other way round
			below := end(a, sign) < 0
			for range bandHalves {
				if m := (a + b) / 2; (end(m, sign) < 0) == below {
					a = m
				} else {
					b = m
				}
			}
			return lower + a*(upper-lower)
		}
		top, bottom := end(0, 1), end(0, -1)
		for i := range bandSteps {
			a, b := float64(i)/bandSteps, float64(i+1)/bandSteps
			nextTop, nextBottom := end(b, 1), end(b, -1)
			switch {
			case found:
			case top >= 0:
				low, found = lower+a*(upper-lower), true
			case nextTop >= 0:
				low, found = cross(a, b, 1), true
			}
			switch {
			case nextBottom < 0:
				high = lower + b*(upper-lower)
			case bottom < 0:
				high = cross(b, a, -1)
			}
			top, bottom = nextTop, nextBottom
		}
		h += v.bins[k]
		lower = upper
	}
	return low, high
}
