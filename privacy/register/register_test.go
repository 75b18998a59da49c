package register

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
)

// sigma6 is the price of an item with sigma 6.
const sigma6 = accountant.Mu2(27_777_777_778)

// limit is the cap at epsilon 4.
const limit = accountant.Mu2(702_000_000_000)

func person(n int) ID {
	h := sha256.Sum256(fmt.Appendf(nil, "person %d", n))
	return ID(h[:16])
}

func persons(ns ...int) []ID {
	var all []ID
	for _, n := range ns {
		all = append(all, person(n))
	}
	slices.SortFunc(all, compare)
	return all
}

func membersOf(ids []ID) []Member {
	ms := []Member{}
	for _, p := range ids {
		ms = append(ms, Member{Person: p, EnteredAt: 1_700_000_000_000_000, EnteredOn: 19_700, Agency: "a-shelter", AgencyKind: "shelter", AgeBand: "14-15", Age: -1})
	}
	return ms
}

// home has a ledger and a register.
type home struct {
	t   testing.TB
	dir string
	fs  durable.FS
}

func newHome(t testing.TB) home {
	t.Helper()
	h := home{t, t.TempDir(), durable.OS()}
	for _, d := range []string{"ledger", "keys", "register"} {
		h.ok(os.Mkdir(filepath.Join(h.dir, d), 0o700))
	}
	terms := ledger.Terms{Mode: ledger.Real, Timezone: "UTC", Delta: 1e-6, Plan: ledger.Plan{Name: "p", Version: 1, Hash: strings.Repeat("0", 64)},
		Populations: []ledger.Population{{Name: "minors", Unit: "linked person", Lifetime: true, CapMu2: limit * 1000, CapEpsilon: 1e6}}}
	_, err := ledger.Create(h.fs, filepath.Join(h.dir, "ledger"), filepath.Join(h.dir, "keys"), rand.Reader, "2025-01-01", terms)
	h.ok(err)
	return h
}

func (h home) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h home) at(dir string) home       { h.dir = dir; return h }
func (h home) on(fsys durable.FS) home  { h.fs = fsys; return h }
func (h home) path(name string) string  { return filepath.Join(h.dir, "register", name) }
func (h home) stands() Standing         { return Stands(h.ledger().Entries()) }
func period(s string) (p models.Period) { _ = p.UnmarshalText([]byte(s)); return p }
func (h home) forget(who Forgotten) error {
	return h.register().Forget(context.Background(), h.ledger(), models.Date(20_500), who)
}

func (h home) ledger() *ledger.Ledger {
	h.t.Helper()
	l, err := ledger.Open(h.fs, filepath.Join(h.dir, "ledger"), filepath.Join(h.dir, "keys"))
	h.ok(err)
	return l
}

func (h home) register() Register {
	h.t.Helper()
	commit, err := ledger.LoadCommitmentKey(filepath.Join(h.dir, "keys"))
	h.ok(err)
	key, err := NewKey([]byte("register-register-register-32-by"))
	h.ok(err)
	return Register{FS: h.fs, Dir: filepath.Join(h.dir, "register"), Key: key, Commit: commit}
}

func (h home) load() *Book {
	h.t.Helper()
	b, err := h.register().Load(h.stands(), "minors")
	h.ok(err)
	return b
}

func offer(series string, participations int, price accountant.Mu2, eligible []ID) Offer {
	return Offer{ID: series, Series: series, Level: "quarter", Participations: participations, Price: price, Eligible: eligible}
}

// entry does what a release does up to the draw.
func (h home) entry(p string, attempt int, freeze []ID, offers ...Offer) (Admission, error) {
	g, l := h.register(), h.ledger()
	stands := Stands(l.Entries())
	if err := g.Apply(stands); err != nil {
		return Admission{}, err
	}
	b, err := g.Load(stands, "minors")
	if err != nil {
		return Admission{}, err
	}
	cs, err := g.Always([]string{"minors"})
	if err != nil {
		return Admission{}, err
	}
	cohort := b.Members(period(p))
	if freeze != nil && !b.Froze(period(p)) {
		cohort = membersOf(freeze)
		c, err := g.StageCohort("minors", period(p), cohort)
		if err != nil {
			return Admission{}, err
		}
		cs = append(cs, c)
	}
	a := b.Admit(limit, period(p), offers)
	c, err := g.StageExposure("minors", Entry{Period: period(p), Due: models.Date(20_300 + len(b.exposures)), Attempt: attempt}, offers, a, cohort)
	if err != nil {
		return Admission{}, err
	}
	var items []ledger.Item
	for i, o := range offers {
		it := ledger.Item{ID: o.ID, Population: "minors", Period: p, Series: o.Series, Participations: o.Participations, Draws: 1, L0: 1, Linf: 1, Sd: 6,
			Cells: ledger.CellsHash(o.Series, fmt.Sprint(i, attempt, len(b.exposures)))}
		if it.Mu2, err = it.Cost(); err != nil {
			return a, err
		}
		items = append(items, it)
	}
	losses, err := l.Losses(items)
	if err != nil {
		return a, err
	}
	_, err = l.Append(context.Background(), ledger.Entry{Kind: ledger.KindRelease, Date: "2026-02-16", Commitments: append(cs, c),
		Release: &ledger.Release{Period: p, Due: "2025-12-31", Plan: l.Plan().Ref(), Attempt: 1, Items: items, Losses: losses}})
	if err != nil {
		return a, err
	}
	return a, g.Apply(Stands(l.Entries()))
}

