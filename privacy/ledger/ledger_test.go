package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/privacy/accountant"
)

func TestWhatIsAppendedIsThere(t *testing.T) {
	h, l := three(t)
	again := h.open(t)
	if got, want := again.Entries(), l.Entries(); len(got) != 3 || !bytes.Equal(got[2].Bytes(), want[2].Bytes()) {
		t.Fatalf("%d entries were read back", len(got))
	}
	if got := again.Measured("minors", "2026Q1", CellsHash("measure", "tes24_q")); !slices.Equal(got, []int{2}) {
		t.Errorf("measured by %v", got)
	}
	// heads 1/36 in one quarter only, tes24 1/25, rounded up: a person is in one quarter
	if got, err := again.Spent("minors"); err != nil || got != 27_777_777_778+40_000_000_000 {
		t.Errorf("spent %v, %v", got, err)
	}
	if got, err := again.Spent("attendees"); err != nil || got != 0 {
		t.Errorf("attendees: spent %v, %v", got, err)
	}
	_, err := again.Spent("nobody")
	wantExit(t, problem.Usage, err)
	if r := h.mustVerify(t); r.Entries != 3 || r.Lag != 0 || r.Home != l.Home() || r.Mode != Real || r.Head != l.Position().Hash {
		t.Errorf("%+v", r)
	}
	lines, err := again.Budget()
	if err != nil || len(lines) != 2 || lines[0].Population != "attendees" || lines[1].Draws != 6 || lines[1].EpsilonCap != 4 {
		t.Errorf("%+v, %v", lines, err)
	}
	if eps, _ := accountant.Epsilon(lines[1].MuSpent, 1e-6); eps != lines[1].EpsilonSpent {
		t.Errorf("mu %v and epsilon %v are not a pair", lines[1].MuSpent, lines[1].EpsilonSpent)
	}
}

// Entries are public: no time of day, no name of a key, nothing but dates.
func TestEntriesCarryDatesOnly(t *testing.T) {
	h, _ := three(t)
	for n := 1; n <= 3; n++ {
		b := string(mustRead(t, filepath.Join(h.dir, fileName(n))))
		for i := range len(b) - 4 {
			if b[i] == 'T' && b[i+3] == ':' {
				t.Errorf("entry %d looks as if it held a time of day: %q", n, b[max(0, i-12):i+6])
			}
		}
	}
}

