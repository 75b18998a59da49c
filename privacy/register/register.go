package register

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy/ledger"
)

// Register is the folder of sealed files. Its methods want the home's lock held.
type Register struct {
	FS     durable.FS
	Dir    string
	Key    Key
	Commit ledger.CommitmentKey // of what the ledger says about protected content
}

// Open is the register in a folder of a home. keys is the home's folder of keys, seal the key under which files are sealed.
func Open(fsys durable.FS, dir, keys string, seal []byte) (Register, error) {
	commit, err := ledger.LoadCommitmentKey(keys)
	if err != nil {
		return Register{}, err
	}
	key, err := NewKey(seal)
	return Register{FS: fsys, Dir: dir, Key: key, Commit: commit}, err
}

// Staged is where files wait for their ledger entry.
func (g Register) Staged() string { return filepath.Join(g.Dir, "staged") }

func (g Register) commit(name string, sealed []byte) ledger.Commitment {
	of, ok := ofFile(name)
	if !ok {
		panic("register: " + name + " is no file of the register")
	}
	return g.Commit.Commit(of, sealed)
}

// stage seals content beside the register and returns its commitment.
func (g Register) stage(name string, write func(io.Writer) error) (ledger.Commitment, error) {
	sealed, err := g.Key.seal(name, write)
	if err != nil {
		return ledger.Commitment{}, err
	}
	if err := durable.MkdirAll(g.FS, g.Staged(), 0o700); err != nil {
		return ledger.Commitment{}, err
	}
	return g.commit(name, sealed), durable.Replace(g.FS, filepath.Join(g.Staged(), name), sealed, 0o400)
}

func cohortName(population string, period models.Period) string {
	return population + "-" + period.String() + cohortSuffix
}

// StageCohort writes who is in a cohort that is about to freeze, sorted by pseudonym.
func (g Register) StageCohort(population string, period models.Period, ms []Member) (ledger.Commitment, error) {
	return g.stage(cohortName(population, period), func(w io.Writer) error { return writeCohort(w, population, period, ms) })
}

// Apply gives staged files their names if the ledger names them, and removes those that it does not. It is the same code
// after an entry and at the start after a crash.
func (g Register) Apply(stands Standing) error {
	for _, dir := range []string{g.Dir, g.Staged()} {
		if _, err := durable.Sweep(g.FS, dir); err != nil {
			return err
		}
	}
	names, err := list(g.Staged())
	if err != nil {
		return err
	}
	for _, name := range names {
		staged, path := filepath.Join(g.Staged(), name), filepath.Join(g.Dir, name)
		sealed, err := os.ReadFile(staged)
		if err != nil {
			return err
		}
		c := g.commit(name, sealed)
		if stands[c.Of].HMAC == c.HMAC {
			if there, err := os.ReadFile(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			} else if err != nil || g.commit(name, there) != c {
				if err := durable.Replace(g.FS, path, sealed, 0o400); err != nil {
					return err
				}
			}
		}
		if err := durable.Remove(g.FS, staged); err != nil {
			return err
		}
	}
	return nil
}

// list names the register's files in a folder, in order. A folder that is not there has none.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if _, ok := ofFile(e.Name()); ok && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Holds tells whether the register has a file as the ledger names it, also where a crash has left it before it was applied.
func (g Register) Holds(of, hmac string) (bool, error) {
	name, ok := fileOf(of)
	if !ok {
		return false, nil
	}
	for _, dir := range []string{g.Dir, g.Staged()} {
		sealed, err := os.ReadFile(filepath.Join(dir, name))
		switch {
		case err == nil && g.commit(name, sealed).HMAC == hmac:
			return true, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return false, problem.Wrap(err, problem.Failed, filepath.Join(dir, name), "the file cannot be read", "check its owner and mode")
		}
	}
	return false, nil
}

const restore = "restore register/ from the newest copy, together with ledger/ and releases/"

// read returns the sealed bytes of every file of the register, each checked against the ledger, by name. Files that change between
// entries are read with their base, which tells what they follow.
func (g Register) read(stands Standing) (map[string][]byte, error) {
	names, err := list(g.Dir)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range names {
		path := filepath.Join(g.Dir, name)
		sealed, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		of, _ := ofFile(name)
		if stands[of].Lost {
			continue
		}
		if stands[of].HMAC != g.commit(name, sealed).HMAC {
			follows, err := g.follows(name, sealed, stands[of].HMAC)
			if err != nil {
				return nil, cannotOpen(path, err)
			}
			if !follows {
				kind, _, _ := strings.Cut(of, " ")
				return nil, problem.New(problem.Refused, path, "the ledger does not know this "+kind+" file", restore)
			}
		}
		files[name] = sealed
	}
	for _, of := range slices.Sorted(maps.Keys(stands)) {
		name, _ := fileOf(of)
		if files[name] == nil && !stands[of].Lost && stands[of].HMAC != g.nothing(of) {
			return nil, problem.New(problem.Refused, filepath.Join(g.Dir, name), "the ledger names this file, and it is missing", restore)
		}
	}
	return files, nil
}