func (h home) must(p string, freeze []ID, offers ...Offer) Admission {
	h.t.Helper()
	a, err := h.entry(p, 1, freeze, offers...)
	h.ok(err)
	return a
}

func wantRefusal(t testing.TB, err error, says string) {
	t.Helper()
	if problem.ExitCode(err) != problem.Refused || !strings.Contains(fmt.Sprint(err), says) {
		t.Errorf("got %v, want a refusal that says %q", err, says)
	}
}

// Two halves in the same quarter's head count at sigma 6 have mu 2/6, not 1.414/6; in two quarters they have the root.
func TestLossesOfAMergedPerson(t *testing.T) {
	for _, c := range []struct {
		name   string
		second string // quarter of the second half
		want   float64
	}{
		{"same quarter", "2025Q1", 2. / 6},
		{"different quarters", "2025Q2", math.Sqrt2 / 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHome(t)
			if c.second == "2025Q1" {
				h.must("2025Q1", persons(1, 2, 3), offer("heads", 1, sigma6, persons(1, 2, 3)))
			} else {
				h.must("2025Q1", persons(1, 3), offer("heads", 1, sigma6, persons(1, 3)))
				h.must(c.second, persons(2), offer("heads", 1, sigma6, persons(2)))
			}
			h.ok(h.register().Merge(h.stands(), "minors", person(1), person(2)))
			if got := h.load().Spent(person(1)).Mu(); math.Abs(got-c.want) > 1e-6 || got < c.want-1e-12 {
				t.Errorf("mu %v, want %v", got, c.want)
			}
			if got := h.load().Spent(person(3)).Mu(); math.Abs(got-1./6) > 1e-6 {
				t.Errorf("somebody else has mu %v", got)
			}
			// What comes after the merge is one person's again.
			h.must("2025Q3", persons(1), offer("late", 1, sigma6, persons(1)))
			want := math.Sqrt(c.want*c.want + 1./36)
			if got := h.load().Spent(person(1)).Mu(); math.Abs(got-want) > 1e-6 {
				t.Errorf("mu %v after another entry, want %v", got, want)
			}
		})
	}
}

// Every part of a split carries the whole spend, and what is joined again has lost no more than it did.
func TestASplitCarriesTheWholeSpend(t *testing.T) {
	h := newHome(t)
	h.must("2025Q1", persons(1, 2), offer("heads", 1, sigma6, persons(1, 2)))
	h.ok(h.register().Merge(h.stands(), "minors", person(1), person(2)))
	whole := h.load().Spent(person(1))
	h.ok(h.register().Split(h.stands(), "minors", person(1), h.ledger().Position().Entries, person(1), person(7), person(8)))
	for _, n := range []int{1, 7, 8} {
		if got := h.load().Spent(person(n)); got != whole {
			t.Errorf("part %d has %v, the whole had %v", n, got, whole)
		}
		if !slices.ContainsFunc(h.load().Frozen()[period("2025Q1")], func(m Member) bool { return m.Person == person(n) }) {
			t.Errorf("part %d is in no cohort of the whole", n)
		}
	}
	h.must("2025Q2", persons(1, 3), offer("heads2", 1, sigma6, persons(1, 3)))
	if got := h.load().Spent(person(7)); got != whole {
		t.Errorf("a part has %v: it carries what the other part lost after the split", got)
	}
	h.ok(h.register().Merge(h.stands(), "minors", person(1), person(7), person(8)))
	if got := h.load().Spent(person(1)); got != whole+sigma6 {
		t.Errorf("joined again: %v, want %v", got, whole+sigma6)
	}
}

