package privacy

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"heatwatch/models"
	"heatwatch/privacy/reconcile"
)

// reading is one measured item of one period: estimates with their noise.
type reading struct {
	item   Item
	period models.Period
	entry  int
	cells  []Cell
	est    []float64 // unconstrained estimates, in the cells' own unit
	sd     float64   // of the noise as drawn
	vars   float64   // of the rounded noise on each cell
	shown  []int64   // presented whole numbers; nil where nothing is recorded
	beside *beside   // the measurements it was reconciled with; nil: every estimate is the raw number

	definitions map[string]int // of the measures of its entry; nil where nothing is recorded: today's
	first       int            // number of its first cell among theirs
}

// beside is one ledger entry whose measurements were reconciled. The noise of its estimates goes together; that of two
// entries is independent.
type beside struct {
	number     int // its own among the readings
	projection reconcile.Projection
	cells      []cellKey
	coarse     bool // rounding shows in some of its raw cells
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

// coarse reports whether the rounding of the noise shows in a cell.
func (r reading) coarse() bool { return r.sd >= silentBelow && r.sd < normalFrom }

// form is a linear form over estimates: weights by cell. Estimates of one entry share their noise: cov knows it, and raw
// writes the form over the raw cells, whose noise is independent.
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
	slices.SortFunc(all, compareCells)
	return all
}

func compareCells(a, b cellKey) int {
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
}

// raw is the form over raw cells that a form over estimates is: each estimate is a row of the projection. The noise on
// two raw cells is independent.
func (f form) raw(r readings) form {
	out := form{}
	for _, k := range f.keys() {
		rd := r[k.readingKey]
		if rd.beside == nil {
			out[k] += f[k]
			continue
		}
		p := rd.beside.projection
		for _, j := range p.Beside(rd.first + k.cell) {
			out[rd.beside.cells[j]] += f[k] * p.Weight(rd.first+k.cell, j)
		}
	}
	most := 0.0
	for _, w := range out {
		most = math.Max(most, math.Abs(w))
	}
	maps.DeleteFunc(out, func(_ cellKey, w float64) bool { return math.Abs(w) <= 1e-12*most }) // nothing but arithmetic
	return out
}

// cov is the covariance of the noise of two forms.
func cov(f, g form, r readings) float64 {
	a, b := f.weights(r), g.weights(r)
	var sum float64
	for len(a) > 0 && len(b) > 0 {
		switch c := a[0].compare(b[0]); {
		case c < 0:
			a = a[1:]
		case c > 0:
			b = b[1:]
		default:
			m, n := a[0].together(a), b[0].together(b)
			for _, x := range a[:m] {
				for _, y := range b[:n] {
					sum += x.weight * y.weight * x.cov(y)
				}
			}
			a, b = a[m:], b[n:]
		}
	}
	return sum
}

// weighed is one weight of a form, with what its noise needs.
type weighed struct {
	cellKey
	weight float64
	beside *beside
	number int // of the cell in the entry
	vars   float64
}

// weights lists a form's weights: of one entry side by side.
func (f form) weights(r readings) []weighed {
	all := make([]weighed, 0, len(f))
	for k, w := range f {
		rd := r[k.readingKey]
		all = append(all, weighed{k, w, rd.beside, rd.first + k.cell, rd.vars})
	}
	slices.SortFunc(all, func(x, y weighed) int { return cmp.Or(x.compare(y), cmp.Compare(x.number, y.number)) })
	return all
}

// compare orders entries; a cell that stands alone is one by itself.
func (x weighed) compare(y weighed) int {
	switch {
	case x.beside != nil && y.beside != nil:
		return cmp.Compare(x.beside.number, y.beside.number)
	case x.beside != nil:
		return -1
	case y.beside != nil:
		return 1
	}
	return compareCells(x.cellKey, y.cellKey)
}

// together is how many of the first weights are of one entry.
func (x weighed) together(all []weighed) int {
	n := 1
	for n < len(all) && x.compare(all[n]) == 0 {
		n++
	}
	return n
}

// cov is that of two estimates of one entry.
func (x weighed) cov(y weighed) float64 {
	if x.beside == nil {
		return x.vars
	}
	return x.beside.projection.Cov(x.number, y.number)
}

// reconciled puts readings of one entry beside each other. j is what they have in common; their items are those that j was
// made of.
func (r readings) reconciled(j *joint, number int, items []Item, period models.Period) {
	b := &beside{number: number, projection: j.projection}
	for _, it := range items {
		if it.exact() {
			continue
		}
		k := readingKey{it.ID, period}
		rd := r[k]
		rd.beside, rd.first = b, j.first[it.ID]
		for i := range rd.cells {
			b.cells = append(b.cells, cellKey{k, i})
			b.coarse = b.coarse || rd.coarse()
		}
		r[k] = rd
	}
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
		there := false
		for i, c := range rd.cells {
			if pick(c) {
				f[cellKey{readingKey{it.ID, p}, i}]++
				there = true
			}
		}
		if !there { // a value that the dictionary did not have then
			return nil, errNotMeasured
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
