package privacy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"heatwatch/models"
)

// derivation is one figure before it has a value: what it is, and the forms it follows from. Its value is
// offset + scale x above / below, unless the form of the formula says otherwise.
type derivation struct {
	formula     Formula
	item        Item
	period      models.Period
	spot        spot
	above       form // the count, or what stands above the line
	below       form // persons, or what stands below the line; nil for a count
	persons     form // how many the figure is about, where below is something else
	offset      float64
	scale       float64
	bins        []form    // median: each cell; survival: who left, bin by bin
	censored    []form    // survival: who was last seen, bin by bin
	events      bool      // counts events without identity
	snapshot    snapshot  // what it is about, where the formula has a calendar
	calendar    form      // of the cells of the calendar that it rests on
	none        string    // why there is no value, whatever the noise
	single      []cellKey // a count of one period: its cells, whose presented numbers add up to what is shown
	usedItems   []string
	usedEntries []int
}

// spot is where in an item a figure stands: the value of the breakdown (or the block), and the cell; each may be "".
type spot struct{ dim, cell string }

// whole reports whether the figure is about all, not about one part of a breakdown.
func (at spot) whole() bool { return at == spot{} }

// text names the place in one word, for tests and messages.
func (at spot) text() string {
	return strings.Trim(at.dim+":"+at.cell, ":")
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
			for _, at := range spots(f, cells) {
				d, err := p.derive(s, r, it, f, at, period)
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
				item: Item{ID: t.ID, Population: p.populationOf(t), Level: t.Level, CellShare: 1}, period: period, above: f}
			d.sources(r)
			all = append(all, d)
		}
	}
	return all, nil
}

// spots are those of one statistic in published order: by the breakdown, then by cell.
func spots(f Formula, cells []Cell) []spot {
	var all []spot
	for _, c := range cells {
		at := spot{dim: c.Dim}
		if f.Across && c.Dim == unknownValue {
			continue
		}
		if f.Per != "" {
			if len(f.Cells) > 0 && !slices.Contains(f.Cells, c.Answer) {
				continue
			}
			at.cell = c.Answer
		}
		if len(all) == 0 || all[len(all)-1] != at {
			all = append(all, at)
		}
	}
	return all
}