// Whatever is merged and split in whatever order, a person's spend is the sum over entries of the price times the square of the
// number of pseudonyms whose record it carries.
func TestSpendOfAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 6
		b := &Book{population: "minors", cohorts: map[models.Period][]Member{}, froze: map[models.Period]int{}}
		carry := map[int]map[int]int{} // person -> pseudonym -> last entry
		for i := range n {
			carry[i] = map[int]int{i: math.MaxInt}
		}
		alive := func(i int) bool { _, ok := carry[i]; return ok }
		want := map[int]func() accountant.Mu2{}
		type draw struct {
			entry int
			in    map[int]bool
			price accountant.Mu2
		}
		var draws []draw
		for entry := 2; entry < 14; entry++ {
			pick := func(label string) int { return rapid.IntRange(0, n-1).Draw(t, label) }
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				a, c := pick("survivor"), pick("part")
				if a == c || !alive(a) || !alive(c) {
					continue
				}
				b.links.merge(person(a), persons(c))
				for x, upto := range carry[c] {
					carry[a][x] = max(carry[a][x], upto)
				}
				delete(carry, c)
			case 1:
				w, p, goes := pick("whole"), n+entry, rapid.Bool().Draw(t, "goes on")
				if !alive(w) {
					continue
				}
				other := w
				if !goes {
					other = n + 100 + entry
				}
				b.links.split(person(w), []ID{person(other), person(p)}, uint32(entry-1))
				old := carry[w]
				if !goes {
					delete(carry, w)
				}
				for _, q := range []int{other, p} {
					if q == w {
						continue
					}
					carry[q] = map[int]int{q: math.MaxInt}
					for x, upto := range old {
						carry[q][x] = min(upto, entry-1)
					}
				}
			default:
				d := draw{entry, map[int]bool{}, accountant.Mu2(rapid.IntRange(1, 1000).Draw(t, "price"))}
				var ids []int
				for i := range carry {
					ids = append(ids, i)
				}
				slices.Sort(ids)
				var in []ID
				for _, i := range ids {
					if rapid.Bool().Draw(t, "in") {
						d.in[i] = true
						in = append(in, person(i))
					}
				}
				slices.SortFunc(in, compare)
				draws = append(draws, d)
				b.exposures = append(b.exposures, exposure{Population: "minors", Period: period("2025Q1"), entry: entry,
					Items: []exposedItem{{"heads", "heads", "quarter", d.price, 0}}, Sets: []set{{with: in}}})
			}
		}
		for i := range carry {
			want[i] = func() (sum accountant.Mu2) {
				for _, d := range draws {
					k := accountant.Mu2(0)
					for x, upto := range carry[i] {
						if d.in[x] && d.entry <= upto {
							k++
						}
					}
					sum += k * k * d.price
				}
				return sum
			}
			if got := b.Spent(person(i)); got != want[i]() {
				t.Fatalf("spent %v, want %v", got, want[i]())
			}
		}
	})
}

func TestAdmission(t *testing.T) {
	all := persons(1, 2, 3)
	for _, c := range []struct {
		name   string
		spent  accountant.Mu2 // by person 1, before
		price  accountant.Mu2
		before func(h home)
		series string
		period string
		out    []ID
	}{
		{name: "the cap is covered to the unit", spent: limit - sigma6, price: sigma6},
		{name: "one unit is missing", spent: limit - sigma6 + 1, price: sigma6, out: persons(1)},
		{name: "a price that cannot be counted", spent: math.MaxInt64, price: math.MaxInt64, out: all},
		{name: "a series has had the person in another period", spent: sigma6, price: sigma6, series: "x", out: persons(1)},
		{name: "in the same period it is a repeat", spent: sigma6, price: sigma6, series: "x", period: "2024Q1"},
		{name: "merged away, and the lake does not know", spent: 1, price: 1, out: persons(1), before: func(h home) {
			h.ok(h.register().Merge(h.stands(), "minors", person(3), person(1)))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHome(t)
			h.must("2024Q1", persons(1), offer("x", 1, c.spent, persons(1)))
			if c.before != nil {
				c.before(h)
			}
			series, p := "heads", "2025Q1"
			if c.series != "" {
				series = c.series
			}
			if c.period != "" {
				p = c.period
			}
			a := h.load().Admit(limit, period(p), []Offer{offer(series, 1, c.price, all)})
			if !slices.Equal(a.Out(0), c.out) {
				t.Errorf("%d are left out, want %d", len(a.Out(0)), len(c.out))
			}
		})
	}
}

