package privacy

import (
	"os"
	"path/filepath"

	"heatwatch/internal/problem"
	"heatwatch/privacy/ledger"
)

// LostCohorts lists the cohorts that entries of the ledger have frozen and the register does not hold as they were frozen: a
// copy of this home froze them, or the register is older than the ledger.
func LostCohorts(l *ledger.Ledger, dir, keys string) ([]ledger.Cohort, error) {
	key, err := ledger.LoadCommitmentKey(keys)
	if err != nil {
		return nil, err
	}
	g := register{dir: dir, commitment: key}
	standing := map[ledger.Commitment]bool{}
	for _, c := range l.Commitments() {
		standing[c] = true
	}
	var all []ledger.Cohort
	for _, e := range l.Entries() {
		for _, c := range e.Commitments {
			cohort, ok := cohortOf(e, c.Of)
			if !ok {
				continue
			}
			there, err := g.holds(cohort, standing)
			if err != nil {
				return nil, err
			}
			if !there {
				all = append(all, cohort)
			}
		}
	}
	return all, nil
}

func cohortName(c ledger.Cohort) string { return cohortPrefix + c.Population + "-" + c.Period }

// cohortOf is the cohort whose commitment an entry makes under a name.
func cohortOf(e ledger.Entry, of string) (ledger.Cohort, bool) {
	if e.Release == nil {
		return ledger.Cohort{}, false
	}
	for _, it := range e.Release.Items {
		if c := (ledger.Cohort{Population: it.Population, Period: it.Period}); cohortName(c) == of {
			return c, true
		}
	}
	return ledger.Cohort{}, false
}

// holds looks for a cohort's file, also where a crash has left it before it was applied.
func (g register) holds(c ledger.Cohort, standing map[ledger.Commitment]bool) (bool, error) {
	name := c.Population + "-" + c.Period + cohortSuffix
	for _, dir := range []string{g.dir, g.staged()} {
		sealed, err := os.ReadFile(filepath.Join(dir, name))
		switch {
		case err == nil && standing[g.commit(name, sealed)]:
			return true, nil
		case err != nil && !isMissing(err):
			return false, problem.Wrap(err, problem.Failed, filepath.Join(dir, name), "the cohort cannot be read", "check its owner and mode")
		}
	}
	return false, nil
}