// refuse is a table of what must not be booked.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name  string
		exit  int
		draft func(t *testing.T, l *Ledger) Entry
		says  string
	}{
		{"measured before", 3, func(t *testing.T, l *Ledger) Entry {
			return release(t, l, item("heads_q", "2026Q1", 6))
		}, "was measured by entry 2"},
		{"measured before under another name, series and sd", 3, func(t *testing.T, l *Ledger) Entry {
			it := item("renamed", "2026Q1", 60)
			it.Cells = CellsHash("measure", "heads_q")
			return release(t, l, it)
		}, "was measured by entry 2"},
		{"the same cells twice in one entry", 3, func(t *testing.T, l *Ledger) Entry {
			a, b := item("a", "2026Q3", 6), item("b", "2026Q3", 6)
			b.Cells = a.Cells
			return release(t, l, a, b)
		}, "twice"},
		{"over the cap", 3, func(t *testing.T, l *Ledger) Entry {
			return release(t, l, item("dear", "2026Q3", 1))
		}, "cap"},
		{"one unit over the cap", 3, func(t *testing.T, l *Ledger) Entry {
			e := release(t, l, item("heads_q", "2026Q3", 6))
			e.Release.Losses[0].Lifetime = capMu2 + 1
			return e
		}, "cap"},
		{"lifetime stated too low", 3, func(t *testing.T, l *Ledger) Entry {
			e := release(t, l, item("other", "2026Q3", 6))
			e.Release.Losses[0].Lifetime--
			return e
		}, "follows from the entries"},
		{"release stated too low", 3, func(t *testing.T, l *Ledger) Entry {
			e := release(t, l, item("other", "2026Q3", 6))
			e.Release.Losses[0].Release--
			return e
		}, "do not follow"},
		{"mu2 stated one unit too low", 3, func(t *testing.T, l *Ledger) Entry {
			it := item("other", "2026Q3", 6)
			it.Mu2--
			return release(t, l, it)
		}, "l0 linf^2 / sd^2"},
		{"no noise", 3, func(t *testing.T, l *Ledger) Entry {
			it := item("other", "2026Q3", 6)
			it.Sd = 0
			return release(t, l, it)
		}, "no finite loss"},
		{"a plan that was never entered", 3, func(t *testing.T, l *Ledger) Entry {
			e := release(t, l, item("other", "2026Q3", 6))
			e.Release.Plan.Hash = CellsHash("another plan")
			return e
		}, "plan is not in the ledger"},
		{"a population that has no cap", 3, func(t *testing.T, l *Ledger) Entry {
			it := item("other", "2026Q3", 6)
			it.Population = "nobody"
			return release(t, l, it)
		}, "no cap"},
		{"due tomorrow", 3, func(t *testing.T, l *Ledger) Entry {
			e := release(t, l, item("other", "2026Q3", 6))
			e.Release.Due = "2026-11-24"
			return e
		}, "due"},
		{"two periods", 3, func(t *testing.T, l *Ledger) Entry {
			return release(t, l, item("a", "2026Q3", 6), item("b", "2026Q4", 6))
		}, "one period"},
		{"losses of another population", 3, func(t *testing.T, l *Ledger) Entry {
			e := release(t, l, item("a", "2026Q3", 6))
			e.Release.Losses[0].Population = "attendees"
			return e
		}, "losses"},
		{"repeat of what was not measured", 3, func(t *testing.T, l *Ledger) Entry {
			e := release(t, l, item("a", "2026Q3", 9.3))
			e.Kind, e.Release.Attempt, e.Release.Repeats = KindRepeat, 2, 2
			return e
		}, "was not measured by entry 2"},
		{"repeat of another entry's item", 3, func(t *testing.T, l *Ledger) Entry {
			e := release(t, l, item("heads_q", "2026Q1", 9.3))
			e.Kind, e.Release.Attempt, e.Release.Repeats = KindRepeat, 2, 3
			return e
		}, "was measured by entry 2"},
		{"release as attempt 2", 3, func(t *testing.T, l *Ledger) Entry {
			e := release(t, l, item("a", "2026Q3", 6))
			e.Release.Attempt = 2
			return e
		}, "attempt"},
		{"amendment without a reason", 3, func(t *testing.T, l *Ledger) Entry {
			return Entry{Kind: KindAmend, Date: today, Amend: &Amend{Reason: " ", Populations: terms().Populations}}
		}, "reason"},
		{"cap that promises less than it allows", 3, func(t *testing.T, l *Ledger) Entry {
			p := terms().Populations[:1]
			p[0].CapMu2 *= 2
			return Entry{Kind: KindAmend, Date: today, Amend: &Amend{Reason: "more", Populations: p}}
		}, "promises 4"},
		{"erasure of a commitment that nobody made", 3, func(t *testing.T, l *Ledger) Entry {
			return Entry{Kind: KindErasure, Date: today, Erasure: &Erasure{[]Replaced{{"register", CellsHash("x"), CellsHash("y")}}}}
		}, "no entry has made"},
		{"a second init", 1, func(t *testing.T, l *Ledger) Entry {
			other := terms()
			return Entry{Kind: KindInit, Date: today, Init: &other}
		}, "made by Create"},
		{"a number chosen by the caller", 1, func(t *testing.T, l *Ledger) Entry {
			e := release(t, l, item("a", "2026Q3", 6))
			e.Number = 9
			return e
		}, "the ledger's own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, l := three(t)
			e := c.draft(t, l)
			_, err := l.Append(context.Background(), e)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("want a refusal that says %q, got %v", c.says, err)
			}
			wantExit(t, c.exit, err)
			if r := h.mustVerify(t); r.Entries != 3 || r.Lag != 0 {
				t.Errorf("the refusal left %+v", r)
			}
			if l.Position().Entries != 3 {
				t.Error("the refusal changed the open ledger")
			}
			mustAppend(t, l, release(t, l, item("fine", "2026Q3", 6)))
		})
	}
}

