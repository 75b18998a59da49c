package privacy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"

	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
	"heatwatch/privacy/mechanism"
)

// Findings is the outcome of a check that goes on after the first fault.
type Findings struct {
	Problems  []error  // what is not as it must be, each a refusal
	Unchecked []string // what could not be checked, and why
}

// Add takes in what another check found.
func (a *Findings) Add(b Findings) {
	a.Problems = append(a.Problems, b.Problems...)
	a.Unchecked = append(a.Unchecked, b.Unchecked...)
}

func (a *Findings) wrong(f ReleaseFile, format string, args ...any) {
	a.Problems = append(a.Problems, problem.New(problem.Refused, f.path, fmt.Sprintf(format, args...), "do not rely on it: fetch the file again from its publisher"))
}

func (a *Findings) skip(format string, args ...any) {
	a.Unchecked = append(a.Unchecked, fmt.Sprintf(format, args...))
}

// ReadRelease reads one release file from anywhere. A path that cannot be read is exit 2, a file that is no release
// file, or is not in the one form of it, exit 3.
func ReadRelease(path string) (ReleaseFile, error) {
	unreadable := func(err error, what string) error {
		return problem.Wrap(err, problem.Usage, path, what, "name a release file, PERIOD/ENTRY.json")
	}
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ReleaseFile{}, unreadable(err, "there is no such file")
	case err != nil:
		return ReleaseFile{}, unreadable(err, "the file cannot be reached")
	case !st.Mode().IsRegular():
		return ReleaseFile{}, unreadable(nil, "this is no file")
	}
	f, err := readRelease(path)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return f, unreadable(err, "the file cannot be read")
	}
	return f, err
}

// SignedBy checks the signature under a public key.
func (f ReleaseFile) SignedBy(publicKey string) error {
	if err := ledger.VerifySignature(publicKey, ofRelease, f.signed(), f.Signature); err != nil {
		return tampered(f.path, "the release file was changed after it was recorded, or is signed by another key")
	}
	return nil
}

// sane bounds every number of a release file, so that what is computed from them stays a number.
const sane = 1 << 53

// Audit checks what a release file says about itself, without ledger: every item's loss by the accountant's two
// functions, the sums, the epsilons and the caps of the manifest, the plan's text by its hash, and that bounds and noise are
// what that plan asks for. The signature is not looked at.
func (f ReleaseFile) Audit(s Schema) Findings {
	var a Findings
	for _, m := range f.Measurements {
		f.auditNumbers(&a, m)
	}
	if f.Manifest == nil {
		a.skip("the file is of before release files had a manifest: plan, definitions, caps and versions are not in it")
		return a
	}
	if len(a.Problems) > 0 {
		return a
	}
	f.auditLosses(&a)
	f.auditPlan(&a, s)
	return a
}

// auditNumbers checks one measurement alone: cost against bounds and noise, the covariance against the noise.
func (f ReleaseFile) auditNumbers(a *Findings, m Measurement) {
	if m.exact() {
		f.auditFacts(a, m)
		return
	}
	cost, err := accountant.Item{L0: m.L0, Linf: m.Linf, Sd: m.Sd}.Loss()
	if err != nil || m.Sd > mechanism.MaxSd*1.01 {
		a.wrong(f, "item %s: its bounds and noise have no finite cost", m.Item)
		return
	}
	if exact := float64(cost) / float64(accountant.Unit); math.Abs(m.Mu2-exact) > 1e-9*exact+2/float64(accountant.Unit) {
		a.wrong(f, "item %s: mu2 is %g, l0 linf^2 / sd^2 is %g", m.Item, m.Mu2, exact)
	}
	if m.Period != f.Period {
		a.wrong(f, "item %s is of another period than the file", m.Item)
	}
	for _, c := range m.Cells {
		if c.Raw > sane || c.Raw < -sane || !(math.Abs(c.Estimate) <= sane) || c.Presented < 0 || c.Presented > sane {
			a.wrong(f, "item %s has a cell with an impossible number", m.Item)
			return
		}
	}
	f.auditCovariance(a, m)
}

// auditFacts checks that a measurement without noise is of public facts, and as they were counted.
func (f ReleaseFile) auditFacts(a *Findings, m Measurement) {
	if err := f.checkFacts(m); err != nil {
		a.Problems = append(a.Problems, err)
		return
	}
	if m.Period != f.Period {
		a.wrong(f, "item %s is of another period than the file", m.Item)
	}
	for _, c := range m.Cells {
		if c.Raw > maxSum || c.Raw < -maxSum {
			a.wrong(f, "item %s has a cell with an impossible number", m.Item)
			return
		}
	}
}

