package privacy

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
	"heatwatch/privacy/register"
)

// Warehouse is an open generation of the lake.
type Warehouse struct {
	Engine   Engine
	Content  []byte         // what the generation's commitment in the ledger is made of
	Partners map[string]int // enrolled partners per kind, by the enrolment list
	Close    func() error
}

// Releaser measures and records, one ledger entry per due date. The caller holds the home's lock.
type Releaser struct {
	FS        durable.FS
	Releases  string // folder of release files
	Register  string // folder of frozen cohorts
	Keys      string // folder of keys
	Ledger    *ledger.Ledger
	Plan      *Plan
	Schema    Schema
	Selection []byte // key that chooses which cells of a person are kept
	Seal      []byte // key of the register
	Today     models.Date
	Made      Made                                         // for the manifest
	Open      func(ctx context.Context) (Warehouse, error) // called only if something is to be measured
	Notice    func(text string)                            // told what a person should know
}

// The noise of a repeat, relative to the first attempt: what the reserve pays for.
const (
	repeatQuarter = 1.55
	repeatYear    = 2.4
)

// Pending lists the due dates of a period that have come and whose items are not recorded, in order. It finishes what a crash
// interrupted first. That nothing of the period is due yet is a refusal.
func (r Releaser) Pending(period models.Period) ([]models.Date, error) {
	if _, err := r.recover(); err != nil {
		return nil, err
	}
	dues := r.Plan.Due(period)
	if len(dues) == 0 {
		do := "`heatwatch plan " + period.String() + "` shows what it measures"
		if period.Level() == models.LevelSpan {
			do = "its figures are sums of its years: release those"
		}
		return nil, problem.New(problem.Refused, period.String(), "the plan measures nothing for this period", do)
	}
	if dues[0] > r.Today {
		return nil, problem.New(problem.Refused, period.String(), "nothing of this period is due yet", "first possible on "+dues[0].String())
	}
	var pending []models.Date
	var closed []Item
	for _, due := range r.cameDue(period) {
		lost, err := r.lostOf(period, due)
		if err != nil {
			return nil, err
		}
		again, fresh, shut := r.toMeasure(period, due, lost)
		closed = append(closed, shut...)
		for _, items := range [][]Item{again, fresh} {
			if len(items) > 0 {
				pending = append(pending, due)
			}
		}
	}
	if len(pending) == 0 && len(closed) > 0 {
		return nil, problem.New(problem.Refused, period.String(), "this cohort was closed by an import: another copy of this home measured it, and who was in it is lost",
			"what was recorded stands; nothing of it is measured again")
	}
	return pending, nil
}

// toMeasure splits the items of a due date: those of the lost entry, which are repeated; those that were never measured,
// whatever they are called; and those of cohorts that an import has closed, of which nothing is measured. An amended plan
// may bring new items to a due date that has an entry already.
func (r Releaser) toMeasure(period models.Period, due models.Date, lost int) (again, fresh, closed []Item) {
	for _, it := range r.Plan.DueOn(period, due) {
		entries, same := r.measuredBy(it, period)
		switch repeats := lost != 0 && slices.Equal(entries, []int{lost}); {
		case len(entries) > 0 && !repeats:
		case r.Ledger.Closed(it.Population, period.String()):
			closed = append(closed, it)
		case repeats && same: // under another definition it is no repeat
			again = append(again, it)
		default:
			fresh = append(fresh, it)
		}
	}
	return again, fresh, closed
}

// cameDue are the due dates of a period up to today, in order.
func (r Releaser) cameDue(period models.Period) []models.Date {
	var out []models.Date
	for _, due := range r.Plan.Due(period) {
		if due > r.Today {
			break
		}
		out = append(out, due)
	}
	return out
}

