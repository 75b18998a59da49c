package privacy

import (
	"math"
	"slices"

	"heatwatch/internal/problem"
	"heatwatch/models"
)

// Place is where a figure of a statistic stands: a period and, in a breakdown, the values of its dimensions.
type Place struct {
	Period models.Period
	By     []Dim
}

// Verdict is what may be said of the first of two figures beside the second.
type Verdict string

// The verdicts. Where the interval of the difference holds 0, nothing may be said.
const (
	Higher     Verdict = "higher"
	Lower      Verdict = "lower"
	CannotTell Verdict = "we cannot tell"
)

// Difference is the first of two figures less the second, in their unit. Only this package makes one, from recorded
// releases.
type Difference struct {
	a, b              Figure
	value, low, high  float64
	wideLow, wideHigh float64
	note, unsampled   string
}

// Figures are the two that were compared.
func (d Difference) Figures() (a, b Figure) { return d.a, d.b }

// Value is the difference; ok is false where one of the two has no value, and Note says why.
func (d Difference) Value() (v float64, ok bool) { return d.value, d.note == "" }

// Low is the lower end of the 95 % interval from the noise only.
func (d Difference) Low() float64 { return d.low }

// High is its upper end.
func (d Difference) High() float64 { return d.high }

// Note says why there is no value.
func (d Difference) Note() string { return d.note }

// Sampled is the interval from noise and sampling; ok is false where there is none.
func (d Difference) Sampled() (low, high float64, ok bool) {
	return d.wideLow, d.wideHigh, d.note == "" && d.unsampled == ""
}

// Records is what the noise lets be said of the records themselves.
func (d Difference) Records() Verdict { return verdict(d.low, d.high, d.note == "") }

// Programme is what noise and chance let be said of what the programme does.
func (d Difference) Programme() Verdict { return verdict(d.Sampled()) }

func verdict(low, high float64, ok bool) Verdict {
	switch {
	case ok && low > 0:
		return Higher
	case ok && high < 0:
		return Lower
	}
	return CannotTell
}

// Compare sets one figure of a statistic beside another of the same statistic: two periods, or two groups. It reads
// release files and plan alone. A figure that is not there is refused (exit 3).
func (p *Plan) Compare(s Schema, files []ReleaseFile, measure, statistic string, a, b Place) (Difference, error) {
	r, err := readingsOf(p, s, files)
	if err != nil {
		return Difference{}, err
	}
	var ds [2]derivation
	var out Difference
	for i, at := range []Place{a, b} {
		d, ok, err := p.at(s, r, measure, statistic, at)
		if err != nil {
			return out, err
		} else if !ok {
			return out, problem.New(problem.Refused, measure+"."+statistic+" "+at.Period.String(), "no release holds this figure", "`heatwatch report "+measure+"` lists those that are there")
		}
		planned, err := p.planned(s, at.Period)
		if err != nil {
			return out, err
		}
		f := d.figure(s, r, !p.judge(planned, s, d, p.sizeOf(d)).published())
		if _, ok := f.Value(); !ok {
			out.note = f.Note()
		}
		ds[i] = d
		*[]*Figure{&out.a, &out.b}[i] = f
	}
	if out.note == "" && out.a.Definition() != out.b.Definition() {
		out.note = noteApart
	}
	if out.note == "" {
		out.between(ds[0], ds[1], r)
	}
	return out, nil
}

// at finds the figure of a statistic at a place.
func (p *Plan) at(s Schema, r readings, measure, statistic string, at Place) (derivation, bool, error) {
	ds, err := p.derivations(s, r, at.Period)
	if err != nil {
		return derivation{}, false, err
	}
	i := slices.IndexFunc(ds, func(d derivation) bool {
		by, _ := d.by(s)
		return d.formula.Measure == measure && d.formula.Statistic == statistic && len(by) == len(at.By) &&
			!slices.ContainsFunc(by, func(x Dim) bool { return !slices.Contains(at.By, x) })
	})
	if i < 0 {
		return derivation{}, false, nil
	}
	return ds[i], true, nil
}

