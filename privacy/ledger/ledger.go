package ledger

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/privacy/accountant"
)

// Ledger is an opened ledger, checked end to end. Its methods may be called from several goroutines.
type Ledger struct {
	fsys      durable.FS
	dir, keys string

	mu     sync.Mutex
	state  *state
	broken bool // a write failed: what is on disk is not known here any more
}

// Create makes the keys, the home's id and the first entry. dir and keys must exist; random is the operating system's
// source. An interrupted call may be repeated; a ledger that exists is refused.
func Create(fsys durable.FS, dir, keys string, random io.Reader, date string, terms Terms) (*Ledger, error) {
	if _, _, err := read(dir, ""); !errors.Is(err, errNoLedger) {
		return nil, problem.Wrap(fs.ErrExist, problem.Usage, "ledger", "there is a ledger already, and it is never overwritten", "give another --home")
	}
	home, s, err := makeKeys(fsys, keys, random)
	if err != nil {
		return nil, err
	}
	terms.Key = s.public
	l := &Ledger{fsys: fsys, dir: dir, keys: keys, state: newState()}
	if _, err := l.write(Entry{Kind: KindInit, Date: date, Home: home, Init: &terms}, newState(), s); err != nil {
		return nil, err
	}
	return l, nil
}

// Open reads and checks a ledger. It writes nothing and needs no secret key.
func Open(fsys durable.FS, dir, keys string) (*Ledger, error) {
	public, keyErr := loadPublic(keys)
	s, _, err := read(dir, public)
	if err := cmp.Or(err, keyErr); err != nil { // without a ledger, a missing key is not the news
		return nil, err
	}
	return &Ledger{fsys: fsys, dir: dir, keys: keys, state: s}, nil
}

// OpenPublic opens a published ledger on a machine without keys. It believes the key in the first entry: the caller
// compares its fingerprint. Such a ledger cannot be written to.
func OpenPublic(dir string) (*Ledger, error) {
	s, _, err := read(dir, "")
	if err != nil {
		return nil, err
	}
	return &Ledger{dir: dir, state: s, broken: true}, nil
}

// Append books one entry and returns it as it is on disk. The caller fills in kind, date, body and commitments, nothing
// else, and holds the home's lock. The chain is read and checked again first. If Append returns an error, nothing may be drawn;
// if that error is neither a refusal nor fs.ErrExist, the entry may be on disk all the same and counts as spent,
// which the next Open shows.
func (l *Ledger) Append(ctx context.Context, e Entry) (Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Schema != 0 || e.Number != 0 || e.Home != "" || e.Prev != "" || e.Signature != "" || e.Kind == KindInit {
		return Entry{}, errors.New("ledger: schema, number, home, prev and signature are the ledger's own, and init is made by Create")
	}
	signer, err := l.again()
	if err != nil {
		return Entry{}, err
	}
	if err := ctx.Err(); err != nil {
		return Entry{}, err
	}
	s := l.state
	e.Home = s.home
	if e.Release != nil {
		if e.Commitments, err = withAttempt(e.Commitments); err != nil {
			return Entry{}, err
		}
	}
	return l.write(e, s.clone(), signer) // s stays as it is if the entry is refused
}

// OfAttempt is the commitment that Append adds to each release: 32 random bytes. Signatures are deterministic, so two copies of
// a home that measure the same items of the same generation on the same day would else make the same entry, and no head could tell
// that noise was drawn twice.
const OfAttempt = "attempt"

func withAttempt(list []Commitment) ([]Commitment, error) {
	b := make([]byte, sha256.Size)
	if _, err := rand.Read(b); err != nil {
		return nil, fmt.Errorf("ledger: no randomness for the entry: %w", err)
	}
	return append(slices.Clip(list), Commitment{Of: OfAttempt, HMAC: hex.EncodeToString(b)}), nil
}

// again reads and checks what is on disk before something is written after it. The caller holds l.mu.
func (l *Ledger) again() (*signer, error) {
	if l.broken {
		return nil, problem.New(problem.Failed, "ledger", "an earlier entry could not be written for certain", "start the program again: what is on disk will count as spent")
	}
	signer, err := loadSigner(l.keys)
	if err != nil {
		return nil, err
	}
	s, head, err := readAfter(l.dir, signer.public, l.state)
	if err != nil {
		return nil, err
	}
	if l.state.contradicts(s) {
		return nil, problem.New(problem.Refused, "ledger", "the entries on disk are not those that were read before", restore)
	}
	l.state = s
	return signer, l.catchUp(head, signer)
}

// contradicts tells whether now lacks an entry of s, or has another one in its place.
func (s *state) contradicts(now *state) bool {
	return len(now.hashes) < len(s.hashes) || !slices.Equal(s.hashes, now.hashes[:len(s.hashes)])
}

// catchUp replaces a head that an interrupted append left behind. The folder is fsynced first: the entry that
// is to be vouched for may not be certain yet.
func (l *Ledger) catchUp(head Head, signer *signer) error {
	if head.Entries == len(l.state.entries) {
		return nil
	}
	if err := durable.SyncDir(l.fsys, l.dir); err != nil {
		l.broken = true
		return writeFailed("ledger", err)
	}
	return l.writeHead(l.state, signer)
}

