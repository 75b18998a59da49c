package privacy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
	"heatwatch/models"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
	"heatwatch/privacy/register"
)

// idOf is the pseudonym of a person of the test lake.
func idOf(person int) register.ID {
	id, err := register.ParseID(pseudonym(person))
	if err != nil {
		panic(err)
	}
	return id
}

// book opens the register as the next release would.
func (h home) book(t testing.TB) (register.Register, register.Standing, *register.Book) {
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
	b, err := g.Load(stands, "minors")
	if err != nil {
		t.Fatal(err)
	}
	return g, stands, b
}

// merge makes persons one, in the register and in the lake.
func (h home) merge(t testing.TB, survivor int, parts ...int) {
	t.Helper()
	g, stands, _ := h.book(t)
	var ids []register.ID
	for _, p := range parts {
		ids = append(ids, idOf(p))
		h.lake.exec(t, "UPDATE engagements SET person = ? WHERE person = ?", survivor, p)
		h.lake.exec(t, "DELETE FROM people WHERE person = ?", p)
	}
	if err := g.Merge(stands, "minors", idOf(survivor), ids...); err != nil {
		t.Fatal(err)
	}
}

// exact are the sums that a release of a due date would draw noise for.
func (h home) exact(t testing.TB, period, due string) map[string]string {
	t.Helper()
	r := h.releaser(t, durable.OS(), "2027-12-31")
	g, stands, _ := h.book(t)
	d, _ := models.ParseDate(due)
	draws, err := r.prepare(r.Plan.DueOn(parse(t, period), d), 1)
	if err != nil {
		t.Fatal(err)
	}
	items, err := r.items(parse(t, period), draws)
	if err != nil {
		t.Fatal(err)
	}
	limits, err := r.limits()
	if err != nil {
		t.Fatal(err)
	}
	house, _ := r.Open(context.Background())
	en := entry{period: parse(t, period), due: d, foreign: r.foreign(stands)}
	if _, err := r.sum(context.Background(), house, g, stands, "minors", en, limits["minors"], draws, items); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, d := range draws {
		all[d.item.ID] = fmt.Sprint(d.sums.cells())
	}
	return all
}

// A person whose cap does not cover an entry changes nothing of it: the sums are those of a lake without the person,
// and nothing outside the register shows that somebody was left out.
func TestAPersonAtTheCapIsLeftOutSilently(t *testing.T) {
	with, without := newLake(t), newLake(t)
	with.county40(t)
	without.county40(t)
	h, none := newHome(t, with), newHome(t, without)
	h.must(t, "2025Q1", "2025-06-01")
	none.must(t, "2025Q1", "2025-06-01")
	// Six files of one child: in the quarter it was six persons, so its mu is six times the quarter's.
	h.merge(t, 1, 2, 3, 4, 5, 6)
	if _, _, b := h.book(t); b.Spent(idOf(1)).Mu() < 6*b.Spent(idOf(7)).Mu()-1e-6 || b.Spent(idOf(1)) < 702_000_000_000 {
		t.Fatalf("six persons that are one have mu %v", b.Spent(idOf(1)).Mu())
	}
	// The other lake never knew of the child.
	for p := 1; p <= 6; p++ {
		without.exec(t, "UPDATE people SET measured = false WHERE person = ?", p)
	}
	for due, items := range map[string][]string{"2026-04-14": {"kinds"}, "2027-01-14": {"late"}} {
		got, want := h.exact(t, "2025", due), none.exact(t, "2025", due)
		for _, it := range items {
			if got[it] != want[it] {
				t.Errorf("%s is %s, and %s without the person at the cap", it, got[it], want[it])
			}
		}
	}
	var said []string
	r := h.releaser(t, durable.OS(), "2026-05-01")
	r.Notice = func(s string) { said = append(said, s) }
	files, err := r.Release(context.Background(), parse(t, "2025"))
	if err != nil {
		t.Fatal(err)
	}
	theirs := none.must(t, "2025", "2026-05-01")
	if len(said) != 0 {
		t.Errorf("it says %q", said)
	}
	if got := h.frozen(t)["2025"]; !slices.Contains(got, fmt.Sprintf("%x", pseudonym(1))) {
		t.Error("who was left out is no member of the frozen cohort")
	}
	a, b := files[0].Measurements[0], theirs[0].Measurements[0]
	if a.Sd != b.Sd || a.Mu2 != b.Mu2 || len(a.Cells) != len(b.Cells) {
		t.Error("the release shows that somebody was left out")
	}
	names := func(h home) (all []string) {
		for n := range h.tree(t) {
			if !strings.HasSuffix(n, ".links") { // inside the register
				all = append(all, n)
			}
		}
		slices.Sort(all)
		return all
	}
	if !slices.Equal(names(h), names(none)) {
		t.Errorf("files %v, and %v in the other home", names(h), names(none))
	}
	public := func(h home) string {
		e := h.releaser(t, durable.OS(), "2026-05-01").Ledger.Entries()[2]
		e.Home, e.Prev, e.Signature = "", "", ""
		for i := range e.Commitments {
			e.Commitments[i].HMAC = ""
		}
		return string(e.Bytes())
	}
	if public(h) != public(none) {
		t.Errorf("the ledger's entries differ:\n%s\n%s", public(h), public(none))
	}
}

