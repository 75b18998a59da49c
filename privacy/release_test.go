package privacy

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
	"heatwatch/privacy/register"
)

// smallPlan measures heads and a yes-or-no question each quarter, and heads by kind of agency each year, twice.
const smallPlan = `schema: 1
plan: small
version: 1
design: {persons_a_year: 300, epsilon: 4}
limits: {share: 9, mean: 9, count: 9}
merge_small_classes: [agency_kind]
populations:
  - {name: minors, unit: linked person, mu: 0.8378, reserve: 0.2, lifetime: true}
items:
  - {id: heads, vector: m.heads, levels: [quarter], due: 44, sigma: 6, publishes: [persons], sums: [year, span]}
  - {id: yes, vector: m.yes, levels: [quarter], due: 44, sigma: 5, over: heads, publishes: [share_yes]}
  - {id: kinds, vector: m.heads, levels: [year], by: [agency_kind], due: 104, sigma: 6, publishes: [persons]}
  - {id: late, vector: m.yes, levels: [year], due: 379, sigma: 6}
`

func smallSchema() Schema {
	return Schema{
		Entries: []string{`CREATE OR REPLACE TEMP TABLE entries AS
SELECT e.person, min(e.engaged_at) AS entered_at, CAST(min(e.engaged_at) AS DATE) AS entered_on, arg_min(e.agency, e.engaged_at) AS agency,
  arg_min(a.kind, e.engaged_at) AS agency_kind, 'unknown' AS channel, 'unknown' AS setting, arg_min(e.band, e.engaged_at) AS age_band, 15 AS age
FROM engagements e JOIN people w USING (person) JOIN agencies a USING (agency) CROSS JOIN params q
WHERE w.measured AND CAST(e.engaged_at AS DATE) <= q.asof GROUP BY e.person`},
		Relations: func([]string) []string { return nil },
		Build:     map[string][]string{"m": {"CREATE OR REPLACE TEMP TABLE m AS SELECT person, CASE WHEN age_band = 'yes' THEN 1 ELSE -1 END AS value FROM cohort"}},
		Vectors: map[string]Vector{
			"m.heads": {Name: "m.heads", Measure: "m", Encoding: Count, Cells: []string{"persons"}, Linf: 1, SQL: "SELECT person, 'persons' AS cell, 1::BIGINT AS value FROM cohort"},
			"m.yes":   {Name: "m.yes", Measure: "m", Encoding: Signed, Cells: []string{"d"}, Linf: 1, SQL: "SELECT person, 'd' AS cell, value FROM m"},
		},
		Dimensions: map[string]Dimension{"agency_kind": {Name: "agency_kind", Values: []string{"shelter", "police", "other"}, SQL: "SELECT person, agency_kind AS value FROM cohort"}},
		Measures:   map[string]MeasureInfo{"m": {Definition: 1, Population: "minors"}},
		Formulas: []Formula{
			{Measure: "m", Statistic: "persons", Unit: "persons", Vector: "m.heads", Form: FormCount},
			{Measure: "m", Statistic: "share_yes", Unit: "share", Vector: "m.yes", Form: FormSigned, High: 1, Expect: Expect{Value: .5}},
		},
	}
}

// lake is a lake of a few tables; it breaks when a test says so.
type lake struct {
	*sql.DB
	broken int // this statement fails, counted from 1; 0: none
	seen   int
}

func (l *lake) QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	if l.seen++; l.seen == l.broken {
		return nil, errors.New("Anna-4711 broke the engine")
	}
	return l.DB.QueryContext(ctx, q, args...)
}

func newLake(t testing.TB) *lake {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	l := &lake{DB: db}
	l.exec(t, `SET threads = 1; CREATE TABLE people (person UINTEGER, population VARCHAR, pseudonym BLOB, measured BOOLEAN);
CREATE TABLE engagements (person UINTEGER, agency USMALLINT, engaged_at TIMESTAMP, band VARCHAR);
CREATE TABLE agencies (agency USMALLINT, name VARCHAR, kind VARCHAR);
INSERT INTO agencies VALUES (1, 'a-shelter', 'shelter'), (2, 'b-police', 'police'), (3, 'c-other', 'other')`)
	return l
}

