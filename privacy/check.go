package privacy

import (
	"fmt"
	"slices"
	"strings"

	"heatwatch/models"
	"heatwatch/privacy/ledger"
)

// State tells where an item of a period stands: not_due, due, measured or refused.
func (r Releaser) State(it Item, period models.Period) string {
	if it.Vector == "" { // a total has no state of its own
		return ""
	}
	if _, err := r.Schema.cells(it); err != nil {
		return "refused"
	}
	if entries, _ := r.measuredBy(it, period); len(entries) > 0 {
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
				MuLifetime: loss.Lifetime.Mu(), EpsilonLifetime: life, CapEpsilon: capEpsilon, Delta: terms.Delta, Mechanism: "gaussian", Population: population})
		}
	}
	return all, nil
}
