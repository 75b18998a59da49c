package privacy

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"heatwatch/models"
	"heatwatch/privacy/mechanism"
)

// expectation is what the plan says of a figure before any data is read.
type expectation struct {
	halfWidth float64 // 95 %, in the figure's unit
	limit     float64 // half-width from which on the figure is withheld
	kind      string  // which of the plan's limits that is
}

// published reports whether the plan's limit lets a figure of this half-width be published.
func (e expectation) published() bool { return e.halfWidth <= e.limit*(1+1e-9) }

// sizeOf is the design number of persons of a figure's period: of a snapshot, those of a quarter.
func (p *Plan) sizeOf(d derivation) float64 {
	n := p.Designed.PersonsAYear
	for _, pop := range p.Populations {
		if pop.Name == d.item.Population && pop.PersonsAYear > 0 {
			n = pop.PersonsAYear
		}
	}
	if d.period.Level() == models.LevelQuarter {
		return n / 4
	}
	return n * float64(len(d.period.Years()))
}

// planned makes readings without values: cells and noise as the plan has them, what is due on one day reconciled.
func (p *Plan) planned(s Schema, period models.Period) (readings, error) {
	r := readings{}
	snapshots := slices.ContainsFunc(p.Items, func(it Item) bool { return it.Level == LevelSnapshot })
	parts := func(it Item) []models.Period {
		all := components(it.Level, period)
		switch before, ok := yearEarlier(period); { // changes look back
		case !ok:
		case snapshots && period.Level() == models.LevelQuarter && len(all) > 0:
			all = append(all, quartersBetween(period.First().AddDays(-changeDays-changeWithin), period.Last().AddDays(changeWithin-changeDays))...)
		default:
			all = append(all, components(it.Level, before)...)
		}
		return all
	}
	for _, it := range p.Items {
		cells, err := s.cells(it)
		if err != nil {
			return nil, err
		}
		sd := math.Max(it.Sigma, mechanism.MinSigma) * float64(it.Linf) // 0 of a public fact
		est := make([]float64, len(cells))
		if it.exact() { // of a calendar: a snapshot on the first day of each quarter
			for i := range est {
				est[i] = 1
			}
		}
		for _, c := range parts(it) {
			r[readingKey{it.ID, c}] = reading{item: it, period: c, cells: cells, est: slices.Clone(est), sd: sd, vars: variance(sd)}
		}
	}
	number := 0
	for _, entry := range p.entries() {
		for _, c := range parts(entry[0]) {
			j, err := p.joint(s, entry, mapSlice(entry, func(it Item) float64 { return r[readingKey{it.ID, c}].sd }), nil)
			if err != nil {
				return nil, err
			}
			number++
			r.reconciled(j, number, entry, c)
		}
	}
	return r, nil
}

// judge says how wide a figure's interval is to be expected among n persons of its period, and from which half-width on
// the plan withholds it. Both follow from the plan alone, by planned readings: no record has a part.
func (p *Plan) judge(r readings, s Schema, d derivation, n float64) expectation {
	f := d.formula
	e := expectation{halfWidth: math.Inf(1), limit: p.Limits.Mean * math.Abs(f.Expect.Value), kind: "mean"}
	switch {
	case f.Form == FormCount || f.Form == FormTotal:
		e.limit, e.kind = p.Limits.Counts*n, "count"
		if f.Expect.Value > 0 { // a sum of more than persons
			e.limit *= f.Expect.Value
		}
	case f.Form == FormChange:
		e.limit = p.Limits.Mean // of the number a year earlier
	case f.Form == FormMean && f.Low < 0:
		e.limit = p.Limits.Mean * (f.High - f.Low) / 2 // near zero no part of itself says how good it is
	case f.Unit == "share":
		e.limit, e.kind = p.Limits.Share, "share"
	}
	if noise, per := d.linear(s, n); noise != nil {
		e.halfWidth = z95 * per * math.Sqrt(cov(noise, noise, r))
	}
	switch {
	case d.below == nil:
		e.halfWidth = halfWidth(d.above, r)
	case f.Form == FormMedian && !math.IsInf(e.halfWidth, 1): // half is expected within the bins
		e.halfWidth = d.medianHalf(r, d.about(s, n))
	}
	return e
}

// about is how many of n persons are expected to be in what the figure is about.
func (d derivation) about(s Schema, n float64) float64 {
	persons := n * d.item.CellShare
	if v := s.Vectors[d.item.Vector]; v.Eligible > 0 {
		persons *= v.Eligible
	}
	return persons
}

