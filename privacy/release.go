package privacy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy/ledger"
	"heatwatch/privacy/mechanism"
)

// Warehouse is an open generation of the lake.
type Warehouse struct {
	Engine   Engine
	Content  []byte         // what the generation's commitment in the ledger is made of
	Partners map[string]int // enrolled partners per kind, by the enrolment list
	Close    func() error
}

// Releaser measures and records. The caller holds the home's lock.
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
	Open      func(ctx context.Context) (Warehouse, error) // called only if something is to be measured
	Notice    func(text string)                            // told what a person should know
}

// The noise of a repeat, relative to the first attempt: what the reserve pays for.
const (
	repeatQuarter = 1.55
	repeatYear    = 2.4
)

// Release measures every item of a period that is due and was not measured, one ledger entry per due date, and returns
// all release files of the period in the order of their entries.
func (r Releaser) Release(ctx context.Context, period models.Period) ([]ReleaseFile, error) {
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
	var house *Warehouse
	var closed []Item
	defer func() {
		if house != nil && house.Close != nil {
			house.Close()
		}
	}()
	for _, due := range dues {
		if due > r.Today {
			break
		}
		lost, err := r.lostOf(period, due)
		if err != nil {
			return nil, err
		}
		again, fresh, shut := r.toMeasure(period, due, lost)
		closed = append(closed, shut...)
		if len(again)+len(fresh) == 0 {
			continue
		}
		if house == nil {
			h, err := r.Open(ctx)
			if err != nil {
				return nil, err
			}
			house = &h
		}
		if len(again) > 0 {
			if err := r.measure(ctx, *house, period, due, again, lost); err != nil {
				return nil, err
			}
		}
		if len(fresh) > 0 {
			if err := r.measure(ctx, *house, period, due, fresh, 0); err != nil {
				return nil, err
			}
		}
	}
	if house == nil && len(closed) > 0 {
		return nil, problem.New(problem.Refused, period.String(), "this cohort was closed by an import: another copy of this home measured it, and who was in it is lost",
			"what was recorded stands; nothing of it is measured again")
	}
	return r.files(period)
}

// toMeasure splits the items of a due date: those of the lost entry, which are repeated; those that were never measured,
// whatever they are called; and those of cohorts that an import has closed, of which nothing is measured. An amended plan
// may bring new items to a due date that has an entry already.
func (r Releaser) toMeasure(period models.Period, due models.Date, lost int) (again, fresh, closed []Item) {
	for _, it := range r.Plan.DueOn(period, due) {
		entries := r.measuredBy(it, period)
		switch repeats := lost != 0 && slices.Equal(entries, []int{lost}); {
		case len(entries) > 0 && !repeats:
		case r.Ledger.Closed(it.Population, period.String()):
			closed = append(closed, it)
		case repeats:
			again = append(again, it)
		default:
			fresh = append(fresh, it)
		}
	}
	return again, fresh, closed
}

// measuredBy lists the entries that measured an item's cells in a period.
func (r Releaser) measuredBy(it Item, period models.Period) []int {
	cells, err := r.Schema.cells(it)
	if err != nil {
		return nil // prepare says so
	}
	return r.Ledger.Measured(it.Population, period.String(), r.identity(draw{item: it, cells: cells}))
}

// open refuses cohorts that an import has closed.
func (r Releaser) open(period models.Period, items []Item) error {
	for _, it := range items {
		if r.Ledger.Closed(it.Population, period.String()) {
			return problem.New(problem.Refused, period.String(), "the cohort "+it.Population+" of this period was closed by an import: another copy of this home measured it, and who was in it is lost",
				"what was recorded stands; nothing of it is measured again")
		}
	}
	return nil
}

// files are the release files of a period.
func (r Releaser) files(period models.Period) ([]ReleaseFile, error) {
	all, err := ReadReleases(r.Releases)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(f ReleaseFile) bool { return f.Period != period }), nil
}

