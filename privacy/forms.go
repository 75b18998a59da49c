package privacy

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"heatwatch/models"
)

// reading is one measured item of one period: noisy cells with their noise.
type reading struct {
	item   Item
	period models.Period
	entry  int
	cells  []Cell
	est    []float64 // unconstrained estimates, in the cells' own unit
	shown  []int64   // presented whole numbers; nil where nothing is recorded
	sd     float64   // of the noise as drawn
	vars   float64   // of the rounded noise on each cell
}

type readingKey struct {
	item   string
	period models.Period
}

type readings map[readingKey]reading

type cellKey struct {
	readingKey
	cell int
}

// form is a linear form over noisy cells: weights by cell. Noise on two cells is independent.
type form map[cellKey]float64

func (f form) add(o form, w float64) {
	for k, x := range o {
		f[k] += w * x
	}
}

func (f form) value(r readings) float64 {
	var sum float64
	for _, k := range f.keys() {
		sum += f[k] * r[k.readingKey].est[k.cell]
	}
	return sum
}

// keys are the form's cells in a fixed order, so that sums of floats are the same on every run.
func (f form) keys() []cellKey {
	all := make([]cellKey, 0, len(f))
	for k := range f {
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b cellKey) int {
		if c := strings.Compare(a.item, b.item); c != 0 {
			return c
		}
		if a.period != b.period {
			if a.period.Before(b.period) {
				return -1
			}
			return 1
		}
		return a.cell - b.cell
	})
	return all
}

// cov is the covariance of the noise of two forms.
func cov(f, g form, r readings) float64 {
	var sum float64
	for _, k := range f.keys() {
		if y, ok := g[k]; ok {
			sum += f[k] * y * r[k.readingKey].vars
		}
	}
	return sum
}

// components are the periods of an item's own level that make up a target period.
func components(level string, target models.Period) []models.Period {
	switch level {
	case models.LevelQuarter, LevelSnapshot:
		return target.Quarters()
	case models.LevelSpan:
		if target.Level() != level {
			return nil // a part of a span has no figure
		}
		return []models.Period{target}
	}
	return target.Years()
}

// errNotMeasured says that a reading is missing: the figure cannot be derived yet.
var errNotMeasured = fmt.Errorf("not measured")

// sumCells adds up the cells of an item that pick accepts, over all component periods.
func sumCells(r readings, it Item, target models.Period, pick func(Cell) bool) (form, error) {
	f := form{}
	for _, p := range components(it.Level, target) {
		rd, ok := r[readingKey{it.ID, p}]
		if !ok {
			return nil, errNotMeasured
		}
		for i, c := range rd.cells {
			if pick(c) {
				f[cellKey{readingKey{it.ID, p}, i}]++
			}
		}
	}
	return f, nil
}

// below is the number of persons that a share or mean is about: an item's cells, or a total.
func (p *Plan) below(s Schema, r readings, over, dim string, target models.Period) (form, error) {
	if t, ok := p.total(over); ok {
		return p.totalOf(s, r, t, target)
	}
	it, ok := p.Item(over)
	if !ok {
		return nil, fmt.Errorf("no item or total %q", over)
	}
	return sumCells(r, it, target, func(c Cell) bool { return it.By == "" || c.Dim == dim })
}

// totalParts reads the parts of a total; it needs no readings.
func (p *Plan) totalParts(t Total) ([][]partTerm, error) {
	var parts [][]partTerm
	for _, part := range t.Parts {
		var terms []partTerm
		for _, text := range part {
			term, err := p.partTerm(t, text)
			if err != nil {
				return nil, err
			}
			terms = append(terms, term)
		}
		parts = append(parts, terms)
	}
	return parts, nil
}

// partTerm is one addend of a part: an item (all cells, or those with one answer) or another total.
type partTerm struct {
	weight float64
	item   *Item
	answer string
	total  *Total
}

func (p *Plan) partTerm(t Total, text string) (partTerm, error) {
	term := partTerm{weight: 1}
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		term.weight, text = -1, rest
	}
	id, answer, _ := strings.Cut(text, ":")
	term.answer = answer
	if it, ok := p.Item(id); ok {
		if it.Level != t.Level && !slices.Contains(it.Sums, t.Level) {
			return term, fmt.Errorf("total %s: item %s is measured by %s", t.ID, id, it.Level)
		}
		term.item = &it
		return term, nil
	}
	at := func(id string) int { return slices.IndexFunc(p.Totals, func(o Total) bool { return o.ID == id }) }
	other, ok := p.total(id)
	if !ok || at(id) >= at(t.ID) { // also keeps totals from going round in a circle
		return term, fmt.Errorf("total %s: %q is no item or earlier total", t.ID, id)
	}
	term.total = &other
	return term, nil
}

// totalOf weights the parts of a total by the inverse of their noise variance, period by period. The weights follow
// from the plan, so the estimate stays unbiased.
func (p *Plan) totalOf(s Schema, r readings, t Total, target models.Period) (form, error) {
	parts, err := p.totalParts(t)
	if err != nil {
		return nil, err
	}
	sum := form{}
	for _, period := range components(t.Level, target) {
		forms := make([]form, len(parts))
		weights := make([]float64, len(parts))
		var all float64
		for i, terms := range parts {
			forms[i] = form{}
			for _, term := range terms {
				f, err := p.termForm(s, r, term, period)
				if err != nil {
					return nil, err
				}
				forms[i].add(f, term.weight)
			}
			weights[i] = 1 / math.Max(cov(forms[i], forms[i], r), 1e-9)
			all += weights[i]
		}
		for i := range forms {
			sum.add(forms[i], weights[i]/all)
		}
	}
	return sum, nil
}

func (p *Plan) termForm(s Schema, r readings, term partTerm, period models.Period) (form, error) {
	if term.total != nil {
		return p.totalOf(s, r, *term.total, period)
	}
	return sumCells(r, *term.item, period, func(c Cell) bool { return term.answer == "" || c.Answer == term.answer })
}