// Who is left out of an entry is not charged for it, stays a member, and is left out of the whole entry.
func TestWhoIsLeftOutIsNotCharged(t *testing.T) {
	h := newHome(t)
	h.must("2024Q1", persons(1), offer("x", 1, limit-sigma6, persons(1)))
	a := h.must("2025Q1", persons(1, 2), offer("heads", 1, sigma6, persons(1, 2)), offer("yes", 1, 1, persons(1, 2)))
	if !slices.Equal(a.Out(0), persons(1)) || !slices.Equal(a.Out(1), persons(1)) {
		t.Error("the person whose cap does not cover the entry is in a part of it")
	}
	b := h.load()
	if got := b.Spent(person(1)); got != limit-sigma6 {
		t.Errorf("left out and charged: %v", got)
	}
	if got := b.Spent(person(2)); got != sigma6+1 {
		t.Errorf("measured and charged %v", got)
	}
	if got := len(b.Frozen()[period("2025Q1")]); got != 2 {
		t.Errorf("%d members, want 2", got)
	}
	if _, err := h.entry("2025Q1", 2, nil, offer("heads", 1, sigma6/2, persons(1, 2))); err != nil {
		t.Fatal(err)
	}
	if got := h.load().Spent(person(2)); got != sigma6+1+sigma6/2 {
		t.Errorf("after a repeat %v: it is charged to the same persons again", got)
	}
}

// A series counts periods, not entries, and neither another level nor a new year begins again.
func TestASeriesCountsPeriods(t *testing.T) {
	h := newHome(t)
	yearly := offer("activity", 3, 1, persons(1))
	yearly.Level = "year"
	for _, p := range []string{"2021", "2022", "2022", "2023"} {
		if a := h.must(p, nil, yearly); len(a.Out(0)) != 0 {
			t.Errorf("left out of %s", p)
		}
	}
	renamed := yearly
	renamed.ID = "renamed"
	if a := h.must("2024", nil, renamed); len(a.Out(0)) != 1 {
		t.Error("a fourth year was measured, under another name")
	}
	if a := h.must("2023", nil, yearly); len(a.Out(0)) != 0 {
		t.Error("a second entry of the third year is refused")
	}
	if a := h.must("2024Q1", nil, offer("activity", 3, 1, persons(1))); len(a.Out(0)) != 0 {
		t.Error("years count against quarters")
	}
}

// Who was merged is a member of each cohort of a part once, with the earliest entry.
func TestMembershipAfterAMerge(t *testing.T) {
	h := newHome(t)
	h.must("2025Q1", persons(1, 2, 3), offer("heads", 1, 1, persons(1, 2, 3)))
	h.must("2025", persons(2, 4), offer("heads", 1, 1, persons(2, 4)))
	h.ok(h.register().Merge(h.stands(), "minors", person(1), person(2)))
	count := func(p string, n int) (found int) {
		for _, m := range h.load().Frozen()[period(p)] {
			if m.Person == person(n) {
				found++
			}
		}
		return found
	}
	for _, c := range []struct {
		period  string
		n, want int
	}{{"2025Q1", 1, 1}, {"2025Q1", 2, 0}, {"2025Q1", 3, 1}, {"2025", 1, 1}, {"2025", 2, 0}, {"2025", 4, 1}} {
		if got := count(c.period, c.n); got != c.want {
			t.Errorf("person %d is in %s %d times, want %d", c.n, c.period, got, c.want)
		}
	}
}

func (h home) three() home {
	h.must("2025Q1", persons(1, 2, 3), offer("heads", 1, sigma6, persons(1, 2, 3)), offer("active", 3, 1, persons(2, 9)))
	h.must("2025Q2", persons(4, 5), offer("heads", 1, sigma6, persons(4, 5)))
	h.ok(h.register().Merge(h.stands(), "minors", person(1), person(4)))
	h.must("2025", persons(1, 2), offer("year", 1, sigma6, persons(1, 2)))
	return h
}

func (h home) files() []string {
	h.t.Helper()
	names, err := list(filepath.Join(h.dir, "register"))
	h.ok(err)
	return names
}

