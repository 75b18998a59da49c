package privacy

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/models"
	"heatwatch/privacy/ledger"
	"heatwatch/privacy/mechanism"
	"heatwatch/privacy/register"
)

// What the tests outside this package may see of its inside: exact sums, frozen cohorts, and figures of noise that the
// test drew. None of it exists in a build of the program.

// House runs the exact part of a release: everything before the ledger entry.
type House struct {
	Plan      *Plan
	Schema    Schema
	Selection []byte
	Dir       string // folder of the register
	key       ledger.CommitmentKey
	stands    register.Standing
}

// NewHouse makes one with an empty register.
func NewHouse(t testing.TB, p *Plan, s Schema, key ledger.CommitmentKey) *House {
	return &House{Plan: p, Schema: s, Selection: []byte("selection-selection-selection-32"), Dir: t.TempDir(), key: key, stands: register.Standing{}}
}

func (h *House) register() register.Register {
	key, err := register.NewKey([]byte("register-register-register-32-by"))
	if err != nil {
		panic(err)
	}
	return register.Register{FS: unsynced{durable.OS()}, Dir: h.Dir, Key: key, Commit: h.key}
}

// stand makes commitments hold, as a ledger entry would.
func (h *House) stand(cs ...ledger.Commitment) {
	for _, c := range cs {
		h.stands[c.Of] = register.Stand{HMAC: c.HMAC, Entry: 2}
	}
}

// Freeze makes the members a frozen cohort, as a ledger entry would.
func (h *House) Freeze(population string, period models.Period, ms []register.Member) error {
	c, err := h.register().StageCohort(population, period, ms)
	if err != nil {
		return err
	}
	h.stand(c)
	return h.register().Apply(h.stands)
}

// Members are those of a frozen cohort.
func (h *House) Members(population string, period models.Period) ([]register.Member, error) {
	b, err := h.register().Load(h.stands, population)
	if err != nil {
		return nil, err
	}
	return b.Members(period), nil
}

// Release makes every entry of a period that is pending, in this process, and returns the period's files. The program
// makes each entry in a process of its own.
func (r Releaser) Release(ctx context.Context, period models.Period) ([]ReleaseFile, error) {
	pending, err := r.Pending(period)
	if err != nil {
		return nil, err
	}
	for _, due := range pending {
		if err := r.Measure(ctx, period, due); err != nil {
			return nil, err
		}
	}
	return r.Files(period)
}

// Sums runs what a release of a period's due date runs before its entry, and returns the exact cells of each item. With
// freeze the cohort is frozen afterwards, as the entry would do.
func (h *House) Sums(eng Engine, period models.Period, due models.Date, partners map[string]int, freeze bool) (map[string][]int64, error) {
	r := Releaser{Plan: h.Plan, Schema: h.Schema, Selection: h.Selection, FS: durable.OS()}
	var draws []draw
	var booked []ledger.Item
	items := h.Plan.DueOn(period, due)
	for _, it := range items {
		cells, err := h.Schema.cells(it)
		if err != nil {
			return nil, err
		}
		draws = append(draws, draw{item: it, cells: cells})
		booked = append(booked, ledger.Item{ID: it.ID, Series: series(it), Participations: it.Participations})
	}
	if err := r.facts(context.Background(), Warehouse{Engine: eng}, entry{period: period, due: due}, draws); err != nil {
		return nil, err
	}
	out := map[string][]int64{}
	for _, population := range slices.Sorted(slices.Values(populationsOf(items))) {
		cs, err := r.sum(context.Background(), Warehouse{Engine: eng, Partners: partners}, h.register(), h.stands, population, entry{period: period, due: due}, math.MaxInt64, draws, booked)
		if err != nil {
			return nil, err
		}
		if freeze {
			h.stand(cs...)
		}
		if err := h.register().Apply(h.stands); err != nil {
			return nil, err
		}
	}
	for _, d := range draws {
		out[d.item.ID] = d.sums.cells()
	}
	return out, nil
}

// Unequal lists equalities of the entry of a due date that exact sums break, and says how many there are.
func (p *Plan) Unequal(s Schema, period models.Period, due models.Date, sums map[string][]int64) (broken []string, all int, err error) {
	items := p.DueOn(period, due)
	j, err := s.frame(items, nil)
	if err != nil {
		return nil, 0, err
	}
	var x []int64
	var names []string
	for _, it := range items {
		x = append(x, sums[it.ID]...)
		for _, c := range s.CellNames(it) {
			names = append(names, it.ID+" "+c)
		}
	}
	for _, r := range j.rows {
		var sum int64
		text := ""
		for _, t := range r {
			sum += t.Coef * x[t.Cell]
			text += fmt.Sprintf(" %+d %s", t.Coef, names[t.Cell])
		}
		if sum != 0 {
			broken = append(broken, fmt.Sprintf("%d =%s", sum, text))
		}
	}
	return broken, len(j.rows), nil
}