// auditCovariance checks that the matrix could be that of the estimates: one row per cell, symmetric, and no variance
// above that of the noise, for least squares only ever lowers one.
func (f ReleaseFile) auditCovariance(a *Findings, m Measurement) {
	c, limit := m.Covariance, mechanism.VarRounded(m.Sd)*(1+1e-9)
	ok := len(c.Cells) == len(m.Cells) && len(c.Matrix) == len(c.Cells)
	for i := 0; ok && i < len(c.Matrix); i++ {
		ok = c.Cells[i] == i && len(c.Matrix[i]) == len(c.Cells) && c.Matrix[i][i] >= 0 && c.Matrix[i][i] <= limit
		for j := 0; ok && j < i; j++ {
			x, y := c.Matrix[i][j], c.Matrix[j][i]
			ok = math.Abs(x-y) <= 1e-9*limit && x*x <= c.Matrix[i][i]*c.Matrix[j][j]+1e-9*limit*limit
		}
	}
	if !ok {
		a.wrong(f, "item %s: the covariance does not belong to noise with standard deviation %g", m.Item, m.Sd)
	}
}

// auditLosses recomputes the accounting of the manifest.
func (f ReleaseFile) auditLosses(a *Findings) {
	m := f.Manifest
	if len(m.Items) != len(f.Measurements) {
		a.wrong(f, "the manifest has %d items, the file %d", len(m.Items), len(f.Measurements))
		return
	}
	of := map[string][]accountant.Item{}
	var all []accountant.Item
	var noisy []ManifestItem
	for i, it := range m.Items {
		x := f.Measurements[i]
		if it.Item != x.Item || it.Encoding != x.Encoding || it.L0 != x.L0 || it.Linf != x.Linf || it.Sd != x.Sd || it.Draws != int64(len(x.Cells)) {
			a.wrong(f, "item %s: the manifest says something else than the measurement", x.Item)
			return
		}
		if x.exact() {
			if it.Mu2 != 0 {
				a.wrong(f, "item %s: the manifest's mu2 is %s, a public fact costs nothing", it.Item, it.Mu2)
			}
			continue
		}
		bounds := accountant.Item{L0: x.L0, Linf: x.Linf, Sd: x.Sd}
		all, noisy = append(all, bounds), append(noisy, it)
		of[x.Population] = append(of[x.Population], bounds)
	}
	worst, err := accountant.WorstCase(all)
	if err != nil {
		a.wrong(f, "the bounds are out of range")
		return
	}
	for i, it := range noisy {
		cost, err := all[i].Loss()
		if err != nil || cost != it.Mu2 || !accountant.SameLoss(cost, accountant.VectorsLoss(worst[i:i+1]), 1) {
			a.wrong(f, "item %s: the manifest's mu2 is %s, its bounds and noise give %s", it.Item, it.Mu2, cost)
		}
	}
	if m.DeltaPerDraw != mechanism.DeltaPerDraw {
		a.wrong(f, "the manifest books a delta of %g per draw, the sampler costs %g", m.DeltaPerDraw, mechanism.DeltaPerDraw)
	}
	for i, p := range m.Populations {
		items, ok := of[p.Population]
		delete(of, p.Population)
		if !ok || i > 0 && m.Populations[i-1].Population >= p.Population {
			a.wrong(f, "the manifest does not name each population of the items once, in order")
			return
		}
		f.auditPopulation(a, p, items)
	}
	if len(of) > 0 {
		a.wrong(f, "the manifest does not name each population of the items once, in order")
	}
}

func (f ReleaseFile) auditPopulation(a *Findings, p ManifestPopulation, items []accountant.Item) {
	sum, err := accountant.ItemsLoss(items)
	worst, err2 := accountant.WorstCase(items)
	if err != nil || err2 != nil || sum != p.Mu2Release || !accountant.SameLoss(sum, accountant.VectorsLoss(worst), len(items)) {
		a.wrong(f, "population %s: the manifest's mu2_release is %s, the items add up to %s", p.Population, p.Mu2Release, sum)
	}
	if p.Mu2Lifetime < p.Mu2Release {
		a.wrong(f, "population %s: the lifetime loss %s is below the release's own, %s", p.Population, p.Mu2Lifetime, p.Mu2Release)
	}
	if p.Mu2Lifetime > p.Mu2Cap {
		a.wrong(f, "population %s: the lifetime loss %s is above the cap %s", p.Population, p.Mu2Lifetime, p.Mu2Cap)
	}
	for _, e := range []struct {
		name   string
		mu2    accountant.Mu2
		stated float64
		exact  bool
	}{
		{"epsilon_release", p.Mu2Release, p.EpsilonRelease, true},
		{"epsilon_lifetime", p.Mu2Lifetime, p.EpsilonLifetime, true},
		{"epsilon_cap", p.Mu2Cap, p.EpsilonCap, false}, // a promise: it may be rounded up
	} {
		got, err := e.mu2.Epsilon(f.Manifest.Delta)
		if err != nil || e.stated < got*(1-1e-9) || e.exact && e.stated > got*(1+1e-9) {
			a.wrong(f, "population %s: %s is %g, mu2 %s at delta %g gives %g", p.Population, e.name, e.stated, e.mu2, f.Manifest.Delta, got)
		}
	}
}

