//go:build linux

package ledger

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
	"heatwatch/internal/problem"
)

// settled is a home that has released, where it stands.
func settled(t *testing.T) warehouse {
	t.Helper()
	h := homeAt(t, filepath.Join(t.TempDir(), "home"))
	l := h.create(t)
	if err := l.Settle(); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, release(t, l, item("a", "2026Q1", 6)))
	return h
}

func (h warehouse) wantPlace(t *testing.T, want Standing) {
	t.Helper()
	if got, err := h.open(t).Place(); err != nil || got != want {
		t.Errorf("the home stands %v, want %v (%v)", got, want, err)
	}
}

func sh(t *testing.T, dir, script string) {
	t.Helper()
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// Whatever way a home was copied or restored, it knows; moved on its disk it is the same.
func TestACopyKnowsThatItIsOne(t *testing.T) {
	for _, c := range []struct {
		name, script, home string
		want               Standing
	}{
		{"nothing", "true", "home", Here},
		{"cp -r", "cp -r home copy", "copy", Moved},
		{"cp -a", "cp -a home copy", "copy", Moved},
		{"the original of a copy", "cp -a home copy", "home", Here},
		{"cp -al, which shares the files", "cp -al home copy", "copy", Moved},
		{"the original of such a copy", "cp -al home copy", "home", Moved},
		{"tar", "mkdir copy && tar -cf - -C home . | tar -xpf - -C copy", "copy", Moved},
		{"restored over its own name", "cp -a home yesterday && rm -rf home && cp -a yesterday home", "home", Moved},
		{"restored with tar over its own name", "tar -cf t.tar home && rm -rf home && tar -xpf t.tar", "home", Moved},
		{"only the ledger restored", "cp -a home/ledger yesterday && rm -rf home/ledger && cp -a yesterday home/ledger", "home", Moved},
		{"moved away and back", "mv home other && mkdir x && mv other x/home && mv x/home home", "home", Here},
		{"moved", "mv home other", "other", Here},
		{"touched and made readable", "touch home/ledger/place.mark && chmod 0644 home/ledger/place.mark", "home", Here},
		{"mark deleted", "rm home/ledger/place.mark", "home", Moved},
		{"record deleted", "rm home/ledger/place", "home", Moved},
		{"both deleted", "rm home/ledger/place home/ledger/place.mark", "home", Moved},
		{"mark made anew", "rm home/ledger/place.mark && : > home/ledger/place.mark", "home", Moved},
		{"mark is a link", "mv home/ledger/place.mark m && ln -s ../../m home/ledger/place.mark", "home", Moved},
		{"mark and record of another home", "rm home/ledger/place home/ledger/place.mark && echo 0000 > home/ledger/place && : > home/ledger/place.mark", "home", Moved},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := settled(t)
			top := filepath.Dir(h.root)
			sh(t, top, c.script)
			homeAt(t, filepath.Join(top, c.home)).wantPlace(t, c.want)
		})
	}
}

// A home of an earlier program has released and has no mark: it is locked like one whose mark was deleted.
func TestReleasedWithoutAMarkIsLocked(t *testing.T) {
	h, _ := three(t)
	h.wantPlace(t, Moved)
	wantExit(t, problem.Refused, Locked(h.root))
}

// Before the first release a copy is harmless: both may settle, and only witnesses tell later which was first.
func TestBeforeTheFirstReleaseNothingIsLocked(t *testing.T) {
	h := homeAt(t, filepath.Join(t.TempDir(), "home"))
	l := h.create(t)
	h.wantPlace(t, Fresh)
	if err := l.Settle(); err != nil {
		t.Fatal(err)
	}
	sh(t, filepath.Dir(h.root), "cp -a home copy")
	homeAt(t, filepath.Join(filepath.Dir(h.root), "copy")).wantPlace(t, Fresh)
}

// The record can be read by whoever reads the ledger's folder, and tells neither inode nor time.
func TestTheRecordSaysNothing(t *testing.T) {
	h := settled(t)
	b := strings.TrimSpace(string(mustRead(t, filepath.Join(h.dir, placeFile))))
	if !isHash(b) {
		t.Errorf("the record is %q", b)
	}
	// The key of another home does not mend it.
	other := settled(t)
	write(t, filepath.Join(h.keys, commitmentKeyFile), mustRead(t, filepath.Join(other.keys, commitmentKeyFile)))
	h.wantPlace(t, Moved)
}

func TestUnsettleLocksUntilSettle(t *testing.T) {
	h := settled(t)
	l := h.open(t)
	if err := l.Unsettle(); err != nil {
		t.Fatal(err)
	}
	h.wantPlace(t, Moved)
	if err := l.Settle(); err != nil {
		t.Fatal(err)
	}
	h.wantPlace(t, Here)
}

// The mark stands before the first entry. Wherever the power goes between them, the home is not locked by it and not
// without a mark once it has released.
func TestSettleWithThePowerGoing(t *testing.T) {
	for _, outcome := range []durabletest.Outcome{durabletest.NothingMore, durabletest.NamesOnly, durabletest.Everything} {
		for n := 0; ; n++ {
			h := emptyHome(t)
			h.create(t)
			disk, err := durabletest.NewCrash(h.root)
			if err != nil {
				t.Fatal(err)
			}
			disk.StopAt(n)
			l, err := Open(disk, h.dir, h.keys)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Settle(); err == nil {
				_, _ = l.Append(t.Context(), release(t, l, item("a", "2026Q1", 6)))
			}
			clone := t.TempDir()
			if err := disk.Clone(clone, outcome); err != nil {
				t.Fatal(err)
			}
			after := homeAt(t, clone)
			// A clone is another place by its nature: what counts is that both files are there once something was released.
			if l := after.open(t); l.Released() {
				for _, name := range []string{placeMark, placeFile} {
					if _, err := os.Stat(filepath.Join(after.dir, name)); err != nil {
						t.Errorf("power cut after operation %d, kept %s: released, and %v", n, outcome, err)
					}
				}
			} else if err := l.Settle(); err != nil {
				t.Errorf("power cut after operation %d, kept %s: %v", n, outcome, err)
			}
			if !disk.Crashed() {
				break
			}
		}
	}
}

func TestSettleWithEveryOperationFailing(t *testing.T) {
	for name, fault := range faults {
		for n := 1; ; n++ {
			h := settled(t)
			disk := fault(n)
			l, err := Open(disk, h.dir, h.keys)
			if err != nil {
				t.Fatal(err)
			}
			err = l.Settle()
			if !disk.Fired() {
				break
			}
			if err == nil {
				t.Errorf("%s: operation %d failed and nobody noticed", name, n)
			}
			if l, err = Open(durable.OS(), h.dir, h.keys); err != nil {
				t.Fatal(err)
			}
			if err := l.Settle(); err != nil {
				t.Fatal(err)
			}
			h.wantPlace(t, Here)
		}
	}
}
