package privacy

import (
	"slices"
	"strings"

	"heatwatch/privacy/ledger"
	"heatwatch/privacy/register"
)

// LostCohorts lists the cohorts of which the register does not hold what entries of the ledger have committed to: a copy of
// this home measured them, or the register is older than the ledger. It needs no key that opens the register.
func LostCohorts(l *ledger.Ledger, dir, keys string) ([]ledger.Cohort, error) {
	key, err := ledger.LoadCommitmentKey(keys)
	if err != nil {
		return nil, err
	}
	g, entries := register.Register{Dir: dir, Commit: key}, l.Entries()
	stands := register.Stands(entries)
	var all []ledger.Cohort
	for _, e := range entries {
		lost, err := lostOf(g, e, stands)
		if err != nil {
			return nil, err
		}
		for _, c := range lost {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	slices.SortFunc(all, func(a, b ledger.Cohort) int {
		return strings.Compare(a.Population+" "+a.Period, b.Population+" "+b.Period)
	})
	return all, nil
}

// lostOf are the files of cohorts and exposures that an entry commits to and the register does not hold as they stand, by
// their names in the ledger.
func lostOf(g register.Register, e ledger.Entry, stands register.Standing) (map[string]ledger.Cohort, error) {
	lost := map[string]ledger.Cohort{}
	if e.Release == nil {
		return lost, nil
	}
	for _, c := range e.Commitments {
		i := slices.IndexFunc(e.Release.Items, func(it ledger.Item) bool {
			return register.Concerns(c.Of, ledger.Cohort{Population: it.Population, Period: it.Period})
		})
		if i < 0 || stands[c.Of].HMAC == "" {
			continue
		}
		there, err := g.Holds(c.Of, stands[c.Of].HMAC)
		if err != nil {
			return nil, err
		}
		if !there {
			lost[c.Of] = ledger.Cohort{Population: e.Release.Items[i].Population, Period: e.Release.Items[i].Period}
		}
	}
	return lost, nil
}

// StandingNow are commitments to what the register has of the files that change between entries. An import makes them: entries that
// were taken over name versions of another copy, which this home does not have and never will.
func StandingNow(l *ledger.Ledger, dir, keys string) ([]ledger.Commitment, error) {
	key, err := ledger.LoadCommitmentKey(keys)
	if err != nil {
		return nil, err
	}
	var populations []string
	for _, p := range l.Populations() {
		populations = append(populations, p.Name)
	}
	return register.Register{Dir: dir, Commit: key}.Always(populations)
}
