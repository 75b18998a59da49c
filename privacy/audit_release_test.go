package privacy

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
	"heatwatch/privacy/mechanism"
	"heatwatch/privacy/register"
)

// The audit of whole releases: what can be seen of two homes whose lakes differ in one person, and the noise in release
// files. See privacy/audit.

// listening is a lake that notes the statements it is asked to run.
type listening struct {
	Engine
	heard []string
}

var frozenRows = regexp.MustCompile(`(?s)^INSERT INTO frozen VALUES .*`)

func (l *listening) QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	said := q
	if frozenRows.MatchString(q) { // the register's own members, which stay in the session
		said = "INSERT INTO frozen"
	}
	l.heard = append(l.heard, said)
	return l.Engine.QueryContext(ctx, q, args...)
}

var (
	randomHex = regexp.MustCompile(`[0-9a-f]{32,}`)
	publicKey = regexp.MustCompile(`heatwatch/[^"]*`)
	// of a signed head
	noteSignature = regexp.MustCompile(`— .*`)
)

// traces is everything that a home shows outside after it released two quarters and a year: names of files, ledger
// entries and release files without what is random, and what the operator was told.
func (h home) traces(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, period := range []string{"2025Q1", "2025Q2", "2025"} {
		r := h.releaser(t, unsynced{durable.OS()}, "2027-06-01")
		r.Notice = func(text string) { all = append(all, "notice "+text) }
		files, err := r.Release(context.Background(), parse(t, period))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			for _, m := range f.Measurements {
				for i := range m.Cells {
					m.Cells[i].Raw, m.Cells[i].Estimate, m.Cells[i].Presented = 0, 0, 0
				}
			}
			all = append(all, anonymous(string(f.encode())))
		}
	}
	for name, content := range h.tree(t) {
		all = append(all, "file "+name)
		if strings.HasPrefix(name, "ledger/") {
			all = append(all, anonymous(content))
		}
	}
	slices.Sort(all)
	return all
}

// anonymous takes out what is random: the home's id and key, hashes, signatures.
func anonymous(text string) string {
	for _, r := range []*regexp.Regexp{noteSignature, publicKey, randomHex} {
		text = r.ReplaceAllString(text, "#")
	}
	return text
}

// parting shows where two texts part.
func parting(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	near := func(s string) string { return s[max(0, i-40):min(len(s), i+80)] }
	return fmt.Sprintf("%q and %q", near(a), near(b))
}

// TestOtherRecordsLeaveTheSameTraces: nothing outside the house but the noisy numbers depends on whether a person is in the lake.
func TestOtherRecordsLeaveTheSameTraces(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(l *lake){
		"nobody":             func(*lake) {},
		"one more":           func(l *lake) { l.engage(t, 77, 2, "2025-02-10", "yes") },
		"one more, far away": func(l *lake) { l.engage(t, 77, 3, "9998-02-10", "yes") },
		"one who comes often": func(l *lake) {
			l.exec(t, "INSERT INTO engagements SELECT 1, 1 + range % 3, TIMESTAMP '1995-01-01' + to_days(range::INTEGER * 20), 'no' FROM range(600)")
		},
		"one less": func(l *lake) {
			l.exec(t, "DELETE FROM people WHERE person = 7; DELETE FROM engagements WHERE person = 7")
		},
		"one without an answer": func(l *lake) { l.exec(t, "UPDATE engagements SET band = NULL, agency = 99 WHERE person = 7") },
		"nobody at all":         func(l *lake) { l.exec(t, "DELETE FROM people; DELETE FROM engagements") },
	} {
		base, other := newLake(t), newLake(t)
		base.county40(t)
		other.county40(t)
		change(other)
		want, got := newHome(t, base).traces(t), newHome(t, other).traces(t)
		if len(want) < 15 {
			t.Fatalf("only %d traces", len(want))
		}
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Errorf("%s: traces differ: %s", name, parting(got[min(i, len(got)-1)], want[i]))
				break
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d traces, %d without the change", name, len(got), len(want))
		}
	}
}