// Nothing is there in clear, and everything can be read again.
func TestFilesAreSealed(t *testing.T) {
	h := newHome(t).three()
	if got := len(h.files()); got != 7 {
		t.Fatalf("%d files: %v", got, h.files())
	}
	for _, name := range h.files() {
		b, err := os.ReadFile(h.path(name))
		h.ok(err)
		for n := range 10 {
			id := person(n)
			for _, clear := range [][]byte{id[:], []byte(id.Hex())} {
				if bytes.Contains(b, clear) {
					t.Errorf("%s holds a pseudonym in clear", name)
				}
			}
		}
		for _, clear := range []string{"a-shelter", "heads", "minors", "{"} {
			if bytes.Contains(b, []byte(clear)) && len(clear) > 1 {
				t.Errorf("%s holds %q in clear", name, clear)
			}
		}
		if info, err := os.Stat(h.path(name)); err != nil || info.Mode().Perm() != 0o400 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	want := membersOf(persons(4, 5))
	if got := h.load().Members(period("2025Q2")); !slices.Equal(got, want) {
		t.Error("the members that come out are not those that went in")
	}
}

// A file cannot stand in for another one, even where nobody asks the ledger.
func TestTheNameIsAuthenticated(t *testing.T) {
	k := newHome(t).register().Key
	sealed, err := k.seal("minors-2025Q1.cohort", func(w io.Writer) error { return writeCohort(w, "minors", period("2025Q1"), nil) })
	if err != nil {
		t.Fatal(err)
	}
	read := func(r io.Reader) error { _, _, err := readCohort(r); return err }
	if err := k.open("minors-2025Q1.cohort", sealed, read); err != nil {
		t.Error(err)
	}
	if err := k.open("minors-2025Q2.cohort", sealed, read); err == nil {
		t.Error("one cohort can be read as another")
	}
}

// Every changed byte, missing file, file of another name and older register is refused.
func TestDamageIsRefused(t *testing.T) {
	h := newHome(t)
	h.must("2025Q1", persons(1, 2, 3), offer("heads", 1, sigma6, persons(1, 2, 3)))
	h.ok(h.register().Merge(h.stands(), "minors", person(1), person(2)))
	h.must("2025Q2", persons(4), offer("heads", 1, sigma6, persons(4)))
	older := t.TempDir()
	h.ok(os.CopyFS(older, os.DirFS(h.path(""))))
	h.ok(h.register().Merge(h.stands(), "minors", person(1), person(3)))
	h.must("2025Q3", persons(5), offer("heads", 1, sigma6, persons(5)))
	load := func() error { _, err := h.register().Load(h.stands(), "minors"); return err }
	h.ok(load())
	put := func(name string, b []byte) {
		os.Remove(h.path(name))
		if b != nil {
			h.ok(os.WriteFile(h.path(name), b, 0o400))
		}
	}
	for _, name := range h.files() {
		good, err := os.ReadFile(h.path(name))
		h.ok(err)
		for i := range good {
			if i%7 != 0 && i != len(good)-1 {
				continue
			}
			bad := bytes.Clone(good)
			bad[i] ^= 1
			put(name, bad)
			if problem.ExitCode(load()) != problem.Refused {
				t.Fatalf("%s: byte %d changed, and nobody noticed", name, i)
			}
		}
		put(name, good[:len(good)/2])
		wantRefusal(t, load(), name)
		put(name, nil)
		wantRefusal(t, load(), "missing")
		if old, err := os.ReadFile(filepath.Join(older, name)); err == nil && !bytes.Equal(old, good) {
			put(name, old)
			wantRefusal(t, load(), "does not know this links file")
		}
		put(name, good)
	}
	good, err := os.ReadFile(h.path("minors-2025Q1.cohort"))
	h.ok(err)
	put("minors-2025Q4.cohort", good)
	wantRefusal(t, load(), "does not know this cohort file")
	put("minors-2025Q4.cohort", nil)
	h.ok(os.RemoveAll(h.path("")))
	wantRefusal(t, load(), "missing")
	h.ok(os.Mkdir(h.path(""), 0o700))
	h.ok(os.CopyFS(h.path(""), os.DirFS(older)))
	wantRefusal(t, load(), "")
}

// What no entry names never happened: leftovers are dropped, whatever they hold.
func TestStagedLeftovers(t *testing.T) {
	h := newHome(t).three()
	before := h.load().Spent(person(1))
	g := h.register()
	_, err := g.StageCohort("minors", period("2026Q1"), membersOf(persons(1)))
	h.ok(err)
	_, err = g.StageCohort("minors", period("2025Q1"), membersOf(persons(7))) // over one that stands
	h.ok(err)
	_, err = g.StageExposure("minors", Entry{Period: period("2026Q1"), Due: 1, Attempt: 1}, []Offer{offer("heads", 1, limit, persons(1))}, Admission{make([][]ID, 1)}, nil)
	h.ok(err)
	h.ok(os.WriteFile(filepath.Join(g.Staged(), "minors.links"), []byte("rubbish"), 0o400))
	h.ok(g.Apply(h.stands()))
	if left, _ := os.ReadDir(g.Staged()); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
	if b := h.load(); b.Spent(person(1)) != before || b.Froze(period("2026Q1")) || len(b.Members(period("2025Q1"))) != 3 {
		t.Error("a leftover came into the register")
	}
}

// Neither a pseudonym nor a member nor who was left out can be printed.
func TestNothingCanBePrinted(t *testing.T) {
	a := Admission{[][]ID{persons(1, 2)}}
	held := struct {
		p ID
		m Member
		a Admission
		k *[]ID
	}{person(1), membersOf(persons(1))[0], a, nil}
	for _, v := range []any{person(1), membersOf(persons(1)), a, &a, held.m} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, "shelter") || strings.Contains(s, person(1).Hex()[:6]) || strings.ContainsAny(s, "0123456789") {
				t.Errorf("%T prints %q", v, s)
			}
		}
		if _, err := json.Marshal(v); err == nil && fmt.Sprintf("%T", v) != "register.Admission" && fmt.Sprintf("%T", v) != "*register.Admission" {
			t.Errorf("%T can be written as JSON", v)
		}
	}
}