func TestAlreadyMeasuredIsAType(t *testing.T) {
	_, l := three(t)
	_, err := l.Append(context.Background(), release(t, l, item("heads_q", "2026Q1", 6)))
	var a *AlreadyMeasured
	if !errors.As(err, &a) || a.Entry != 2 || a.Item != "heads_q" || a.Period != "2026Q1" {
		t.Errorf("%#v", err)
	}
	_, err = l.Append(context.Background(), release(t, l, item("dear", "2026Q3", 1)))
	var o *OverCap
	if !errors.As(err, &o) || o.Population != "minors" || o.Cap != capMu2 {
		t.Errorf("%#v", err)
	}
}

// The cap holds to the unit: exactly the cap is allowed.
func TestTheCapCanBeReachedExactly(t *testing.T) {
	_, l := three(t)
	e := release(t, l, item("heads_q", "2026Q3", 6))
	e.Release.Losses[0].Lifetime = capMu2
	mustAppend(t, l, e)
	if got, err := l.Spent("minors"); err != nil || got != capMu2 {
		t.Errorf("spent %v, %v", got, err)
	}
	// What an earlier entry stated stays spent: the next one cannot state less.
	e = release(t, l, item("heads_q", "2026Q4", 6))
	if e.Release.Losses[0].Lifetime != capMu2 {
		t.Errorf("the next release would state %v", e.Release.Losses[0].Lifetime)
	}
	e.Release.Losses[0].Lifetime = capMu2 - 1
	if _, err := l.Append(context.Background(), e); err == nil {
		t.Error("a lifetime loss fell")
	}
}

func TestARepeatIsPublicPaidAndTheLast(t *testing.T) {
	h, l := three(t)
	before, _ := l.Spent("minors")
	repeat := func(sd float64) Entry {
		e := release(t, l, item("tes24_q", "2026Q1", sd))
		e.Kind, e.Release.Attempt, e.Release.Repeats = KindRepeat, 2, 2
		return e
	}
	e := mustAppend(t, l, repeat(7.75))
	after, err := l.Spent("minors")
	if err != nil || after != before+e.Release.Items[0].Mu2 {
		t.Errorf("spent %v before and %v after, %v", before, after, err)
	}
	_, err = l.Append(context.Background(), repeat(7.75))
	wantExit(t, problem.Refused, err)
	h.mustVerify(t)
}

func TestAmendmentErasureImport(t *testing.T) {
	h, l := three(t)
	two := accountant.Mu2(2_000_000_000_000)
	eps, err := two.Epsilon(1e-6)
	if err != nil {
		t.Fatal(err)
	}
	plan := Plan{Name: "county", Version: 2, Text: "more items"}
	sum := sha256.Sum256([]byte(plan.Text))
	plan.Hash = hex.EncodeToString(sum[:])
	mustAppend(t, l, Entry{Kind: KindAmend, Date: today, Amend: &Amend{Reason: "decided on by the board", Plan: &plan, Populations: []Population{
		{Name: "minors", Unit: "linked person", Lifetime: true, CapMu2: two, CapEpsilon: eps},
	}}})
	if l.Plan().Version != 2 {
		t.Error("the new plan is not the current one")
	}
	mustAppend(t, l, release(t, l, item("dear", "2026Q3", 1))) // over the old cap

	old := l.Entries()[2].Commitments[1]
	mustAppend(t, l, Entry{Kind: KindErasure, Date: today, Erasure: &Erasure{[]Replaced{{"register", old.HMAC, CellsHash("new")}}}})
	if _, err := l.Append(context.Background(), Entry{Kind: KindErasure, Date: today, Erasure: &Erasure{[]Replaced{{"register", old.HMAC, CellsHash("new")}}}}); err == nil {
		t.Error("a commitment was replaced twice")
	}

	mustAppend(t, l, Entry{Kind: KindImport, Date: today, Import: &Import{Home: l.Home(), Entries: 9, Head: CellsHash("head"), Items: []Item{item("heads_q", "2025Q4", 0.5)}}})
	if spent, err := l.Spent("minors"); err != nil || spent < 5_000_000_000_000 {
		t.Errorf("the import was not charged: %v, %v", spent, err)
	}
	_, err = l.Append(context.Background(), release(t, l, item("heads_q", "2025Q4", 6)))
	wantExit(t, problem.Refused, err)
	_, err = l.Append(context.Background(), release(t, l, item("heads_q", "2026Q4", 6)))
	wantExit(t, problem.Refused, err) // over the cap since the import
	if r := h.mustVerify(t); r.Entries != 7 {
		t.Errorf("%+v", r)
	}
}

