package privacy

import (
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
	"heatwatch/privacy/register"
)

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

// recover finishes what a crash interrupted: what the ledger names of the register is applied, complete pending releases
// promoted, marks of attempts that came to their end removed, and temporary files (they may hold the noise of a lost
// attempt). It returns what stands of the register: without the files of cohorts that an import has closed and that
// are lost, for nothing is measured of those.
func (r Releaser) recover() (register.Standing, error) {
	stands, err := r.settle()
	if err != nil {
		return nil, err
	}
	g, err := r.register()
	if err != nil {
		return nil, err
	}
	for _, e := range r.Ledger.Entries() {
		lost, err := lostOf(g, e, stands)
		if err != nil {
			return nil, err
		}
		for _, c := range lost {
			if r.Ledger.Closed(c.Population, c.Period) { // else the register itself refuses
				stands.Lose(c)
			}
		}
	}
	return stands, nil
}

// foreign are the items that were measured of persons nobody here can name: by another copy of this home, or by an entry
// whose exposure is lost.
func (r Releaser) foreign(stands register.Standing) []ledger.Item {
	var all []ledger.Item
	for _, e := range r.Ledger.Entries() {
		if e.Import != nil {
			all = append(all, e.Import.Items...)
		}
		for _, c := range e.Commitments {
			name, isExposure := strings.CutPrefix(c.Of, "exposure ")
			if !isExposure || !stands[c.Of].Lost || e.Release == nil {
				continue
			}
			for _, it := range e.Release.Items {
				if strings.HasPrefix(name, it.Population+"-") {
					all = append(all, it)
				}
			}
		}
	}
	return all
}

// settle is the first part of recover: files get their names or go.
func (r Releaser) settle() (register.Standing, error) {
	g, err := r.register()
	if err != nil {
		return nil, err
	}
	entries := r.Ledger.Entries()
	var touched []string
	for _, e := range entries {
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
	stands := register.Stands(entries)
	return stands, g.Apply(stands)
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

func (r Releaser) register() (register.Register, error) {
	return register.Open(r.FS, r.Register, r.Keys, r.Seal)
}
