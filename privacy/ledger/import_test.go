package ledger

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"heatwatch/internal/problem"
	"heatwatch/privacy/accountant"
)

// A home that was set back takes over what it lacks, byte for byte.
func TestExtendTakesEntriesOverAsTheyAre(t *testing.T) {
	h, l := three(t)
	back := h.copyTo(t, t.TempDir())
	mustAppend(t, l, release(t, l, item("heads_q", "2026Q3", 6)))
	mustAppend(t, l, release(t, l, item("heads_q", "2026Q4", 6)))
	b := back.open(t)
	m, err := b.Missed(l)
	if err != nil || m.Same || len(m.Next) != 2 || len(m.Forked) != 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	if err := b.Extend(context.Background(), m.Next); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{fileName(4), fileName(5), HeadFile} {
		if !bytes.Equal(mustRead(t, filepath.Join(h.dir, name)), mustRead(t, filepath.Join(back.dir, name))) {
			t.Errorf("%s differs", name)
		}
	}
	if r := back.mustVerify(t); r.Entries != 5 || r.Lag != 0 {
		t.Errorf("%+v", r)
	}
	if m, err = b.Missed(l); err != nil || !m.Same || len(m.Next) != 0 {
		t.Errorf("afterwards: %+v, %v", m, err)
	}
	_, err = b.Append(context.Background(), release(t, b, item("heads_q", "2026Q3", 6)))
	wantExit(t, problem.Refused, err)
	// The import names the other's head: seen from here it is then an older one, and the import is known as ended.
	body := m.Import(Cohort{"minors", "2026Q4"}, Cohort{"minors", "2026Q3"}, Cohort{"minors", "2026Q3"})
	mustAppend(t, b, Entry{Kind: KindImport, Date: today, Import: &body})
	if len(body.Items) != 0 || !slices.Equal(body.Closed, []Cohort{{"minors", "2026Q3"}, {"minors", "2026Q4"}}) {
		t.Errorf("%+v", body)
	}
	if !b.Closed("minors", "2026Q3") || b.Closed("minors", "2026Q1") || b.Closed("attendees", "2026Q3") {
		t.Error("what is closed is not what the import says")
	}
	if m, err = b.Missed(l); err != nil || !m.Same {
		t.Errorf("after the import: %+v, %v", m, err)
	}
	witness, _ := l.Head()
	if got, err := b.Compare(witness); err != nil || got != Behind {
		t.Errorf("%v, %v", got, err)
	}
}

func TestExtendRefusesWhatDoesNotFollow(t *testing.T) {
	h, l := three(t)
	back := h.copyTo(t, t.TempDir())
	mustAppend(t, l, release(t, l, item("heads_q", "2026Q3", 6)))
	mustAppend(t, l, release(t, l, item("heads_q", "2026Q4", 6)))
	next := l.Entries()[3:]
	_, stranger := three(t)
	mustAppend(t, stranger, release(t, stranger, item("heads_q", "2026Q3", 6)))
	forged := slices.Clone(next)
	forged[1].Date = "2026-11-24"
	for name, bad := range map[string][]Entry{
		"a gap": next[1:], "swapped": {next[1], next[0]}, "twice": {next[0], next[0]}, "of another home": stranger.Entries()[3:], "changed": forged,
	} {
		b := back.open(t)
		wantExit(t, problem.Refused, b.Extend(context.Background(), bad))
		if r := back.mustVerify(t); r.Entries != 3 || r.Lag != 0 {
			t.Errorf("%s: left %+v", name, r)
		}
	}
}

