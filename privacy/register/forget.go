package register

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"maps"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
)

// Identifier is a linkage token, or an agency's own key of a person, as it is looked for among the tombstones.
type Identifier struct{ kind, agency, value string }

// Token is a linkage token, whatever column it came in.
func Token(value string) Identifier { return Identifier{"token", "", value} }

// PersonKey is an agency's key of a person.
func PersonKey(agency, key string) Identifier { return Identifier{"key", agency, key} }

// Forgotten is a person to be forgotten: the pseudonym in a population, and everything that the person could come back by.
type Forgotten struct {
	Population  string
	Person      ID
	Identifiers []Identifier
}

// Tombstones are what is left of those who were forgotten: a keyed hash of each token and key, and the spent loss.
type Tombstones struct {
	key   Key
	base  string
	spent map[[32]byte]accountant.Mu2
}

func (k Key) of(id Identifier) [32]byte { return k.mark(id.kind, id.agency, id.value) }

// Suppressed tells whether a token or key belongs to somebody who was forgotten: its file is receipted like any other and
// not loaded.
func (t Tombstones) Suppressed(id Identifier) bool {
	_, ok := t.spent[t.key.of(id)]
	return ok
}

// Spent is what the forgotten person had lost, at the most.
func (t Tombstones) Spent(id Identifier) accountant.Mu2 { return t.spent[t.key.of(id)] }

// bury keeps the loss. Where the identifier is there already only totals are known, and their losses add.
func (t *Tombstones) bury(id Identifier, spent accountant.Mu2) {
	m := t.key.of(id)
	if old, ok := t.spent[m]; ok {
		spent = Sum(old, spent)
	}
	t.spent[m] = spent
}

// Sum is the loss of who was two persons of whom only the totals are known: the sum of both mu, squared, rounded up. It is never less than
// what the draws would give (Minkowski).
func Sum(a, b accountant.Mu2) accountant.Mu2 {
	// (sqrt a + sqrt b)^2 = a + b + 2 sqrt(ab), in whole units, the root rounded up.
	product := new(big.Int).Mul(big.NewInt(4), new(big.Int).Mul(big.NewInt(int64(a)), big.NewInt(int64(b))))
	root := new(big.Int).Sqrt(product)
	if new(big.Int).Mul(root, root).Cmp(product) < 0 {
		root.Add(root, big.NewInt(1))
	}
	if !root.IsInt64() {
		return math.MaxInt64
	}
	return plus(plus(a, b), accountant.Mu2(root.Int64()))
}

type tombstonesHeader struct {
	Schema int    `json:"schema"`
	Base   string `json:"base"`
	Stones int    `json:"stones"`
}

// writeTombstones sorts by hash, so that what belongs to one person does not stand together.
func writeTombstones(w io.Writer, t Tombstones) error {
	b := bufio.NewWriter(w)
	if err := writeHeader(b, tombstonesHeader{fileSchema, t.base, len(t.spent)}); err != nil {
		return err
	}
	marks := slices.SortedFunc(maps.Keys(t.spent), func(x, y [32]byte) int { return bytes.Compare(x[:], y[:]) })
	for _, m := range marks {
		b.Write(m[:])
		binary.Write(b, binary.LittleEndian, int64(t.spent[m]))
	}
	return b.Flush()
}

func readTombstones(r io.Reader) (Tombstones, error) {
	b := bufio.NewReader(r)
	t := Tombstones{spent: map[[32]byte]accountant.Mu2{}}
	var h tombstonesHeader
	if err := readHeader(b, &h); err != nil {
		return t, err
	}
	if h.Schema != fileSchema || h.Stones < 0 || h.Stones > most {
		return t, errors.New("not the tombstones of this program")
	}
	t.base = h.Base
	for range h.Stones {
		var s struct {
			Mark  [32]byte
			Spent int64
		}
		if err := binary.Read(b, binary.LittleEndian, &s); err != nil {
			return t, err
		}
		t.spent[s.Mark] = accountant.Mu2(s.Spent)
	}
	return t, atEnd(b, nil)
}

// Tombstones reads who may not be loaded any more, and checks the whole register against the ledger.
func (g Register) Tombstones(stands Standing) (Tombstones, error) {
	files, err := g.read(stands)
	if err != nil {
		return Tombstones{}, err
	}
	return g.tombstones(files)
}

