package privacy

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
)

// amend enters the small plan with changes, as budget amend does, and with a cap if it is not 0.
func (h home) amend(t *testing.T, s Schema, limit accountant.Mu2, changes ...string) home {
	t.Helper()
	text := strings.NewReplacer(changes...).Replace(string(h.p.Text))
	var err error
	if h.p, err = ParsePlan([]byte(text), "amended", s, 4, 1e-6); err != nil {
		t.Fatal(err)
	}
	h.s = s
	l := h.releaser(t, durable.OS(), "2027-01-01").Ledger
	body := ledger.Amend{Reason: "a test", Plan: &ledger.Plan{Name: h.p.Name, Version: h.p.Version, Hash: h.p.Hash, Text: text}}
	if limit != 0 {
		pop := l.Populations()[0]
		pop.CapMu2 = limit
		body.Populations = []ledger.Population{pop}
	}
	date := l.Entries()[l.Position().Entries-1].Date
	if _, err := l.Append(context.Background(), ledger.Entry{Kind: ledger.KindAmend, Date: date, Amend: &body}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h home) entries(t *testing.T) []ledger.Entry {
	t.Helper()
	return h.releaser(t, durable.OS(), "2027-01-01").Ledger.Entries()
}

func (h home) spent(t *testing.T) accountant.Mu2 {
	t.Helper()
	m, err := h.releaser(t, durable.OS(), "2027-01-01").Ledger.Spent("minors")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// C21: an item is what it measures. Under another name, and another due date, it is measured already.
func TestARenamedItemIsMeasuredAlready(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	first := h.must(t, "2025Q1", "2025-06-01")
	h = h.amend(t, h.s, 0, "id: heads,", "id: persons,", "over: heads,", "over: persons,", "levels: [quarter], due: 44, sigma: 6", "levels: [quarter], due: 50, sigma: 9")
	again := h.must(t, "2025Q1", "2025-07-01")
	if len(again) != 1 || string(again[0].Bytes()) != string(first[0].Bytes()) {
		t.Errorf("%d release files after the item was renamed", len(again))
	}
	if got := h.entries(t); len(got) != 3 {
		t.Errorf("%d entries", len(got))
	}
	r := h.releaser(t, durable.OS(), "2025-07-01")
	it, ok := r.Plan.Item("persons")
	if !ok || r.State(it, parse(t, "2025Q1")) != "measured" {
		t.Error("the renamed item is not measured")
	}
	// Whoever books it all the same is refused by the ledger.
	draws, err := r.prepare([]Item{it}, 1)
	if err != nil {
		t.Fatal(err)
	}
	due := DueDate(parse(t, "2025Q1"), it.Due)
	en := entry{period: parse(t, "2025Q1"), due: due}
	items, err := r.items(en.period, draws)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.book(context.Background(), en, items, nil)
	var measured *ledger.AlreadyMeasured
	if !errors.As(err, &measured) || measured.Entry != 2 || problem.ExitCode(err) != problem.Refused {
		t.Errorf("booked again: %v", err)
	}
	// A quarter that is new is measured under the new name, on both due dates.
	if files := h.must(t, "2025Q2", "2025-12-01"); len(files) != 2 || files[1].Measurements[0].Item != "persons" {
		t.Errorf("%d files of the new quarter", len(files))
	}
}

// merged is the small schema with shelter and police as one class.
func merged() Schema {
	s := smallSchema()
	s.Dimensions["agency_kind"] = Dimension{Name: "agency_kind", Values: []string{"shelter or police", "other"},
		SQL: "SELECT person, CASE WHEN agency_kind IN ('shelter', 'police') THEN 'shelter or police' ELSE agency_kind END AS value FROM cohort"}
	return s
}

// Other classes are other cells, and another draw of the same persons: it is charged like any new item. The old numbers stay
// where they are; a figure of the old classes is not read as one of the new.
func TestAnotherGranularityIsChargedAsNew(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	h.must(t, "2025", "2026-06-01")
	before := h.spent(t)
	old := h.p
	h = h.amend(t, merged(), 0, "version: 1", "version: 2", "merge_small_classes: [agency_kind]", "merge_small_classes: []")
	files := h.must(t, "2025", "2026-06-01")
	if len(files) != 2 || len(files[1].Measurements) != 1 || len(files[1].Measurements[0].Cells) != 2 || files[1].Due != files[0].Due {
		t.Fatalf("%d release files", len(files))
	}
	it, _ := h.p.Item("kinds")
	cost, err := ledger.Item{L0: 1, Linf: 1, Sd: files[1].Measurements[0].Sd}.Cost()
	if err != nil {
		t.Fatal(err)
	}
	if after := h.spent(t); after != before+cost {
		t.Errorf("spent %v before and %v after an item of %v (%v)", before, after, cost, it.Mu2())
	}
	if again := h.must(t, "2025", "2026-06-01"); len(again) != 2 {
		t.Errorf("%d files the second time", len(again))
	}
	r, err := readingsOf(h.p, h.s, files)
	if err != nil {
		t.Fatal(err)
	}
	if rd := r[readingKey{"kinds", parse(t, "2025")}]; rd.entry != files[1].Entry || len(rd.est) != 2 {
		t.Errorf("the figure is read from entry %d", rd.entry)
	}
	if r, err = readingsOf(h.p, h.s, files[:1]); err != nil || len(r) != 0 {
		t.Errorf("cells of the old classes are read as the new: %v, %v", r, err)
	}
	if r, err = readingsOf(old, smallSchema(), files[:1]); err != nil || len(r) != 1 {
		t.Errorf("the old plan does not read its own release: %v, %v", r, err)
	}
	if err := Check(files, h.releaser(t, durable.OS(), "2026-06-01").Ledger); err != nil {
		t.Error(err)
	}
}

func TestAnotherGranularityOverTheCapIsRefused(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	h.must(t, "2025", "2026-06-01")
	before := h.entries(t)
	h = h.amend(t, merged(), h.spent(t)+1, "version: 1", "version: 2", "merge_small_classes: [agency_kind]", "merge_small_classes: []")
	_, err := h.release(t, "2025", "2026-06-01")
	var over *ledger.OverCap
	if !errors.As(err, &over) || problem.ExitCode(err) != problem.Refused {
		t.Fatalf("%v", err)
	}
	if got := h.entries(t); len(got) != len(before)+1 {
		t.Errorf("%d entries", len(got))
	}
	files, _ := filepath.Glob(filepath.Join(h.dir, "releases", "2025", "*.json"))
	if len(files) != 1 {
		t.Errorf("release files %v", files)
	}
}

// A due date may have two entries after an amendment. The second one is lost: it is repeated, and the first stays.
func TestALostSecondEntryOfADueDate(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	first := h.must(t, "2025", "2026-06-01")
	h = h.amend(t, merged(), 0, "version: 1", "version: 2", "merge_small_classes: [agency_kind]", "merge_small_classes: []")
	files := h.must(t, "2025", "2026-06-01")
	lost := files[1]
	// As a crash after the entry leaves it: no file, and the mark of the attempt.
	if err := os.Remove(lost.Path()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(attemptPath(filepath.Join(h.dir, "releases"), lost.Period, lost.Due), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	files = h.must(t, "2025", "2026-06-01")
	if len(files) != 2 || string(files[0].Bytes()) != string(first[0].Bytes()) || files[1].Measurements[0].Attempt != 2 {
		t.Fatalf("%d files", len(files))
	}
	e := h.entries(t)
	if last := e[len(e)-1]; last.Kind != ledger.KindRepeat || last.Release.Repeats != lost.Entry {
		t.Errorf("the last entry is %s of %d", last.Kind, last.Release.Repeats)
	}
	// The same without the mark is a file that somebody deleted.
	if err := os.Remove(files[0].Path()); err != nil {
		t.Fatal(err)
	}
	_, err := h.release(t, "2025", "2026-06-01")
	if problem.ExitCode(err) != problem.Refused {
		t.Errorf("%v", err)
	}
}

// A cohort whose register file is lost stops every release until it is restored, or closed by an import: then the rest of it
// is refused with words, and all others go on.
func TestAClosedCohortIsNeverMeasuredAgain(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	h.must(t, "2025", "2026-06-01")
	lostOf := func() []ledger.Cohort {
		t.Helper()
		r := h.releaser(t, durable.OS(), "2027-06-01")
		lost, err := LostCohorts(r.Ledger, r.Register, r.Keys)
		if err != nil {
			t.Fatal(err)
		}
		return lost
	}
	if lost := lostOf(); len(lost) != 0 {
		t.Fatalf("lost: %v", lost)
	}
	path := filepath.Join(h.dir, "register", "minors-2025.cohort")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want := []ledger.Cohort{{Population: "minors", Period: "2025"}}
	if lost := lostOf(); !slices.Equal(lost, want) {
		t.Fatalf("lost: %v", lost)
	}
	if _, err := h.release(t, "2025Q1", "2027-06-01"); problem.ExitCode(err) != problem.Refused {
		t.Errorf("the register is incomplete, and the release says %v", err)
	}
	r := h.releaser(t, durable.OS(), "2027-06-01")
	p := r.Ledger.Position()
	if _, err := r.Ledger.Append(context.Background(), ledger.Entry{Kind: ledger.KindImport, Date: "2026-06-01",
		Import: &ledger.Import{Home: p.Home, Entries: p.Entries, Head: p.Hash, Closed: want}}); err != nil {
		t.Fatal(err)
	}
	_, err := h.release(t, "2025", "2027-06-01") // its second due date
	if problem.ExitCode(err) != problem.Refused || !strings.Contains(err.Error(), "closed by an import") {
		t.Errorf("%v", err)
	}
	late, _ := h.p.Item("late")
	if got := h.releaser(t, durable.OS(), "2027-06-01").State(late, parse(t, "2025")); got != "refused" {
		t.Errorf("the state of what is left is %q", got)
	}
	if got := h.must(t, "2025Q1", "2027-06-01"); len(got) != 1 {
		t.Errorf("%d files of another cohort", len(got))
	}
	// A file in its place that the ledger does not know is no restored one.
	if err := os.WriteFile(path, []byte("not what was frozen, and long enough"), 0o400); err != nil {
		t.Fatal(err)
	}
	if lost := lostOf(); !slices.Equal(lost, want) {
		t.Errorf("lost: %v", lost)
	}
}
