package privacy

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"heatwatch/models"
	"heatwatch/privacy/mechanism"
	"heatwatch/privacy/reconcile"
)

// joint is what the measurements of one ledger entry say together: the equalities between their cells, and how estimates
// and presented numbers follow from the noisy ones. It depends on what is measured and on the noise, never on a number.
type joint struct {
	first      map[string]int // item: the number of its first cell among all cells of the entry
	cells      int
	identities []string // those that were used
	system     reconcile.System
	rows       []reconcile.Row // independent ones between measured cells
	presenter  reconcile.Presenter
	projection reconcile.Projection
}

// jointCache keeps joints of a plan: all quarters have the same, and so have all years.
type jointCache struct {
	mu   sync.Mutex
	same map[string]*joint
}

func (c *jointCache) get(key string, make func() (*joint, error)) (*joint, error) {
	if c == nil {
		return make()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if j, ok := c.same[key]; ok {
		return j, nil
	}
	j, err := make()
	if err != nil {
		return nil, err
	}
	if c.same == nil {
		c.same = map[string]*joint{}
	}
	c.same[key] = j
	return j, nil
}

// joint prepares the items of one entry with the noise on a cell of each. named limits the identities that may be used;
// nil allows all. Public facts take no part.
func (p *Plan) joint(s Schema, all []Item, noise []float64, named []string) (*joint, error) {
	var items []Item
	var sds []float64
	for i, it := range all {
		if !it.exact() {
			items, sds = append(items, it), append(sds, noise[i])
		}
	}
	var shape strings.Builder
	fmt.Fprintf(&shape, "%t %q %q", named == nil, named, s.of)
	for _, it := range items {
		fmt.Fprintf(&shape, "\n%q %q %q %d %d", it.ID, it.Vector, it.By, it.L0, it.Linf)
	}
	frame, err := p.joints.get(shape.String(), func() (*joint, error) { return s.frame(items, named) })
	if err != nil {
		return nil, err
	}
	return p.joints.get(fmt.Sprintf("%s\n%x", shape.String(), sds), func() (*joint, error) {
		j := *frame
		variances := make([]float64, 0, j.cells)
		for i, it := range items {
			cells, err := s.cells(it)
			if err != nil {
				return nil, err
			}
			variances = append(variances, slices.Repeat([]float64{mechanism.VarRounded(sds[i])}, len(cells))...)
		}
		if j.projection, err = reconcile.Project(variances, j.rows); err != nil {
			return nil, err
		}
		return &j, nil
	})
}

// joint prepares what is drawn together.
func (r Releaser) joint(draws []draw) (*joint, error) {
	return r.Plan.joint(r.Schema, mapSlice(draws, func(d draw) Item { return d.item }), mapSlice(draws, func(d draw) float64 { return d.noise.Sd() }), nil)
}

// frame finds the equalities, without the noise.
func (s Schema) frame(items []Item, named []string) (*joint, error) {
	b := relations{s: s, at: map[vectorCell]int{}, measured: map[string][]string{}}
	j := &joint{first: map[string]int{}}
	for _, it := range items {
		if it.exact() {
			continue
		}
		cells, err := s.cells(it)
		if err != nil {
			return nil, err
		}
		j.first[it.ID] = j.cells
		if err := b.measure(it, cells, j.cells); err != nil {
			return nil, err
		}
		j.cells += len(cells)
	}
	b.next = j.cells
	j.identities = b.relate(named)
	j.system = reconcile.System{Cells: j.cells, Hidden: b.next - j.cells, Rows: b.rows}
	var err error
	if j.rows, err = j.system.Independent(); err != nil {
		return nil, err
	}
	whole := j.system
	whole.Rows = b.whole
	if j.presenter, err = reconcile.NewPresenter(whole); err != nil {
		return nil, fmt.Errorf("what is released together cannot be shown as whole numbers that add up: %w", err)
	}
	return j, nil
}

// vectorCell is a cell of a vector in a breakdown.
type vectorCell struct{ vector, by, dim, answer string }

// relations collects the equalities of one entry: between breakdowns of one vector, and between vectors.
type relations struct {
	s        Schema
	at       map[vectorCell]int
	next     int                 // number of the next hidden cell
	measured map[string][]string // breakdowns that a vector is measured by, "" for none
	vectors  []string            // that are measured, in order
	rows     []reconcile.Row
	whole    []reconcile.Row // those that presented numbers fulfil
}

// measure numbers an item's cells. Where a bound may take cells of a person away, sums need not agree, and nothing is said
// of the item.
func (b *relations) measure(it Item, cells []Cell, first int) error {
	v := b.s.Vectors[it.Vector]
	if it.L0 != 1 || v.Each != "" || v.Events || v.Encoding == Weights || it.By != "" && !slices.Contains(v.By, it.By) {
		return nil
	}
	again := slices.Contains(b.measured[it.Vector], it.By)
	for i, c := range cells {
		at := vectorCell{it.Vector, it.By, c.Dim, c.Answer}
		if again { // measured twice in one entry
			b.say(reconcile.Row{{Cell: b.at[at], Coef: 1}, {Cell: first + i, Coef: -1}}, true)
			continue
		}
		b.at[at] = first + i
	}
	if !again {
		b.measured[it.Vector] = append(b.measured[it.Vector], it.By)
	}
	if !slices.Contains(b.vectors, it.Vector) {
		b.vectors = append(b.vectors, it.Vector)
	}
	return nil
}

func (b *relations) say(r reconcile.Row, whole bool) {
	b.rows = append(b.rows, r)
	if whole {
		b.whole = append(b.whole, r)
	}
}

// cell is the number of a cell; what nobody measured gets one, too.
func (b *relations) cell(at vectorCell) int {
	if _, ok := b.at[at]; !ok {
		b.at[at] = b.next
		b.next++
	}
	return b.at[at]
}

// relate says what is equal and returns the identities that it used.
func (b *relations) relate(named []string) []string {
	bys := []string{""}
	for _, v := range b.vectors {
		for _, by := range b.measured[v] {
			if !slices.Contains(bys, by) {
				bys = append(bys, by)
			}
		}
	}
	var used []string
	for _, by := range bys {
		there := slices.Clone(b.vectors) // vectors to speak of in this breakdown
		if by != "" {
			there = slices.DeleteFunc(there, func(v string) bool { return !slices.Contains(b.measured[v], by) })
		}
		for _, id := range b.useful(by, there, named) {
			b.identity(id, by)
			if !slices.Contains(used, id.Name) {
				used = append(used, id.Name)
			}
			for _, t := range id.Terms {
				if !slices.Contains(there, t.Vector) {
					there = append(there, t.Vector)
				}
			}
		}
		if by != "" {
			for _, v := range there {
				b.breakdown(b.s.Vectors[v], by)
			}
		}
	}
	slices.Sort(used)
	return used
}

// breakdown says that a vector's cells add up over a dimension.
func (b *relations) breakdown(v Vector, by string) {
	d, _ := b.s.Dimension(v.Measure, by)
	for _, a := range v.Cells {
		r := reconcile.Row{{Cell: b.cell(vectorCell{v.Name, "", "", a}), Coef: 1}}
		for _, dim := range d.Values {
			r = append(r, reconcile.Term{Cell: b.cell(vectorCell{v.Name, by, dim, a}), Coef: -1})
		}
		b.say(r, true)
	}
}

// useful are the identities that can say anything in a breakdown: those in which every vector that nobody measured stands
// in another one, too, and which all vectors can be broken down by in the same way.
func (b *relations) useful(by string, measured []string, named []string) []Identity {
	var all []Identity
	for _, id := range b.s.Identities {
		if (named == nil || slices.Contains(named, id.Name)) && b.common(id, by) {
			all = append(all, id)
		}
	}
	for {
		in := map[string]int{}
		for _, id := range all {
			for _, v := range id.vectors() {
				in[v]++
			}
		}
		n := len(all)
		all = slices.DeleteFunc(all, func(id Identity) bool {
			return slices.ContainsFunc(id.vectors(), func(v string) bool { return in[v] < 2 && !slices.Contains(measured, v) })
		})
		if len(all) == n {
			return all
		}
	}
}

// vectors are those of an identity, each once.
func (id Identity) vectors() []string {
	vs := mapSlice(id.Terms, func(t IdentityTerm) string { return t.Vector })
	slices.Sort(vs)
	return slices.Compact(vs)
}

// common reports whether all vectors of an identity are broken down alike.
func (b *relations) common(id Identity, by string) bool {
	if by == "" {
		return true
	}
	var first Dimension
	for i, t := range id.Terms {
		v := b.s.Vectors[t.Vector]
		d, ok := b.s.Dimension(v.Measure, by)
		if !ok || !slices.Contains(v.By, by) || i > 0 && (d.SQL != first.SQL || !slices.Equal(d.Values, first.Values)) {
			return false
		}
		first = d
	}
	return true
}

// identity says an identity for each value of a breakdown. Presented numbers fulfil it where all its cells count persons,
// or none does: a sum that may be below zero is not tied to a count once both are cut at zero.
func (b *relations) identity(id Identity, by string) {
	dims := []string{""}
	if by != "" {
		d, _ := b.s.Dimension(b.s.Vectors[id.Terms[0].Vector].Measure, by)
		dims = d.Values
	}
	for _, dim := range dims {
		var r reconcile.Row
		signs := map[bool]bool{}
		for _, t := range id.Terms {
			v := b.s.Vectors[t.Vector]
			cells := t.Cells
			if len(cells) == 0 {
				cells = v.Cells
			}
			for _, a := range cells {
				r = append(r, reconcile.Term{Cell: b.cell(vectorCell{t.Vector, by, dim, a}), Coef: t.Weight})
				signs[v.signed(a)] = true
			}
		}
		b.say(r, len(signs) == 1)
	}
}

// signed reports whether a cell's sum may be below zero. Those who cannot be asked are counted.
func (v Vector) signed(answer string) bool {
	e := string(v.Encoding)
	return (strings.HasPrefix(e, "signed") || strings.HasPrefix(e, "centred")) && answer != "u" && !strings.HasSuffix(answer, ":u")
}

// entries groups the plan's items as releases do: what is due on the same day of a period is measured in one entry.
func (p *Plan) entries() [][]Item {
	type together struct {
		level      string
		years, due int
	}
	of := func(it Item) together {
		level := it.Level
		if level == LevelSnapshot { // its period is a quarter
			level = models.LevelQuarter
		}
		return together{level, it.Years, it.Due}
	}
	var all [][]Item
	for _, it := range p.Items {
		i := slices.IndexFunc(all, func(e []Item) bool { return of(e[0]) == of(it) })
		if i < 0 {
			i, all = len(all), append(all, nil)
		}
		all[i] = append(all[i], it)
	}
	return all
}

// checkEntries refuses a plan whose entries could not be reconciled.
func (p *Plan) checkEntries(s Schema) error {
	for _, e := range p.entries() {
		for i, it := range e {
			for _, o := range e[:i] {
				if o.Vector == it.Vector && (o.L0 != it.L0 || o.Linf != it.Linf || o.Participations != it.Participations || o.FirstPeriods != it.FirstPeriods) {
					return fmt.Errorf("items %s and %s measure the same vector on one day with different bounds", o.ID, it.ID)
				}
			}
		}
		if _, err := s.frame(e, nil); err != nil {
			return fmt.Errorf("what is due %d days after a %s: %w", e[0].Due, e[0].Level, err)
		}
	}
	return nil
}
