package privacy

import "math"

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

// survivors is the number that is still there, risk x S, with its derivatives by left, by censored and by the number at
// the start; ok is false where nobody is at risk. greenwood is the sum of left / (at (at - left)).
func survivors(left, censored []float64, risk float64) (n float64, dLeft, dCensored []float64, dRisk, greenwood float64, ok bool) {
	m := len(left)
	// derivatives of S and of the number at risk, forwards through the bins; the last place is the start's
	ds, at := make([]float64, 2*m+1), make([]float64, 2*m+1)
	at[2*m] = 1
	s, now := 1.0, risk
	for k := range m {
		b := now - censored[k]/2
		if b <= 0 {
			return 0, nil, nil, 0, 0, false
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
	return n, ds[:m], ds[m : 2*m], ds[2*m] + s, greenwood, true
}

// survivors is the same for a figure's cells: the derivatives as a form.
func (d derivation) survivors(left, censored []float64, start float64) (n float64, above form, greenwood float64, ok bool) {
	n, dLeft, dCensored, dStart, greenwood, ok := survivors(left, censored, start)
	above = weigh(dStart, d.below)
	for k := range dLeft {
		above.add(d.bins[k], dLeft[k])
		above.add(d.censored[k], dCensored[k])
	}
	return n, above, greenwood, ok
}

// expectedSurvival is the half-width among so many persons who fall into the cells as the formula expects: Expect.Cells are
// the shares of Left and then of Censored.
func expectedSurvival(r readings, d derivation, persons float64) float64 {
	f := d.formula
	bins := len(f.Edges)
	if len(f.Expect.Cells) != 2*bins {
		return math.Inf(1)
	}
	m, start := 0, 0.0
	for m < bins && f.Edges[m] <= f.At {
		m++
	}
	cells := mapSlice(f.Expect.Cells, func(x float64) float64 { start += persons * x; return persons * x })
	n, above, _, ok := d.survivors(cells[:m], cells[bins:bins+m], start)
	if !ok {
		return math.Inf(1)
	}
	above.add(d.below, -n/start)
	return z95 * math.Sqrt(cov(above, above, r)) / start
}

// survival is the life table's share after the bin that ends at Formula.At. The number still there is taken as linear
// in the cells around the estimate; for that number over the number at the start the interval is Fieller's. With
// sampling, Greenwood's variance (1926) is added, never less than that of a share without censoring.
func (d derivation) survival(r readings, sampling bool) (interval, string) {
	m := 0
	for m < len(d.formula.Edges) && d.formula.Edges[m] <= d.formula.At {
		m++
	}
	values := func(forms []form) []float64 { return mapSlice(forms[:m], func(f form) float64 { return f.value(r) }) }
	left, censored, start := values(d.bins), values(d.censored), d.below.value(r)
	n, above, greenwood, ok := d.survivors(left, censored, start)
	if !ok {
		return interval{}, noteNobodyLeft
	}
	c := chance{}
	if sampling {
		s := n / start
		inflation := 1.0
		if s > 0 && s < 1 {
			inflation = math.Max(1, start*s*greenwood/(1-s))
		}
		c = chance{0, start * inflation, -start * inflation}
	}
	iv, bounded := ratioAt(n, above, d.below, r, c)
	if !bounded {
		return interval{iv.value, 0, 1}.cut(0, 1), noteUnbounded
	}
	return iv.cut(0, 1), ""
}