// write makes e the next entry after s, with e taken into s.
func (l *Ledger) write(e Entry, s *state, signer *signer) (Entry, error) {
	e.Schema, e.Number, e.Prev = Schema, len(s.entries)+1, s.head()
	sig, err := signer.Sign(e.signed())
	if err != nil {
		return Entry{}, fmt.Errorf("ledger: signing: %w", err)
	}
	e.Signature = hex.EncodeToString(sig)
	b := e.Bytes()
	if e, err = Parse(b); err != nil { // also detaches the entry from the caller's slices
		return Entry{}, problem.Wrap(err, problem.Refused, "new entry", err.Error(), "nothing was spent")
	}
	if len(b) > maxEntrySize {
		return Entry{}, problem.New(problem.Refused, "new entry", "it is larger than 8 MiB", "nothing was spent; leave the plan's text out")
	}
	if err := e.verify(signer.public); err != nil {
		return Entry{}, locate(err, "new entry", "nothing was spent")
	}
	if err := s.add(e); err != nil {
		return Entry{}, locate(err, "new entry", "nothing was spent")
	}
	if err := l.put(e.Number, b); err != nil {
		return Entry{}, err
	}
	l.state = s
	if err := l.writeHead(s, signer); err != nil {
		return Entry{}, err
	}
	return e, nil
}

// put makes an entry's file. From here on the entry may be on disk, whatever is returned.
func (l *Ledger) put(number int, b []byte) error {
	err := durable.Create(l.fsys, filepath.Join(l.dir, fileName(number)), b, 0o444)
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrExist) && !errors.Is(err, durable.ErrSync) {
		return problem.Wrap(err, problem.Failed, place(number), "another process has made this entry meanwhile", "nothing was spent here; run the command again")
	}
	l.broken = true
	return writeFailed(place(number), err)
}

func (l *Ledger) writeHead(s *state, signer *signer) error {
	signed, err := signHead(s.position(), signer)
	if err != nil {
		return fmt.Errorf("ledger: signing the head: %w", err)
	}
	if err := durable.Replace(l.fsys, filepath.Join(l.dir, HeadFile), signed, 0o644); err != nil {
		l.broken = true
		return writeFailed("ledger/"+HeadFile, err)
	}
	return nil
}

func writeFailed(where string, err error) error {
	return problem.Wrap(err, problem.Failed, where, "it could not be written for certain", "look at the disk, then run heatwatch budget verify: what is there counts as spent")
}

func (s *state) position() Head { return Head{Home: s.home, Entries: len(s.entries), Hash: s.head()} }

func (l *Ledger) now() *state {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state // never changed after it is set
}

// Position is how far the ledger has come.
func (l *Ledger) Position() Head { return l.now().position() }

// Head is the signed head, to be kept elsewhere as a witness or to be published.
func (l *Ledger) Head() ([]byte, error) {
	signer, err := loadSigner(l.keys)
	if err != nil {
		return nil, err
	}
	s := l.now()
	if signer.public != s.terms.Key {
		return nil, keyProblem(signingKeyFile, "it is not the key of this ledger", "restore ledger and keys from the same backup")
	}
	return signHead(s.position(), signer)
}

// Compare says where a witness stands. The error says that it is no head, or not signed by this home.
func (l *Ledger) Compare(witness []byte) (Relation, error) {
	s := l.now()
	h, err := VerifyHead(witness, s.terms.Key)
	if errors.Is(err, errOtherHome) {
		return OtherHome, nil
	}
	if err != nil {
		return 0, problem.Wrap(err, problem.Refused, "witness", err.Error(), "give a head.note that heatwatch witness or heatwatch publish has written")
	}
	return s.compare(h), nil
}

// Home is the home's id.
func (l *Ledger) Home() string { return l.now().home }

// Terms is what the first entry fixed.
func (l *Ledger) Terms() Terms {
	t := l.now().terms
	t.Populations = slices.Clone(t.Populations)
	return t
}

// PublicKey is the key that everything here is signed by.
func (l *Ledger) PublicKey() string { return l.now().terms.Key }

// Plan is the plan that was entered last.
func (l *Ledger) Plan() Plan {
	all := l.Plans()
	return all[len(all)-1]
}

// Populations are the caps that hold now, by name.
func (l *Ledger) Populations() []Population { return l.CapsAt(math.MaxInt) }

// CapsAt are the caps that held when an entry was made, by name.
func (l *Ledger) CapsAt(entry int) []Population {
	caps := map[string]Population{}
	for _, e := range l.now().entries {
		if e.Number > entry {
			break
		}
		var list []Population
		if e.Init != nil {
			list = e.Init.Populations
		} else if e.Amend != nil {
			list = e.Amend.Populations
		}
		for _, p := range list {
			caps[p.Name] = p
		}
	}
	return slices.SortedFunc(maps.Values(caps), func(a, b Population) int { return strings.Compare(a.Name, b.Name) })
}

