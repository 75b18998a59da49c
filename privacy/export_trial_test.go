package privacy

import (
	"math"
	"slices"

	"heatwatch/models"
)

// Trial is one planned figure at the size of the plan: cells that give the value that the plan expects, to which a test adds
// noise again and again.
type Trial struct {
	Planned PlannedFigure
	Want    float64 // the value without noise
	d       derivation
	r       readings
	cells   []cellKey // those that the figure reads
	base    []float64 // their truth
	at      []*float64
	sds     []float64
	read    func() values
	spread  spread
}

// Trials prepares every published figure of a period among so many persons (0: the design size), one per statistic and
// breakdown. skipped names figures whose formula the trials do not know.
func (p *Plan) Trials(s Schema, period models.Period, persons float64) (trials []*Trial, skipped []string, err error) {
	rows, err := p.Planned(s, period, persons, func(Item, models.Period) string { return "" })
	if err != nil {
		return nil, nil, err
	}
	r, err := p.planned(s, period)
	if err != nil {
		return nil, nil, err
	}
	ds, err := p.derivations(s, r, period)
	if err != nil {
		return nil, nil, err
	}
	next := 0
	seen := map[string]bool{}
	for _, d := range ds {
		key := d.item.ID + "|" + d.formula.Measure + "|" + d.formula.Statistic
		if seen[key] {
			continue
		}
		seen[key] = true
		row := rows[next] // Planned lists the same figures in the same order
		next++
		if !row.Published {
			continue
		}
		t := &Trial{Planned: row, d: d.overRaw(r), r: readings{}, spread: d.spread(r)}
		for k, rd := range r { // trials run at the same time
			rd.est = slices.Clone(rd.est)
			t.r[k] = rd
		}
		t.read = t.d.reader(t.r)
		n := persons
		if n == 0 {
			n = p.sizeOf(d)
		}
		n *= d.item.CellShare
		v := s.Vectors[d.item.Vector]
		if over := d.formula.Form == FormOver || d.formula.Form == FormPart; v.Eligible > 0 && !over {
			n *= v.Eligible
		}
		if v.Encoding == Weights {
			n *= float64(v.Linf)
		}
		if !t.set(n) {
			skipped = append(skipped, row.Item+" "+row.Statistic)
			continue
		}
		iv, note := t.d.interval(t.read(), t.spread)
		if t.Want = iv.value; note != "" || math.IsNaN(t.Want) {
			skipped = append(skipped, row.Item+" "+row.Statistic)
			continue
		}
		trials = append(trials, t)
	}
	return trials, skipped, nil
}

// overRaw writes the forms of a figure over raw cells, whose noise is independent, in place of reconciled ones.
func (d derivation) overRaw(r readings) derivation {
	raw := func(f form) form {
		if f == nil {
			return nil
		}
		return f.raw(r)
	}
	d.above, d.below, d.persons = raw(d.above), raw(d.below), raw(d.persons)
	d.bins, d.censored = mapSlice(d.bins, raw), mapSlice(d.censored, raw)
	return d
}

// set finds the smallest cells for which the forms of the figure have the values that the plan expects among n persons.
func (t *Trial) set(n float64) bool {
	d, f := t.d, t.d.formula
	v := f.Expect.Value
	var forms []form
	var want []float64
	need := func(g form, x float64) { forms, want = append(forms, g), append(want, x) }
	each := func(gs []form, of []float64) {
		for k, g := range gs {
			if k < len(of) {
				need(g, of[k]*n)
			}
		}
	}
	below := n // what is expected below the line
	if f.Expect.Below > 0 {
		below *= f.Expect.Below
	}
	switch f.Form {
	case FormCount, FormTotal:
		need(d.above, n)
	case FormShare, FormOver, FormPart:
		need(d.above, v*below)
		need(d.below, below)
	case FormChange:
		need(d.above, (1+v)*below)
		need(d.below, below)
	case FormSigned, FormYes:
		need(d.above, (2*v-1)*n)
		need(d.below, n)
	case FormMean:
		need(d.above, (v-f.Mid)/f.Step*n)
		need(d.below, n)
	case FormRatio:
		need(d.above, v/f.Scale*below)
		need(d.below, below)
		need(d.persons, n)
	case FormMedian:
		each(d.bins, f.Expect.Cells)
		need(d.below, n)
	case FormSurvival: // all cells are those of its bins
		each(d.bins, f.Expect.Cells)
		each(d.censored, f.Expect.Cells[len(d.bins):])
	default:
		return false
	}
	all := form{}
	for _, g := range slices.Concat(forms, d.bins, d.censored) {
		for k := range g {
			all[k] = 1
		}
	}
	t.cells = all.keys()
	for _, k := range t.cells {
		t.at, t.sds = append(t.at, &t.r[k.readingKey].est[k.cell]), append(t.sds, t.r[k.readingKey].sd)
	}
	weights, ok := solve(gram(forms), want)
	if !ok {
		return false
	}
	t.base = make([]float64, len(t.cells))
	for i, k := range t.cells {
		for j, g := range forms {
			t.base[i] += weights[j] * g[k]
		}
	}
	t.fill(nil)
	return true
}