func (p *Plan) derive(s Schema, r readings, it Item, f Formula, at spot, period models.Period) (derivation, error) {
	d := derivation{formula: f, item: it, period: period, spot: at, scale: 1, events: s.Vectors[it.Vector].Events}
	if at.cell != "" {
		f.Cells = []string{at.cell}
	}
	var failed error
	got := func(g form, err error) form { // what follows an error works on nothing
		failed = errors.Join(failed, err)
		return g
	}
	pick := func(names []string) func(Cell) bool {
		return func(c Cell) bool {
			return c.Dim == at.dim && (len(names) == 0 || slices.Contains(names, c.Answer))
		}
	}
	inAt := func(period models.Period, names ...string) form { return got(sumCells(r, it, period, pick(names))) }
	in := func(names ...string) form { return inAt(period, names...) }
	persons := func(period models.Period) form {
		return got(p.below(s, r, it.Over, at.dim, period))
	}
	var calendar Item
	if f.Calendar != "" {
		var ok bool
		if calendar, ok = p.calendarOf(it, f); !ok {
			return d, fmt.Errorf("formula %s.%s: no item has its calendar %s", f.Measure, f.Statistic, f.Calendar)
		}
		if d.snapshot, ok = snapshotIn(r, calendar, at.dim, period); !ok {
			return d, errNotMeasured
		}
		d.calendar = form{d.snapshot.said: 1}
	}
	step := f.Step
	if step == 0 {
		step = 1
	}
	// amount is a number of a period: of cells alone, or of persons whose values stand in the cells less a middle.
	amount := func(period models.Period) form {
		sum := weigh(step, inAt(period, f.Cells...))
		if f.Mid != 0 {
			sum.add(persons(period), f.Mid)
		}
		return sum
	}
	// Those who cannot be asked stand in a cell of their own, each with Linf.
	answers := s.Vectors[it.Vector].Cells
	known := slices.DeleteFunc(slices.Clone(answers), func(a string) bool { return a == unknownCell })
	asked := func() form {
		n := persons(period)
		if len(known) == len(answers) {
			return n
		}
		out := weigh(1, n)
		out.add(in(unknownCell), -1/float64(it.Linf))
		return out
	}
	switch f.Form {
	case FormCount:
		d.above = in(f.Cells...)
		if f.Scale != 0 { // the cell's unit is not the figure's: minutes and hours
			d.above = weigh(f.Scale, d.above)
		} else {
			d.single = singleCells(r, it, period, pick(f.Cells))
		}
	case FormTotal:
		d.above = amount(period)
	case FormShare:
		d.above, d.below = in(f.Cells...), in(f.Of...)
		if f.Across {
			d.below = got(sumCells(r, it, period, func(c Cell) bool { return c.Dim != unknownValue }))
		}
	case FormOver: // a cell holds Linf of each person in it
		d.above, d.below = weigh(1/float64(it.Linf), in(f.Cells...)), persons(period)
	case FormPart:
		with, _ := p.Item(it.With)
		d.above = in(f.Cells...)
		d.below = weigh(1, d.above)
		d.below.add(got(sumCells(r, with, period, pick(f.Of))), 1)
	case FormSigned, FormYes: // 1/2 + D / (2 (N - U)) = ((N - U) + D) / (2 (N - U))
		d.above, d.below = in(known...), asked()
		d.offset, d.scale = 0.5, 0.5
	case FormMean:
		d.above, d.below = in(known...), asked()
		d.offset, d.scale = f.Mid, f.Step
	case FormRatio:
		with, _ := p.Item(it.With)
		n := persons(period)
		d.persons = n
		d.above = weigh(f.Step, in())
		d.above.add(n, f.Mid)
		d.below = weigh(f.WithStep, got(sumCells(r, with, period, pick(nil))))
		d.below.add(n, f.WithMid)
		d.scale = f.Scale
		// What one person can bring at most above the line, over what each brings at least below it.
		if least := f.WithMid - f.WithStep*float64(with.Linf); f.High == 0 && least > 0 {
			d.formula.High = f.Scale * (f.Mid + f.Step*float64(it.Linf)) / least
		}
	case FormChange:
		before, ok := yearEarlier(period)
		if f.Calendar != "" {
			var last snapshot
			if last, ok = snapshotBefore(r, calendar, at.dim, d.snapshot); ok {
				before = last.period
				d.calendar[last.said] = 1
			} else { // against itself, and not shown
				before, ok, d.none = period, true, noteNoEarlier
			}
		}
		if !ok {
			return d, errNotMeasured
		}
		d.below = amount(before)
		d.above = amount(period)
		d.offset, d.formula.Low = -1, -1 // nothing is less than nothing
	case FormMedian:
		d.above = form{}
		for _, a := range answers {
			d.bins = append(d.bins, in(a))
		}
		d.below = in()
	case FormSurvival:
		d.above = form{}
		if len(f.Left) != len(f.Edges) || len(f.Censored) != len(f.Edges) || !slices.Contains(f.Edges, f.At) {
			return d, fmt.Errorf("formula %s.%s: a life table needs a cell of those who left and one of those last seen for each edge", f.Measure, f.Statistic)
		}
		for i := range f.Edges {
			d.bins = append(d.bins, in(f.Left[i]))
			d.censored = append(d.censored, in(f.Censored[i]))
		}
		d.below = in(append(slices.Clone(f.Left), f.Censored...)...)
	default:
		return d, fmt.Errorf("formula %s.%s has no form", f.Measure, f.Statistic)
	}
	if failed != nil {
		return d, oneOf(failed)
	}
	d.sources(r)
	return d, nil
}

// unknownCell is where those stand who cannot be asked, unknownValue is the value of a dimension for those without one.
const (
	unknownCell  = "u"
	unknownValue = "unknown"
)

// weigh is a form times a number; the form itself stays.
func weigh(w float64, f form) form {
	out := form{}
	out.add(f, w)
	return out
}

// singleCells are the cells of a count that one measurement holds; none for a sum over periods.
func singleCells(r readings, it Item, period models.Period, pick func(Cell) bool) []cellKey {
	parts := components(it.Level, period)
	if len(parts) != 1 {
		return nil
	}
	var all []cellKey
	k := readingKey{it.ID, parts[0]}
	for i, c := range r[k].cells {
		if pick(c) {
			all = append(all, cellKey{k, i})
		}
	}
	return all
}

// yearEarlier is the same quarter of the year before, or the year before.
func yearEarlier(p models.Period) (models.Period, bool) {
	switch p.Level() {
	case models.LevelQuarter:
		return models.QuarterOf(p.First().AddDays(-365)), true // of a leap year a day later, in the same quarter
	case models.LevelYear:
		return models.YearPeriod(p.First().Year() - 1), true
	}
	return p, false
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
	for _, b := range slices.Concat(d.bins, d.censored) {
		add(b)
	}
	if d.below != nil {
		add(d.below)
	}
	add(d.calendar)
	slices.Sort(d.usedEntries)
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
		slices.SortStableFunc(ds, func(a, b derivation) int { return cmp.Compare(a.rank(), b.rank()) })
		for _, d := range ds {
			if d.formula.Measure != measure {
				continue
			}
			all = append(all, d.figure(s, r, !p.judge(planned, s, d, p.sizeOf(d)).published()))
		}
	}
	return all, nil
}

// rank puts totals before breakdowns, and the head count first among the totals; the plan's order holds within.
func (d derivation) rank() int {
	switch {
	case !d.spot.whole():
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