func forgotten(n int, ids ...Identifier) Forgotten {
	return Forgotten{Population: "minors", Person: person(n), Identifiers: ids}
}

// Forgotten: gone from every file, the spend kept under the identifiers, everybody else as before, and the ledger goes on.
func TestForget(t *testing.T) {
	h := newHome(t).three()
	b := h.load()
	spent := b.Spent(person(1)) // with what was merged into it
	others := map[int]accountant.Mu2{}
	for _, n := range []int{2, 3, 5, 9} {
		others[n] = b.Spent(person(n))
	}
	token, key := Token("token-of-a-person-0123456789"), PersonKey("a-shelter", "key-1")
	before := h.stands()
	h.ok(h.forget(forgotten(1, token, key)))

	b = h.load()
	for _, n := range []int{1, 4} {
		if b.Spent(person(n)) != 0 {
			t.Errorf("person %d is still charged in the register", n)
		}
		for p, ms := range b.Frozen() {
			if slices.ContainsFunc(ms, func(m Member) bool { return m.Person == person(n) }) {
				t.Errorf("person %d is still in %v", n, p)
			}
		}
	}
	for n, want := range others {
		if got := b.Spent(person(n)); got != want {
			t.Errorf("person %d has %v, and had %v", n, got, want)
		}
	}
	stones, err := h.register().Tombstones(h.stands())
	h.ok(err)
	for _, id := range []Identifier{token, key} {
		if !stones.Suppressed(id) || stones.Spent(id) != spent {
			t.Errorf("%s: suppressed %v, spent %v, want %v", id.kind, stones.Suppressed(id), stones.Spent(id), spent)
		}
	}
	for _, id := range []Identifier{Token("key-1"), PersonKey("a-shelter", "key-2"), PersonKey("b-police", "key-1"), PersonKey("a", "shelter\x00key-1")} {
		if stones.Suppressed(id) {
			t.Errorf("%v was never forgotten", id)
		}
	}
	// Every commitment of a file that is there is another, so that the entry does not show where the person was.
	last := h.ledger().Entries()[len(h.ledger().Entries())-1]
	if last.Kind != ledger.KindErasure || len(last.Erasure.Replaced) != len(before) {
		t.Errorf("the erasure replaces %d of %d commitments", len(last.Erasure.Replaced), len(before))
	}
	for of, s := range h.stands() {
		if s.HMAC == before[of].HMAC {
			t.Errorf("%s is as it was", of)
		}
		if s.Entry != before[of].Entry {
			t.Errorf("%s stands since entry %d, before since %d", of, s.Entry, before[of].Entry)
		}
	}
	// In clear and decrypted: no pseudonym, token or key is anywhere.
	for _, name := range h.files() {
		sealed, err := os.ReadFile(h.path(name))
		h.ok(err)
		var plain []byte
		h.ok(h.register().Key.open(name, sealed, func(r io.Reader) (err error) { plain, err = io.ReadAll(r); return err }))
		one, four := person(1), person(4)
		for _, secret := range [][]byte{one[:], four[:], []byte(token.value), []byte(key.value)} {
			if bytes.Contains(plain, secret) || bytes.Contains(sealed, secret) {
				t.Errorf("%s holds a secret of the forgotten", name)
			}
		}
	}
	// Somebody who is in no cohort, only in an exposure by an activity.
	h.ok(h.forget(forgotten(9)))
	if got := h.load().Spent(person(9)); got != 0 {
		t.Errorf("person 9 is still charged %v", got)
	}
	h.must("2026Q1", persons(6), offer("heads", 1, sigma6, persons(6)))
	// The same token once more: two totals, and their losses add.
	h.ok(h.forget(forgotten(2, token)))
	stones, err = h.register().Tombstones(h.stands())
	h.ok(err)
	if got, want := stones.Spent(token).Mu(), spent.Mu()+others[2].Mu(); math.Abs(got-want) > 1e-5 || got < want-1e-6 {
		t.Errorf("two under one token: mu %v, want %v", got, want)
	}
}

