package privacy

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"heatwatch/models"
)

// derivation is one figure before it has a value: what it is, and the forms it follows from.
type derivation struct {
	formula     Formula
	item        Item
	period      models.Period
	cell        Cell // of a breakdown; zero for a total
	above       form // the count, or what stands above the line
	below       form // persons, or what stands below the line; nil for a count
	persons     form // how many the figure is about, where below is something else
	offset      float64
	scale       float64
	bins        []form // median: each cell
	usedItems   []string
	usedEntries []int
}

// derivations lists every figure that a plan publishes for one period, in the plan's order. Those whose items are not
// measured yet are left out.
func (p *Plan) derivations(s Schema, r readings, period models.Period) ([]derivation, error) {
	var all []derivation
	for _, it := range p.Items {
		if !it.covers(period) {
			continue
		}
		cells, err := s.cells(it)
		if err != nil {
			return nil, err
		}
		for _, pub := range it.Publishes {
			f, ok := s.formula(it.Vector, pub.Statistic, pub.Measure)
			if !ok {
				return nil, fmt.Errorf("item %s: no formula for %s", it.ID, pub.Statistic)
			}
			for _, dim := range dims(it, cells) {
				d, err := p.derive(s, r, it, f, dim, period)
				if errors.Is(err, errNotMeasured) {
					continue
				} else if err != nil {
					return nil, err
				}
				all = append(all, d)
			}
		}
	}
	for _, t := range p.Totals {
		if t.Level != period.Level() && !(t.Level == models.LevelYear && period.Level() == models.LevelSpan) {
			continue
		}
		for _, pub := range t.Publishes {
			f, err := p.totalOf(s, r, t, period)
			if errors.Is(err, errNotMeasured) {
				continue
			} else if err != nil {
				return nil, err
			}
			d := derivation{formula: Formula{Measure: pub.Measure, Statistic: pub.Statistic, Unit: "persons", Form: FormCount},
				item: Item{ID: t.ID, Level: t.Level, CellShare: 1}, period: period, above: f}
			d.sources(r)
			all = append(all, d)
		}
	}
	return all, nil
}

// dims are the values of an item's breakdown in published order; one empty value for a total.
func dims(it Item, cells []Cell) []string {
	var all []string
	for _, c := range cells {
		if len(all) == 0 || all[len(all)-1] != c.Dim {
			all = append(all, c.Dim)
		}
	}
	return all
}