// nothing is the commitment to a file that changes between entries while there is none.
func (g Register) nothing(of string) string {
	if !changes(of) {
		return ""
	}
	return g.Commit.Commit(of, nil).HMAC
}

// changes tells which files are written between entries.
func changes(of string) bool { return of == "tombstones" || strings.HasPrefix(of, "links ") }

// follows tells whether a file that changes between entries was made from the version that the ledger names.
func (g Register) follows(name string, sealed []byte, standing string) (bool, error) {
	of, _ := ofFile(name)
	if !changes(of) {
		return false, nil
	}
	var base string
	err := g.Key.open(name, sealed, func(r io.Reader) error {
		if of == "tombstones" {
			t, err := readTombstones(r)
			base = t.base
			return err
		}
		_, l, err := readLinks(r)
		base = l.base
		return err
	})
	return err == nil && base == standing, err
}

func cannotOpen(path string, err error) error {
	return problem.Wrap(err, problem.Refused, path, "the file cannot be opened with this home's key", "restore register/ and keys/ from the same copy")
}

// open reads one sealed file.
func (g Register) open(name string, sealed []byte, read func(io.Reader) error) error {
	if err := g.Key.open(name, sealed, read); err != nil {
		return cannotOpen(filepath.Join(g.Dir, name), err)
	}
	return nil
}

// Load reads everything that is known of a population, and checks the whole register against the ledger.
func (g Register) Load(stands Standing, population string) (*Book, error) {
	files, err := g.read(stands)
	if err != nil {
		return nil, err
	}
	return g.book(files, stands, population)
}

func (g Register) book(files map[string][]byte, stands Standing, population string) (*Book, error) {
	b := &Book{population: population, cohorts: map[models.Period][]Member{}, froze: map[models.Period]int{}}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasPrefix(name, population) {
			continue
		}
		of, _ := ofFile(name)
		err := g.open(name, files[name], func(r io.Reader) error {
			switch {
			case strings.HasSuffix(name, cohortSuffix):
				h, ms, err := readCohort(r)
				if err == nil && name != cohortName(h.Population, h.Period) {
					return fmt.Errorf("it is another cohort")
				}
				if h.Population == population {
					b.cohorts[h.Period], b.froze[h.Period] = ms, stands[of].Entry
				}
				return err
			case strings.HasSuffix(name, exposureSuffix):
				e, err := readExposure(r)
				if err == nil && name != e.name() {
					return fmt.Errorf("it is another exposure")
				}
				if e.entry = stands[of].Entry; e.Population == population {
					b.exposures = append(b.exposures, e)
				}
				return err
			case strings.HasSuffix(name, linksSuffix):
				p, l, err := readLinks(r)
				if p == population {
					b.links = l
				}
				return err
			}
			_, err := io.Copy(io.Discard, r)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for _, e := range b.exposures {
		for _, s := range e.Sets {
			if _, ok := b.cohorts[e.Period]; s.Cohort && !ok {
				return nil, problem.New(problem.Refused, filepath.Join(g.Dir, cohortName(population, e.Period)), "the cohort of an exposure is missing", restore)
			}
		}
	}
	return b, nil
}

func (e exposure) name() string {
	return fmt.Sprintf("%s-%s-%s-%d%s", e.Population, e.Period, e.Due, e.Attempt, exposureSuffix)
}

// Always are the commitments that every release entry carries, whether or not there is anything to commit to: an entry must not
// show that somebody was merged.
func (g Register) Always(populations []string) ([]ledger.Commitment, error) {
	names := []string{tombstoneFile}
	for _, p := range populations {
		names = append(names, p+linksSuffix)
	}
	var all []ledger.Commitment
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(g.Dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		all = append(all, g.commit(name, b))
	}
	return all, nil
}

// Merge records that several persons of a population are one: what was recorded of the parts is the survivor's from now
// on. The survivor's losses in one draw add, as those of n persons; see [Book.Admit].
func (g Register) Merge(stands Standing, population string, survivor ID, parts ...ID) error {
	if slices.Contains(parts, survivor) || len(parts) == 0 {
		return errors.New("register: a merge needs a survivor and others")
	}
	return g.relink(stands, population, func(l *links) { l.merge(survivor, parts) })
}

// Split records that a person of a population was several: each part carries all that was recorded of the whole so far, its
// cohorts and its whole spend. The whole goes on if it is one of the parts.
func (g Register) Split(stands Standing, population string, whole ID, entries int, parts ...ID) error {
	if len(parts) < 2 {
		return errors.New("register: a split needs two parts")
	}
	return g.relink(stands, population, func(l *links) { l.split(whole, parts, uint32(entries)) })
}

func (g Register) relink(stands Standing, population string, change func(*links)) error {
	b, err := g.Load(stands, population)
	if err != nil {
		return err
	}
	b.links.base = stands["links "+population].HMAC
	change(&b.links)
	name := population + linksSuffix
	sealed, err := g.Key.seal(name, func(w io.Writer) error { return writeLinks(w, population, b.links) })
	if err != nil {
		return err
	}
	return durable.Replace(g.FS, filepath.Join(g.Dir, name), sealed, 0o400)
}
