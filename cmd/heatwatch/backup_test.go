package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"heatwatch/etl/nightly"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
)

// A backup is asked for at the first step of a nightly: it waits, holds what the night has made, and the restored home has
// the same content.
func TestBackupWaitsForANight(t *testing.T) {
	r := newRig(t)
	r.run(0, "init")
	r.run(0, "partner", "add", "shelter-a", "--kind", "shelter")
	dir := filepath.Join(r.dir, "area", "shelter-a", "incoming", "d1")
	rows := "person_key,birth_year\np1,2011\n"
	manifest := fmt.Sprintf(`{"schema":1,"partner":"shelter-a","created":"2026-10-01T08:00:00Z","covers":{"from":"2026-01-01","to":"2026-09-30"},"mode":"snapshot",
		"files":[{"name":"persons.csv","entity":"persons","rows":1,"sha256":"%x"}]}`, sha256.Sum256([]byte(rows)))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"persons.csv": rows, "manifest.json": manifest} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
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
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	cfg := nightly.Config{Home: home.Home{Dir: r.home()}, FS: durable.OS(), From: filepath.Join(r.dir, "area"), Now: r.now, Rand: rand.Reader,
		Location: zone, Progress: func(nightly.Step) { start() }}
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

// The disk of the backups runs full: it says so, and leaves nothing there and no view in the home.
func TestBackupOnAFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	if out, err := exec.Command("unshare", "-rm", "true").CombinedOutput(); err != nil {
		t.Skipf("this machine allows no mount namespace (%s): internal/backup tries a full disk with durabletest.FullAfter", strings.TrimSpace(string(out)))
	}
	program := self(t)
	r := newRig(t)
	r.run(0, "init")
	recipient := strings.TrimSpace(r.run(0, "backup", "key", "--out", filepath.Join(r.dir, "safe.key")))
	cmd := exec.Command("unshare", "-rm", "sh", "-c", `mount -t tmpfs -o size=4k tmpfs "$MNT" && "$PROGRAM" --home "$H" backup --to "$MNT/b" --recipient "$R"; echo "exit $?"; ls -A "$MNT" "$H/.staging"`)
	mnt := t.TempDir()
	cmd.Env = append(os.Environ(), "MNT="+mnt, "PROGRAM="+program, "H="+r.home(), "R="+recipient)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if want := fmt.Sprintf("exit 1\n%s/.staging:\n\n%s:\n", r.home(), mnt); !strings.Contains(string(out), "check the room on that disk") || !strings.HasSuffix(string(out), want) {
		t.Errorf("%s\nwant at the end\n%s", out, want)
	}
}
