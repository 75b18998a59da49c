package home

import (
	"errors"
	"testing"
	"time"
)

// A backup holds the lock for moments: whoever comes meanwhile waits for it, and for nobody else.
func TestABackupIsWaitedFor(t *testing.T) {
	h := homeWith(t, "")
	held, err := h.Lock(ForBackup, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(150*time.Millisecond, func() { held.Unlock() })
	next, err := h.Lock("nightly", time.Now())
	if err != nil {
		t.Fatalf("the night was lost to a backup: %v", err)
	}
	start := time.Now()
	if _, err := h.Lock("release", time.Now()); !errors.Is(err, ErrHeld) {
		t.Errorf("two hold the lock: %v", err)
	}
	if time.Since(start) > 5*time.Second {
		t.Error("who finds a nightly at work waits")
	}
	next.Unlock()
}

// Whoever gives the lock back takes its name out first: who comes between the two tries once more.
func TestALockOnItsWayBack(t *testing.T) {
	h := homeWith(t, "")
	held, err := h.Lock("nightly", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := held.f.Truncate(0); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, func() { held.Unlock() })
	next, err := h.Lock("forget", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	next.Unlock()
}
