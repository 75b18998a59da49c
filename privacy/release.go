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
	"heatwatch/privacy/mechanism"
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
	for _, due := range dues {
		if due > r.Today {
			break
		}
		done, _, err := r.entryOf(period, due)
		if err != nil {
			return nil, err
		}
		if !done {
			pending = append(pending, due)
		}
	}
	return pending, nil
}

// Measure makes the one ledger entry of a due date: it measures, books, draws and records. The process that calls it ends afterwards:
// the noise library keeps random bytes in memory, and they must not outlive a release. What is recorded
// already is left as it is.
func (r Releaser) Measure(ctx context.Context, period models.Period, due models.Date) error {
	stands, err := r.recover()
	if err != nil {
		return err
	}
	if due > r.Today || !slices.Contains(r.Plan.Due(period), due) {
		return problem.New(problem.Refused, period.String(), "nothing is due on "+due.String(), "`heatwatch plan "+period.String()+"` shows what is due when")
	}
	done, lost, err := r.entryOf(period, due)
	if err != nil || done {
		return err
	}
	house, err := r.Open(ctx)
	if err != nil {
		return err
	}
	if house.Close != nil {
		defer house.Close()
	}
	en := entry{period: period, due: due, lost: lost}
	for _, e := range r.Ledger.Entries() {
		if e.Import != nil {
			en.imports = append(en.imports, e.Import)
		}
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
	lost   int // the entry whose figures were lost and that this one repeats, or 0

	imports []*ledger.Import // what other copies of this home have measured
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
	noise mechanism.Prepared
	sums  Sums
}

// measure makes one entry: sums first, then what the register stages, then the ledger entry, and only then the noise.
func (r Releaser) measure(ctx context.Context, house Warehouse, stands register.Standing, en entry) error {
	planned := r.Plan.DueOn(en.period, en.due)
	if en.lost != 0 {
		r.notice(fmt.Sprintf("entry %d of %s was booked but its figures were lost; it is repeated once, with %.2f times the noise", en.lost, en.period, en.factor()))
	}
	draws, err := r.prepare(planned, en.factor())
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
	populations := populationsOf(planned)
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

// populationsOf lists the populations of items in the plan's order, each once.
func populationsOf(items []Item) []string {
	var all []string
	for _, it := range items {
		if !slices.Contains(all, it.Population) {
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
		p, err := mechanism.Prepare(mechanism.Spec{L0: it.L0, Linf: it.Linf, Sigma: it.Sigma * factor})
		if err != nil {
			return nil, problem.Wrap(err, problem.Refused, "item "+it.ID, err.Error(), "correct the plan")
		}
		all = append(all, draw{item: it, cells: cells, noise: p})
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