// Left tells whether something of a period has come due and is not recorded: never measured, or lost and to be repeated. It
// writes nothing, so what a crash interrupted counts as left.
func (r Releaser) Left(period models.Period) (bool, error) {
	for _, due := range r.cameDue(period) {
		lost, err := r.lostOf(period, due)
		if err != nil {
			return false, err
		}
		if again, fresh, _ := r.toMeasure(period, due, lost); len(again)+len(fresh) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// measuredBy lists the entries that measured an item in a period. same tells that they measured the very cells that it has
// today. Otherwise the item was measured under an earlier definition, or when the dictionary had fewer values: what was
// recorded stands, and the plan that was in force when it was measured does not measure it again. (Where only the number of
// the definition differs no other plan does, either, unless it gives the item another id.)
func (r Releaser) measuredBy(it Item, period models.Period) (entries []int, same bool) {
	cells, err := r.Schema.cells(it)
	if err != nil {
		return nil, true // prepare says so
	}
	d := draw{item: it, cells: cells}
	if entries = r.Ledger.Measured(it.Population, period.String(), r.identity(d)); len(entries) > 0 {
		return entries, true
	}
	var earlier []string
	for n := 1; n < r.Schema.Measures[it.Measure].Definition; n++ {
		earlier = append(earlier, identityOf(d, n))
	}
	for _, e := range r.Ledger.Entries() {
		if e.Release == nil || e.Release.Period != period.String() {
			continue
		}
		if slices.ContainsFunc(e.Release.Items, func(b ledger.Item) bool {
			return b.ID == it.ID && b.Population == it.Population && b.Series == series(it) &&
				(e.Release.Plan == r.Ledger.Plan().Ref() || slices.Contains(earlier, string(b.Cells)))
		}) {
			entries = append(entries, e.Number)
		}
	}
	return entries, false
}

// Measure makes one ledger entry of a due date: it measures, books, draws and records. The process that calls it ends afterwards:
// the noise library keeps random bytes in memory, and they must not outlive a release. A lost entry is repeated
// first; where nothing is left to measure nothing is done.
func (r Releaser) Measure(ctx context.Context, period models.Period, due models.Date) error {
	stands, err := r.recover()
	if err != nil {
		return err
	}
	if due > r.Today || !slices.Contains(r.Plan.Due(period), due) {
		return problem.New(problem.Refused, period.String(), "nothing is due on "+due.String(), "`heatwatch plan "+period.String()+"` shows what is due when")
	}
	lost, err := r.lostOf(period, due)
	if err != nil {
		return err
	}
	en := entry{period: period, due: due, lost: lost, foreign: r.foreign(stands)}
	if again, fresh, _ := r.toMeasure(period, due, lost); len(again) > 0 {
		en.items = again
	} else {
		en.items, en.lost = fresh, 0
	}
	if len(en.items) == 0 {
		return nil
	}
	for _, e := range r.Ledger.Entries() {
		if e.Release != nil && e.Release.Period == period.String() && e.Release.Due == due.String() {
			en.before++
		}
	}
	house, err := r.Open(ctx)
	if err != nil {
		return err
	}
	if house.Close != nil {
		defer house.Close()
	}
	return r.measure(ctx, house, stands, en)
}

// Files are the release files of a period, in the order of their entries.
func (r Releaser) Files(period models.Period) ([]ReleaseFile, error) {
	all, err := ReadReleases(r.Releases)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(f ReleaseFile) bool { return f.Period != period }), nil
}

// entry is a ledger entry on its way.
type entry struct {
	period models.Period
	due    models.Date
	items  []Item
	lost   int // the entry whose figures were lost and that this one repeats, or 0
	before int // how many entries this due date has already

	foreign []ledger.Item // what other copies of this home have measured, of persons that nobody here can name
}

func (e entry) attempt() int {
	if e.lost != 0 {
		return 2
	}
	return 1
}

// factor is the noise of the entry relative to the plan's.
func (e entry) factor() float64 {
	switch {
	case e.lost == 0:
		return 1
	case e.period.Level() == models.LevelQuarter:
		return repeatQuarter
	}
	return repeatYear
}

// draw is one item on its way: prepared noise, public cells, exact sums.
type draw struct {
	item  Item
	cells []Cell
	noise noise
	sums  Sums
}

// measure makes one entry: sums first, then what the register stages, then the ledger entry, and only then the noise.
func (r Releaser) measure(ctx context.Context, house Warehouse, stands register.Standing, en entry) error {
	if en.lost != 0 {
		r.notice(fmt.Sprintf("entry %d of %s was booked but its figures were lost; it is repeated once, with %.2f times the noise", en.lost, en.period, en.factor()))
	}
	draws, err := r.prepare(en.items, en.factor())
	if err != nil {
		return err
	}
	items, err := r.items(en.period, draws)
	if err != nil {
		return err
	}
	g, err := r.register()
	if err != nil {
		return err
	}
	limits, err := r.limits()
	if err != nil {
		return err
	}
	if err := r.facts(ctx, house, en, draws); err != nil {
		return err
	}
	populations := populationsOf(en.items)
	commitments, err := g.Always(populations)
	if err != nil {
		return err
	}
	for _, population := range populations {
		cs, err := r.sum(ctx, house, g, stands, population, en, limits[population], draws, items)
		if err != nil {
			return err
		}
		commitments = append(commitments, cs...)
	}
	commitments = append(commitments, g.Commit.Commit("generation", house.Content))
	if err := durable.MkdirAll(r.FS, filepath.Join(r.Releases, en.period.String()), 0o755); err != nil {
		return err
	}
	if err := durable.Replace(r.FS, attemptPath(r.Releases, en.period, en.due), nil, 0o600); err != nil {
		return err
	}
	booked, err := r.book(ctx, en, items, commitments)
	if err != nil {
		return err
	}
	if err := g.Apply(register.Stands(r.Ledger.Entries())); err != nil {
		return err
	}
	return r.record(en, booked.Number, draws)
}

// limits are the caps that hold now.
func (r Releaser) limits() (map[string]accountant.Mu2, error) {
	list, err := r.Ledger.Budget()
	all := map[string]accountant.Mu2{}
	for _, p := range list {
		all[p.Population] = p.Cap
	}
	return all, err
}

func (r Releaser) notice(text string) {
	if r.Notice != nil {
		r.Notice(text)
	}
}

// populationsOf lists the populations of items in the plan's order, each once; public facts are about none.
func populationsOf(items []Item) []string {
	var all []string
	for _, it := range items {
		if it.Population != Nobody && !slices.Contains(all, it.Population) {
			all = append(all, it.Population)
		}
	}
	return all
}

// prepare finds the noise of every item before any data is read.
func (r Releaser) prepare(items []Item, factor float64) ([]draw, error) {
	var all []draw
	for _, it := range items {
		cells, err := r.Schema.cells(it)
		if err != nil {
			return nil, err
		}
		n, err := r.Schema.noiseFor(it, factor)
		if err != nil {
			return nil, problem.Wrap(err, problem.Refused, "item "+it.ID, err.Error(), "correct the plan")
		}
		all = append(all, draw{item: it, cells: cells, noise: n})
	}
	if _, err := r.joint(all); err != nil { // before anything is spent
		return nil, problem.Wrap(err, problem.Refused, "plan "+r.Plan.Name, "what is due on one day cannot be reconciled", "correct the plan")
	}
	return all, nil
}

// record draws the noise and writes the release file.
func (r Releaser) record(en entry, number int, draws []draw) error {
	together, err := r.joint(draws)
	if err != nil {
		return err
	}
	noisy := make([][]int64, len(draws))
	for i, d := range draws {
		noisy[i] = make([]int64, len(d.cells))
		for k, x := range d.sums.cells() {
			v, err := d.noise.Draw(x)
			if err != nil {
				return problem.Wrap(err, problem.Failed, "item "+d.item.ID, "release failed", "the attempt stays booked; run `heatwatch release` again for the one repeat")
			}
			noisy[i][k] = v
		}
		clear(d.sums.cells())
	}
	f := ReleaseFile{Schema: 1, Entry: number, Period: en.period, Due: en.due, Demo: r.Ledger.Terms().Mode == ledger.Demo, Plan: planName(r.Plan)}
	f.Measurements = r.measurements(en, draws, noisy)
	f.reconcile(together)
	if f.Manifest, err = r.manifest(number); err != nil {
		return err
	}
	return r.write(en, f)
}

// measurements is what is recorded of the drawn numbers. Nothing of the exact sums is left when it is called.
func (r Releaser) measurements(en entry, draws []draw, noisy [][]int64) []Measurement {
	var all []Measurement
	for i, d := range draws {
		all = append(all, r.Schema.measurement(d.item, en.period, d.cells, noisy[i], d.noise.Sd(), en.attempt()))
	}
	return all
}

// write signs a release and gives it its name.
func (r Releaser) write(en entry, f ReleaseFile) (err error) {
	if f.Signature, err = r.Ledger.Sign(ofRelease, f.signed()); err != nil {
		return err
	}
	pending := pendingPath(r.Releases, en.period, f.Entry)
	if err := durable.Create(r.FS, pending, f.encode(), 0o444); err != nil {
		return err
	}
	if err := durable.Publish(r.FS, pending, releasePath(r.Releases, en.period, f.Entry), 0o444); err != nil {
		return err
	}
	return durable.Remove(r.FS, attemptPath(r.Releases, en.period, en.due))
}

func planName(p *Plan) string { return fmt.Sprintf("%s v%d %s", p.Name, p.Version, p.Hash) }