func (l *lake) exec(t testing.TB, q string, args ...any) {
	t.Helper()
	if _, err := l.Exec(q, args...); err != nil {
		t.Fatalf("%v\n%.300s", err, q)
	}
}

// engage enters a person (once into people) at an agency on a day; band answers the question.
func (l *lake) engage(t testing.TB, person, agency int, day, band string) {
	t.Helper()
	l.exec(t, "INSERT INTO people SELECT ?, 'minors', ?, true WHERE NOT EXISTS (FROM people WHERE person = ?)", person, pseudonym(person), person)
	l.exec(t, "INSERT INTO engagements VALUES (?, ?, CAST(? AS TIMESTAMP), ?)", person, agency, day+" 12:00:00", band)
}

// county40 enters 40 persons in the first quarter of 2025, ten in the second.
func (l *lake) county40(t testing.TB) {
	for p := 1; p <= 50; p++ {
		day := fmt.Sprintf("2025-0%d-%02d", 1+p/45+p/41*3, 1+p%27)
		l.engage(t, p, 1+p%3, day, []string{"yes", "no"}[p%2])
	}
}

// home is a home on disk and its releaser.
type home struct {
	dir  string
	lake *lake
	s    Schema
	p    *Plan
}

func newHome(t testing.TB, l *lake) home { return newHomeOf(t, l, smallSchema(), smallPlan) }