// Spending follows the plan: everybody who is eligible pays the full price, whether or not the person falls into a cell.
func TestSpendingFollowsThePlan(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	v := h.s.Vectors["m.yes"]
	v.SQL = "SELECT person, 'd' AS cell, value FROM m WHERE person % 2 = 0" // half of them answer nothing
	h.s.Vectors["m.yes"] = v
	h.must(t, "2025Q1", "2025-06-01")
	_, _, b := h.book(t)
	want := accountant.Mu2(0)
	for _, it := range h.releaser(t, durable.OS(), "2025-06-01").Ledger.Entries()[1].Release.Items {
		want += it.Mu2
	}
	for p := 1; p <= 40; p++ {
		if got := b.Spent(idOf(p)); got != want {
			t.Errorf("person %d has spent %v, want %v", p, got, want)
		}
	}
	if got := len(h.frozen(t)["2025Q1"]); got != 40 {
		t.Errorf("%d members, want those who contribute nothing too", got)
	}
	if b.Spent(idOf(45)) != 0 {
		t.Error("somebody of another quarter has paid")
	}
	// A lost attempt and its repeat are both paid, by the same persons.
	f := h.must(t, "2025Q1", "2025-06-01")[0]
	if err := os.Remove(f.Path()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(attemptPath(filepath.Join(h.dir, "releases"), f.Period, f.Due), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.engage(t, 99, 1, "2025-02-02", "yes") // known since
	h.must(t, "2025Q1", "2025-06-01")
	_, _, b = h.book(t)
	for _, it := range h.releaser(t, durable.OS(), "2025-06-01").Ledger.Entries()[2].Release.Items {
		want += it.Mu2
	}
	if got := b.Spent(idOf(1)); got != want || b.Spent(idOf(99)) != 0 {
		t.Errorf("after the repeat %v and %v, want %v and 0", got, b.Spent(idOf(99)), want)
	}
}

// activePlan measures an activity each year, in a person's first two years of it.
const activePlan = `schema: 1
plan: active
version: 1
design: {persons_a_year: 300, epsilon: 4}
limits: {share: 9, mean: 9, count: 9}
populations:
  - {name: minors, unit: linked person, mu: 0.8378, reserve: 0.2, lifetime: true}
items:
  - {id: heads, vector: m.heads, levels: [year], due: 104, sigma: 6, publishes: [persons]}
  - {id: visits, vector: m.visits, levels: [year], due: 104, participations: 2, sigma: 6}
`

func activeHome(t *testing.T, l *lake) home {
	t.Helper()
	h := newHome(t, l)
	l.exec(t, "CREATE TABLE visits (person UINTEGER, on_date DATE)")
	h.s.Vectors["m.visits"] = Vector{Name: "m.visits", Measure: "m", Encoding: Count, Cells: []string{"persons"}, Linf: 1,
		SQL: "SELECT person, 'persons' AS cell, 1::BIGINT AS value FROM cohort", Activity: "SELECT person, on_date FROM visits"}
	var err error
	if h.p, err = ParsePlan([]byte(activePlan), "active", h.s, 4, 1e-6); err != nil {
		t.Fatal(err)
	}
	r := h.releaser(t, durable.OS(), "2025-01-01")
	_, err = r.Ledger.Append(context.Background(), ledger.Entry{Kind: ledger.KindAmend, Date: "2025-01-01",
		Amend: &ledger.Amend{Reason: "test", Plan: &ledger.Plan{Name: h.p.Name, Version: h.p.Version, Hash: h.p.Hash}}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// The cohort of an activity is who was active in the period, in the first years of it; the register charges them and is the
// backstop when records change.
func TestActivitiesAreChargedAndLimited(t *testing.T) {
	l := newLake(t)
	for p := 1; p <= 5; p++ {
		l.engage(t, p, 1, "2021-03-03", "yes")
	}
	h := activeHome(t, l)
	visit := func(person int, years ...int) {
		for _, y := range years {
			l.exec(t, fmt.Sprintf("INSERT INTO visits VALUES (%d, DATE '%d-05-05'), (%d, DATE '%d-06-05')", person, y, person, y))
		}
	}
	visit(1, 2021, 2022, 2023, 2024) // 2023 and later do not count
	visit(2, 2022)
	visit(3, 2021, 2023)
	if got := h.exact(t, "2023", "2024-04-13")["visits"]; got != "[1]" {
		t.Errorf("visits of 2023 %s before anything was released, want person 3 alone: it is person 1's third year", got)
	}
	for _, c := range []struct{ period, due, heads, visits string }{
		{"2021", "2022-04-14", "[5]", "[2]"}, {"2022", "2023-04-14", "[0]", "[2]"}, {"2023", "2024-04-13", "[0]", "[1]"}, {"2024", "2025-04-14", "[0]", "[0]"},
	} {
		if got := h.exact(t, c.period, c.due); got["heads"] != c.heads || got["visits"] != c.visits {
			t.Errorf("%s: %v, want %s and %s", c.period, got, c.heads, c.visits)
		}
		h.must(t, c.period, "2027-01-01")
	}
	_, _, b := h.book(t)
	price := accountant.Mu2(27_777_777_778)
	for p, times := range map[int]accountant.Mu2{1: 3, 2: 2, 3: 3, 4: 1} {
		if got := b.Spent(idOf(p)); got > times*price || got < times*price*99/100 {
			t.Errorf("person %d has spent %v, want %d prices", p, got, times)
		}
	}
	// The records change so that the last years look like the first ones: the register knows better.
	l.exec(t, "DELETE FROM visits WHERE on_date < DATE '2024-01-01'")
	visit(1, 2025)
	visit(4, 2025)
	if got := h.exact(t, "2025", "2026-04-14"); got["visits"] != "[1]" {
		t.Errorf("visits of 2025 %s, want person 4 alone: person 1 was in two years before", got["visits"])
	}
}

// Spans freeze like quarters and years do: a person known late is in the next span of the same length.
func TestSpansFreezeLikeYears(t *testing.T) {
	for p, want := range map[string]string{"2025Q1": "2024Q4", "2025": "2024", "2021-2025": "2016-2020", "2024-2025": "2022-2023"} {
		if got := previous(parse(t, p)).String(); got != want {
			t.Errorf("before %s comes %s, want %s", p, got, want)
		}
	}
	l := newLake(t)
	for p := 1; p <= 6; p++ {
		l.engage(t, p, 1, fmt.Sprintf("202%d-03-03", p), "yes")
	}
	h := newHome(t, l)
	g, stands, _ := h.book(t)
	var ms []register.Member
	for p := 1; p <= 4; p++ { // 2 and 3 are of the span; 1 is of an earlier one; 4 of the next
		if p == 2 {
			ms = append(ms, register.Member{Person: idOf(p), EnteredOn: 19_000})
		}
	}
	c, err := g.StageCohort("minors", parse(t, "2022-2023"), ms)
	if err != nil {
		t.Fatal(err)
	}
	stands[c.Of] = register.Stand{HMAC: c.HMAC, Entry: 2}
	if err := g.Apply(stands); err != nil {
		t.Fatal(err)
	}
	book, err := g.Load(stands, "minors")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := run(ctx, l, append([]string{params(parse(t, "2024-2025"), 30_000)}, h.s.Entries...)...); err != nil {
		t.Fatal(err)
	}
	if err := loadFrozen(ctx, l, book); err != nil {
		t.Fatal(err)
	}
	for period, want := range map[string][]int{"2022-2023": {2}, "2024-2025": {3, 4, 5}, "2026-2027": {6}} {
		p := persons{eng: l, book: book, period: parse(t, period)}
		if err := p.gather(ctx, 0, membership{}); err != nil {
			t.Fatal(err)
		}
		got, err := p.pseudonyms(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var ids []register.ID
		for _, n := range want {
			ids = append(ids, idOf(n))
		}
		slices.SortFunc(ids, func(a, b register.ID) int { return strings.Compare(a.Hex(), b.Hex()) })
		if !slices.Equal(got, ids) {
			t.Errorf("%d persons are in %s, want %d", len(got), period, len(want))
		}
	}
}

// Who was merged is counted once in what a frozen cohort still has due, and in no later cohort.
func TestAMergedPersonIsCountedOnce(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	h.must(t, "2025Q1", "2026-05-01")
	h.must(t, "2025", "2026-05-01")
	before := h.exact(t, "2025", "2027-01-14")["late"] // half of 50 say yes
	h.merge(t, 1, 3)                                   // both said no
	if got := h.exact(t, "2025", "2027-01-14")["late"]; before != "[0]" || got != "[1]" {
		t.Errorf("late is %s before and %s after the merge of two who said no, want [0] and [1]", before, got)
	}
	h.must(t, "2025Q2", "2027-12-31")
	in := 0
	for period, ms := range h.frozen(t) {
		for _, m := range ms {
			if m == fmt.Sprintf("%x", pseudonym(3)) {
				t.Errorf("the part is still a member of %s", period)
			}
			if m == fmt.Sprintf("%x", pseudonym(1)) {
				in++
			}
		}
	}
	if in != 2 {
		t.Errorf("the merged person is in %d cohorts, want a quarter's and a year's", in)
	}
}

// Who was one person and is two carries both cohorts and the whole spend twice: what a frozen cohort still has due counts both
// parts, and no later cohort has either.
func TestTheTwoPartsOfASplitPersonEnterNoLaterCohort(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	h.must(t, "2025Q1", "2026-05-01")
	h.must(t, "2025", "2026-05-01")
	g, stands, _ := h.book(t)
	l.engage(t, 99, 1, "2025-05-05", "yes") // the part that gets the later row, and would enter in the second quarter
	if err := g.Split(stands, "minors", idOf(2), len(h.entries(t)), idOf(2), idOf(99)); err != nil {
		t.Fatal(err)
	}
	if got := h.exact(t, "2025", "2027-01-14")["late"]; got != "[1]" { // half of 50 and one
		t.Errorf("late is %s after the split of one who said yes, want [1]", got)
	}
	h.must(t, "2025Q2", "2027-12-31")
	for period, ms := range h.frozen(t) {
		in := 0
		for _, m := range ms {
			if m == fmt.Sprintf("%x", pseudonym(99)) || m == fmt.Sprintf("%x", pseudonym(2)) {
				in++
			}
		}
		if want := map[string]int{"2025Q1": 2, "2025": 2}[period]; in != want {
			t.Errorf("%s has %d of the parts, want %d", period, in, want)
		}
	}
}

// What another copy of the home has measured is charged at its full price to whom it was about, by plan.
func TestImportsAreCharged(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	r := h.releaser(t, durable.OS(), "2026-05-01")
	it := ledger.Item{ID: "heads", Population: "minors", Period: "2025Q1", Series: "m.heads", Participations: 1, Cells: ledger.CellsHash("x"), Draws: 1, L0: 1, Linf: 1, Sd: 1.2}
	var err error
	if it.Mu2, err = it.Cost(); err != nil {
		t.Fatal(err)
	}
	_, err = r.Ledger.Append(context.Background(), ledger.Entry{Kind: ledger.KindImport, Date: "2026-01-01",
		Import: &ledger.Import{Home: r.Ledger.Home(), Entries: 2, Head: strings.Repeat("b", 64), Items: []ledger.Item{it}}})
	if err != nil {
		t.Fatal(err)
	}
	// The 40 of the first quarter have spent 0.694 of 0.702: the year's 0.028 is not covered any more.
	if got := h.exact(t, "2025", "2026-04-14")["kinds"]; got != "[0 4 6]" && got != "[0 3 7]" {
		t.Errorf("kinds %s, want the ten of the second quarter", got)
	}
}

// The disk runs full after every number of bytes: what was drawn is booked, and the next run goes on.
func TestAFullDiskDuringARelease(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	l.county40(t)
	step := int64(150)
	if testing.Short() {
		step = 1100
	}
	full := 0
	for k := int64(1); ; k += step {
		h := newHome(t, l)
		disk := durabletest.FullAfter(k)
		_, err := h.releaser(t, disk, "2025-06-01").Release(context.Background(), parse(t, "2025Q1"))
		if !disk.Fired() {
			if err != nil || full < 5 {
				t.Errorf("after %d bytes: %v; %d runs were full", k, err, full)
			}
			break
		}
		full++
		if err == nil {
			t.Errorf("the disk was full after %d bytes, and nobody noticed", k)
		}
		h.judge(t, fmt.Sprintf("full after %d bytes", k))
	}
}
