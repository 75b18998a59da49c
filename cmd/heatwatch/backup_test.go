package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"heatwatch/etl/nightly"
	"heatwatch/fixtures"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
	"heatwatch/models"
)

// A backup is asked for at the first step of a nightly: it waits, holds what the night has made, and the restored home has
// the same content.
func TestBackupWaitsForANight(t *testing.T) {
	r := newRig(t)
	r.run(0, "init")
	end, _ := models.ParseDate("2024-06-01")
	r.drops(fixtures.Config{Seed: 5, Persons: 60, FirstQuarter: quarter(t, "2023Q1"), Quarters: 4, End: end, NoFigures: true})
	key, file, copied := filepath.Join(r.dir, "safe.key"), filepath.Join(r.dir, "b"), filepath.Join(r.dir, "copy")
	recipient := strings.TrimSpace(r.run(0, "backup", "key", "--out", key))

	var wg sync.WaitGroup
	var code int
	var said bytes.Buffer
	start := sync.OnceFunc(func() {
		wg.Go(func() {
			code = run(context.Background(), []string{"--home", r.home(), "backup", "--to", file, "--recipient", recipient}, nil, strings.NewReader(""), &said, &said, r.clock)
		})
		time.Sleep(300 * time.Millisecond) // in which it could have written
		if _, err := os.Lstat(file); err == nil {
			t.Error("the backup did not wait")
		}
	})
	cfg := nightly.Config{Home: home.Home{Dir: r.home()}, FS: durable.OS(), From: filepath.Join(r.dir, "area"), Now: r.now, Rand: rand.Reader,
		Location: time.UTC, Progress: func(nightly.Step) { start() }}
	cfg.Location, _ = time.LoadLocation("America/Los_Angeles")
	if _, err := nightly.Run(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if code != 0 || !strings.Contains(said.String(), "waiting") {
		t.Fatalf("exit %d: %s", code, said.String())
	}
	r.run(0, "restore", file, "--identity", key, "--out", copied)
	want := r.run(0, "verify", "--format", "json")
	if got := r.run(0, "verify", "--home", copied, "--format", "json"); got != want {
		t.Errorf("restored %s, want %s", got, want)
	}
	// Who does not want to wait is told who works there.
	lock, err := home.Home{Dir: r.home()}.Lock("nightly", r.now)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	r.run(1, "backup", "--to", file+"2", "--recipient", recipient, "--wait", "0s")
	if !strings.Contains(r.lastErr, "locked by heatwatch nightly") {
		t.Error(r.lastErr)
	}
}