func newHomeOf(t testing.TB, l *lake, s Schema, plan string) home {
	t.Helper()
	h := home{dir: t.TempDir(), lake: l, s: s}
	var err error
	if h.p, err = ParsePlan([]byte(plan), "small", h.s, 4, 1e-6); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"ledger", "keys", "register", "releases"} {
		if err := os.Mkdir(filepath.Join(h.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	limit, err := accountant.CapFor(4, 1e-6)
	if err != nil {
		t.Fatal(err)
	}
	terms := ledger.Terms{Mode: ledger.Real, Timezone: "UTC", Delta: 1e-6, Plan: ledger.Plan{Name: h.p.Name, Version: h.p.Version, Hash: h.p.Hash}}
	for _, pop := range h.p.Populations {
		terms.Populations = append(terms.Populations, ledger.Population{Name: pop.Name, Unit: pop.Unit, Lifetime: pop.Lifetime, CapMu2: limit, CapEpsilon: 4})
	}
	if _, err := ledger.Create(durable.OS(), filepath.Join(h.dir, "ledger"), filepath.Join(h.dir, "keys"), rand.Reader, "2025-01-01", terms); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h home) at(dir string) home { h.dir = dir; return h }

// releaser opens the home as a new process does.
func (h home) releaser(t testing.TB, fsys durable.FS, today string) Releaser {
	t.Helper()
	l, err := ledger.Open(fsys, filepath.Join(h.dir, "ledger"), filepath.Join(h.dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	day, ok := models.ParseDate(today)
	if !ok {
		t.Fatal(today)
	}
	return Releaser{FS: fsys, Releases: filepath.Join(h.dir, "releases"), Register: filepath.Join(h.dir, "register"), Keys: filepath.Join(h.dir, "keys"), Ledger: l,
		Plan: h.p, Schema: h.s, Selection: selectionKey, Seal: []byte("register-register-register-32-by"), Today: day,
		Open: func(context.Context) (Warehouse, error) {
			return Warehouse{Engine: h.lake, Content: []byte("generation 1"), Partners: map[string]int{"shelter": 1, "police": 4}}, nil
		}}
}

func (h home) release(t testing.TB, period, today string) ([]ReleaseFile, error) {
	t.Helper()
	return h.releaser(t, durable.OS(), today).Release(context.Background(), parse(t, period))
}

func (h home) must(t testing.TB, period, today string) []ReleaseFile {
	t.Helper()
	files, err := h.release(t, period, today)
	if err != nil {
		t.Fatalf("release %s on %s: %v", period, today, err)
	}
	return files
}

func parse(t testing.TB, s string) models.Period {
	t.Helper()
	p, err := models.ParsePeriod(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// frozen reads the register as the next release would: pseudonyms by period.
func (h home) frozen(t testing.TB) map[string][]string {
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
	book, err := g.Load(stands, "minors")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for p, ms := range book.Frozen() {
		all[p.String()] = mapSlice(ms, func(m register.Member) string { return m.Person.Hex() })
	}
	return all
}

// tree lists the files of a home.
func (h home) tree(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(h.dir, path)
		all[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func joined(files []ReleaseFile) string {
	var b bytes.Buffer
	for _, f := range files {
		b.Write(f.Bytes())
	}
	return b.String()
}

func wantExit(t testing.TB, err error, exit int, says string) {
	t.Helper()
	if problem.ExitCode(err) != exit || err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("exit %d: %v; want exit %d and %q", problem.ExitCode(err), err, exit, says)
	}
}

func TestAReleaseIsMadeOnce(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	first := h.must(t, "2025Q1", "2025-06-01")
	if len(first) != 1 || len(first[0].Measurements) != 2 || first[0].Entry != 2 {
		t.Fatalf("%d files, the first %s", len(first), first[0].Bytes())
	}
	before := h.tree(t)
	l.exec(t, "DELETE FROM engagements") // whatever the lake says now
	again := h.must(t, "2025Q1", "2026-06-01")
	if joined(first) != joined(again) {
		t.Errorf("a second run printed\n%s\nafter\n%s", joined(again), joined(first))
	}
	if !mapsEqual(before, h.tree(t)) {
		t.Error("the second run changed the home")
	}
	if err := Check(again, h.releaser(t, durable.OS(), "2026-06-01").Ledger); err != nil {
		t.Error(err)
	}
}

func mapsEqual(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

func TestNothingIsReleasedBeforeItIsDue(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	before := h.tree(t)
	_, err := h.release(t, "2025Q1", "2025-05-13")
	wantExit(t, err, problem.Refused, "2025-05-14")
	_, err = h.release(t, "2021-2025", "2028-05-13")
	wantExit(t, err, problem.Refused, "measures nothing")
	if !mapsEqual(before, h.tree(t)) {
		t.Error("a refused release changed the home")
	}
	h.must(t, "2025Q1", "2025-05-14")
	if files := h.must(t, "2025", "2026-04-14"); len(files) != 1 {
		t.Errorf("%d files of 2025 when only the first due date has come", len(files))
	}
	files := h.must(t, "2025", "2027-06-01")
	if len(files) != 2 || files[0].Measurements[0].Item != "kinds" || files[1].Measurements[0].Item != "late" {
		t.Errorf("files of 2025: %s", joined(files))
	}
}

// An empty lake is released like any other: same items, same cells, same files.
func TestAnEmptyLakeIsReleasedLikeAnyOther(t *testing.T) {
	full := newLake(t)
	full.county40(t)
	shape := func(h home) (all []string) {
		for _, f := range append(h.must(t, "2025Q1", "2027-06-01"), h.must(t, "2025", "2027-06-01")...) {
			for _, m := range f.Measurements {
				cells := mapSlice(m.Cells, func(c NoisyCell) string { return fmt.Sprint(c.Cell) })
				all = append(all, fmt.Sprint(f.Entry, f.Period, f.Due, m.Item, m.Sd, m.Mu2, cells))
			}
		}
		return all
	}
	a, b := shape(newHome(t, full)), shape(newHome(t, newLake(t)))
	if !slices.Equal(a, b) {
		t.Errorf("an empty lake gives\n%s\na full one\n%s", strings.Join(b, "\n"), strings.Join(a, "\n"))
	}
}

// If the sums fail nothing is written, nothing is spent, and nothing is said.
func TestFailedSumsLeaveNothing(t *testing.T) {
	for broken := 1; ; broken++ {
		l := newLake(t)
		l.county40(t)
		h := newHome(t, l)
		before := h.tree(t)
		l.broken = broken
		_, err := h.release(t, "2025Q1", "2025-06-01")
		if l.seen < broken {
			if err != nil || broken < 10 {
				t.Errorf("%d statements: %v", l.seen, err)
			}
			break
		}
		wantExit(t, err, problem.Failed, "release failed")
		if strings.Contains(fmt.Sprint(err), "4711") {
			t.Errorf("statement %d fails: the error speaks of the data: %v", broken, err)
		}
		after := h.tree(t)
		for name := range after {
			if strings.HasPrefix(name, "register/staged/") { // no entry names it
				delete(after, name)
			}
		}
		if !mapsEqual(before, after) {
			t.Errorf("statement %d fails: the home was changed", broken)
		}
		l.broken = 0
		l.engage(t, 99, 1, "2025-01-05", "yes") // tomorrow's lake
		files := h.must(t, "2025Q1", "2025-06-01")
		if len(files) != 1 || files[0].Measurements[0].Attempt != 0 {
			t.Errorf("statement %d fails: the release after a failure is %s", broken, joined(files))
		}
		if got := h.frozen(t)["2025Q1"]; len(got) != 41 {
			t.Errorf("statement %d fails: %d members, want the 41 of the second run", broken, len(got))
		}
	}
}

// TestLateRecordsAreCountedOnce: the four cases of a late engagement, before and after the freeze of the quarter and of the
// year; corrections after a freeze move nobody.
func TestLateRecordsAreCountedOnce(t *testing.T) {
	const late = 77
	for _, c := range []struct {
		name, known string // when the engagement of 2025-02-10 comes to be known
		want        string // periods whose cohorts have the person
	}{
		{"before both", "start", "2025Q1 2025"},
		{"after the quarter, before the year", "q1", "2025Q2 2025"},
		{"after two quarters, before the year", "q2", "2025Q3 2025"},
		{"after the year, before the next quarter", "2025", "2025Q3 2026"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLake(t)
			l.county40(t)
			h := newHome(t, l)
			arrive := func(when string) {
				if when == c.known {
					l.engage(t, late, 2, "2025-02-10", "yes")
				}
			}
			today := "2027-12-31"
			arrive("start")
			h.must(t, "2025Q1", today)
			arrive("q1")
			h.must(t, "2025Q2", today)
			arrive("q2")
			h.must(t, "2025", today)
			arrive("2025")
			// Corrections: the agency takes the first row back, another says an earlier day, and all answer otherwise.
			l.exec(t, "UPDATE engagements SET band = 'corrected', agency = 3")
			l.exec(t, "UPDATE engagements SET engaged_at = engaged_at - INTERVAL 40 DAY WHERE person % 5 = 0 AND person <> ?", late)
			h.must(t, "2025Q3", today)
			h.must(t, "2025Q4", today)
			h.must(t, "2026", today)
			var in []string
			seen := map[string]int{}
			for _, p := range []string{"2025Q1", "2025Q2", "2025Q3", "2025Q4", "2025", "2026"} {
				for _, m := range h.frozen(t)[p] {
					if m == fmt.Sprintf("%x", pseudonym(late)) {
						in = append(in, p)
					}
					seen[m+parse(t, p).Level()]++
				}
			}
			if got := strings.Join(in, " "); got != c.want {
				t.Errorf("the late person is in %s, want %s", got, c.want)
			}
			for m, n := range seen {
				if n != 1 {
					t.Errorf("%s is in %d cohorts", m, n)
				}
			}
			if len(seen) != 51*2 {
				t.Errorf("%d memberships, want each of 51 persons in a quarter and in a year", len(seen))
			}
		})
	}
}

// TestFrozenEntriesWin: later items of a frozen cohort use its members as they were, those who left out and late ones not.
func TestFrozenEntriesWin(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	today := "2027-12-31"
	exact := func(period, due string) map[string]string {
		r := h.releaser(t, durable.OS(), today)
		stands, err := r.recover()
		if err != nil {
			t.Fatal(err)
		}
		g, _ := r.register()
		d, _ := models.ParseDate(due)
		draws, err := r.prepare(r.Plan.DueOn(parse(t, period), d), 1)
		if err != nil {
			t.Fatal(err)
		}
		house, _ := r.Open(context.Background())
		items, err := r.items(parse(t, period), draws)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.sum(context.Background(), house, g, stands, "minors", entry{period: parse(t, period), due: d}, accountant.Unit, draws, items); err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		for _, d := range draws {
			all[d.item.ID] = fmt.Sprint(d.sums.cells())
		}
		return all
	}
	// Of 50 persons 16 entered at the one shelter (measured under other), 17 with the police, 17 elsewhere.
	if got := exact("2025", "2026-04-14")["kinds"]; got != "[0 17 33]" {
		t.Fatalf("kinds %s before the freeze", got)
	}
	h.must(t, "2025Q1", "2026-04-14")
	h.must(t, "2025Q2", "2026-04-14")
	if got := exact("2025", "2027-01-14")["late"]; got != "[0]" { // half of them say yes
		t.Fatalf("late %s", got)
	}
	files := h.releaser(t, durable.OS(), "2026-04-14")
	if _, err := files.Release(context.Background(), parse(t, "2025")); err != nil {
		t.Fatal(err)
	}
	l.exec(t, "UPDATE engagements SET band = 'yes', agency = 2, engaged_at = engaged_at - INTERVAL 300 DAY")
	l.engage(t, 88, 1, "2025-03-03", "yes") // known too late
	if got := exact("2025", "2027-01-14")["late"]; got != "[0]" {
		t.Errorf("late %s after the corrections, want the answers of the frozen entries", got)
	}
	if got := exact("2025", "2026-04-14")["kinds"]; got != "[0 17 33]" {
		t.Errorf("kinds %s after the corrections", got)
	}
	l.exec(t, "UPDATE people SET measured = false WHERE person IN (2, 4, 6)") // three who said yes
	if got := exact("2025", "2027-01-14")["late"]; got != "[-3]" {
		t.Errorf("late %s when three members are measured no more", got)
	}
	// A frozen cohort that was empty stays empty.
	empty := newHome(t, newLake(t))
	empty.must(t, "2025Q1", "2025-06-01")
	empty.lake.county40(t)
	if got := empty.frozen(t)["2025Q1"]; len(got) != 0 {
		t.Errorf("%d members in a cohort that was frozen empty", len(got))
	}
	empty.must(t, "2025Q2", "2025-12-01")
	if got := empty.frozen(t)["2025Q2"]; len(got) != 50 {
		t.Errorf("%d members in the first cohort that was open, want 50", len(got))
	}
}

func TestTheRegisterIsSealedAndComplete(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	h.must(t, "2025Q1", "2025-06-01")
	path := filepath.Join(h.dir, "register", "minors-2025Q1.cohort")
	sealed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, clear := range []string{fmt.Sprintf("%x", pseudonym(1)), string(pseudonym(1)), "a-shelter", "yes", "population"} {
		if bytes.Contains(sealed, []byte(clear)) {
			t.Errorf("the register holds %q in clear", clear)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	next := func() error {
		_, err := h.release(t, "2025Q2", "2025-12-01")
		return err
	}
	put := func(b []byte) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if b == nil {
			return
		}
		if err := os.WriteFile(path, b, 0o400); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range []int{0, 11, 12, len(sealed) / 2, len(sealed) - 1} {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		put(changed)
		wantExit(t, next(), problem.Refused, "the ledger does not know this cohort file")
	}
	put(sealed[:4])
	wantExit(t, next(), problem.Refused, "the ledger does not know this cohort file")
	put(nil)
	if err := os.WriteFile(path, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	put(nil)
	wantExit(t, next(), problem.Refused, "missing")
	if err := os.WriteFile(path, sealed, 0o400); err != nil {
		t.Fatal(err)
	}
	extra := filepath.Join(h.dir, "register", "minors-2024Q4.cohort") // a cohort under another name
	if err := os.WriteFile(extra, sealed, 0o400); err != nil {
		t.Fatal(err)
	}
	wantExit(t, next(), problem.Refused, "the ledger does not know this cohort file")
	os.Remove(extra)
	r := h.releaser(t, durable.OS(), "2025-12-01")
	r.Seal = []byte("another-another-another-another-")
	_, err = r.Release(context.Background(), parse(t, "2025Q2"))
	wantExit(t, err, problem.Refused, "cannot be opened with this home's key")
	if got := len(r.Ledger.Entries()); got != 2 {
		t.Errorf("%d ledger entries after refusals, want 2", got)
	}
	if err := next(); err != nil {
		t.Error(err)
	}
}

// A cohort that was staged and not committed never happened.
func TestAStagedCohortWithoutAnEntryIsDropped(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	r := h.releaser(t, durable.OS(), "2025-06-01")
	g, err := r.register()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.StageCohort("minors", parse(t, "2025Q1"), []register.Member{{Person: register.ID{1}}}); err != nil {
		t.Fatal(err)
	}
	h.must(t, "2025Q1", "2025-06-01")
	if got := h.frozen(t)["2025Q1"]; len(got) != 40 {
		t.Errorf("%d members, want 40", len(got))
	}
	if left, _ := os.ReadDir(filepath.Join(h.dir, "register", "staged")); len(left) != 0 {
		t.Errorf("%v is left staged", left)
	}
}

// judge looks at a home after a fault: what was drawn is booked, each entry has at most one vector, and the next run
// promotes what is there or repeats once with more noise.
func (h home) judge(t *testing.T, where string) {
	t.Helper()
	r := h.releaser(t, durable.OS(), "2025-06-01")
	entries := r.Ledger.Entries()
	booked := map[string]bool{}
	for _, e := range entries {
		booked[fmt.Sprint(e.Number)] = e.Release != nil
	}
	drawn := map[string]string{} // entry -> bytes of a complete vector
	dir := filepath.Join(h.dir, "releases", "2025Q1")
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		if durable.IsTemp(f.Name()) || strings.HasPrefix(f.Name(), ".attempt-") {
			continue
		}
		entry := strings.TrimSuffix(strings.TrimPrefix(f.Name(), ".pending-"), ".json")
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !booked[entry] {
			t.Errorf("%s: %s was drawn and no ledger entry books it", where, f.Name())
		}
		if other, ok := drawn[entry]; ok && other != string(b) {
			t.Errorf("%s: entry %s has two vectors", where, entry)
		}
		drawn[entry] = string(b)
	}
	again, err := r.Release(context.Background(), parse(t, "2025Q1"))
	if err != nil {
		t.Errorf("%s: the next run: %v", where, err)
		return
	}
	if len(again) != 1 {
		t.Errorf("%s: the next run gives %d files", where, len(again))
		return
	}
	f, now := again[0], h.releaser(t, durable.OS(), "2025-06-01").Ledger
	if err := Check(again, now); err != nil {
		t.Errorf("%s: %v", where, err)
	}
	if b, ok := drawn[fmt.Sprint(f.Entry)]; ok && b != string(f.Bytes()) {
		t.Errorf("%s: entry %d was\n%s and is\n%s", where, f.Entry, b, f.Bytes())
	}
	m := f.Measurements[0]
	lost := len(entries) == 2 && len(drawn) == 0
	switch {
	case lost && (f.Entry != 3 || m.Attempt != 2 || m.Sd < 1.55*6):
		t.Errorf("%s: the booked attempt was lost; the next run gives entry %d, attempt %d, sd %v", where, f.Entry, m.Attempt, m.Sd)
	case !lost && (f.Entry != 2 || m.Attempt != 0 || m.Sd > 6.1):
		t.Errorf("%s: nothing was lost; the next run gives entry %d, attempt %d, sd %v", where, f.Entry, m.Attempt, m.Sd)
	}
	if got := len(now.Entries()); got != f.Entry {
		t.Errorf("%s: %d entries, the file is of entry %d", where, got, f.Entry)
	}
	if got := h.frozen(t)["2025Q1"]; len(got) != 40 {
		t.Errorf("%s: %d members are frozen, want 40", where, len(got))
	}
	if third, err := h.release(t, "2025Q1", "2025-06-01"); err != nil || joined(third) != joined(again) {
		t.Errorf("%s: a further run differs: %v", where, err)
	}
	for name := range h.tree(t) {
		if strings.Contains(name, ".pending-") || strings.Contains(name, ".attempt-") || strings.Contains(name, "staged/minors") {
			t.Errorf("%s: %s is left", where, name)
		}
	}
	if !lost { // a file that was there and is gone is no lost attempt
		if err := os.Remove(again[0].Path()); err != nil {
			t.Fatal(err)
		}
		_, err := h.release(t, "2025Q1", "2025-06-01")
		wantExit(t, err, problem.Refused, "were recorded and are gone")
	}
	if lost { // and no third time
		if err := os.Remove(again[0].Path()); err != nil {
			t.Fatal(err)
		}
		_, err := h.release(t, "2025Q1", "2025-06-01")
		wantExit(t, err, problem.Refused, "are booked and their figures are lost")
	}
}

func TestEveryStepOfAReleaseMayFail(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	l.county40(t)
	for name, fault := range map[string]func(int) *durabletest.Fault{"fails": durabletest.FailAt, "is done and reported as failed": durabletest.DoneAt} {
		lost := 0
		for n := 1; ; n++ {
			h := newHome(t, l)
			disk := fault(n)
			files, err := h.releaser(t, disk, "2025-06-01").Release(context.Background(), parse(t, "2025Q1"))
			if !disk.Fired() {
				if err != nil {
					t.Fatal(err)
				}
				if n < 30 || lost == 0 {
					t.Errorf("only %d operations were tried, %d lost a booked attempt", n-1, lost)
				}
				break
			}
			if err == nil && !strings.Contains(disk.Op(), "close") && disk.Op() != "remove" {
				t.Errorf("operation %d (%s) %s and nobody noticed; %d files", n, disk.Op(), name, len(files))
			}
			if e := h.releaser(t, durable.OS(), "2025-06-01").Ledger.Entries(); len(e) == 2 {
				left, _ := filepath.Glob(filepath.Join(h.dir, "releases", "2025Q1", "*.json"))
				if pending, _ := filepath.Glob(filepath.Join(h.dir, "releases", "2025Q1", ".pending-*")); len(left)+len(pending) == 0 {
					lost++
				}
			}
			h.judge(t, fmt.Sprintf("operation %d (%s) %s", n, disk.Op(), name))
		}
	}
}

func TestThePowerMayGoAtEveryStepOfARelease(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	l.county40(t)
	for n := 0; ; n++ {
		h := newHome(t, l)
		disk, err := durabletest.NewCrash(h.dir)
		if err != nil {
			t.Fatal(err)
		}
		disk.StopAt(n)
		_, err = h.releaser(t, disk, "2025-06-01").Release(context.Background(), parse(t, "2025Q1"))
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
			dst := t.TempDir()
			if err := disk.Clone(dst, o); err != nil {
				t.Fatal(err)
			}
			h.at(dst).judge(t, fmt.Sprintf("power cut after operation %d, %s", n, o))
		}
	}
}

// The ledger entry is on disk before anything is in the folder of releases.
func TestTheEntryComesBeforeTheDraw(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	r := h.releaser(t, durable.OS(), "2025-06-01")
	drawn := 0
	w := &watching{FS: durable.OS(), first: func(path string) {
		if strings.Contains(path, ".pending-") {
			drawn++
			if entries, err := os.ReadDir(filepath.Join(h.dir, "ledger")); err != nil || len(entries) < 3 { // two entries and the head
				t.Errorf("%s is written when the ledger holds %v (%v)", path, entries, err)
			}
		}
	}}
	r.FS = w
	if _, err := r.Release(context.Background(), parse(t, "2025Q1")); err != nil || drawn == 0 {
		t.Errorf("%v, %d operations seen", err, drawn)
	}
}

type watching struct {
	durable.FS
	first func(path string)
}

func (w *watching) OpenFile(name string, flag int, perm os.FileMode) (durable.File, error) {
	w.first(name)
	return w.FS.OpenFile(name, flag, perm)
}

func (w *watching) Mkdir(name string, perm os.FileMode) error {
	w.first(name)
	return w.FS.Mkdir(name, perm)
}

func TestALostReleaseIsRepeatedOnceWithMoreNoise(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	var notices []string
	first := h.must(t, "2025", "2026-05-01")[0]
	lose := func(f ReleaseFile) {
		if err := os.Remove(f.Path()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(attemptPath(filepath.Join(h.dir, "releases"), f.Period, f.Due), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lose(first)
	r := h.releaser(t, durable.OS(), "2026-05-02")
	r.Notice = func(s string) { notices = append(notices, s) }
	again, err := r.Release(context.Background(), parse(t, "2025"))
	if err != nil || len(again) != 1 {
		t.Fatalf("%v: %s", err, joined(again))
	}
	a, b := first.Measurements[0], again[0].Measurements[0]
	if b.Attempt != 2 || b.Sd < 2.4*a.Sd*0.998 || len(notices) != 1 {
		t.Errorf("the repeat has attempt %d, sd %v after %v, notices %q", b.Attempt, b.Sd, a.Sd, notices)
	}
	if e := r.Ledger.Entries(); e[2].Kind != ledger.KindRepeat || e[2].Release.Repeats != 2 {
		t.Errorf("entry %+v", e[2])
	}
	lose(again[0])
	before := h.tree(t)
	_, err = h.release(t, "2025", "2026-05-03")
	wantExit(t, err, problem.Refused, "entries 2 and 3 are booked and their figures are lost")
	if !mapsEqual(before, h.tree(t)) {
		t.Error("the refusal changed the home")
	}
}

// A pending file that is not whole is no release.
func TestADamagedPendingFileIsNotPromoted(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	for name, damage := range map[string]func([]byte) []byte{
		"half":     func(b []byte) []byte { return b[:len(b)/2] },
		"empty":    func([]byte) []byte { return nil },
		"trailing": func(b []byte) []byte { return append(b, "{}\n"...) },
		"another":  func(b []byte) []byte { return bytes.Replace(b, []byte(`"entry":2`), []byte(`"entry":9`), 1) },
	} {
		h := newHome(t, l)
		f := h.must(t, "2025Q1", "2025-06-01")[0]
		b := damage(bytes.Clone(f.Bytes()))
		if err := os.Remove(f.Path()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(attemptPath(filepath.Join(h.dir, "releases"), f.Period, f.Due), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(pendingPath(filepath.Join(h.dir, "releases"), f.Period, 2), b, 0o444); err != nil {
			t.Fatal(err)
		}
		if again := h.must(t, "2025Q1", "2025-06-01"); len(again) != 1 || again[0].Entry != 3 {
			t.Errorf("%s: %s", name, joined(again))
		}
	}
}

// What a release file says cannot be changed without notice.
func TestAChangedReleaseFileIsRefused(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	f := h.must(t, "2025Q1", "2025-06-01")[0]
	change := func(do func(f *ReleaseFile)) error {
		var g ReleaseFile
		if err := json.Unmarshal(f.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		do(&g)
		os.Remove(f.Path())
		if err := os.WriteFile(f.Path(), g.encode(), 0o444); err != nil {
			t.Fatal(err)
		}
		files, err := h.release(t, "2025Q1", "2025-06-01")
		if err == nil {
			err = Check(files, h.releaser(t, durable.OS(), "2025-06-01").Ledger)
		}
		return err
	}
	if err := change(func(*ReleaseFile) {}); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func(f *ReleaseFile){
		"a number":       func(f *ReleaseFile) { f.Measurements[0].Cells[0].Raw++ },
		"an estimate":    func(f *ReleaseFile) { f.Measurements[0].Cells[0].Estimate++ },
		"the noise":      func(f *ReleaseFile) { f.Measurements[0].Sd /= 2 },
		"the cost":       func(f *ReleaseFile) { f.Measurements[0].Mu2 /= 2 },
		"the covariance": func(f *ReleaseFile) { f.Measurements[0].Covariance.Matrix[0][0] = 0 },
		"the entry":      func(f *ReleaseFile) { f.Entry = 3 },
		"the period":     func(f *ReleaseFile) { f.Period = f.Period.Next() },
		"an item":        func(f *ReleaseFile) { f.Measurements = f.Measurements[:1] },
		"the mode":       func(f *ReleaseFile) { f.Demo = true },
	} {
		err := change(do)
		if problem.ExitCode(err) != problem.Refused {
			t.Errorf("%s was changed: exit %d, %v", name, problem.ExitCode(err), err)
		}
	}
}