// auditPlan checks that the plan in the manifest is the one that the file names, and that each item is that plan's.
func (f ReleaseFile) auditPlan(a *Findings, s Schema) {
	m := f.Manifest
	sum := sha256.Sum256([]byte(m.Plan.Text))
	if m.Plan.Hash != hex.EncodeToString(sum[:]) || f.Plan != fmt.Sprintf("%s v%d %s", m.Plan.Name, m.Plan.Version, m.Plan.Hash) {
		a.wrong(f, "the plan's text is not the one that its hash names")
		return
	}
	p, err := m.Plan.Parse(s, m.Delta)
	if err != nil {
		a.skip("bounds and noise against the plan: this program cannot read the plan %s v%d; the release was made with code %s", m.Plan.Name, m.Plan.Version, m.Code)
		return
	}
	due := p.DueOn(f.Period, f.Due)
	for i, it := range m.Items {
		want, ok := itemOf(due, it.Item)
		x := f.Measurements[i]
		if !ok {
			a.wrong(f, "its plan does not measure item %s of %s on %s", it.Item, f.Period, f.Due)
			continue
		}
		if want.Vector != it.Vector || want.Measure != it.Measure || want.By != it.By || want.Population != x.Population ||
			want.Participations != it.Participations || want.L0 != it.L0 || want.Sigma != it.Sigma {
			a.wrong(f, "item %s is not what its plan measures", it.Item)
			continue
		}
		least := math.Max(it.Sigma, mechanism.MinSigma) * float64(it.Linf)
		if it.Sd < least*(1-1e-9) || x.Attempt < 2 && it.Sd > least*1.002 {
			a.wrong(f, "item %s: the noise has standard deviation %g, the plan asks for %g", it.Item, it.Sd, least)
		}
		if l0, linf := boundsOf(want, it.Definition, m.Plan.Name, m.Plan.Version); it.L0From != l0 || it.LinfFrom != linf {
			a.wrong(f, "item %s: its bounds come from elsewhere than its definition and plan", it.Item)
		}
		if d := s.Measures[it.Measure].Definition; d != it.Definition {
			a.skip("item %s: it was measured by definition %d of %s, this program has definition %d; the release was made with code %s", it.Item, it.Definition, it.Measure, d, m.Code)
		} else if want.Linf != it.Linf || want.Encoding != it.Encoding {
			a.wrong(f, "item %s: one person changes a cell by at most %d, and %s says %d", it.Item, it.Linf, it.LinfFrom, want.Linf)
		}
	}
}

func itemOf(items []Item, id string) (Item, bool) {
	i := slices.IndexFunc(items, func(it Item) bool { return it.ID == id })
	if i < 0 {
		return Item{}, false
	}
	return items[i], true
}

// Statements say what the release cost a population, as far as the file itself knows.
func (f ReleaseFile) Statements(population string) []Statement {
	var all []Statement
	if f.Manifest == nil {
		return all
	}
	for _, p := range f.Manifest.Populations {
		if p.Population == population {
			all = append(all, Statement{Entry: f.Entry, Unit: p.Unit, MuRelease: p.Mu2Release.Mu(), EpsilonRelease: p.EpsilonRelease, MuLifetime: p.Mu2Lifetime.Mu(),
				EpsilonLifetime: p.EpsilonLifetime, CapEpsilon: p.EpsilonCap, Delta: f.Manifest.Delta, Mechanism: "gaussian", Population: population})
		}
	}
	return all
}

// Parse reads the plan as it was when the release was made.
func (m ManifestPlan) Parse(s Schema, delta float64) (*Plan, error) {
	return ParsePlan([]byte(m.Text), "plan "+m.Name, s, m.Epsilon, delta)
}