// linear is a figure's error to first order (the delta method) among n persons: per times the noise of a form. It is nil
// where nothing is expected of the figure.
func (d derivation) linear(s Schema, n float64) (noise form, per float64) {
	v, f := s.Vectors[d.item.Vector], d.formula
	persons := d.about(s, n)
	if v.Encoding == Weights {
		persons *= float64(v.Linf) // each person's weights add up to it
	}
	ratio := func(theta float64) form {
		h := form{}
		h.add(d.above, 1)
		h.add(d.below, -theta)
		return h
	}
	below := 1.0 // what is expected below the line per person
	if f.Expect.Below > 0 {
		below = f.Expect.Below
	}
	switch f.Form {
	case FormCount, FormTotal:
		return d.above, 1
	case FormShare:
		return ratio(f.Expect.Value), 1 / (persons * below)
	case FormOver, FormPart:
		return ratio(f.Expect.Value), 1 / (n * d.item.CellShare * below)
	case FormChange:
		return ratio(1 + f.Expect.Value), 1 / (persons * below)
	case FormSurvival:
		return d.survivalLinear(persons)
	case FormSigned, FormYes:
		return ratio(2*f.Expect.Value - 1), 0.5 / persons
	case FormMean:
		return ratio((f.Expect.Value - f.Mid) / f.Step), math.Abs(f.Step) / persons
	case FormRatio:
		return ratio(f.Expect.Value / f.Scale), f.Scale / (persons * f.Expect.Below)
	case FormMedian:
		return d.medianLinear(persons)
	}
	return nil, 0
}

// medianHalf is half of what the band of the expected distribution function spans at one half. The noise may reach into bins of
// another density than the median's own, which the first order does not see.
func (d derivation) medianHalf(r readings, persons float64) float64 {
	v := values{below: persons}
	for k := range d.formula.Edges {
		v.bins = append(v.bins, persons*d.formula.Expect.Cells[k])
	}
	low, high := medianBand(d.formula.Edges, v, d.medianSpread(r), 0)
	return (high - low) / 2
}

// medianLinear divides the noise on the distribution function at one half by its slope there.
func (d derivation) medianLinear(persons float64) (noise form, per float64) {
	var cum, lower float64
	h := form{}
	h.add(d.below, -0.5)
	for k, upper := range d.formula.Edges {
		share := d.formula.Expect.Cells[k]
		if cum+share >= 0.5 {
			h.add(d.bins[k], (0.5-cum)/share)
			return h, (upper - lower) / (persons * share)
		}
		h.add(d.bins[k], 1)
		cum, lower = cum+share, upper
	}
	return nil, 0
}

// PlannedFigure is a row of `heatwatch plan`: one figure with what it will cost and how good it will be.
type PlannedFigure struct {
	Item       string
	Population string
	Measure    string
	Statistic  string
	By         string
	Due        models.Date
	State      string
	Mu2        float64
	HalfWidth  float64
	Limit      float64 // half-width at the design size from which on the plan withholds the figure
	Published  bool
	Note       string
}

// Planned lists every figure of a period with its expected half-width among persons (0: the design size), one row per
// statistic and breakdown. state tells where an item stands.
func (p *Plan) Planned(s Schema, period models.Period, persons float64, state func(Item, models.Period) string) ([]PlannedFigure, error) {
	r, err := p.planned(s, period)
	if err != nil {
		return nil, err
	}
	ds, err := p.derivations(s, r, period)
	if err != nil && !errors.Is(err, errNotMeasured) {
		return nil, err
	}
	var all []PlannedFigure
	seen := map[string]bool{}
	for _, d := range ds {
		key := d.item.ID + "|" + d.formula.Measure + "|" + d.formula.Statistic + "|" + d.formula.place()
		if seen[key] {
			continue // every cell of a breakdown has the same noise
		}
		seen[key] = true
		size := p.sizeOf(d)
		design := p.judge(r, s, d, size)
		e := design
		if persons > 0 {
			e = p.judge(r, s, d, persons)
		}
		row := PlannedFigure{Item: d.item.ID, Population: d.item.Population, Measure: d.formula.Measure, Statistic: d.formula.Statistic,
			By: d.formula.dimension(d.item.By), HalfWidth: e.halfWidth, Limit: design.limit, Published: design.published()}
		var last models.Period
		row.Due, row.Mu2, last = p.dueOf(d, period)
		of := d.item
		if of.Vector == "" && len(d.usedItems) > 0 { // a total stands when what it is made of does
			of, _ = p.Item(d.usedItems[0])
		}
		row.State = state(of, last)
		if !row.Published {
			row.Note = fmt.Sprintf("%s (half-width %.3g at the design size of %.0f; limit %s %.3g)", noteSwamps, design.halfWidth, size, design.kind, design.limit)
		}
		all = append(all, row)
	}
	return all, nil
}

// dueOf is when the last item of a figure is due, what its own item costs one person, and the period to look up its state.
func (p *Plan) dueOf(d derivation, period models.Period) (models.Date, float64, models.Period) {
	due, mu2, last := models.Date(0), 0.0, period
	for _, id := range d.usedItems {
		it, _ := p.Item(id)
		parts := components(it.Level, period)
		due = max(due, DueDate(parts[len(parts)-1], it.Due))
	}
	if d.item.Vector != "" { // a total has no price of its own
		parts := components(d.item.Level, period)
		last, mu2 = parts[len(parts)-1], d.item.Mu2()
	}
	return due, mu2, last
}