// TestTheSameStatementsRunWhateverTheRecords: with frozen cohorts in the register too.
func TestTheSameStatementsRunWhateverTheRecords(t *testing.T) {
	t.Parallel()
	heard := func(change string) []string {
		l := newLake(t)
		l.county40(t)
		l.exec(t, change)
		h := newHome(t, l)
		ear := &listening{Engine: l}
		for _, period := range []string{"2025Q1", "2025Q2", "2025"} {
			r := h.releaser(t, unsynced{durable.OS()}, "2027-06-01")
			open := r.Open
			r.Open = func(ctx context.Context) (Warehouse, error) {
				w, err := open(ctx)
				w.Engine = ear
				return w, err
			}
			if _, err := r.Release(context.Background(), parse(t, period)); err != nil {
				t.Fatal(err)
			}
		}
		return ear.heard
	}
	want := heard("SELECT 1")
	if len(want) < 40 {
		t.Fatalf("only %d statements", len(want))
	}
	for _, change := range []string{"DELETE FROM people WHERE person = 1; DELETE FROM engagements WHERE person = 1", "UPDATE engagements SET engaged_at = TIMESTAMP '9000-01-01' WHERE person = 3"} {
		got := heard(change)
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Errorf("%s: statement %d of %d (%d before) is %.200q, before %.200q", change, i, len(got), len(want), got[min(i, len(got)-1)], want[i])
				break
			}
		}
	}
}

// TestCommitmentsAreKeyed: what the ledger says of protected content is another word in each home, though the content is the same.
func TestCommitmentsAreKeyed(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	said := map[string]int{}
	entries := 0
	for range 2 {
		h := newHome(t, l)
		h.must(t, "2025Q1", "2025-06-01")
		for _, e := range h.releaser(t, durable.OS(), "2025-06-01").Ledger.Entries() {
			for _, c := range e.Commitments {
				entries++
				said[c.HMAC]++
			}
		}
	}
	if entries < 4 {
		t.Errorf("only %d commitments", entries)
	}
	for c, n := range said {
		if n != 1 {
			t.Errorf("two homes make the commitment %s to the same content: who knows the content can tell", c)
		}
	}
}

// unsynced spares the disk where a test writes thousands of files whose durability is not its subject.
type unsynced struct{ durable.FS }

type (
	unsyncedFile struct{ durable.File }
	unsyncedDir  struct{ durable.Dir }
)

func (unsyncedFile) Sync() error { return nil }
func (unsyncedDir) Sync() error  { return nil }

func (u unsynced) OpenFile(name string, flag int, perm os.FileMode) (durable.File, error) {
	f, err := u.FS.OpenFile(name, flag, perm)
	return unsyncedFile{f}, err
}

func (u unsynced) OpenDir(name string) (durable.Dir, error) {
	d, err := u.FS.OpenDir(name)
	return unsyncedDir{d}, err
}