func TestCreateRefusesToOverwrite(t *testing.T) {
	h, l := three(t)
	keys := mustRead(t, filepath.Join(h.keys, signingKeyFile))
	_, err := Create(durable.OS(), h.dir, h.keys, rand.Reader, today, terms())
	wantExit(t, problem.Usage, err)
	if !bytes.Equal(keys, mustRead(t, filepath.Join(h.keys, signingKeyFile))) {
		t.Error("the key was replaced")
	}
	if r := h.mustVerify(t); r.Home != l.Home() || r.Entries != 3 {
		t.Errorf("%+v", r)
	}
}

func TestCreateRefusesBadTerms(t *testing.T) {
	for name, change := range map[string]func(*Terms){
		"mode":           func(x *Terms) { x.Mode = "trial" },
		"delta":          func(x *Terms) { x.Delta = 0.2 },
		"no population":  func(x *Terms) { x.Populations = nil },
		"twice":          func(x *Terms) { x.Populations[1].Name = "minors" },
		"no unit":        func(x *Terms) { x.Populations[1].Unit = "" },
		"negative cap":   func(x *Terms) { x.Populations[1].CapMu2 = -1 },
		"promise":        func(x *Terms) { x.Populations[0].CapEpsilon = 3.9 },
		"plan's hash":    func(x *Terms) { x.Plan.Text = "another text" },
		"text not UTF-8": func(x *Terms) { x.Populations[0].Unit = "linked\xffperson" },
		"timezone":       func(x *Terms) { x.Timezone = "" },
	} {
		t.Run(name, func(t *testing.T) {
			h, x := emptyHome(t), terms()
			change(&x)
			_, err := Create(durable.OS(), h.dir, h.keys, rand.Reader, today, x)
			wantExit(t, problem.Refused, err)
			if _, err := os.Stat(filepath.Join(h.dir, fileName(1))); err == nil {
				t.Error("an entry was made")
			}
		})
	}
}

func TestOpenWithoutALedger(t *testing.T) {
	h := emptyHome(t)
	_, err := Open(durable.OS(), h.dir, h.keys)
	wantExit(t, problem.Usage, err)
	_, err = Open(durable.OS(), filepath.Join(h.root, "none"), h.keys)
	wantExit(t, problem.Usage, err)
}

func TestKeysAreSecret(t *testing.T) {
	h, _ := three(t)
	for _, name := range []string{signingKeyFile, commitmentKeyFile} {
		info, err := os.Stat(filepath.Join(h.keys, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	key, err := LoadCommitmentKey(h.keys)
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimSpace(string(mustRead(t, filepath.Join(h.keys, commitmentKeyFile))))
	raw, _ := hex.DecodeString(secret)
	for _, text := range []string{fmt.Sprint(key), fmt.Sprintf("%+v %#v %x", key, key, key), fmt.Sprintf("%v", struct{ k CommitmentKey }{key})} {
		if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprint(raw)) {
			t.Errorf("the key is printed: %s", text)
		}
	}
	if _, err := key.MarshalJSON(); err == nil {
		t.Error("the key can be marshalled")
	}
	c := key.Commit("generation", []byte("17"))
	if !key.Opens(c, []byte("17")) || key.Opens(c, []byte("18")) || key.Commit("register", []byte("17")).HMAC == c.HMAC {
		t.Error("the commitment is not one to this content under this name")
	}
	if plain := sha256.Sum256([]byte("17")); hex.EncodeToString(plain[:]) == c.HMAC {
		t.Error("the commitment is a plain hash")
	}
}

// A cancelled command spends nothing.
func TestCancelledAppend(t *testing.T) {
	h, l := three(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Append(ctx, release(t, l, item("a", "2026Q3", 6))); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if r := h.mustVerify(t); r.Entries != 3 {
		t.Errorf("%+v", r)
	}
}

func TestCellsHashKeepsPartsApart(t *testing.T) {
	if CellsHash("ab", "c") == CellsHash("a", "bc") || CellsHash("a") == CellsHash("a", "") {
		t.Error("different parts have one hash")
	}
}