// Two copies have been releasing: what the other did is charged on top, never measured again, and its head is known.
func TestAForkIsChargedInFull(t *testing.T) {
	h, l := three(t)
	other := h.copyTo(t, t.TempDir()).open(t)
	mustAppend(t, l, release(t, l, item("heads_q", "2026Q3", 6)))
	mustAppend(t, other, release(t, other, item("heads_q", "2026Q3", 6)))
	mustAppend(t, other, release(t, other, item("heads_q", "2026Q4", 6), item("tes24_q", "2026Q4", 5)))
	head, _ := other.Head()
	if got, err := l.Compare(head); err != nil || got != Ahead {
		t.Fatalf("%v, %v", got, err)
	}
	before, _ := l.Spent("minors")
	m, err := l.Missed(other)
	if err != nil || m.Same || len(m.Next) != 0 || len(m.Forked) != 2 {
		t.Fatalf("%+v, %v", m, err)
	}
	body := m.Import()
	mustAppend(t, l, Entry{Kind: KindImport, Date: today, Import: &body})
	after, err := l.Spent("minors")
	// heads_q of the other history in one quarter, 1/36, and tes24_q, 1/25: on top of what was spent here
	if err != nil || after != before+27_777_777_778+40_000_000_000 {
		t.Errorf("%v before, %v after, %v", before, after, err)
	}
	if !slices.Equal(body.Closed, []Cohort{{"minors", "2026Q3"}, {"minors", "2026Q4"}}) {
		t.Errorf("closed %v", body.Closed)
	}
	_, err = l.Append(context.Background(), release(t, l, item("tes24_q", "2026Q4", 5)))
	wantExit(t, problem.Refused, err)
	if got, err := l.Compare(head); err != nil || got != Behind {
		t.Errorf("the imported head is %v, %v", got, err)
	}
	if m, err := l.Missed(other); err != nil || !m.Same || len(m.Forked) != 0 {
		t.Errorf("imported again: %+v, %v", m, err)
	}
	// The other goes on all the same: only what is new is charged, in the series of its own history.
	mustAppend(t, other, release(t, other, item("heads_q", "2027Q1", 6)))
	m, err = l.Missed(other)
	if err != nil || len(m.Forked) != 1 {
		t.Fatalf("%+v, %v", m, err)
	}
	body = m.Import()
	mustAppend(t, l, Entry{Kind: KindImport, Date: today, Import: &body})
	if now, err := l.Spent("minors"); err != nil || now != after {
		t.Errorf("a person is in one quarter of the other history: %v before, %v now, %v", after, now, err)
	}
	// And once this ledger has gone on, that site shows nothing new.
	mustAppend(t, l, release(t, l, item("heads_q", "2027Q2", 6)))
	_, err = l.Missed(other)
	wantExit(t, problem.Refused, err)
	h.mustVerify(t)
}

// Two copies that do the same on the same day draw noise twice: their entries differ, so their heads do.
func TestTheSameReleaseInTwoCopiesIsAFork(t *testing.T) {
	h, l := three(t)
	other := h.copyTo(t, t.TempDir()).open(t)
	mustAppend(t, l, release(t, l, item("heads_q", "2026Q3", 6)))
	mustAppend(t, other, release(t, other, item("heads_q", "2026Q3", 6)))
	head, err := other.Head()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := l.Compare(head); err != nil || got != Fork {
		t.Errorf("%v, %v", got, err)
	}
}

// A release and its repeat in the other history were two draws: both are charged.
func TestAForkWithARepeat(t *testing.T) {
	h, l := three(t)
	other := h.copyTo(t, t.TempDir()).open(t)
	mustAppend(t, l, release(t, l, item("x", "2026Q3", 6)))
	first := mustAppend(t, other, release(t, other, item("heads_q", "2026Q3", 6)))
	e := release(t, other, item("heads_q", "2026Q3", 9.3))
	e.Kind, e.Release.Attempt, e.Release.Repeats = KindRepeat, 2, first.Number
	mustAppend(t, other, e)
	m, err := l.Missed(other)
	if err != nil {
		t.Fatal(err)
	}
	body := m.Import()
	before, _ := l.Spent("minors")
	mustAppend(t, l, Entry{Kind: KindImport, Date: today, Import: &body})
	if after, _ := l.Spent("minors"); len(body.Items) != 2 || after != before+body.Items[0].Mu2+body.Items[1].Mu2 {
		t.Errorf("%v before, %v after, items %+v", before, after, body.Items)
	}
}

func TestAnOlderCopyShowsNothing(t *testing.T) {
	h, l := three(t)
	older := h.copyTo(t, t.TempDir()).open(t)
	mustAppend(t, l, release(t, l, item("x", "2026Q3", 6)))
	_, err := l.Missed(older)
	wantExit(t, problem.Refused, err)
	_, stranger := three(t)
	_, err = l.Missed(stranger)
	wantExit(t, problem.Refused, err)
	if err == nil || !strings.Contains(err.Error(), "another home") {
		t.Errorf("%v", err)
	}
}