// between computes the difference of two figures that have a value.
func (out *Difference) between(a, b derivation, r readings) {
	va, sa, vb, sb := a.read(r), a.spread(r), b.read(r), b.spread(r)
	x, xEnds, _ := a.uncut(va, sa, false)
	y, yEnds, _ := b.uncut(vb, sb, false)
	rho := correlation(a, x.value, b, y.value, r)
	iv := apart(x, y, 2*rho*sides(x, y, false), 2*rho*sides(x, y, true))
	limits := func(iv interval, ends bool) interval {
		far := a.top() - a.formula.Low
		if !ends {
			iv.low, iv.high = math.Inf(-1), math.Inf(1)
		}
		iv = iv.cut(-far, far)
		if a.below == nil && !a.item.exact() {
			iv = interval{math.Round(iv.value), math.Floor(iv.low + hair), math.Ceil(iv.high - hair)}
		}
		return iv
	}
	iv = limits(iv, xEnds && yEnds)
	if math.IsInf(iv.high, 1) {
		out.note = noteOpen
		return
	}
	// What is shown is the difference of what is shown of both, so that readers can follow it.
	out.value = out.a.f.value - out.b.f.value
	out.low, out.high = math.Min(iv.low, out.value), math.Max(iv.high, out.value)
	if out.unsampled = a.unsampled(); out.unsampled != "" {
		return
	}
	wx, wxEnds, _ := a.uncut(va, sa, true)
	wy, wyEnds, _ := b.uncut(vb, sb, true)
	// How the draws hang together is known. How chance does is not, where both may be about the same persons: then the
	// worst is taken.
	low, high := 2*rho*sides(x, y, false), 2*rho*sides(x, y, true)
	if !disjoint(a, b) {
		low -= 2 * beyondNoise(wx.value-wx.low, x.value-x.low) * beyondNoise(wy.high-wy.value, y.high-y.value)
		high -= 2 * beyondNoise(wx.high-wx.value, x.high-x.value) * beyondNoise(wy.value-wy.low, y.value-y.low)
	}
	wide := limits(apart(wx, wy, low, high), wxEnds && wyEnds)
	if math.IsInf(wide.high, 1) {
		out.unsampled = noHighest
		return
	}
	out.wideLow, out.wideHigh = math.Min(wide.low, out.low), math.Max(wide.high, out.high)
}

// apart is x - y with its interval from the intervals of both (the MOVER of Zou and Donner 2008): each end lies as far
// off as the ends on that side together, in squares, less what both share.
func apart(x, y interval, sharedLow, sharedHigh float64) interval {
	d := x.value - y.value
	down := math.Pow(x.value-x.low, 2) + math.Pow(y.high-y.value, 2) - sharedLow
	up := math.Pow(x.high-x.value, 2) + math.Pow(y.value-y.low, 2) - sharedHigh
	return interval{d, d - math.Sqrt(math.Max(0, down)), d + math.Sqrt(math.Max(0, up))}
}

// sides is the product of the half-widths that make up one end of a difference.
func sides(x, y interval, upper bool) float64 {
	if upper {
		return (x.high - x.value) * (y.value - y.low)
	}
	return (x.value - x.low) * (y.high - y.value)
}

// beyondNoise is how much of a half-width sampling brings.
func beyondNoise(wide, noise float64) float64 { return math.Sqrt(math.Max(0, wide*wide-noise*noise)) }

// correlation is that of the noise of two figures with values x and y. Of medians, which are no ratio, it is the worst
// that can be where they share cells.
func correlation(a derivation, x float64, b derivation, y float64, r readings) float64 {
	e, f := a.noise(x, r), b.noise(y, r)
	shared := cov(e, f, r)
	if shared == 0 {
		return 0
	}
	if a.formula.Form == FormMedian || b.formula.Form == FormMedian {
		return -1
	}
	return shared / math.Sqrt(cov(e, e, r)*cov(f, f, r))
}

// noise is a form in proportion to the noise on a figure's value v.
func (d derivation) noise(v float64, r readings) form {
	switch {
	case d.below == nil:
		return d.above
	case d.formula.Form == FormMedian:
		return d.below
	case d.formula.Form == FormSurvival:
		m, at := d.bin(), d.read(r)
		_, by, _ := survivors(at.bins[:m], at.censored[:m], at.below)
		return d.survivalNoise(by, v)
	}
	f := d.line()
	f.add(d.below, -v)
	return f
}

// disjoint tells whether two figures are about different persons, or the same ones at different times, who then resemble
// themselves: of no pair is less known of the difference than of strangers.
func disjoint(a, b derivation) bool {
	if a.period.Last() < b.period.First() || b.period.Last() < a.period.First() {
		return true
	}
	return a.item.ID == b.item.ID && a.period == b.period && a.item.By != "" && a.item.L0 == 1 && a.spot.dim != b.spot.dim
}