// fill writes the truth, and noise where there is any, into the cells.
func (t *Trial) fill(noise func(sd float64) float64) {
	for i := range t.cells {
		x := t.base[i]
		if noise != nil {
			x += math.Round(noise(t.sds[i]))
		}
		*t.at[i] = x
	}
}

// Draw derives the figure once with fresh noise; ok is false where it has no value.
func (t *Trial) Draw(noise func(sd float64) float64) (value, low, high float64, ok bool) {
	t.fill(noise)
	iv, note := t.d.interval(t.read(), t.spread)
	return iv.value, iv.low, iv.high, note == "" || note == noteUnbounded
}

// gram holds the products of forms.
func gram(forms []form) [][]float64 {
	g := make([][]float64, len(forms))
	for i, a := range forms {
		g[i] = make([]float64, len(forms))
		for j, b := range forms {
			for k, x := range a {
				g[i][j] += x * b[k]
			}
		}
	}
	return g
}

// solve is Gauss's elimination with the largest pivot; false if a row depends on the others.
func solve(a [][]float64, b []float64) ([]float64, bool) {
	n := len(b)
	x := append([]float64(nil), b...)
	for i := range n {
		p := i
		for j := i + 1; j < n; j++ {
			if math.Abs(a[j][i]) > math.Abs(a[p][i]) {
				p = j
			}
		}
		if math.Abs(a[p][i]) < 1e-9 {
			return nil, false
		}
		a[i], a[p], x[i], x[p] = a[p], a[i], x[p], x[i]
		for j := i + 1; j < n; j++ {
			f := a[j][i] / a[i][i]
			for k := i; k < n; k++ {
				a[j][k] -= f * a[i][k]
			}
			x[j] -= f * x[i]
		}
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			x[i] -= a[i][k] * x[k]
		}
		x[i] /= a[i][i]
	}
	return x, true
}

// SetCells puts a number that a test drew into every cell of the first item.
func (m *Sim) SetCells(of func(c Cell) float64) {
	for _, rd := range m.r {
		for i, c := range rd.cells {
			rd.est[i] = of(c)
		}
	}
}

// Reconcile runs what a release runs between the noise and its file: raw numbers of the items due on one day, by item, to
// estimates and presented numbers.
func (p *Plan) Reconcile(s Schema, period models.Period, due models.Date, raw map[string][]int64) (estimates map[string][]float64, presented map[string][]int64, err error) {
	estimates, presented = map[string][]float64{}, map[string][]int64{}
	f := ReleaseFile{Period: period, Due: due}
	var sds []float64
	for _, it := range p.DueOn(period, due) {
		cells, err := s.cells(it)
		if err != nil {
			return nil, nil, err
		}
		sd, err := it.Sd()
		if err != nil {
			return nil, nil, err
		}
		sds = append(sds, sd)
		f.Measurements = append(f.Measurements, s.measurement(it, period, cells, raw[it.ID], sd, 1))
	}
	j, err := p.joint(s, p.DueOn(period, due), sds, nil)
	if err != nil {
		return nil, nil, err
	}
	f.reconcile(j)
	for _, m := range f.Measurements {
		for _, c := range m.Cells {
			estimates[m.Item] = append(estimates[m.Item], c.Estimate)
			presented[m.Item] = append(presented[m.Item], c.Presented)
		}
	}
	return estimates, presented, nil
}

// CellsOf are the cells of an item in their order.
func (s Schema) CellsOf(it Item) []Cell {
	cells, err := s.cells(it)
	if err != nil {
		panic(err)
	}
	return cells
}