func TestSumOfTotals(t *testing.T) {
	if got, want := Sum(sigma6, sigma6), 4*sigma6; got != want {
		t.Errorf("%v, want %v", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := accountant.Mu2(rapid.Int64Range(0, 1e15).Draw(t, "a")), accountant.Mu2(rapid.Int64Range(0, 1e15).Draw(t, "b"))
		exact := math.Pow(math.Sqrt(float64(a))+math.Sqrt(float64(b)), 2)
		if got := float64(Sum(a, b)); got < exact*(1-1e-14)-1e-3 || got > exact*(1+1e-14)+2 {
			t.Fatalf("%v + %v: %v, want %v", a, b, got, exact)
		}
	})
	if Sum(math.MaxInt64, math.MaxInt64) != math.MaxInt64 {
		t.Error("what cannot be counted is not everything")
	}
}

// A part that is forgotten takes nothing from the other part.
func TestForgettingOneOfTwoParts(t *testing.T) {
	for _, goesOn := range []bool{true, false} {
		h := newHome(t)
		h.must("2025Q1", persons(1, 2), offer("heads", 1, sigma6, persons(1, 2)))
		parts := []ID{person(7), person(8)}
		if goesOn {
			parts = []ID{person(1), person(8)}
		}
		h.ok(h.register().Split(h.stands(), "minors", person(1), h.ledger().Position().Entries, parts...))
		h.ok(h.forget(Forgotten{Population: "minors", Person: parts[0], Identifiers: []Identifier{Token("t")}}))
		b := h.load()
		if got := b.Spent(person(8)); got != sigma6 {
			t.Errorf("the other part has %v, want %v", got, sigma6)
		}
		if b.Spent(parts[0]) != 0 || b.Spent(person(1)) != 0 {
			t.Error("the forgotten part is still there")
		}
		if ms := b.Frozen()[period("2025Q1")]; len(ms) != 2 || !slices.ContainsFunc(ms, func(m Member) bool { return m.Person == person(8) }) {
			t.Errorf("%d members, want the other part and person 2", len(ms))
		}
		if goesOn { // the other way round: the whole that went on keeps its record
			o := newHome(t)
			o.must("2025Q1", persons(1, 2), offer("heads", 1, sigma6, persons(1, 2)))
			o.ok(o.register().Split(o.stands(), "minors", person(1), o.ledger().Position().Entries, parts...))
			o.ok(o.forget(forgotten(8)))
			if got := o.load().Spent(person(1)); got != sigma6 || o.load().Spent(person(8)) != 0 {
				t.Errorf("after its part was forgotten the whole has %v", got)
			}
		}
		h.ok(h.forget(forgotten(8)))
		if ms := h.load().Frozen()[period("2025Q1")]; len(ms) != 1 || ms[0].Person != person(2) {
			t.Errorf("%d members, want person 2", len(ms))
		}
	}
}

// Before the first release nothing stands: the tombstones are there without an entry, and the first release commits to them.
func TestForgetBeforeTheFirstRelease(t *testing.T) {
	h := newHome(t)
	h.ok(h.forget(forgotten(1, Token("t"))))
	if got := h.ledger().Position().Entries; got != 1 {
		t.Errorf("%d entries", got)
	}
	suppressed := func() bool {
		s, err := h.register().Tombstones(h.stands())
		h.ok(err)
		return s.Suppressed(Token("t"))
	}
	if !suppressed() {
		t.Error("not suppressed before a release")
	}
	h.must("2025Q1", persons(2), offer("heads", 1, 1, persons(2)))
	if !suppressed() {
		t.Error("not suppressed after a release")
	}
	h.ok(os.Remove(h.path(tombstoneFile)))
	_, err := h.register().Tombstones(h.stands())
	wantRefusal(t, err, "missing")
}