// lostOf finds the entry of a due date whose figures were lost and not repeated yet; 0: none.
func (r Releaser) lostOf(period models.Period, due models.Date) (int, error) {
	lost := 0
	for _, e := range r.Ledger.Entries() {
		if e.Release == nil || e.Release.Period != period.String() || e.Release.Due != due.String() {
			continue
		}
		_, err := os.Stat(releasePath(r.Releases, period, e.Number))
		switch {
		case err == nil && e.Release.Repeats == lost: // also where none was lost
			lost = 0
		case err == nil:
		case !isMissing(err):
			return 0, err
		case lost != 0:
			return 0, problem.New(problem.Refused, period.String(), fmt.Sprintf("entries %d and %d are booked and their figures are lost", lost, e.Number),
				"restore releases/ from a copy; a second repeat would spend more than was promised")
		default:
			lost = e.Number
		}
	}
	if lost == 0 {
		return 0, nil
	}
	if _, err := os.Stat(attemptPath(r.Releases, period, due)); isMissing(err) {
		return 0, missing(lost)
	}
	return lost, nil
}

func missing(entry int) error {
	return problem.New(problem.Refused, "releases/", fmt.Sprintf("the figures of ledger entry %d were recorded and are gone", entry), "restore releases/ from a copy: nothing is measured again")
}

// attemptPath marks a release under way. It stands from before the ledger entry until the release file is there: a lost
// attempt has it, a release file that somebody deleted does not.
func attemptPath(dir string, period models.Period, due models.Date) string {
	return filepath.Join(dir, period.String(), ".attempt-"+due.String())
}

// Missing lists the ledger entries whose release file is not there, a lost attempt that was repeated since left out.
func Missing(files []ReleaseFile, l *ledger.Ledger) []error {
	there := map[int]bool{}
	for _, f := range files {
		there[f.Entry] = true
	}
	for _, e := range l.Entries() {
		if e.Release != nil && e.Release.Repeats != 0 {
			there[e.Release.Repeats] = true
		}
	}
	var all []error
	for _, e := range l.Entries() {
		if e.Release != nil && !there[e.Number] {
			all = append(all, missing(e.Number))
		}
	}
	return all
}

func pendingPath(dir string, period models.Period, entry int) string {
	return filepath.Join(dir, period.String(), fmt.Sprintf(".pending-%d.json", entry))
}

// recover finishes what a crash interrupted: cohorts that the ledger names are applied, complete pending releases
// promoted, marks of attempts that came to their end removed, and temporary files (they may hold the noise of a lost
// attempt). It returns the commitments that the ledger names.
func (r Releaser) recover() (map[string]bool, error) {
	g, err := r.register()
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	touched := []string{g.dir, g.staged()}
	lost, err := LostCohorts(r.Ledger, r.Register, r.Keys)
	if err != nil {
		return nil, err
	}
	gone := map[string]bool{} // an import has closed them: nothing is measured of them, so they need not be there
	for _, c := range lost {
		gone[cohortName(c)] = r.Ledger.Closed(c.Population, c.Period)
	}
	for _, e := range r.Ledger.Entries() {
		for _, c := range e.Commitments {
			if strings.HasPrefix(c.Of, cohortPrefix) && !gone[c.Of] {
				named[c.HMAC] = true
			}
		}
		if e.Release == nil {
			continue
		}
		period, err := models.ParsePeriod(e.Release.Period)
		if err != nil {
			return nil, err
		}
		pending := pendingPath(r.Releases, period, e.Number)
		if dir := filepath.Dir(pending); !slices.Contains(touched, dir) {
			touched = append(touched, dir)
		}
		if err := r.promote(pending, releasePath(r.Releases, period, e.Number), e.Number, period); err != nil {
			return nil, err
		}
		if err := r.unmark(e); err != nil {
			return nil, err
		}
	}
	for _, dir := range touched {
		if _, err := durable.Sweep(r.FS, dir); err != nil {
			return nil, err
		}
	}
	return named, g.apply(named)
}

// promote gives a pending release its name, if it is whole, and removes it otherwise.
func (r Releaser) promote(pending, path string, entry int, period models.Period) error {
	b, err := os.ReadFile(pending)
	if isMissing(err) {
		return nil
	} else if err != nil {
		return err
	}
	if f, err := parseRelease(b, pending); err == nil && f.Entry == entry && f.Period == period {
		if err := durable.Publish(r.FS, pending, path, 0o444); !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	}
	return durable.Remove(r.FS, pending)
}