// Plans are all plans that were entered, the first one first.
func (l *Ledger) Plans() []Plan {
	s := l.now()
	all := []Plan{s.terms.Plan}
	for _, e := range s.entries {
		if e.Amend != nil && e.Amend.Plan != nil {
			all = append(all, *e.Amend.Plan)
		}
	}
	return all
}

// Released tells whether something was measured here, or in a copy that was imported.
func (l *Ledger) Released() bool {
	return slices.ContainsFunc(l.now().entries, func(e Entry) bool { return e.Release != nil || e.Import != nil })
}

// CheckDate refuses a day before that of the last entry: the clock was set back, and due dates follow the clock. A clock that
// is ahead cannot be noticed.
func (l *Ledger) CheckDate(today string) error {
	s := l.now()
	if last := s.date(); today < last {
		return locate(clockSetBack(today, last, len(s.entries)), "clock", "")
	}
	return nil
}

// Closed tells whether a cohort was closed by an import: who was in it is lost, and nothing of it is measured again.
func (l *Ledger) Closed(population, period string) bool {
	return l.now().closed[Cohort{population, period}]
}

// Entries returns all entries in order. They must not be changed.
func (l *Ledger) Entries() []Entry { return slices.Clone(l.now().entries) }

// Commitments are those that stand: made by an entry and not replaced by an erasure. Their order means nothing.
func (l *Ledger) Commitments() []Commitment { return slices.Collect(maps.Keys(l.now().commitments)) }

// Measured lists the entries that measured an item's cells for its population and period: none, one, or two if it was
// repeated.
func (l *Ledger) Measured(population, period, cells string) []int {
	return slices.Clone(l.now().measured[identity{population, period, cells}])
}

// Losses is what items would cost each of their populations, as a release of them has to state it at least. A caller
// that knows of more puts the larger lifetime loss in.
func (l *Ledger) Losses(items []Item) ([]Loss, error) {
	s := l.now()
	sums, err := sumByPopulation(items)
	if err != nil {
		return nil, err
	}
	after := s.clone()
	if err := after.spend(items, len(s.entries)+1); err != nil {
		return nil, err
	}
	out := []Loss{}
	for _, population := range slices.Sorted(maps.Keys(sums)) {
		out = append(out, Loss{Population: population, Release: sums[population], Lifetime: after.lifetime(population)})
	}
	return out, nil
}

// Outlook is the most that one unit of a population can come to lose: what was spent, and the planned items in as many
// further periods as a unit can be in. Of a planned item only the level of its period counts.
func (l *Ledger) Outlook(population string, planned []Item) (accountant.Mu2, error) {
	s := l.now().clone()
	for _, it := range planned {
		if it.Population != population {
			continue
		}
		kind := level(it.Period)
		for n := range it.Participations { // in years that no release is about
			switch kind {
			case "quarter":
				it.Period = fmt.Sprintf("%04dQ%d", 9000+n/4, n%4+1)
			case "year":
				it.Period = fmt.Sprintf("%04d", 9000+n)
			default:
				it.Period = fmt.Sprintf("%04d-%04d", 9000+n, 9001+n)
			}
			if err := s.spend([]Item{it}, len(s.entries)+1); err != nil {
				return 0, err
			}
		}
	}
	return s.lifetime(population), nil
}

// Spent is the most that one unit of a population can have lost so far.
func (l *Ledger) Spent(population string) (accountant.Mu2, error) {
	s := l.now()
	if _, ok := s.caps[population]; !ok {
		return 0, problem.New(problem.Usage, "ledger", "there is no population of that name", "heatwatch budget lists them")
	}
	return s.lifetime(population), nil
}

// Spending is one line of the budget.
type Spending struct {
	Population, Unit      string
	Lifetime              bool
	Spent, Cap            accountant.Mu2
	MuSpent, EpsilonSpent float64
	MuCap, EpsilonCap     float64
	Delta                 float64
	Draws                 int64 // cells drawn so far; each costs mechanism.DeltaPerDraw in delta
}

// Budget lists what was spent, by population in order of their names.
func (l *Ledger) Budget() ([]Spending, error) {
	s := l.now()
	out := make([]Spending, 0, len(s.caps))
	for _, p := range slices.SortedFunc(maps.Values(s.caps), func(a, b Population) int { return strings.Compare(a.Name, b.Name) }) {
		spent := s.lifetime(p.Name)
		eps, err := spent.Epsilon(s.terms.Delta)
		if err != nil { // an import may exceed everything that was ever promised
			eps = math.Inf(1)
		}
		out = append(out, Spending{
			Population: p.Name, Unit: p.Unit, Lifetime: p.Lifetime, Spent: spent, Cap: p.CapMu2, MuSpent: spent.Mu(), EpsilonSpent: eps,
			MuCap: p.CapMu2.Mu(), EpsilonCap: p.CapEpsilon, Delta: s.terms.Delta, Draws: s.draws[p.Name],
		})
	}
	return out, nil
}