// A power cut at every step of an erasure: afterwards it has happened or it has not, and done again it has.
func TestThePowerMayGoWhileForgetting(t *testing.T) {
	t.Parallel()
	whole := newHome(t)
	whole.must("2025Q1", persons(1, 2), offer("heads", 1, sigma6, persons(1, 2)))
	whole.ok(whole.register().Merge(whole.stands(), "minors", person(1), person(4)))
	spent := whole.load().Spent(person(1))
	for n := 0; ; n++ {
		h := whole.at(t.TempDir())
		h.ok(os.CopyFS(h.dir, os.DirFS(whole.dir)))
		disk, err := durabletest.NewCrash(h.dir)
		h.ok(err)
		disk.StopAt(n)
		err = h.on(disk).forget(forgotten(1, Token("t")))
		if !disk.Crashed() {
			if err != nil || n < 30 {
				t.Errorf("%d operations: %v", n, err)
			}
			break
		}
		outcomes := []durabletest.Outcome{durabletest.NothingMore, durabletest.NamesOnly, durabletest.Everything}
		if testing.Short() {
			outcomes = outcomes[n%3 : n%3+1]
		}
		for _, o := range outcomes {
			after := h.at(t.TempDir())
			h.ok(disk.Clone(after.dir, o))
			h.ok(after.register().Apply(after.stands()))
			stones, err := after.register().Tombstones(after.stands())
			h.ok(err)
			gone := stones.Suppressed(Token("t"))
			b := after.load()
			if gone != (b.Spent(person(1)) == 0) || gone && stones.Spent(Token("t")) != spent || !gone && b.Spent(person(1)) != spent {
				t.Fatalf("power cut after operation %d, %s: suppressed %v, spent %v, under the tombstone %v", n, o, gone, b.Spent(person(1)), stones.Spent(Token("t")))
			}
			if !gone {
				h.ok(after.forget(forgotten(1, Token("t"))))
				stones, err = after.register().Tombstones(after.stands())
				h.ok(err)
			}
			if stones.Spent(Token("t")) != spent || after.load().Spent(person(1)) != 0 {
				t.Fatalf("power cut after operation %d, %s: the second try did not end it", n, o)
			}
			if left, _ := os.ReadDir(after.register().Staged()); len(left) != 0 {
				t.Fatalf("power cut after operation %d, %s: %v is left", n, o, left)
			}
		}
	}
}

// Every step of a merge may fail: it has happened or it has not.
func TestEveryStepOfAMergeMayFail(t *testing.T) {
	for _, fault := range []func(int) *durabletest.Fault{durabletest.FailAt, durabletest.DoneAt} {
		for n := 1; ; n++ {
			h := newHome(t)
			h.must("2025Q1", persons(1, 2), offer("heads", 1, sigma6, persons(1, 2)))
			disk := fault(n)
			err := h.on(disk).register().Merge(h.stands(), "minors", person(1), person(2))
			if !disk.Fired() {
				h.ok(err)
				break
			}
			h.ok(h.register().Apply(h.stands()))
			if got := h.load().Spent(person(1)); got != sigma6 && got != 4*sigma6 {
				t.Errorf("operation %d: spent %v", n, got)
			}
			h.ok(h.register().Merge(h.stands(), "minors", person(1), person(2)))
			if got := h.load().Spent(person(1)); got != 4*sigma6 {
				t.Errorf("operation %d, again: spent %v", n, got)
			}
		}
	}
}

// Whoever comes again under another key is known by a token; the key is buried with the loss, and what is read for a night
// says the same as what is read for a release.
func TestBury(t *testing.T) {
	h := newHome(t).three()
	spent := h.load().Spent(person(1))
	token, key, other, stranger := Token("token-of-a-person-0123456789"), PersonKey("a-shelter", "key-1"), PersonKey("b-police", "key-7"), PersonKey("b-police", "key-8")
	if none, err := h.register().Buried(h.stands()); err != nil || !none.None() {
		t.Fatalf("nobody was forgotten: %v", err)
	}
	h.ok(h.forget(forgotten(1, token, key)))
	h.ok(h.register().Bury(h.stands(), Again{other, token}, Again{stranger, Token("of-nobody-who-was-forgotten")}))
	for what, read := range map[string]func(Standing) (Tombstones, error){"all": h.register().Tombstones, "alone": h.register().Buried} {
		stones, err := read(h.stands())
		h.ok(err)
		if !stones.Suppressed(other) || stones.Spent(other) != spent || stones.Spent(token) != spent {
			t.Errorf("%s: the new key has %v of %v", what, stones.Spent(other), spent)
		}
		if stones.Suppressed(stranger) || stones.None() {
			t.Errorf("%s: a stranger was buried", what)
		}
	}
	h.ok(os.Remove(h.path(tombstoneFile)))
	if _, err := h.register().Buried(h.stands()); problem.ExitCode(err) != problem.Refused {
		t.Errorf("the file is gone, and a night would load everybody: %v", err)
	}
}
