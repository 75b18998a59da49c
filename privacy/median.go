package privacy

import "math"

// median is linear within the bin in which half is reached; its interval is where the band of the distribution function
// crosses one half. extra is added to the variance of the number below the median: 0, or what sampling brings.
func (d derivation) median(r readings, extra float64) (interval, string) {
	edges := d.formula.Edges
	reached := make([]float64, len(edges))
	var sum float64
	for k := range edges {
		sum += d.bins[k].value(r)
		reached[k] = sum
	}
	// The noise may make the numbers fall where they cannot: the nearest rising ones tell where half is reached. Bins cut
	// at zero one by one would all err upwards, and the median downwards.
	rise(reached)
	value, ok := crossing(edges, reached, d.below.value(r)/2)
	if !ok {
		return interval{}, noteHalf
	}
	low, high := d.medianBand(r, extra)
	return interval{value, math.Min(low, value), math.Max(high, value)}.cut(0, edges[len(edges)-1]), ""
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
	bandSteps  = 64
	bandHalves = 40
)

// medianBand is the lowest and the highest place at which the distribution function could be one half.
func (d derivation) medianBand(r readings, extra float64) (low, high float64) {
	edges := d.formula.Edges
	low, high = edges[len(edges)-1], 0
	h := form{} // the distribution function below the bin, less one half
	h.add(d.below, -0.5)
	var lower float64
	found := false
	for k, upper := range edges {
		bin := d.bins[k]
		v, slope, vv, vs, ss := h.value(r), bin.value(r), cov(h, h, r), cov(h, bin, r), cov(bin, bin, r)
		rough := coarse(h, r) || coarse(bin, r)
		half := func(t float64) float64 {
			if rough {
				f := weigh(1, h)
				f.add(bin, t)
				b := bound(f, r)
				return math.Sqrt(b*b + z95*z95*extra)
			}
			return z95 * math.Sqrt(math.Max(0, vv+2*t*vs+t*t*ss)+extra)
		}
		// end is an end of the band at a part t of the bin, sign 1 for the upper one.
		end := func(t, sign float64) float64 { return v + t*slope + sign*half(t) }
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
		for i := range bandSteps {
			a, b := float64(i)/bandSteps, float64(i+1)/bandSteps
			switch {
			case found:
			case end(a, 1) >= 0:
				low, found = lower+a*(upper-lower), true
			case end(b, 1) >= 0:
				low, found = cross(a, b, 1), true
			}
			switch {
			case end(b, -1) < 0:
				high = lower + b*(upper-lower)
			case end(a, -1) < 0:
				high = cross(b, a, -1)
			}
		}
		h.add(bin, 1)
		lower = upper
	}
	return low, high
}