func (p *Plan) derive(s Schema, r readings, it Item, f Formula, dim string, period models.Period) (derivation, error) {
	d := derivation{formula: f, item: it, period: period, scale: 1}
	if it.By != "" {
		d.cell = Cell{Dim: dim}
	}
	in := func(answers ...string) (form, error) {
		return sumCells(r, it, period, func(c Cell) bool {
			return c.Dim == dim && (len(answers) == 0 || slices.Contains(answers, c.Answer))
		})
	}
	var err error
	step := func(dst *form, f form, e error) {
		*dst = f
		err = errors.Join(err, e)
	}
	combine := func(mid, scale float64, n, sum form) form {
		out := form{}
		out.add(n, mid)
		out.add(sum, scale)
		return out
	}
	var n form
	switch f.Form {
	case FormSigned, FormMean, FormRatio:
		nf, e := p.below(s, r, it.Over, dim, period)
		step(&n, nf, e)
	}
	if err != nil {
		return d, oneOf(err)
	}
	switch f.Form {
	case FormCount:
		a, e := in(f.Cells...)
		step(&d.above, a, e)
		if f.Scale != 0 { // the cell's unit is not the figure's: minutes and hours
			d.above = combine(0, f.Scale, nil, d.above)
		}
	case FormShare:
		a, e := in(f.Cells...)
		step(&d.above, a, e)
		b, e := in()
		step(&d.below, b, e)
	case FormSigned: // 1/2 + D / (2 (N - U)) = ((N - U) + D) / (2 (N - U))
		diff, e := in("d")
		step(&d.above, diff, e)
		u, e := in("u")
		err = errors.Join(err, e)
		known := form{}
		if err == nil {
			known.add(n, 1)
			known.add(u, -1)
		}
		d.below, d.offset, d.scale = known, 0.5, 0.5
	case FormMean: // those who cannot be asked stand in cell u, each with Linf
		a, e := in(slices.DeleteFunc(slices.Clone(s.Vectors[it.Vector].Cells), func(a string) bool { return a == "u" })...)
		step(&d.above, a, e)
		u, e := in("u")
		err = errors.Join(err, e)
		d.below, d.offset, d.scale = combine(1, -1/float64(it.Linf), n, u), f.Mid, f.Step
	case FormRatio:
		a, e := in()
		step(&d.above, a, e)
		with, _ := p.Item(it.With)
		b, e := sumCells(r, with, period, func(c Cell) bool { return c.Dim == dim })
		step(&d.below, b, e)
		if err == nil {
			d.persons = n
			d.above = combine(f.Mid, f.Step, n, d.above)
			d.below = combine(f.WithMid, f.WithStep, n, d.below)
			d.scale = f.Scale
			// What one person can bring at most above the line, over what each brings at least below it.
			if least := f.WithMid - f.WithStep*float64(with.Linf); f.High == 0 && least > 0 {
				d.formula.High = f.Scale * (f.Mid + f.Step*float64(it.Linf)) / least
			}
		}
	case FormMedian:
		for _, a := range s.Vectors[it.Vector].Cells {
			b, e := in(a)
			err = errors.Join(err, e)
			d.bins = append(d.bins, b)
		}
		b, e := in()
		step(&d.below, b, e)
		d.above = form{}
	default:
		return d, fmt.Errorf("formula %s.%s has no form", f.Measure, f.Statistic)
	}
	if err != nil {
		return d, oneOf(err)
	}
	d.sources(r)
	return d, nil
}

// oneOf keeps errNotMeasured recognisable among joined errors.
func oneOf(err error) error {
	if errors.Is(err, errNotMeasured) {
		return errNotMeasured
	}
	return err
}

// sources names the items and ledger entries that the forms read: the figure's own item first.
func (d *derivation) sources(r readings) {
	add := func(f form) {
		for _, k := range f.keys() {
			if !slices.Contains(d.usedItems, k.item) {
				d.usedItems = append(d.usedItems, k.item)
			}
			if e := r[k.readingKey].entry; !slices.Contains(d.usedEntries, e) {
				d.usedEntries = append(d.usedEntries, e)
			}
		}
	}
	add(d.above)
	for _, b := range d.bins {
		add(b)
	}
	if d.below != nil {
		add(d.below)
	}
	slices.Sort(d.usedEntries)
}

// The notes of figures that have no value, or one to be minded.
const (
	noteEmpty  = "the released number of persons in this group is zero or less"
	noteSwamps = "too few persons for this level: the noise would swamp the figure"
	noteHalf   = "fewer than half were reached"
	// a value stands, with the whole possible range around it
	noteUnbounded = "the noise is as large as the number of persons: the figure may be anything in its range"
	noteOpen      = "the noise leaves no upper end"
)

// figure computes value and interval; withheld says that the plan keeps the figure back.
func (d derivation) figure(s Schema, r readings, withheld bool) Figure {
	info := s.Measures[d.formula.Measure]
	f := &figure{measure: d.formula.Measure, definition: info.Definition, population: info.Population, period: d.period,
		statistic: d.formula.Statistic, unit: d.formula.Unit, items: d.usedItems, entries: d.usedEntries, note: d.formula.Note}
	if d.cell.Dim != "" {
		f.by = []Dim{{d.item.By, d.cell.Dim}}
	}
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
	return Figure{f}
}

func (d derivation) interval(r readings) (interval, string) {
	high := d.formula.High
	if high == 0 {
		high = math.Inf(1)
	}
	switch {
	case d.below == nil:
		return countInterval(d.above, r), ""
	case d.below.value(r) <= 0, d.persons != nil && d.persons.value(r) <= 0:
		return interval{}, noteEmpty
	case d.bins != nil:
		return d.median(r)
	}
	iv, bounded := ratioOf(d.above, d.below, r)
	if !bounded && math.IsInf(high, 1) {
		return interval{}, noteOpen
	}
	if !bounded {
		return interval{d.offset + d.scale*iv.value, d.formula.Low, high}.cut(d.formula.Low, high), noteUnbounded
	}
	return interval{d.offset + d.scale*iv.value, d.offset + d.scale*iv.low, d.offset + d.scale*iv.high}.cut(d.formula.Low, high), ""
}