// TestDrawsOfAReleaseAreThoseBooked writes thousands of release files of one entry and looks at the noise in them: of the sd that the
// entry would book, and independent from cell to cell.
func TestDrawsOfAReleaseAreThoseBooked(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	h := newHome(t, l)
	period := parse(t, "2025")
	due := h.p.Due(period)[0]
	if err := os.Remove(h.must(t, "2025", due.String())[0].Path()); err != nil {
		t.Fatal(err)
	}
	r := h.releaser(t, unsynced{durable.OS()}, due.String())
	const runs = 4000
	noise := make([][]float64, 3)
	var sd float64
	for range runs {
		draws, err := r.prepare(h.p.DueOn(period, due), 1)
		if err != nil {
			t.Fatal(err)
		}
		for i := range draws {
			draws[i].sums = sumsOf([]int64{100, 2000, -7})
		}
		if err := os.WriteFile(attemptPath(r.Releases, period, due), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := r.record(entry{period: period, due: due}, 2, draws); err != nil {
			t.Fatal(err)
		}
		path := releasePath(r.Releases, period, 2)
		f, err := readRelease(path)
		if err != nil || len(f.Measurements) != 1 || len(f.Measurements[0].Cells) != 3 {
			t.Fatalf("%v, %+v", err, f)
		}
		sd = f.Measurements[0].Sd
		for i, c := range f.Measurements[0].Cells {
			noise[i] = append(noise[i], float64(c.Raw-[]int64{100, 2000, -7}[i]))
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	const alarm = 5.0
	want := mechanism.VarRounded(sd)
	var squares float64
	for i := range noise {
		var mean float64
		for _, x := range noise[i] {
			mean += x / runs
			squares += x * x
		}
		if math.Abs(mean) > alarm*sd/math.Sqrt(runs) {
			t.Errorf("cell %d: the noise has mean %v", i, mean)
		}
		for j := range i {
			var products float64
			for k := range runs {
				products += noise[i][k] * noise[j][k] / want / runs
			}
			if math.Abs(products) > alarm/math.Sqrt(runs) {
				t.Errorf("cells %d and %d: the noise has correlation %.3f", i, j, products)
			}
		}
	}
	n := float64(runs * len(noise))
	if d := squares/n/want - 1; math.Abs(d) > alarm*math.Sqrt(2/n) {
		t.Errorf("the variance of the noise is off by %.3f of that of the sd in the file", d)
	}
	booked := r.Ledger.Entries()[1].Release.Items[0].Sd
	if it, _ := h.p.Item("kinds"); sd != booked || sd < it.Sigma*float64(it.Linf) {
		t.Errorf("sd %v in the file, %v in the ledger, the plan asks for %v", sd, booked, it.Sigma)
	}
}

// TestARenamedItemIsTheSame: identity is vector, definition, breakdown and cells, never the name or the noise.
func TestARenamedItemIsTheSame(t *testing.T) {
	h := newHome(t, newLake(t))
	r := h.releaser(t, durable.OS(), "2027-06-01")
	identity := func(change func(d *draw)) string {
		it, _ := h.p.Item("kinds")
		cells, err := h.s.cells(it)
		if err != nil {
			t.Fatal(err)
		}
		d := draw{item: it, cells: cells}
		change(&d)
		return r.identity(d)
	}
	want := identity(func(*draw) {})
	for name, change := range map[string]func(d *draw){
		"another name": func(d *draw) { d.item.ID = "new" }, "more noise": func(d *draw) { d.item.Sigma *= 2 },
	} {
		if identity(change) != want {
			t.Errorf("%s makes it another item: it could be measured again", name)
		}
	}
	for name, change := range map[string]func(d *draw){
		"another vector": func(d *draw) { d.item.Vector = "m.yes" }, "another breakdown": func(d *draw) { d.item.By = "" },
		"another cell": func(d *draw) { d.cells = d.cells[:2] },
	} {
		if identity(change) == want {
			t.Errorf("%s leaves it the same item", name)
		}
	}
	for _, it := range h.p.Items { // what a person's participations are counted in
		renamed := it
		renamed.ID, renamed.Sigma = "new", it.Sigma*2
		if series(renamed) != series(it) {
			t.Errorf("%s under another name begins to count again: %s is %s", it.ID, series(it), series(renamed))
		}
		renamed.Vector += "x"
		if series(renamed) == series(it) {
			t.Errorf("%s and another vector are counted as one", it.ID)
		}
	}
}

// TestStatementsAreOfOnePopulation: each by its own losses, each epsilon at the home's whole delta.
func TestStatementsAreOfOnePopulation(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"ledger", "keys"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	limit, err := accountant.CapFor(4, 1e-6)
	if err != nil {
		t.Fatal(err)
	}
	plan := ledger.Plan{Name: "p", Version: 1, Hash: ledger.CellsHash("p")}
	terms := ledger.Terms{Mode: ledger.Real, Timezone: "UTC", Delta: 1e-6, Plan: plan, Populations: []ledger.Population{
		{Name: "accused", Unit: "linked accused person", Lifetime: true, CapMu2: limit, CapEpsilon: 4}, {Name: "minors", Unit: "linked person", Lifetime: true, CapMu2: limit, CapEpsilon: 4}}}
	l, err := ledger.Create(durable.OS(), filepath.Join(dir, "ledger"), filepath.Join(dir, "keys"), rand.Reader, "2025-01-01", terms)
	if err != nil {
		t.Fatal(err)
	}
	sds := map[string]float64{"accused": 9, "minors": 5}
	for _, period := range []string{"2025Q1", "2025Q2"} {
		var items []ledger.Item
		for _, population := range []string{"accused", "minors"} {
			it := ledger.Item{ID: "heads", Population: population, Period: period, Series: "heads", Participations: 2, Cells: ledger.CellsHash(population), Draws: 3, L0: 1, Linf: 1, Sd: sds[population]}
			if it.Mu2, err = it.Cost(); err != nil {
				t.Fatal(err)
			}
			items = append(items, it)
		}
		losses, err := l.Losses(items)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(context.Background(), ledger.Entry{Kind: ledger.KindRelease, Date: "2026-01-01", Release: &ledger.Release{Period: period, Due: "2025-12-31", Plan: plan.Ref(), Attempt: 1, Items: items, Losses: losses}}); err != nil {
			t.Fatal(err)
		}
	}
	for population, sd := range sds {
		got, err := Statements(l, population, []int{2, 3})
		if err != nil || len(got) != 2 {
			t.Fatalf("%s: %d statements, want one of each entry: %v", population, len(got), err)
		}
		for i, st := range got {
			for what, pair := range map[string][2]float64{"release": {st.MuRelease, 1 / sd}, "lifetime": {st.MuLifetime, math.Sqrt(float64(i+1)) / sd}} {
				if math.Abs(pair[0]-pair[1]) > 1e-6 {
					t.Errorf("%s, entry %d: mu of the %s is %v, want %v", population, st.Entry, what, pair[0], pair[1])
				}
			}
			for what, pair := range map[string][2]float64{"release": {st.MuRelease, st.EpsilonRelease}, "lifetime": {st.MuLifetime, st.EpsilonLifetime}} {
				want, err := accountant.Epsilon(pair[0], 1e-6)
				if err != nil || math.Abs(want-pair[1]) > 1e-9 {
					t.Errorf("%s, entry %d: epsilon of the %s is %v, that of mu %v at delta 1e-6 is %v", population, st.Entry, what, pair[1], pair[0], want)
				}
			}
		}
	}
}

// TestALakeThatLostMembersIsRefused: persons of a frozen cohort who come back under other pseudonyms would be measured again.
func TestALakeThatLostMembersIsRefused(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	h.must(t, "2025Q1", "2025-06-01")
	before := h.tree(t)
	l.exec(t, "UPDATE people SET pseudonym = unhex('00112233445566778899aabbccddeeff') WHERE person = 5")
	_, err := h.release(t, "2025Q2", "2025-12-01")
	wantExit(t, err, problem.Refused, "not in the lake any more")
	if !mapsEqual(before, h.tree(t)) {
		t.Error("the refusal changed the home")
	}
}

// TestWhatIsNullIsDecidedByThePlan: the same figures are withheld of three persons as of four hundred.
func TestWhatIsNullIsDecidedByThePlan(t *testing.T) {
	withheld := func(persons int) string {
		l := newLake(t)
		for p := 1; p <= persons; p++ {
			l.engage(t, p, 1+p%3, fmt.Sprintf("2025-0%d-11", 1+p%3), []string{"yes", "no"}[p%2])
		}
		h := newHome(t, l)
		h.p.Limits.Share = 0.2
		files := h.must(t, "2025Q1", "2027-06-01")
		figures, err := h.p.Figures(h.s, files, "m", nil)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, f := range figures {
			all = append(all, fmt.Sprint(f.Statistic(), f.Period(), f.ByText(), f.Note() == noteSwamps))
		}
		return strings.Join(all, "\n")
	}
	few, many := withheld(3), withheld(400)
	if few != many || !strings.Contains(many, "false") {
		t.Errorf("of three persons\n%s\nof four hundred\n%s", few, many)
	}
}

// What the register holds of a person is written, whether or not the person counts anywhere.
func TestMembersAreAllWhoEntered(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	h.must(t, "2025Q1", "2025-06-01")
	if got := h.frozen(t)["2025Q1"]; len(got) != 40 {
		t.Errorf("%d members, want all 40 who entered", len(got))
	}
}

// exactly returns the exact sums of an item as a release of its due date would draw on them, at a cap.
func (h home) exactly(t *testing.T, period, item string, limit accountant.Mu2, foreign ...ledger.Item) string {
	t.Helper()
	r := h.releaser(t, durable.OS(), "2027-12-31")
	stands, err := r.recover()
	if err != nil {
		t.Fatal(err)
	}
	g, err := r.register()
	if err != nil {
		t.Fatal(err)
	}
	it, _ := h.p.Item(item)
	due := DueDate(parse(t, period), it.Due)
	draws, err := r.prepare(r.Plan.DueOn(parse(t, period), due), 1)
	if err != nil {
		t.Fatal(err)
	}
	items, err := r.items(parse(t, period), draws)
	if err != nil {
		t.Fatal(err)
	}
	house, _ := r.Open(context.Background())
	en := entry{period: parse(t, period), due: due, foreign: foreign}
	if _, err := r.sum(context.Background(), house, g, stands, "minors", en, limit, draws, items); err != nil {
		t.Fatal(err)
	}
	for _, d := range draws {
		if d.item.ID == item {
			return fmt.Sprint(d.sums.cells())
		}
	}
	return ""
}

// TestWhoIsOverTheCapIsInNoSum: the register's word counts where sums are made.
func TestWhoIsOverTheCapIsInNoSum(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	if got := h.exactly(t, "2025", "kinds", accountant.Unit); got != "[0 17 33]" {
		t.Fatalf("kinds %s", got)
	}
	if got := h.exactly(t, "2025", "kinds", 1); got != "[0 0 0]" {
		t.Errorf("kinds %s at a cap that nobody is below", got)
	}
	// Two of those who entered in the first quarter turn out to be one: the lake still has both.
	h.must(t, "2025Q1", "2025-06-01")
	r := h.releaser(t, durable.OS(), "2025-06-01")
	stands, err := r.recover()
	if err != nil {
		t.Fatal(err)
	}
	g, err := r.register()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Merge(stands, "minors", register.ID(pseudonym(3)), register.ID(pseudonym(6))); err != nil {
		t.Fatal(err)
	}
	if got := h.exactly(t, "2025", "kinds", accountant.Unit); got != "[0 17 32]" {
		t.Errorf("kinds %s: who was merged into another is measured on", got)
	}
}

// TestAnotherCopyIsCharged: what an import says was measured elsewhere counts as spent by everybody who was eligible.
func TestAnotherCopyIsCharged(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	it, _ := h.p.Item("heads")
	other := ledger.Item{ID: "heads", Population: "minors", Period: "2025Q1", Series: series(it), Participations: 1, Mu2: accountant.Unit / 2}
	if got := h.exactly(t, "2025", "kinds", accountant.Unit/2, other); got != "[0 3 7]" {
		t.Errorf("kinds %s, want the ten who did not enter in the quarter that another copy measured", got)
	}
	other.Population = "accused"
	if got := h.exactly(t, "2025", "kinds", accountant.Unit/2, other); got != "[0 17 33]" {
		t.Errorf("kinds %s: minors were charged for another population", got)
	}
}

// TestEntriesDoNotShowThatSomebodyWasMerged: an entry commits to the same things, in the same order, with and without.
func TestEntriesDoNotShowThatSomebodyWasMerged(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	names := func(merge bool) string {
		h := newHome(t, l)
		h.must(t, "2025Q1", "2025-06-01")
		r := h.releaser(t, durable.OS(), "2025-06-01")
		if merge {
			g, err := r.register()
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Merge(register.Stands(r.Ledger.Entries()), "minors", register.ID(pseudonym(3)), register.ID(pseudonym(6))); err != nil {
				t.Fatal(err)
			}
		}
		h.must(t, "2025Q2", "2025-12-01")
		var all []string
		for _, e := range h.releaser(t, durable.OS(), "2025-12-01").Ledger.Entries() {
			for _, c := range e.Commitments {
				all = append(all, c.Of)
			}
		}
		return strings.Join(all, ", ")
	}
	with, without := names(true), names(false)
	if with != without || strings.Count(with, ",") < 5 {
		t.Errorf("after a merge entries commit to %s; without one to %s", with, without)
	}
}
