package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/privacy/accountant"
)

const (
	today  = "2026-11-23"
	capMu2 = accountant.Mu2(701_900_000_000)
)

// warehouse is a home's two folders.
type warehouse struct{ root, dir, keys string }

func emptyHome(t testing.TB) warehouse {
	t.Helper()
	return homeAt(t, t.TempDir())
}

func homeAt(t testing.TB, root string) warehouse {
	t.Helper()
	h := warehouse{root, filepath.Join(root, "ledger"), filepath.Join(root, "keys")}
	for _, d := range []string{h.dir, h.keys} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func terms() Terms {
	return Terms{
		Mode: Real, Timezone: "America/Los_Angeles", Delta: 1e-6,
		Plan: Plan{Name: "county", Version: 1, Hash: CellsHash("a plan")},
		Populations: []Population{
			{Name: "minors", Unit: "linked person", Lifetime: true, CapMu2: capMu2, CapEpsilon: 4},
			{Name: "attendees", Unit: "attendance", CapMu2: 90_000_000_000, CapEpsilon: 1.3},
		},
	}
}

func (h warehouse) create(t testing.TB) *Ledger {
	t.Helper()
	l, err := Create(durable.OS(), h.dir, h.keys, rand.Reader, today, terms())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (h warehouse) open(t testing.TB) *Ledger {
	t.Helper()
	l, err := Open(durable.OS(), h.dir, h.keys)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// copyTo copies a home as a restore or a clone does.
func (h warehouse) copyTo(t testing.TB, root string) warehouse {
	t.Helper()
	other := homeAt(t, root)
	for from, to := range map[string]string{h.dir: other.dir, h.keys: other.keys} {
		files, err := os.ReadDir(from)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(filepath.Join(from, f.Name()))
			if err == nil {
				err = os.WriteFile(filepath.Join(to, f.Name()), b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return other
}

func item(id, period string, sd float64) Item {
	it := Item{
		ID: id, Population: "minors", Period: period, Series: id, Participations: 1, Cells: CellsHash("measure", id),
		Draws: 2, L0: 1, Linf: 1, Sd: sd,
	}
	it.Mu2, _ = it.Cost()
	return it
}

// release drafts an entry with the losses that the ledger computes.
func release(t testing.TB, l *Ledger, items ...Item) Entry {
	t.Helper()
	losses, err := l.Losses(items)
	if err != nil {
		t.Fatal(err)
	}
	return Entry{Kind: KindRelease, Date: today, Release: &Release{
		Period: items[0].Period, Due: "2026-11-13", Plan: l.Plan().Ref(), Attempt: 1, Items: items, Losses: losses,
	}}
}

func mustAppend(t testing.TB, l *Ledger, e Entry) Entry {
	t.Helper()
	out, err := l.Append(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wantExit(t testing.TB, want int, err error) {
	t.Helper()
	if got := problem.ExitCode(err); got != want {
		t.Errorf("exit %d, want %d: %v", got, want, err)
	}
	if err != nil && bytes.ContainsRune([]byte(err.Error()), '\n') {
		t.Errorf("more than one line: %v", err)
	}
}

func (h warehouse) mustVerify(t testing.TB) Report {
	t.Helper()
	r, err := Verify(h.dir, "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// three is a ledger of an init, two releases and a head.
func three(t testing.TB) (warehouse, *Ledger) {
	t.Helper()
	h := emptyHome(t)
	l := h.create(t)
	mustAppend(t, l, release(t, l, item("heads_q", "2026Q1", 6), item("tes24_q", "2026Q1", 5)))
	e := release(t, l, item("heads_q", "2026Q2", 6))
	key, err := LoadCommitmentKey(h.keys)
	if err != nil {
		t.Fatal(err)
	}
	e.Commitments = []Commitment{key.Commit("generation", []byte("4")), key.Commit("register", []byte("5"))}
	mustAppend(t, l, e)
	return h, l
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func quarter(n int) string { return fmt.Sprintf("%dQ%d", 2020+n/4, n%4+1) }