// unmark removes the mark of an entry's attempt where its release file is there: should the file be deleted later, it
// is not taken for a lost attempt. A later entry of the same due date may be the one under way.
func (r Releaser) unmark(e ledger.Entry) error {
	period, err := models.ParsePeriod(e.Release.Period)
	due, ok := models.ParseDate(e.Release.Due)
	if err != nil || !ok {
		return err
	}
	for _, o := range r.Ledger.Entries() {
		if o.Number > e.Number && o.Release != nil && o.Release.Period == e.Release.Period && o.Release.Due == e.Release.Due {
			return nil
		}
	}
	for _, path := range []string{releasePath(r.Releases, period, e.Number), attemptPath(r.Releases, period, due)} {
		if _, err := os.Stat(path); isMissing(err) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return durable.Remove(r.FS, attemptPath(r.Releases, period, due))
}

func (r Releaser) register() (register, error) {
	key, err := ledger.LoadCommitmentKey(r.Keys)
	if err != nil {
		return register{}, err
	}
	return register{fs: r.FS, dir: r.Register, key: r.Seal, commitment: key}, nil
}

// draw is one item on its way: prepared noise, public cells, exact sums.
type draw struct {
	item  Item
	cells []Cell
	noise mechanism.Prepared
	sums  Sums
}

// measure makes one entry: sums first, then the staged cohort, then the ledger entry, and only then the noise.
func (r Releaser) measure(ctx context.Context, house Warehouse, period models.Period, due models.Date, items []Item, lost int) error {
	factor := 1.0
	if lost != 0 {
		factor = repeatQuarter
		if period.Level() != models.LevelQuarter {
			factor = repeatYear
		}
		r.notice(fmt.Sprintf("entry %d of %s was booked but its figures were lost; it is repeated once, with %.2f times the noise", lost, period, factor))
	}
	draws, err := r.prepare(items, factor)
	if err != nil {
		return err
	}
	named, err := r.recover()
	if err != nil {
		return err
	}
	g, err := r.register()
	if err != nil {
		return err
	}
	var commitments []ledger.Commitment
	for population := range populationsOf(items) {
		cs, err := r.sum(ctx, house, g, named, population, period, due, draws)
		if err != nil {
			return err
		}
		commitments = append(commitments, cs...)
	}
	commitments = append(commitments, g.commitment.Commit("generation", house.Content))
	if err := durable.MkdirAll(r.FS, filepath.Join(r.Releases, period.String()), 0o755); err != nil {
		return err
	}
	if err := durable.Replace(r.FS, attemptPath(r.Releases, period, due), nil, 0o600); err != nil {
		return err
	}
	entry, err := r.book(ctx, period, due, draws, commitments, lost)
	if err != nil {
		return err
	}
	for _, c := range entry.Commitments {
		if strings.HasPrefix(c.Of, cohortPrefix) {
			named[c.HMAC] = true
		}
	}
	if err := g.apply(named); err != nil {
		return err
	}
	return r.record(period, due, entry.Number, draws, lost)
}

func (r Releaser) notice(text string) {
	if r.Notice != nil {
		r.Notice(text)
	}
}

func populationsOf(items []Item) map[string]bool {
	all := map[string]bool{}
	for _, it := range items {
		all[it.Population] = true
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
	return all, nil
}

// sum runs the measures and the bounding SQL of one population as of the due date, and stages the cohort if this is
// the entry that freezes it.
func (r Releaser) sum(ctx context.Context, house Warehouse, g register, named map[string]bool, population string, period models.Period, due models.Date, draws []draw) ([]ledger.Commitment, error) {
	fr, err := g.load(population, named)
	if err != nil {
		return nil, err
	}
	eng := house.Engine
	failed := func(err error) error {
		var p *problem.Problem
		if errors.As(err, &p) {
			return err
		}
		return problem.Wrap(err, problem.Failed, period.String(), "release failed", "run `heatwatch verify`; nothing was spent")
	}
	statements := append([]string{fmt.Sprintf("CREATE OR REPLACE TEMP TABLE params AS SELECT DATE '1970-01-01' + %d AS asof", due)}, r.Schema.Entries...)
	if err := run(ctx, eng, statements...); err != nil {
		return nil, failed(err)
	}
	if err := prepareFrozen(ctx, eng, fr); err != nil {
		return nil, failed(err)
	}
	if err := cohort(ctx, eng, fr, period); err != nil {
		return nil, failed(err)
	}
	var commitments []ledger.Commitment
	if _, ok := fr[period]; !ok {
		ms, err := members(ctx, eng)
		if err != nil {
			return nil, failed(err)
		}
		c, err := g.stage(population, period, ms)
		if err != nil {
			return nil, failed(err)
		}
		commitments = append(commitments, c)
	}
	if err := run(ctx, eng, r.Schema.Relations(measuresOf(draws, population))...); err != nil {
		return nil, failed(err)
	}
	built := map[string]bool{}
	b := newBounder(r.Schema, eng, r.Selection)
	for i, d := range draws {
		if d.item.Population != population {
			continue
		}
		if !built[d.item.Measure] {
			if err := run(ctx, eng, r.Schema.Build[d.item.Measure]...); err != nil {
				return nil, failed(err)
			}
			built[d.item.Measure] = true
		}
		if draws[i].sums, err = b.measure(ctx, d.item, d.cells, r.small(d.item, house.Partners)); err != nil {
			return nil, err
		}
	}
	return commitments, nil
}

// measuresOf lists the measures of a population's items in the plan's order, each once.
func measuresOf(draws []draw, population string) []string {
	var all []string
	for _, d := range draws {
		if d.item.Population == population && !slices.Contains(all, d.item.Measure) {
			all = append(all, d.item.Measure)
		}
	}
	return all
}

// small are the classes with fewer than two enrolled partners, which a plan may measure under other: a class with one
// shelter is an address. It follows from the enrolment list, not from records.
func (r Releaser) small(it Item, partners map[string]int) map[string]bool {
	if !slices.Contains(r.Plan.Merge, it.By) {
		return nil
	}
	d, ok := r.Schema.Dimension(it.Measure, it.By)
	if !ok {
		return nil
	}
	all := map[string]bool{}
	for _, v := range d.Values {
		if v != "other" && partners[v] < 2 {
			all[v] = true
		}
	}
	return all
}

// book appends the ledger entry. When it returns without error the entry is durable, and the noise may be drawn.
func (r Releaser) book(ctx context.Context, period models.Period, due models.Date, draws []draw, commitments []ledger.Commitment, lost int) (ledger.Entry, error) {
	items := make([]ledger.Item, 0, len(draws))
	for _, d := range draws {
		it := ledger.Item{ID: d.item.ID, Population: d.item.Population, Period: period.String(), Series: d.item.ID, Participations: d.item.Participations,
			Cells: r.identity(d), Draws: int64(len(d.cells)), L0: d.item.L0, Linf: d.item.Linf, Sd: d.noise.Sd()}
		var err error
		if it.Mu2, err = it.Cost(); err != nil {
			return ledger.Entry{}, err
		}
		items = append(items, it)
	}
	losses, err := r.Ledger.Losses(items)
	if err != nil {
		return ledger.Entry{}, err
	}
	e := ledger.Entry{Kind: ledger.KindRelease, Date: r.Today.String(), Commitments: commitments,
		Release: &ledger.Release{Period: period.String(), Due: due.String(), Plan: r.Ledger.Plan().Ref(), Attempt: 1, Items: items, Losses: losses}}
	if lost != 0 {
		e.Kind, e.Release.Attempt, e.Release.Repeats = ledger.KindRepeat, 2, lost
	}
	return r.Ledger.Append(ctx, e)
}

// identity is what an item measures, whatever it is called: the vector by its definition, the breakdown, the cells.
func (r Releaser) identity(d draw) string {
	parts := []string{d.item.Vector, fmt.Sprint(r.Schema.Measures[d.item.Measure].Definition), d.item.By}
	for _, c := range d.cells {
		parts = append(parts, c.text(d.item.By))
	}
	return ledger.CellsHash(parts...)
}

// record draws the noise and writes the release file.
func (r Releaser) record(period models.Period, due models.Date, entry int, draws []draw, lost int) error {
	f := ReleaseFile{Schema: 1, Entry: entry, Period: period, Due: due, Demo: r.Ledger.Terms().Mode == ledger.Demo, Plan: planName(r.Plan)}
	for _, d := range draws {
		noisy := make([]int64, len(d.cells))
		for i := range noisy {
			v, err := d.noise.Draw(d.sums.cells()[i])
			if err != nil {
				return problem.Wrap(err, problem.Failed, "item "+d.item.ID, "release failed", "the attempt stays booked; run `heatwatch release` again for the one repeat")
			}
			noisy[i] = v
		}
		clear(d.sums.cells())
		attempt := 1
		if lost != 0 {
			attempt = 2
		}
		f.Measurements = append(f.Measurements, r.Schema.measurement(d.item, period, d.cells, noisy, d.noise.Sd(), attempt))
	}
	var err error
	if f.Signature, err = r.Ledger.Sign(ofRelease, f.signed()); err != nil {
		return err
	}
	pending := pendingPath(r.Releases, period, entry)
	if err := durable.Create(r.FS, pending, f.encode(), 0o444); err != nil {
		return err
	}
	if err := durable.Publish(r.FS, pending, releasePath(r.Releases, period, entry), 0o444); err != nil {
		return err
	}
	return durable.Remove(r.FS, attemptPath(r.Releases, period, due))
}

func planName(p *Plan) string { return fmt.Sprintf("%s v%d %s", p.Name, p.Version, p.Hash) }

// State tells where an item of a period stands: not_due, due, measured or refused.
func (r Releaser) State(it Item, period models.Period) string {
	if it.L0 == 0 { // a total has no state of its own
		return ""
	}
	if _, err := r.Schema.cells(it); err != nil {
		return "refused"
	}
	if len(r.measuredBy(it, period)) > 0 {
		return "measured"
	}
	if r.Ledger.Closed(it.Population, period.String()) {
		return "refused"
	}
	if DueDate(period, it.Due) > r.Today {
		return "not_due"
	}
	return "due"
}

// Check compares every release file with its ledger entry (the same items, bounds, noise and cost) and checks the
// home's signature over its numbers.
func Check(files []ReleaseFile, l *ledger.Ledger) error {
	byNumber := map[int]ReleaseFile{}
	for _, f := range files {
		byNumber[f.Entry] = f
	}
	for _, e := range l.Entries() {
		if e.Release == nil {
			continue
		}
		f, ok := byNumber[e.Number]
		delete(byNumber, e.Number)
		if !ok {
			continue // a lost attempt; a repeat names it
		}
		if err := matches(f, e); err != nil {
			return err
		}
		if err := ledger.VerifySignature(l.PublicKey(), ofRelease, f.signed(), f.Signature); err != nil {
			return tampered(f.path, "the release file was changed after it was recorded")
		}
	}
	for n, f := range byNumber {
		return tampered(f.path, fmt.Sprintf("the ledger has no release in entry %d", n))
	}
	return nil
}

func matches(f ReleaseFile, e ledger.Entry) error {
	r := e.Release
	if f.Period.String() != r.Period || f.Due.String() != r.Due || len(f.Measurements) != len(r.Items) || !strings.HasSuffix(f.Plan, r.Plan.Hash) {
		return tampered(f.path, fmt.Sprintf("the file is not what ledger entry %d measured", e.Number))
	}
	for i, m := range f.Measurements {
		it := r.Items[i]
		if m.Item != it.ID || m.Population != it.Population || m.Sd != it.Sd || m.L0 != it.L0 || m.Linf != it.Linf || int64(len(m.Cells)) != it.Draws {
			return tampered(f.path, fmt.Sprintf("item %s is not what ledger entry %d measured", it.ID, e.Number))
		}
	}
	return nil
}

// Statements say what each release cost, for the entries that figures came from.
func Statements(l *ledger.Ledger, population string, entries []int) ([]Statement, error) {
	terms := l.Terms()
	var all []Statement
	for _, e := range l.Entries() {
		if e.Release == nil || !slices.Contains(entries, e.Number) {
			continue
		}
		var unit string
		var capEpsilon float64
		for _, p := range l.CapsAt(e.Number) { // an amendment may have changed them since
			if p.Name == population {
				unit, capEpsilon = p.Unit, p.CapEpsilon
			}
		}
		for _, loss := range e.Release.Losses {
			if loss.Population != population {
				continue
			}
			eps, err := loss.Release.Epsilon(terms.Delta)
			if err != nil {
				return nil, err
			}
			life, err := loss.Lifetime.Epsilon(terms.Delta)
			if err != nil {
				return nil, err
			}
			all = append(all, Statement{Entry: e.Number, Unit: unit, MuRelease: loss.Release.Mu(), EpsilonRelease: eps,
				MuLifetime: loss.Lifetime.Mu(), EpsilonLifetime: life, CapEpsilon: capEpsilon, Delta: terms.Delta, Mechanism: "gaussian"})
		}
	}
	return all, nil
}
