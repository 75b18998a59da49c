package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"heatwatch/internal/cli"
	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
	"heatwatch/privacy"
	"heatwatch/privacy/ledger"
	"heatwatch/privacy/register"
)

// copyOf is a copy of a folder: for a home that has released, one that is locked.
func (r *rig) copyOf(from, to string) string {
	r.t.Helper()
	to = filepath.Join(r.t.TempDir(), to)
	if out, err := exec.Command("cp", "-a", filepath.Join(r.dir, from), to).CombinedOutput(); err != nil {
		r.t.Fatalf("%v\n%s", err, out)
	}
	return to
}

// importAt imports a site into a home, over a disk of the test's.
func (r *rig) importAt(fsys durable.FS, home, site string) error {
	r.t.Helper()
	var out bytes.Buffer
	c := &command{App: cli.New(r.env, strings.NewReader(""), &out, &out, r.clock), dir: home}
	c.Yes = true
	h, err := c.open()
	if err != nil {
		r.t.Fatal(err)
	}
	h.fs = fsys
	if h.ledger, err = ledger.Open(fsys, h.Ledger(), h.Keys()); err != nil {
		r.t.Fatal(err)
	}
	return c.importSite(context.Background(), h, site)
}

// Every operation of an import fails once, or is done and reported failed. Afterwards the home is locked still, or done; the
// same import again ends where the undisturbed one does, and charges nothing twice.
func TestImportWithEveryOperationFailing(t *testing.T) {
	r := newRig(t)
	r.run(0, "init", "--demo")
	r.run(0, "release", "2024Q1")
	backup := r.copyOf("home", "backup")
	r.run(0, "release", "2024Q2")
	r.run(0, "release", "2024Q3")
	site := filepath.Join(r.dir, "site")
	r.run(0, "publish", "--out", site)
	if testing.Short() {
		t.Skip("one import for each of its operations")
	}
	for name, fault := range map[string]func(n int) *durabletest.Fault{"not done": durabletest.FailAt, "done": durabletest.DoneAt} {
		for n := 1; ; n++ {
			home := filepath.Join(t.TempDir(), "home")
			if out, err := exec.Command("cp", "-a", backup, home).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			disk := fault(n)
			err := r.importAt(disk, home, site)
			if !disk.Fired() {
				if err != nil || n < 30 {
					t.Fatalf("after %d operations: %v", n-1, err)
				}
				break
			}
			if err == nil {
				t.Errorf("%s: operation %d (%s) failed and nobody noticed", name, n, disk.Op())
			}
			at, entries := place(t, home)
			if at == ledger.Here && len(entries) != 8 {
				t.Errorf("%s: operation %d (%s) left a home that is unlocked, with %d entries", name, n, disk.Op(), len(entries))
			}
			if err := r.importAt(durable.OS(), home, site); err != nil {
				t.Errorf("%s: operation %d (%s): again: %v", name, n, disk.Op(), err)
				continue
			}
			at, entries = place(t, home)
			if at != ledger.Here || len(entries) != 8 {
				t.Fatalf("%s: operation %d (%s): stands %v with %d entries", name, n, disk.Op(), at, len(entries))
			}
			i := entries[7].Import
			if want := closedOf("2024Q2", "2024Q3"); i == nil || !slices.Equal(i.Closed, want) || len(i.Items) != 0 {
				t.Errorf("%s: operation %d (%s): %+v", name, n, disk.Op(), i)
			}
			for _, file := range []string{"ledger/000004.json", "ledger/000007.json", "releases/2024Q2/4.json", "releases/2024Q2/5.json", "releases/2024Q3/6.json", "releases/2024Q3/7.json"} {
				a, errA := os.ReadFile(filepath.Join(home, file))
				b, errB := os.ReadFile(filepath.Join(site, file))
				if errA != nil || errB != nil || !bytes.Equal(a, b) {
					t.Errorf("%s: operation %d (%s): %s is not the site's", name, n, disk.Op(), file)
				}
			}
		}
	}
}

func place(t *testing.T, home string) (ledger.Standing, []ledger.Entry) {
	t.Helper()
	l, err := ledger.Open(durable.OS(), filepath.Join(home, "ledger"), filepath.Join(home, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	at, err := l.Place()
	if err != nil {
		t.Fatal(err)
	}
	if files, err := privacy.ReadReleases(filepath.Join(home, "releases")); err != nil {
		t.Fatal(err)
	} else if err := privacy.Check(files, l); err != nil {
		t.Error(err)
	}
	return at, l.Entries()
}

// An import takes over entries that name the other copy's links. This home never had those links: its own entry commits to what is
// here, and what comes later is measured.
func TestAfterAnImportTheRegisterHereStands(t *testing.T) {
	r := newRig(t)
	r.run(0, "init", "--demo")
	r.run(0, "release", "2024Q1")
	backup := r.copyOf("home", "backup")
	home := filepath.Join(r.dir, "home")
	c := &command{App: cli.New(r.env, strings.NewReader(""), io.Discard, io.Discard, r.clock), dir: home}
	h, err := c.open()
	if err != nil {
		t.Fatal(err)
	}
	rel, err := h.releaser(c)
	if err != nil {
		t.Fatal(err)
	}
	key, err := register.NewKey(rel.Seal)
	if err != nil {
		t.Fatal(err)
	}
	commit, err := ledger.LoadCommitmentKey(h.Keys())
	if err != nil {
		t.Fatal(err)
	}
	g := register.Register{FS: durable.OS(), Dir: h.Register(), Key: key, Commit: commit}
	if err := g.Merge(register.Stands(h.ledger.Entries()), "minors", register.ID{1}, register.ID{2}); err != nil {
		t.Fatal(err)
	}
	r.run(0, "release", "2024Q2")
	r.run(0, "publish", "--out", filepath.Join(r.dir, "site"))
	if err := r.importAt(durable.OS(), backup, filepath.Join(r.dir, "site")); err != nil {
		t.Fatal(err)
	}
	r.run(0, "--home", backup, "release", "2024Q3")
	r.run(0, "--home", backup, "verify")
}

// closedOf are the cohorts of quarters, in the order of an import: all whom a quarter of the county plan is about.
func closedOf(quarters ...string) (all []ledger.Cohort) {
	for _, population := range []string{"attendees", "minors", "pledgers", "profiles"} {
		for _, q := range quarters {
			all = append(all, ledger.Cohort{Population: population, Period: q})
		}
	}
	return all
}