// Identified are the identities that the plan's entries use.
func (p *Plan) Identified(s Schema) (all []string) {
	for _, e := range p.entries() {
		j, err := s.frame(e, nil)
		if err != nil {
			panic(err)
		}
		all = append(all, j.identities...)
	}
	return all
}

// Sd is the noise of an item at the plan's sigma.
func (it Item) Sd() (float64, error) {
	if it.exact() {
		return 0, nil
	}
	p, err := mechanism.Prepare(mechanism.Spec{L0: it.L0, Linf: it.Linf, Sigma: it.Sigma})
	return p.Sd(), err
}

// Cells of an item, by their text.
func (s Schema) CellNames(it Item) []string {
	cells, err := s.cells(it)
	if err != nil {
		panic(err)
	}
	return mapSlice(cells, func(c Cell) string { return c.text(it.By) })
}

// Sim derives figures again and again from cells whose noise a test draws.
type Sim struct {
	p      *Plan
	s      Schema
	r      readings
	ds     []derivation
	period models.Period
	spread []spread
	read   []func() values
	keys   []readingKey
	exact  [][]float64 // of each key: the truth of its cells
}

// Simulate prepares the figures of a period.
func (p *Plan) Simulate(s Schema, period models.Period) (*Sim, error) {
	r, err := p.planned(s, period)
	if err != nil {
		return nil, err
	}
	ds, err := p.derivations(s, r, period)
	keys := slices.SortedFunc(maps.Keys(r), func(a, b readingKey) int {
		return cmp.Or(cmp.Compare(a.item, b.item), int(a.period.First()-b.period.First()))
	})
	return &Sim{p: p, s: s, r: r, ds: ds, period: period, spread: mapSlice(ds, func(d derivation) spread { return d.spread(r) }),
		read: mapSlice(ds, func(d derivation) func() values { return d.reader(r) }), keys: keys}, err
}

// Set puts truth plus noise into every cell; noise may be nil.
func (m *Sim) Set(truth func(item string, period models.Period, c Cell) float64, noise func(sd float64) float64) {
	m.exact = mapSlice(m.keys, func(k readingKey) []float64 {
		return mapSlice(m.r[k].cells, func(c Cell) float64 { return truth(k.item, k.period, c) })
	})
	m.Draw(noise)
}

// Draw puts noise of its own over the truth that was set last.
func (m *Sim) Draw(noise func(sd float64) float64) {
	for i, k := range m.keys {
		rd := m.r[k]
		for j, exact := range m.exact[i] {
			rd.est[j] = exact
			if noise != nil {
				rd.est[j] = math.Round(exact + noise(rd.sd))
			}
		}
	}
	// What is in the cells now are raw numbers.
	done := map[*beside]bool{}
	for _, k := range m.keys {
		b := m.r[k].beside
		if b == nil || done[b] {
			continue
		}
		done[b] = true
		raw := mapSlice(b.cells, func(c cellKey) float64 { return m.r[c.readingKey].est[c.cell] })
		for i, x := range b.projection.Estimate(raw) {
			m.r[b.cells[i].readingKey].est[b.cells[i].cell] = x
		}
	}
}

// reader is read for many draws: forms are looked up once.
func (d derivation) reader(r readings) func() values {
	type term struct {
		at *float64
		w  float64
	}
	compile := func(f form) func() float64 {
		var terms []term
		for _, k := range f.keys() {
			terms = append(terms, term{&r[k.readingKey].est[k.cell], f[k]})
		}
		return func() float64 {
			var sum float64
			for _, t := range terms {
				sum += t.w * *t.at
			}
			return sum
		}
	}
	each := func(fs []func() float64) []float64 {
		return mapSlice(fs, func(f func() float64) float64 { return f() })
	}
	if d.below == nil {
		line := compile(d.above)
		return func() values { return values{line: line(), persons: math.Inf(1), shown: math.NaN()} }
	}
	line, below, bins, censored := compile(d.line()), compile(d.below), mapSlice(d.bins, compile), mapSlice(d.censored, compile)
	persons := func() float64 { return math.Inf(1) }
	if d.persons != nil {
		persons = compile(d.persons)
	}
	return func() values {
		return values{line: line(), below: below(), persons: persons(), bins: each(bins), censored: each(censored), shown: math.NaN()}
	}
}

// SimFigure is one derived figure.
type SimFigure struct {
	Item, Measure, Statistic, By string
	Form                         Form
	Low, High                    float64 // possible range; High 0: no end
	Value, From, To              float64
	Note                         string // set: no value
	Estimate                     float64
	Sd                           float64 // of the form above the line
	WideFrom, WideTo             float64 // noise and sampling
	Unsampled                    string
}