// median interpolates within the bin in which half is reached; its interval is where the band of the distribution
// function crosses one half.
func (d derivation) median(r readings) (interval, string) {
	edges := d.formula.Edges
	total := d.below.value(r)
	var cum, lower float64
	value := math.NaN()
	for k, upper := range edges {
		c := math.Max(0, d.bins[k].value(r))
		if cum+c >= total/2 && c > 0 {
			value = lower + (total/2-cum)/c*(upper-lower)
			break
		}
		cum, lower = cum+c, upper
	}
	if math.IsNaN(value) {
		return interval{}, noteHalf
	}
	low, high := d.medianBand(r)
	return interval{value, math.Min(low, value), math.Max(high, value)}.cut(0, edges[len(edges)-1]), ""
}

// bandSteps is how finely a bin is searched for where the band of the distribution function crosses one half; the
// crossing itself is then found by halving.
const (
	bandSteps  = 64
	bandHalves = 40
)

// medianBand is the lowest and the highest place at which the distribution function could be one half.
func (d derivation) medianBand(r readings) (low, high float64) {
	edges := d.formula.Edges
	low, high = edges[len(edges)-1], 0
	h := form{} // the distribution function below the bin, less one half
	h.add(d.below, -0.5)
	var lower float64
	found := false
	for k, upper := range edges {
		bin := d.bins[k]
		v, slope, vv, vs, ss := h.value(r), bin.value(r), cov(h, h, r), cov(h, bin, r), cov(bin, bin, r)
		// end is an end of the band at a part t of the bin, sign 1 for the upper one.
		end := func(t, sign float64) float64 {
			return v + t*slope + sign*z95*math.Sqrt(math.Max(0, vv+2*t*vs+t*t*ss))
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

// Figures derives every figure of a measure from recorded releases: by period in order, by statistic as planned. Each
// is a function of the release files and the plan alone.
func (p *Plan) Figures(s Schema, files []ReleaseFile, measure string, asked []models.Period) ([]Figure, error) {
	r, err := readingsOf(p, s, files)
	if err != nil {
		return nil, err
	}
	var all []Figure
	for _, period := range periodsOf(files, asked) {
		ds, err := p.derivations(s, r, period)
		if err != nil {
			return nil, err
		}
		planned, err := p.planned(s, period)
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(ds, func(a, b derivation) int { return cmp.Compare(a.place(), b.place()) })
		for _, d := range ds {
			if d.formula.Measure != measure {
				continue
			}
			all = append(all, d.figure(s, r, !p.judge(planned, s, d, p.sizeOf(s, d)).published()))
		}
	}
	return all, nil
}

// place puts totals before breakdowns, and the head count first among the totals; the plan's order holds within.
func (d derivation) place() int {
	switch {
	case d.cell.Dim != "":
		return 2
	case d.formula.Form == FormCount:
		return 0
	}
	return 1
}

// periodsOf are the periods for which anything was released, and the years and the span that they make up.
func periodsOf(files []ReleaseFile, asked []models.Period) []models.Period {
	if len(asked) > 0 {
		return asked
	}
	var all []models.Period
	add := func(p models.Period) {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	for _, f := range files {
		add(f.Period)
		add(models.YearOf(f.Period.First()))
	}
	years := []int{}
	for _, p := range all {
		years = append(years, p.First().Year())
	}
	slices.Sort(years)
	if n := len(years); n > 0 && years[0] < years[n-1] {
		add(models.SpanOf(years[0], years[n-1]))
	}
	slices.SortFunc(all, func(a, b models.Period) int {
		switch {
		case a == b:
			return 0
		case a.Before(b):
			return -1
		}
		return 1
	})
	return all
}
