package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"heatwatch/fixtures"
	"heatwatch/models"
)

// buffer is a writer that two goroutines may use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// An agency drops an extract with OpenSSH's sftp into a running server, and fetches its receipt.
func TestOpenSSHDropsIntoServe(t *testing.T) {
	if _, err := exec.LookPath("sftp"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no sftp: install Debian's openssh-client")
		}
		t.Skip("no sftp: install Debian's openssh-client")
	}
	address, health := freeAddress(t), freeAddress(t)
	r := newRig(t, "HEATWATCH_SFTP_LISTEN="+address, "HEATWATCH_HEALTH_LISTEN="+health)
	r.now = time.Now()
	r.run(0, "init")
	end, _ := models.ParseDate("2024-06-01")
	r.drops(fixtures.Config{Seed: 11, Persons: 20, FirstQuarter: quarter(t, "2023Q1"), Quarters: 4, End: end, NoFigures: true})

	key := filepath.Join(r.dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r.run(0, "partner", "key", "shelter-a", key+".pub")

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var said buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"--home", r.home(), "serve"}, r.env, strings.NewReader(""), &said, &said, time.Now)
	}()
	for i := 0; !strings.Contains(said.String(), "sftp on"); i++ {
		if i > 200 {
			t.Fatalf("serve does not start: %s", said.String())
		}
		time.Sleep(50 * time.Millisecond)
	}

	drop := filepath.Join(r.dir, "area", "shelter-a", "incoming", "first")
	files, err := filepath.Glob(filepath.Join(drop, "*.csv"))
	if err != nil || len(files) == 0 {
		t.Fatal("there is no drop to send")
	}
	batch := "mkdir incoming/first\n"
	for _, f := range append(files, filepath.Join(drop, "manifest.json")) {
		batch += "put " + f + " incoming/first/\n"
	}
	sftp := func(batch string) {
		t.Helper()
		host, port, _ := net.SplitHostPort(address)
		cmd := exec.Command("sftp", "-q", "-P", port, "-i", key, "-o", "UserKnownHostsFile="+filepath.Join(r.dir, "kits", "shelter-a", "known_hosts"),
			"-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-b", "-", "shelter-a@"+host)
		cmd.Stdin = strings.NewReader(batch)
		cmd.Dir = r.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("sftp: %v\n%s\n%s", err, out, said.String())
		}
	}
	sftp(batch)
	r.run(0, "nightly")
	if r.run(0, "nightly"); !strings.Contains(r.lastErr, "nothing new") {
		t.Errorf("a second night says %q", r.lastErr)
	}
	sftp("get receipts/first.json\nget receipts/first.txt\n")
	b, err := os.ReadFile(filepath.Join(r.dir, "first.json"))
	if err != nil || !strings.Contains(string(b), `"state": "accepted"`) {
		t.Errorf("the receipt is %s (%v)", b, err)
	}

	stop()
	select {
	case code := <-ended:
		if code != 0 {
			t.Errorf("serve ended with %d: %s", code, said.String())
		}
	case <-time.After(20 * time.Second):
		t.Error("serve does not stop")
	}
}