func (g Register) tombstones(files map[string][]byte) (Tombstones, error) {
	t := Tombstones{key: g.Key, spent: map[[32]byte]accountant.Mu2{}}
	sealed := files[tombstoneFile]
	if sealed == nil {
		return t, nil
	}
	err := g.open(tombstoneFile, sealed, func(r io.Reader) (err error) {
		t, err = readTombstones(r)
		return err
	})
	t.key = g.Key
	return t, err
}

// Buried reads who may not be loaded any more, and checks that one file against the ledger. Nights ask it: the rest of the
// register is for releases.
func (g Register) Buried(stands Standing) (Tombstones, error) {
	path := filepath.Join(g.Dir, tombstoneFile)
	sealed, err := os.ReadFile(path)
	switch stand := stands["tombstones"]; {
	case errors.Is(err, fs.ErrNotExist):
		if stand.HMAC != "" && stand.HMAC != g.nothing("tombstones") {
			return Tombstones{}, problem.New(problem.Refused, path, "the ledger names this file, and it is missing", restore)
		}
		return g.tombstones(nil)
	case err != nil:
		return Tombstones{}, problem.Wrap(err, problem.Failed, path, "the file cannot be read", "check its owner and mode")
	case stand.HMAC != g.commit(tombstoneFile, sealed).HMAC:
		follows, err := g.follows(tombstoneFile, sealed, stand.HMAC)
		if err != nil {
			return Tombstones{}, cannotOpen(path, err)
		}
		if !follows {
			return Tombstones{}, problem.New(problem.Refused, path, "the ledger does not know this tombstones file", restore)
		}
	}
	return g.tombstones(map[string][]byte{tombstoneFile: sealed})
}

// None tells whether nobody was ever forgotten.
func (t Tombstones) None() bool { return len(t.spent) == 0 }

// Again is somebody who was forgotten and came again, under identifiers of which some are not known.
type Again []Identifier

// Bury keeps the new identifiers of those who came again, with the loss that is known. Whoever has no known one is passed over.
func (g Register) Bury(stands Standing, again ...Again) error {
	stones, err := g.Buried(stands)
	if err != nil {
		return err
	}
	for _, ids := range again {
		var spent accountant.Mu2
		met := false
		for _, id := range ids {
			if stones.Suppressed(id) {
				met, spent = true, max(spent, stones.Spent(id))
			}
		}
		for _, id := range ids {
			if met && !stones.Suppressed(id) {
				stones.bury(id, spent)
			}
		}
	}
	stones.base = stands["tombstones"].HMAC
	sealed, err := g.Key.seal(tombstoneFile, func(w io.Writer) error { return writeTombstones(w, stones) })
	if err != nil {
		return err
	}
	return durable.Replace(g.FS, filepath.Join(g.Dir, tombstoneFile), sealed, 0o400)
}

// Forget removes persons from the register: every file is sealed anew without them, what they have lost is kept under tombstones,
// and an erasure entry in the ledger puts the new commitments in the place of the old ones. All files change, so that the
// public entry does not show in which cohorts a person was. Until the entry is durable nothing has happened; from then on the next start
// finishes it. Before the first release the ledger names no file: then the tombstones alone are written, without an entry.
func (g Register) Forget(ctx context.Context, l *ledger.Ledger, date models.Date, who ...Forgotten) error {
	stands := Stands(l.Entries())
	if err := g.Apply(stands); err != nil {
		return err
	}
	files, err := g.read(stands)
	if err != nil {
		return err
	}
	stones, err := g.tombstones(files)
	if err != nil {
		return err
	}
	books := map[string]*Book{}
	for _, f := range who {
		if books[f.Population] == nil {
			if books[f.Population], err = g.book(files, stands, f.Population); err != nil {
				return err
			}
		}
		spent := books[f.Population].Spent(f.Person)
		for _, id := range f.Identifiers {
			stones.bury(id, spent)
		}
		if err := books[f.Population].erase(f.Person); err != nil {
			return err
		}
	}
	var replaced []ledger.Replaced
	stage := func(name string, write func(io.Writer) error) error {
		c, err := g.stage(name, write)
		if old, ok := stands[c.Of]; ok && err == nil {
			replaced = append(replaced, ledger.Replaced{Of: c.Of, Old: old.HMAC, New: c.HMAC})
		}
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if name == tombstoneFile {
			continue
		}
		if err := g.reseal(name, files[name], stands, books, stage); err != nil {
			return err
		}
	}
	stones.base = stands["tombstones"].HMAC
	if err := stage(tombstoneFile, func(w io.Writer) error { return writeTombstones(w, stones) }); err != nil {
		return err
	}
	if len(replaced) == 0 {
		return g.keep(stands)
	}
	if _, err := l.Append(ctx, ledger.Entry{Kind: ledger.KindErasure, Date: date.String(), Erasure: &ledger.Erasure{Replaced: replaced}}); err != nil {
		return err
	}
	return g.Apply(Stands(l.Entries()))
}

