package privacy

import (
	"math"
	"strings"
)

// Every figure has one 95 % interval, and some have a second. These are their names and what they mean, in words.
const (
	NoiseOnly        = "noise only"
	NoiseAndSampling = "noise and sampling"

	NoiseOnlySays        = "how far the figure may be from the records, because of the noise that protects each person."
	NoiseAndSamplingSays = "how far the figure may be from the programme's own rate, where these persons are taken as a sample of all whom the programme would serve alike: noise and chance together."
)

// Why a figure has no second interval.
const (
	noSpread  = "how much persons differ from one another is not measured, so chance cannot be told"
	noSample  = "those who come together are no sample of one another, so chance cannot be told"
	noHighest = "noise and chance leave no upper end"
)

// NoSample is the reason of a Formula about attendances and the like: one event brings many at once.
const NoSample = noSample

// The notes of figures that have no value, or one to be minded.
const (
	noteEmpty      = "the released number of persons in this group is zero or less"
	noteSwamps     = "too few persons for this level: the noise would swamp the figure"
	noteHalf       = "fewer than half were reached"
	noteNobodyLeft = "the released number of persons still at risk is zero or less"
	// a value stands, with the whole possible range around it
	noteUnbounded = "the noise is as large as the number of persons: the figure may be anything in its range"
	noteOpen      = "the noise leaves no upper end"
)

// figure computes value and intervals; withheld says that the plan keeps the figure back.
func (d derivation) figure(s Schema, r readings, withheld bool) Figure {
	info := s.Measures[d.formula.Measure]
	f := &figure{measure: d.formula.Measure, definition: info.Definition, population: info.Population, period: d.period,
		statistic: d.formula.Statistic, unit: d.formula.Unit, items: d.usedItems, entries: d.usedEntries, note: d.formula.Note}
	f.by, f.dimension = d.by(s)
	if withheld {
		f.null, f.note = true, noteSwamps
		return Figure{f}
	}
	iv, note := d.interval(r)
	switch note {
	case "":
	case noteUnbounded:
		f.note = strings.TrimPrefix(f.note+"; "+note, "; ")
	default:
		f.null, f.note = true, note
		return Figure{f}
	}
	f.value, f.low, f.high = iv.value, iv.low, iv.high
	wide, why := d.sampled(r, iv)
	f.wideLow, f.wideHigh, f.unsampled = wide.low, wide.high, why
	return Figure{f}
}

// by names the figure's place, and the dimension that it is a breakdown by.
func (d derivation) by(s Schema) (by []Dim, dimension string) {
	add := func(key, value string) {
		if value != "" {
			by = append(by, Dim{key, value})
		}
	}
	add(s.Vectors[d.item.Vector].Each, d.place.block)
	add(d.item.By, d.place.dim)
	add(d.formula.Per, d.place.cell)
	by = append(by, d.formula.By...)
	if d.place.dim != "" {
		return by, d.item.By
	} else if len(by) > 0 {
		return by, by[0].Key
	}
	return nil, ""
}

// top is the upper end of the possible range.
func (d derivation) top() float64 {
	if d.formula.High == 0 {
		return math.Inf(1)
	}
	return d.formula.High
}

// interval is the value with its interval from the noise alone; where there is no value, the note says why.
func (d derivation) interval(r readings) (interval, string) {
	if d.below == nil {
		return d.counted(r, countInterval(d.above, r)), ""
	}
	if d.below.value(r) <= 0 || d.persons != nil && d.persons.value(r) <= 0 {
		return interval{}, noteEmpty
	}
	switch d.formula.Form {
	case FormMedian:
		return d.median(r, 0)
	case FormSurvival:
		return d.survival(r, false)
	}
	iv, bounded := ratioOf(d.line(), d.below, r, chance{})
	switch {
	case bounded:
		return iv.cut(d.formula.Low, d.top()), ""
	case math.IsInf(d.top(), 1):
		return interval{}, noteOpen
	}
	return interval{iv.value, d.formula.Low, d.top()}.cut(d.formula.Low, d.top()), noteUnbounded
}

// sampled is the interval from noise and sampling; where there is none, why says so. It holds the first one.
func (d derivation) sampled(r readings, noise interval) (wide interval, why string) {
	if d.formula.Unsampled != "" {
		return interval{}, d.formula.Unsampled
	}
	n := 0.0
	if d.below != nil {
		n = math.Max(0, d.below.value(r))
	}
	bounded := true
	switch d.formula.Form {
	case FormCount, FormTotal:
		wide = poisson(d.above, r, d.most())
	case FormMedian:
		wide, _ = d.median(r, n/4) // the number below the median is binomial
	case FormSurvival:
		wide, _ = d.survival(r, true)
	case FormRatio:
		return interval{}, noSpread
	default:
		wide, bounded = ratioOf(d.line(), d.below, r, d.chance(n, r))
	}
	if !bounded {
		if math.IsInf(d.top(), 1) {
			return interval{}, noHighest
		}
		wide.low, wide.high = d.formula.Low, d.top()
	}
	wide = wide.cut(d.formula.Low, d.top())
	return interval{noise.value, math.Min(wide.low, noise.low), math.Max(wide.high, noise.high)}, ""
}

// chance is what sampling adds to the variance of above - t below where t is the programme's own value, among n persons.
func (d derivation) chance(n float64, r readings) chance {
	switch d.formula.Form {
	case FormMean:
		// No values in [low, high] with mean t vary more than (high - t)(t - low) (Bhatia and Davis 2000).
		low, high := d.formula.Low, d.top()
		return chance{-n * low * high, n * (low + high), -n}
	case FormChange:
		// Two independent Poisson numbers of which one is expected to be 1 + t times the other: (1 + t) x both together.
		both := d.most() * math.Max(0, d.line().value(r)+2*n)
		return chance{both, both, 0}
	}
	return chance{0, n, -n} // n t (1 - t), of a binomial number; no more of weights that one person's cells share
}

// most is the most that one of those counted adds to a number.
func (d derivation) most() float64 {
	if d.formula.Form == FormCount || d.formula.Step == 0 {
		return 1
	}
	return d.formula.Mid + math.Abs(d.formula.Step)*float64(max(1, d.item.Linf))
}

// line is what stands above the line once offset and scale are in it, so that the value is line / below.
func (d derivation) line() form {
	f := weigh(d.scale, d.above)
	f.add(d.below, d.offset)
	return f
}

// counted puts the presented number in the place of the rounded estimate, where one measurement holds the figure: what
// readers add up then adds up. The interval stays that of the estimate, widened to hold what is shown.
func (d derivation) counted(r readings, iv interval) interval {
	var sum int64
	for _, k := range d.single {
		rd := r[k.readingKey]
		if rd.shown == nil {
			return iv
		}
		sum += rd.shown[k.cell]
	}
	if len(d.single) == 0 {
		return iv
	}
	iv.value = float64(sum)
	return interval{iv.value, math.Min(iv.low, iv.value), math.Max(iv.high, iv.value)}
}
