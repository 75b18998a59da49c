package privacy

import (
	"errors"
	"math"

	"heatwatch/models"
	"heatwatch/privacy/mechanism"
)

// expectation is what the plan says of a figure before any data is read.
type expectation struct {
	halfWidth float64 // 95 %, in the figure's unit
	published bool
}

// personsIn is the design number of persons of a period.
func (p *Plan) personsIn(period models.Period) float64 {
	n := p.Designed.PersonsAYear
	if period.Level() == models.LevelQuarter {
		return n / 4
	}
	return n * float64(len(period.Years()))
}

// planned makes readings without values: cells and noise as the plan has them.
func (p *Plan) planned(s Schema, period models.Period) (readings, error) {
	r := readings{}
	for _, it := range p.Items {
		cells, err := s.cells(it)
		if err != nil {
			return nil, err
		}
		sd := math.Max(it.Sigma, mechanism.MinSigma) * float64(it.Linf)
		parts := components(it.Level, period)
		if before, ok := yearEarlier(period); ok { // changes look back
			parts = append(parts, components(it.Level, before)...)
		}
		for _, c := range parts {
			r[readingKey{it.ID, c}] = reading{item: it, period: c, cells: cells, est: make([]float64, len(cells)), sd: sd, vars: mechanism.VarRounded(sd)}
		}
	}
	return r, nil
}

// judge says how wide a figure's interval is to be expected among n persons of its period, by the delta method, and
// whether the plan's limits let it be published. Both follow from the plan alone, by planned readings: no record has a part.
func (p *Plan) judge(r readings, s Schema, d derivation, n float64) expectation {
	v := s.Vectors[d.item.Vector]
	eligible := v.Eligible
	if eligible == 0 {
		eligible = 1
	}
	persons := n * d.item.CellShare * eligible
	f := d.formula
	hw, limit := math.Inf(1), p.Limits.Mean*math.Abs(f.Expect.Value)
	delta := func(theta, below float64) float64 {
		return z95 * math.Sqrt(math.Max(0, cov(d.above, d.above, r)-2*theta*cov(d.above, d.below, r)+theta*theta*cov(d.below, d.below, r))) / below
	}
	switch f.Form {
	case FormCount:
		hw, limit = halfWidth(d.above, r), p.Limits.Counts*n
	case FormTotal:
		hw, limit = halfWidth(d.above, r), p.Limits.Counts*persons*math.Abs(f.Expect.Value)
	case FormShare:
		hw, limit = delta(f.Expect.Value, persons*belowShare(f)), p.Limits.Share
	case FormOver, FormPart:
		hw, limit = delta(f.Expect.Value, n*d.item.CellShare*belowShare(f)), p.Limits.Share
	case FormChange:
		hw, limit = delta(1+f.Expect.Value, persons*belowShare(f)), p.Limits.Mean
	case FormSurvival:
		hw, limit = expectedSurvival(r, d, persons), p.Limits.Share
	case FormSigned, FormYes:
		hw, limit = 0.5*delta(2*f.Expect.Value-1, persons), p.Limits.Share
	case FormMean:
		hw = math.Abs(f.Step) * delta((f.Expect.Value-f.Mid)/f.Step, persons)
	case FormRatio:
		hw = f.Scale * delta(f.Expect.Value/f.Scale, persons*f.Expect.Below)
	case FormMedian:
		hw = expectedMedian(r, d, persons)
	}
	return expectation{halfWidth: hw, published: hw <= limit*(1+1e-9)}
}

// belowShare is what is expected below the line per person: one, unless the formula says otherwise.
func belowShare(f Formula) float64 {
	if f.Expect.Below > 0 {
		return f.Expect.Below
	}
	return 1
}

// expectedMedian divides the noise on the distribution function at one half by its slope there.
func expectedMedian(r readings, d derivation, persons float64) float64 {
	var cum, lower float64
	h := form{}
	h.add(d.below, -0.5)
	for k, upper := range d.formula.Edges {
		share := d.formula.Expect.Cells[k]
		if cum+share >= 0.5 {
			h.add(d.bins[k], (0.5-cum)/share)
			return z95 * math.Sqrt(cov(h, h, r)) * (upper - lower) / (persons * share)
		}
		h.add(d.bins[k], 1)
		cum, lower = cum+share, upper
	}
	return math.Inf(1)
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
	n := persons
	if n == 0 {
		n = p.personsIn(period)
	}
	var all []PlannedFigure
	seen := map[string]bool{}
	for _, d := range ds {
		key := d.item.ID + "|" + d.formula.Measure + "|" + d.formula.Statistic
		if seen[key] {
			continue // every cell of a breakdown has the same noise
		}
		seen[key] = true
		e := p.judge(r, s, d, n)
		design := p.judge(r, s, d, p.personsIn(period))
		row := PlannedFigure{Item: d.item.ID, Population: s.Measures[d.formula.Measure].Population, Measure: d.formula.Measure, Statistic: d.formula.Statistic,
			By: d.item.By, HalfWidth: e.halfWidth, Published: design.published}
		var last models.Period
		row.Due, row.Mu2, last = p.dueOf(d, period)
		row.State = state(d.item, last)
		if !row.Published {
			row.Note = noteSwamps
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
	if d.item.L0 > 0 {
		parts := components(d.item.Level, period)
		last, mu2 = parts[len(parts)-1], d.item.Mu2()
	}
	return due, mu2, last
}