// reseal stages a file as it is after the erasure.
func (g Register) reseal(name string, sealed []byte, stands Standing, books map[string]*Book, stage func(string, func(io.Writer) error) error) error {
	for population, b := range books {
		switch {
		case name == population+linksSuffix:
			b.links.base = stands["links "+population].HMAC
			return stage(name, func(w io.Writer) error { return writeLinks(w, population, b.links) })
		case strings.HasSuffix(name, cohortSuffix):
			for p, ms := range b.cohorts {
				if name == cohortName(population, p) {
					return stage(name, func(w io.Writer) error { return writeCohort(w, population, p, ms) })
				}
			}
		case strings.HasSuffix(name, exposureSuffix):
			for _, e := range b.exposures {
				if name == e.name() {
					return stage(name, func(w io.Writer) error { return writeExposure(w, e) })
				}
			}
		}
	}
	return stage(name, func(w io.Writer) error { // of a population that nobody was forgotten in
		return g.open(name, sealed, func(r io.Reader) error {
			_, err := io.Copy(w, r)
			return err
		})
	})
}

// keep gives staged files their names where no ledger entry commits to the register yet.
func (g Register) keep(stands Standing) error {
	names, err := list(g.Staged())
	if err != nil {
		return err
	}
	for _, name := range names {
		sealed, err := os.ReadFile(filepath.Join(g.Staged(), name))
		if err != nil {
			return err
		}
		if err := durable.Replace(g.FS, filepath.Join(g.Dir, name), sealed, 0o400); err != nil {
			return err
		}
	}
	return g.Apply(stands)
}

// erase takes a person out of a book. A pseudonym whose record somebody else carries too, after a split, is put in another's
// place: fresh random bytes that belong to nobody.
func (b *Book) erase(p ID) error {
	var lines []line
	mine := []ID{p}
	others := map[ID]bool{}
	for _, x := range b.links.lines {
		if x.Person == p {
			mine = append(mine, x.Source)
			continue
		}
		others[x.Source] = true
		lines = append(lines, x)
	}
	slices.SortFunc(mine, compare)
	for _, x := range slices.Compact(mine) {
		if !others[x] {
			b.rename(x, nil)
			continue
		}
		var fresh ID
		if _, err := rand.Read(fresh[:]); err != nil {
			return err
		}
		b.rename(x, &fresh)
		for i := range lines {
			if lines[i].Source == x {
				lines[i].Source = fresh
			}
		}
	}
	b.links.lines = lines
	b.links.tidy()
	return nil
}

// rename puts another pseudonym, or none, in the place of one.
func (b *Book) rename(old ID, to *ID) {
	in := func(ids []ID) []ID {
		i, ok := slices.BinarySearchFunc(ids, old, compare)
		if !ok {
			return ids
		}
		ids = slices.Delete(slices.Clone(ids), i, i+1)
		if to != nil {
			ids = append(ids, *to)
			slices.SortFunc(ids, compare)
		}
		return ids
	}
	for period, ms := range b.cohorts {
		i, ok := slices.BinarySearchFunc(ms, old, func(m Member, p ID) int { return compare(m.Person, p) })
		if !ok {
			continue
		}
		m := ms[i]
		ms = slices.Delete(slices.Clone(ms), i, i+1)
		if to != nil {
			m.Person = *to
			ms = append(ms, m)
			slices.SortFunc(ms, func(x, y Member) int { return compare(x.Person, y.Person) })
		}
		b.cohorts[period] = ms
	}
	for k := range b.exposures {
		for j := range b.exposures[k].Sets {
			s := &b.exposures[k].Sets[j]
			s.without, s.with = in(s.without), in(s.with)
		}
	}
}