// AuditEntry compares a release file with its ledger entry: items, bounds, noise, plan, losses, caps as they stood then,
// definitions, and the signature.
func (f ReleaseFile) AuditEntry(l *ledger.Ledger, s Schema) Findings {
	var a Findings
	if f.Manifest != nil && f.Manifest.Key != l.PublicKey() {
		a.wrong(f, "the file is signed by another home than the ledger (%.12s…, not %.12s…)", ledger.Fingerprint(f.Manifest.Key), ledger.Fingerprint(l.PublicKey()))
		return a
	}
	if err := Check([]ReleaseFile{f}, l); err != nil {
		a.Problems = append(a.Problems, err)
		return a
	}
	if f.Manifest == nil {
		return a
	}
	entries := l.Entries()
	e := entries[f.Entry-1] // Check has found it
	m, caps := f.Manifest, capsAt(entries[:f.Entry])
	if m.Delta != l.Terms().Delta || f.Demo != (l.Terms().Mode == ledger.Demo) {
		a.wrong(f, "delta or the mark of a demonstration is not that of the ledger")
	}
	if len(m.Items) != len(e.Release.Items) || len(m.Populations) != len(e.Release.Losses) {
		a.wrong(f, "the manifest is not about ledger entry %d", e.Number)
		return a
	}
	plan, unread := m.Plan.Parse(s, m.Delta) // Audit says so where this program cannot read it
	if unread == nil {
		s = s.then(plan, f)
	}
	for i, it := range m.Items {
		booked := e.Release.Items[i]
		if it.Mu2 != booked.Mu2 || it.Participations != booked.Participations {
			a.wrong(f, "item %s: the manifest is not what ledger entry %d booked", it.Item, e.Number)
		}
		if unread == nil {
			f.auditIdentity(&a, plan, it, booked, s)
		}
	}
	for i, p := range m.Populations {
		loss, limit := e.Release.Losses[i], caps[p.Population]
		if p.Population != loss.Population || p.Mu2Release != loss.Release || p.Mu2Lifetime != loss.Lifetime {
			a.wrong(f, "population %s: the losses are not those of ledger entry %d", p.Population, e.Number)
		}
		if p.Mu2Cap != limit.CapMu2 || p.EpsilonCap != limit.CapEpsilon || p.Unit != limit.Unit || p.Lifetime != limit.Lifetime {
			a.wrong(f, "population %s: unit or cap is not the ledger's", p.Population)
		}
	}
	return a
}

// auditIdentity compares the definition that the manifest states with the identity that the ledger booked.
func (f ReleaseFile) auditIdentity(a *Findings, p *Plan, it ManifestItem, booked ledger.Item, s Schema) {
	item, ok := p.Item(it.Item)
	cells, err := s.cells(item)
	if !ok || err != nil {
		return // Audit has said it
	}
	if booked.Cells != identityOf(draw{item: item, cells: cells}, it.Definition) {
		a.wrong(f, "item %s: the manifest says definition %d, ledger entry %d booked another one, or other cells", it.Item, it.Definition, f.Entry)
	}
}

// capsAt are the caps after some entries.
func capsAt(entries []ledger.Entry) map[string]ledger.Population {
	caps := map[string]ledger.Population{}
	for _, e := range entries {
		var list []ledger.Population
		switch {
		case e.Init != nil:
			list = e.Init.Populations
		case e.Amend != nil:
			list = e.Amend.Populations
		}
		for _, p := range list {
			caps[p.Name] = p
		}
	}
	return caps
}

// Lacks names the figures that a plan publishes for a file's own period from the file's items, and that are not among
// those given: they need other release files too. One line per statistic and breakdown.
func (p *Plan) Lacks(s Schema, f ReleaseFile, have []Figure) ([]string, error) {
	rows, err := p.Planned(s, f.Period, 0, func(Item, models.Period) string { return "" })
	if err != nil {
		return nil, err
	}
	var all []string
	for _, row := range rows {
		mine := slices.ContainsFunc(f.Measurements, func(m Measurement) bool { return m.Item == row.Item })
		there := slices.ContainsFunc(have, func(g Figure) bool {
			return g.Measure() == row.Measure && g.Statistic() == row.Statistic && slices.Contains(g.Items(), row.Item) && g.Period() == f.Period
		})
		if mine && !there && !p.nothingSeen(s, f, row) {
			name := row.Measure + " " + row.Statistic
			if row.By != "" {
				name += " by " + row.By
			}
			all = append(all, name)
		}
	}
	return all, nil
}

// nothingSeen tells whether a file's own calendar says that there is nothing for a figure to stand at.
func (p *Plan) nothingSeen(s Schema, f ReleaseFile, row PlannedFigure) bool {
	it, _ := p.Item(row.Item)
	formula, ok := s.formula(it.Vector, row.Statistic, row.Measure)
	if !ok || formula.Calendar == "" {
		return false
	}
	calendar, _ := p.calendarOf(it, formula)
	return slices.ContainsFunc(f.Measurements, func(m Measurement) bool {
		return m.Item == calendar.ID && !slices.ContainsFunc(m.Cells, func(c NoisyCell) bool { return c.Raw != 0 })
	})
}
