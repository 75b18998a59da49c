package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
	"heatwatch/internal/problem"
)

// The two meanings of "it failed": it was not done, or it was done and the reply got lost.
var faults = map[string]func(n int) *durabletest.Fault{"not done": durabletest.FailAt, "done": durabletest.DoneAt}

// Every operation of Create fails once. Afterwards there is no ledger or a complete one, and the same call
// or Open goes on from there.
func TestCreateWithEveryOperationFailing(t *testing.T) {
	for name, fault := range faults {
		for n := 1; ; n++ {
			h, disk := emptyHome(t), fault(n)
			_, err := Create(disk, h.dir, h.keys, rand.Reader, today, terms())
			if !disk.Fired() {
				if n < 15 {
					t.Fatalf("only %d operations were tried", n-1)
				}
				break
			}
			if err == nil {
				t.Errorf("%s: operation %d (%s) failed and nobody noticed", name, n, disk.Op())
			}
			if _, err := Verify(h.dir, ""); err != nil && !errors.Is(err, errNoLedger) {
				t.Errorf("%s: operation %d (%s) left damage: %v", name, n, disk.Op(), err)
			} else if err != nil {
				h.create(t)
			}
			l := h.open(t)
			mustAppend(t, l, release(t, l, item("a", "2026Q1", 6)))
			if r := h.mustVerify(t); r.Entries != 2 || r.Lag != 0 {
				t.Errorf("%s: operation %d (%s): %+v", name, n, disk.Op(), r)
			}
		}
	}
}

// Every operation of Append fails once. Afterwards the entry is there completely or not at all; if it is there it
// counts, and the item cannot be measured by trying again.
func TestAppendWithEveryOperationFailing(t *testing.T) {
	for name, fault := range faults {
		for n := 1; ; n++ {
			h := emptyHome(t)
			h.create(t)
			disk := fault(n)
			l, err := Open(disk, h.dir, h.keys)
			if err != nil {
				t.Fatal(err)
			}
			draft := release(t, l, item("a", "2026Q1", 6))
			_, err = l.Append(context.Background(), draft)
			if !disk.Fired() {
				if n < 8 {
					t.Fatalf("only %d operations were tried", n-1)
				}
				break
			}
			where := fmt.Sprintf("%s: operation %d (%s)", name, n, disk.Op())
			if err == nil {
				t.Errorf("%s failed and nobody noticed", where)
			}
			wantExit(t, problem.Failed, err)
			if _, err := l.Append(context.Background(), draft); err == nil {
				t.Errorf("%s: the open ledger went on after a failed write", where)
			}
			r := h.mustVerify(t)
			again := h.open(t)
			_, err = again.Append(context.Background(), draft)
			var measured *AlreadyMeasured
			switch {
			case r.Entries == 1 && err != nil:
				t.Errorf("%s: nothing was booked, and trying again fails: %v", where, err)
			case r.Entries == 2 && !errors.As(err, &measured):
				t.Errorf("%s: the entry is on disk and does not count: %v", where, err)
			}
			if r := h.mustVerify(t); r.Entries != 2 || r.Lag != 0 {
				t.Errorf("%s: %+v", where, r)
			}
		}
	}
}

// The power goes after every operation. What Append had returned is there afterwards, whatever the disk
// forgot; what it had not is there completely or not at all.
func TestAppendWithThePowerGoing(t *testing.T) {
	outcomes := []durabletest.Outcome{durabletest.NothingMore, durabletest.NamesOnly, durabletest.Everything}
	for seed := range uint64(2) {
		outcomes = append(outcomes, durabletest.Mixed(mathrand.New(mathrand.NewPCG(seed, 1))))
	}
	for _, outcome := range outcomes {
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
			returned := 1
			for q := range 2 {
				if _, err = l.Append(context.Background(), release(t, l, item("a", quarter(q), 6))); err != nil {
					break
				}
				returned++
			}
			clone := t.TempDir()
			if err := disk.Clone(clone, outcome); err != nil {
				t.Fatal(err)
			}
			after := homeAt(t, clone)
			where := fmt.Sprintf("power cut after operation %d, kept %s", n, outcome)
			r, verr := Verify(after.dir, "")
			if verr != nil {
				t.Errorf("%s: %v", where, verr)
				continue
			}
			if r.Entries < returned || r.Entries > returned+1 {
				t.Errorf("%s: %d entries, and Append had returned %d", where, r.Entries, returned)
			}
			l = after.open(t)
			mustAppend(t, l, release(t, l, item("b", "2026Q1", 6)))
			if r := after.mustVerify(t); r.Lag != 0 {
				t.Errorf("%s: %+v", where, r)
			}
			if !disk.Crashed() {
				break
			}
		}
	}
}

func TestCreateWithThePowerGoing(t *testing.T) {
	for _, outcome := range []durabletest.Outcome{durabletest.NothingMore, durabletest.NamesOnly, durabletest.Everything} {
		for n := 0; ; n++ {
			h := emptyHome(t)
			disk, err := durabletest.NewCrash(h.root)
			if err != nil {
				t.Fatal(err)
			}
			disk.StopAt(n)
			_, cerr := Create(disk, h.dir, h.keys, rand.Reader, today, terms())
			clone := t.TempDir()
			if err := disk.Clone(clone, outcome); err != nil {
				t.Fatal(err)
			}
			after := homeAt(t, clone)
			if _, err := Verify(after.dir, ""); errors.Is(err, errNoLedger) && cerr != nil {
				after.create(t)
			} else if err != nil {
				t.Errorf("power cut after operation %d, kept %s: %v", n, outcome, err)
			}
			l, err := Open(durable.OS(), after.dir, after.keys)
			if err != nil {
				t.Fatalf("power cut after operation %d, kept %s: %v", n, outcome, err)
			}
			mustAppend(t, l, release(t, l, item("a", "2026Q1", 6)))
			if !disk.Crashed() {
				break
			}
		}
	}
}

// The disk fills up at every byte of an entry, more or less.
func TestAppendOnAFullDisk(t *testing.T) {
	for room := int64(0); ; room += 97 {
		h := emptyHome(t)
		h.create(t)
		disk := durabletest.FullAfter(room)
		l, err := Open(disk, h.dir, h.keys)
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.Append(context.Background(), release(t, l, item("a", "2026Q1", 6)))
		if (err != nil) != disk.Fired() {
			t.Errorf("room for %d bytes: %v", room, err)
		}
		if errors.Is(err, fs.ErrExist) {
			t.Errorf("room for %d bytes: called a name that is taken: %v", room, err)
		}
		h.mustVerify(t)
		if !disk.Fired() {
			return
		}
	}
}