func TestImportsThatAreRefused(t *testing.T) {
	_, l := three(t)
	for name, i := range map[string]Import{
		"another home":    {Home: strings.Repeat("0a", 16), Entries: 3, Head: CellsHash("h")},
		"out of order":    {Home: l.Home(), Entries: 3, Head: CellsHash("h"), Closed: []Cohort{{"minors", "2026Q2"}, {"minors", "2026Q1"}}},
		"twice":           {Home: l.Home(), Entries: 3, Head: CellsHash("h"), Closed: []Cohort{{"minors", "2026Q2"}, {"minors", "2026Q2"}}},
		"no such period":  {Home: l.Home(), Entries: 3, Head: CellsHash("h"), Closed: []Cohort{{"minors", "2026Q5"}}},
		"wrong item cost": {Home: l.Home(), Entries: 3, Head: CellsHash("h"), Items: []Item{{ID: "a", Population: "minors", Period: "2026Q1", Series: "a", Participations: 1, Cells: CellsHash("c"), Draws: 1, L0: 1, Linf: 1, Sd: 6, Mu2: 1}}},
	} {
		if _, err := l.Append(context.Background(), Entry{Kind: KindImport, Date: today, Import: &i}); problem.ExitCode(err) != problem.Refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Due dates follow the clock of the machine: one that was set back is seen by the entries there are.
func TestAClockThatWasSetBack(t *testing.T) {
	h, l := three(t)
	late := release(t, l, item("x", "2026Q3", 6))
	late.Date = "2027-01-01"
	mustAppend(t, l, late)
	for i, e := range []Entry{
		release(t, l, item("y", "2026Q3", 6)),
		{Kind: KindAmend, Amend: &Amend{Reason: "back", Populations: []Population{{Name: "new", Unit: "x", CapMu2: 1, CapEpsilon: 1}}}},
		{Kind: KindImport, Import: &Import{Home: l.Home(), Entries: 3, Head: CellsHash("h")}},
	} {
		e.Date = "2026-12-31"
		_, err := l.Append(context.Background(), e)
		wantExit(t, problem.Refused, err)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("the clock was set back: it says 2026-12-31, and entry %d was made on 2027-01-01", 4+i)) {
			t.Errorf("%s: %v", e.Kind, err)
		}
		e.Date = "2027-01-01" // the same day is no step back
		mustAppend(t, l, e)
	}
	wantExit(t, problem.Refused, l.CheckDate("2026-12-31"))
	if err := l.CheckDate("2027-01-01"); err != nil {
		t.Error(err)
	}
	h.mustVerify(t)
}

// The caps of a release are those of its day.
func TestCapsOfTheirDay(t *testing.T) {
	_, l := three(t)
	two := l.Populations()[1]
	two.CapMu2 /= 2
	mustAppend(t, l, Entry{Kind: KindAmend, Date: today, Amend: &Amend{Reason: "less", Populations: []Population{two}}})
	if before, after := l.CapsAt(3), l.CapsAt(4); before[1].CapMu2 != capMu2 || after[1].CapMu2 != capMu2/2 || len(after) != 2 || after[0] != before[0] {
		t.Errorf("%+v, %+v", before, after)
	}
	if got := l.Populations(); !slices.Equal(got, l.CapsAt(4)) {
		t.Errorf("%+v", got)
	}
}

// What a plan may still come to: a person is in one quarter of a series, whether it was released or is to come.
func TestOutlook(t *testing.T) {
	_, l := three(t)
	same, other := item("heads_q", "9000Q1", 6), item("new", "9000", 10)
	other.Participations = 3
	got, err := l.Outlook("minors", []Item{same, other})
	if want := mustSpent(t, l) + 3*other.Mu2; err != nil || got != want {
		t.Errorf("%v, want %v, %v", got, want, err)
	}
	dearer := item("heads_q", "9000Q1", 3)
	if got, err := l.Outlook("minors", []Item{dearer}); err != nil || got != mustSpent(t, l)-same.Mu2+dearer.Mu2 {
		t.Errorf("%v, %v", got, err)
	}
	if l.Position().Entries != 3 {
		t.Error("the outlook spent something")
	}
}

func mustSpent(t *testing.T, l *Ledger) accountant.Mu2 {
	t.Helper()
	got, err := l.Spent("minors")
	if err != nil {
		t.Fatal(err)
	}
	return got
}
