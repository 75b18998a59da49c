package privacy

import (
	"math"
	"slices"
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

// The notes of figures that have no value, or one to be minded.
const (
	noteEmpty  = "the released number of persons in this group is zero or less"
	noteSwamps = "too few persons for this level: the noise would swamp the figure"
	noteHalf   = "fewer than half were reached"
	// a change of a snapshot
	noteNoEarlier = "no snapshot of the same place about a year earlier was measured"
	// what two definitions measured is never put together
	noteDefinitions = "the definition changed within this period: figures of two definitions are not put together"
	noteApart       = "the two follow different definitions and cannot be compared"
	// a value stands, with the whole possible range around it
	noteUnbounded = "the noise is as large as the number of persons: the figure may be anything in its range"
	noteOpen      = "the noise leaves no upper end"
)

// figure computes value and intervals; withheld says that the plan keeps the figure back.
func (d derivation) figure(s Schema, r readings, withheld bool) Figure {
	definition, mixed := d.definition(s, r)
	f := &figure{measure: d.formula.Measure, definition: definition, today: s.Measures[d.formula.Measure].Definition, population: d.item.Population, period: d.period,
		statistic: d.formula.Statistic, unit: d.formula.Unit, items: d.usedItems, entries: d.usedEntries, note: d.formula.Note}
	f.by, f.dimension = d.by(s)
	if d.item.exact() {
		f.note = strings.TrimPrefix(f.note+"; "+exactSays, "; ")
	}
	if d.none != "" {
		f.null, f.note = true, d.none
		return Figure{f}
	}
	if withheld {
		f.null, f.note = true, noteSwamps
		return Figure{f}
	}
	if mixed {
		f.null, f.note = true, noteDefinitions
		return Figure{f}
	}
	v, sp := d.read(r), d.spread(r)
	iv, note := d.interval(v, sp)
	switch note {
	case "":
	case noteUnbounded:
		f.note = strings.TrimPrefix(f.note+"; "+note, "; ")
	default:
		f.null, f.note = true, note
		return Figure{f}
	}
	f.value, f.low, f.high = iv.value, iv.low, iv.high
	wide, why := d.sampled(v, sp, iv)
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
	add(d.item.By, d.spot.dim)
	by = append(by, d.formula.By...)
	keys, values := strings.Split(d.formula.Per, crossed), strings.SplitN(d.spot.cell, crossed, strings.Count(d.formula.Per, crossed)+1)
	for i, value := range values {
		add(keys[i], value)
	}
	if d.snapshot.on != 0 {
		add(snapshotKey, d.snapshot.on.String())
	}
	return by, d.formula.dimension(d.item.By)
}

// top is the upper end of the possible range.
func (d derivation) top() float64 {
	if d.formula.High == 0 {
		return math.Inf(1)
	}
	return d.formula.High
}

// values are what a figure's forms come to in one release.
type values struct {
	line, below, persons float64
	bins, censored       []float64
	shown                float64 // what is presented, where one measurement holds a count; NaN elsewhere
}

func (d derivation) read(r readings) values {
	v := values{persons: math.Inf(1), shown: d.presented(r)}
	read := func(f form) float64 { return f.value(r) }
	if d.below == nil {
		v.line = read(d.above)
		return v
	}
	v.line, v.below, v.bins, v.censored = read(d.line()), read(d.below), mapSlice(d.bins, read), mapSlice(d.censored, read)
	if d.persons != nil {
		v.persons = read(d.persons)
	}
	return v
}

// spread is what the noise does to a figure: it follows from the plan alone.
type spread struct {
	half  float64  // count: the half-width
	ratio pencil   // of line and below
	bins  []pencil // median: of the number below each bin less half of all, and of the bin
	table covariances
}

func (d derivation) spread(r readings) spread {
	switch {
	case d.below == nil:
		return spread{half: halfWidth(d.above, r)}
	case d.formula.Form == FormMedian:
		return spread{bins: d.medianSpread(r)}
	case d.formula.Form == FormSurvival:
		m := d.bin()
		return spread{table: covariancesOf(slices.Concat(d.bins[:m], d.censored[:m], []form{d.below}), r)}
	}
	return spread{ratio: pencilOf(d.line(), d.below, r)}
}

// interval is the value with its interval from the noise alone; where there is no value, the note says why.
func (d derivation) interval(v values, sp spread) (interval, string) {
	iv, bounded, note := d.uncut(v, sp, false)
	switch {
	case note != "":
		return interval{}, note
	case d.item.exact():
		return iv, ""
	case d.below == nil:
		iv = iv.whole()
		if !math.IsNaN(v.shown) {
			iv = interval{v.shown, math.Min(iv.low, v.shown), math.Max(iv.high, v.shown)}
		}
		return iv, ""
	case bounded:
		return iv.cut(d.formula.Low, d.top()), ""
	case math.IsInf(d.top(), 1):
		return interval{}, noteOpen
	}
	return interval{iv.value, d.formula.Low, d.top()}.cut(d.formula.Low, d.top()), noteUnbounded
}

// sampled is the interval from noise and sampling; where there is none, why says so. It holds the first one.
func (d derivation) sampled(v values, sp spread, noise interval) (wide interval, why string) {
	if why := d.unsampled(); why != "" {
		return interval{}, why
	}
	wide, bounded, _ := d.uncut(v, sp, true)
	switch {
	case bounded && d.below == nil:
		wide = wide.whole()
	case bounded:
		wide = wide.cut(d.formula.Low, d.top())
	case math.IsInf(d.top(), 1):
		return interval{}, noHighest
	default:
		wide.low, wide.high = d.formula.Low, d.top()
	}
	return interval{noise.value, math.Min(wide.low, noise.low), math.Max(wide.high, noise.high)}, ""
}

// unsampled says why a figure has no interval with sampling; "" where it has one.
func (d derivation) unsampled() string {
	switch {
	case d.item.exact():
		return exactSays
	case d.formula.Unsampled != "":
		return d.formula.Unsampled
	case d.events:
		return noSample
	case d.formula.Form == FormRatio:
		return noSpread
	}
	return ""
}

// uncut is the value as estimated with either interval, before either is brought into the possible range; bounded is
// false where the interval has no end. Where there is no value the note says why.
func (d derivation) uncut(v values, sp spread, sampling bool) (iv interval, bounded bool, note string) {
	switch {
	case d.below == nil && sampling:
		return poisson(v.line, sp.half, d.most()), true, ""
	case d.below == nil:
		return interval{v.line, v.line - sp.half, v.line + sp.half}, true, ""
	case v.below <= 0 || v.persons <= 0:
		return iv, false, noteEmpty
	case d.formula.Form == FormMedian:
		return d.median(v, sp, sampling)
	case d.formula.Form == FormSurvival:
		return d.survival(v, sp, sampling)
	}
	c := chance{}
	if sampling {
		c = d.chance(v)
	}
	iv, bounded = ratio(v.line, v.below, sp.ratio, c)
	return iv, bounded, ""
}

// chance is what sampling adds to the variance of line - t below where t is the programme's own value.
func (d derivation) chance(v values) chance {
	n := v.below
	switch d.formula.Form {
	case FormMean:
		// No values in [low, high] with mean t vary more than (high - t)(t - low) (Bhatia and Davis 2000).
		low, high := d.formula.Low, d.top()
		return chance{-n * low * high, n * (low + high), -n}
	case FormChange:
		// Two independent Poisson numbers of which one is expected to be 1 + t times the other: (1 + t) x both together.
		both := d.most() * math.Max(0, v.line+2*n)
		return chance{both, both, 0}
	}
	if d.item.Encoding == Weights {
		n *= float64(d.item.Linf) // in grid steps: n is Linf for each person
	}
	return chance{0, n, -n} // n t (1 - t), of a binomial number; weights that a person spreads have no more
}

// most is the most that one of those counted adds to a number.
func (d derivation) most() float64 {
	linf := float64(max(1, d.item.Linf))
	switch {
	case d.formula.Form == FormCount && d.formula.Scale == 0:
		return linf
	case d.formula.Form == FormCount:
		return linf * d.formula.Scale
	case d.formula.Step == 0:
		return d.formula.Mid + linf
	}
	return d.formula.Mid + math.Abs(d.formula.Step)*linf
}

// line is what stands above the line once offset and scale are in it, so that the value is line / below.
func (d derivation) line() form {
	f := weigh(d.scale, d.above)
	f.add(d.below, d.offset)
	return f
}

// presented is the number that stands in the place of the rounded estimate where one measurement holds a count: what
// readers add up then adds up. NaN where there is none. The interval stays that of the estimate, widened to hold it.
func (d derivation) presented(r readings) float64 {
	sum := 0.0
	for _, k := range d.single {
		rd := r[k.readingKey]
		if rd.shown == nil {
			return math.NaN()
		}
		sum += float64(rd.shown[k.cell])
	}
	if len(d.single) == 0 {
		return math.NaN()
	}
	return sum
}