// Figures derives all that pick accepts.
func (m *Sim) Figures(pick func(f SimFigure) bool) []SimFigure {
	var all []SimFigure
	for i, d := range m.ds {
		f := SimFigure{Item: d.item.ID, Measure: d.formula.Measure, Statistic: d.formula.Statistic, By: d.spot.text(), Form: d.formula.Form, Low: d.formula.Low, High: d.formula.High}
		if pick != nil && !pick(f) {
			continue
		}
		v := m.read[i]()
		iv, note := d.interval(v, m.spread[i])
		if note == "" || note == noteUnbounded {
			var wide interval
			wide, f.Unsampled = d.sampled(v, m.spread[i], iv)
			f.WideFrom, f.WideTo = wide.low, wide.high
		}
		if note == noteUnbounded {
			note = "" // a value with the whole range around it
		}
		f.Value, f.From, f.To, f.Note = iv.value, iv.low, iv.high, note
		f.Estimate, f.Sd = v.line, m.spread[i].half/z95 // of a count
		all = append(all, f)
	}
	return all
}

// SimDifference is a figure less another of its statistic.
type SimDifference struct {
	Statistic, Of       string // groups, years
	Value, Low, High    float64
	WideLow, WideHigh   float64
	Note, Unsampled     string
	Records, Programmes Verdict
}

// Differences compares each figure about group "x" with that about "y", and each total with that of the year before.
func (m *Sim) Differences() ([]SimDifference, error) {
	before, _ := yearEarlier(m.period)
	then, err := m.p.derivations(m.s, m.r, before)
	if err != nil {
		return nil, err
	}
	var all []SimDifference
	add := func(of string, a, b derivation) {
		var out Difference
		for i, d := range []derivation{a, b} {
			f := d.figure(m.s, m.r, false)
			*[]*Figure{&out.a, &out.b}[i] = f
			if _, ok := f.Value(); !ok {
				out.note = f.Note()
			}
		}
		if out.note == "" {
			out.between(a, b, m.r)
		}
		all = append(all, SimDifference{Statistic: a.formula.Statistic, Of: of, Value: out.value, Low: out.low, High: out.high, WideLow: out.wideLow, WideHigh: out.wideHigh,
			Note: out.note, Unsampled: out.unsampled, Records: out.Records(), Programmes: out.Programme()})
	}
	same := func(a, b derivation) bool {
		return a.item.ID == b.item.ID && a.formula.Statistic == b.formula.Statistic && a.spot.cell == b.spot.cell
	}
	for _, a := range m.ds {
		for _, b := range m.ds {
			if same(a, b) && (a.spot.dim == "x" && b.spot.dim == "y" || a.spot.dim == "f1" && b.spot.dim == "f2") {
				add("groups", a, b)
			}
		}
		for _, b := range then {
			if same(a, b) && a.spot.dim == "" && b.spot.dim == "" {
				add("years", a, b)
			}
		}
	}
	return all, nil
}

// Name tells figures apart.
func (f SimFigure) Name() string {
	return fmt.Sprintf("%s.%s(%s) %s", f.Measure, f.Statistic, f.By, f.Item)
}

// Noise is the noise of one item as a release prepares it, before anything is booked.
type Noise struct {
	Item Item
	Sd   float64
	Draw func(x int64) (int64, error)
}

// Noise prepares the items of a due date as a release does.
func (h *House) Noise(period models.Period, due models.Date) ([]Noise, error) {
	items := slices.DeleteFunc(h.Plan.DueOn(period, due), Item.exact) // those have none
	draws, err := Releaser{Plan: h.Plan, Schema: h.Schema}.prepare(items, 1)
	return mapSlice(draws, func(d draw) Noise { return Noise{d.item, d.noise.Sd(), d.noise.Draw} }), err
}

// Noiseless derives a measure's figures of a period from exact cells, by period and item: as if all noise had come out as 0.
func (p *Plan) Noiseless(s Schema, measure string, at models.Period, sums map[models.Period]map[string][]int64) ([]Figure, error) {
	r := readings{}
	for period, items := range sums {
		for id, exact := range items {
			it, _ := p.Item(id)
			cells, err := s.cells(it)
			if err != nil {
				return nil, err
			}
			sd, err := it.Sd()
			if err != nil {
				return nil, err
			}
			r[readingKey{id, period}] = reading{item: it, period: period, entry: 2, cells: cells, sd: sd, vars: variance(sd), shown: exact,
				est: mapSlice(exact, func(x int64) float64 { return float64(x) })}
		}
	}
	ds, err := p.derivations(s, r, at)
	var all []Figure
	for _, d := range ds {
		if d.formula.Measure == measure {
			all = append(all, d.figure(s, r, false))
		}
	}
	return all, err
}
