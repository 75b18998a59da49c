package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
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
	needsSFTP(t)
	address, health := freeAddress(t), freeAddress(t)
	r := newRig(t, "HEATWATCH_SFTP_LISTEN="+address, "HEATWATCH_HEALTH_LISTEN="+health)
	r.now = time.Now()
	r.run(0, "init")
	end, _ := models.ParseDate("2024-06-01")
	r.drops(fixtures.Config{Seed: 11, Persons: 20, FirstQuarter: quarter(t, "2023Q1"), Quarters: 4, End: end, NoFigures: true})

	key := r.newKey()
	r.run(0, "partner", "key", "shelter-a", key+".pub")

	said, stop := r.serve()
	drop := filepath.Join(r.dir, "area", "shelter-a", "incoming", "first")
	files, err := filepath.Glob(filepath.Join(drop, "*.csv*"))
	if err != nil || len(files) == 0 {
		t.Fatal("there is no drop to send")
	}
	batch := "mkdir incoming/first\n"
	for _, f := range append(files, filepath.Join(drop, "manifest.json")) {
		batch += "put " + f + " incoming/first/\n"
	}
	sftp := func(batch string) { t.Helper(); r.sftp(address, key, "shelter-a", batch, said) }
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
	audit := filepath.Join(r.home(), "logs", "sftp", "shelter-a.jsonl")
	b, err = os.ReadFile(audit)
	for _, want := range []string{`"what":"login"`, `"what":"drop_made"`, `"what":"upload_finished"`, `"file":"manifest.json"`, `"what":"receipt_fetched"`, `"what":"logout"`} {
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("the audit log lacks %s (%v)\n%s", want, err, b)
		}
	}
	if info, err := os.Stat(audit); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the audit log: %v %v", info, err)
	}
	r.run(0, "verify")
	if err := os.WriteFile(audit, bytes.Replace(b, []byte("login"), []byte("logon"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := r.run(1, "verify"); !strings.Contains(out, "logs/sftp/shelter-a.jsonl") {
		t.Errorf("verify says %s", out)
	}
}

// sftp runs OpenSSH's client as a partner whose kit was written, in the rig's folder.
func (r *rig) sftp(address, key, partner, batch string, said *buffer) {
	r.t.Helper()
	host, port, _ := net.SplitHostPort(address)
	cmd := exec.Command("sftp", "-q", "-P", port, "-i", key, "-o", "UserKnownHostsFile="+filepath.Join(r.dir, "kits", partner, "known_hosts"),
		"-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-b", "-", partner+"@"+host)
	cmd.Stdin = strings.NewReader(batch)
	cmd.Dir = r.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("sftp: %v\n%s\n%s", err, out, said.String())
	}
}

// needsSFTP skips where there is no OpenSSH client, but never in CI.
func needsSFTP(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("sftp"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no sftp: install Debian's openssh-client")
		}
		t.Skip("no sftp: install Debian's openssh-client")
	}
}

// newKey makes a key pair of an agency.
func (r *rig) newKey() (path string) {
	r.t.Helper()
	path = filepath.Join(r.dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path).CombinedOutput(); err != nil {
		r.t.Fatalf("%v: %s", err, out)
	}
	return path
}

// serve starts the daemon and waits until it listens; stop ends it.
func (r *rig) serve() (said *buffer, stop func()) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	said = &buffer{}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"--home", r.home(), "serve"}, r.env, strings.NewReader(""), said, said, time.Now)
	}()
	stopped := false
	stop = func() {
		r.t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case code := <-ended:
			if code != 0 {
				r.t.Errorf("serve ended with %d: %s", code, said.String())
			}
		case <-time.After(20 * time.Second):
			r.t.Error("serve does not stop")
		}
	}
	r.t.Cleanup(stop)
	for i := 0; !strings.Contains(said.String(), "sftp on"); i++ {
		if i > 200 {
			r.t.Fatalf("serve does not start: %s", said.String())
		}
		time.Sleep(50 * time.Millisecond)
	}
	return said, stop
}

func (r *rig) note() (n nightNote) {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.home(), "logs", "night.json"))
	if err != nil || json.Unmarshal(b, &n) != nil {
		r.t.Fatalf("%v: %s", err, b)
	}
	return n
}

// ask asks the health address.
func ask(t *testing.T, url string) (code int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// A night that passed while nothing ran is made good at the start, once; a monitor can see how it went.
func TestServeMakesGoodAMissedNight(t *testing.T) {
	health := freeAddress(t)
	r := newRig(t, "HEATWATCH_SFTP_LISTEN="+freeAddress(t), "HEATWATCH_HEALTH_LISTEN="+health)
	r.now = time.Now()
	r.run(0, "init")
	r.run(0, "partner", "add", "shelter-a", "--kind", "shelter")
	_, stop := r.serve()
	if code, body := ask(t, "http://"+health+"/readyz"); code != 200 || !strings.Contains(body, `"state":"none"`) {
		t.Errorf("a new home: %d %s", code, body)
	}
	stop()
	first := r.note()
	if first.Since.IsZero() || !first.Started.IsZero() {
		t.Errorf("a new home has missed no night: %+v", first)
	}

	first.Since = first.Since.Add(-72 * time.Hour) // as if it had been off since
	b, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.home(), "logs", "night.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	said, stop := r.serve()
	for i := 0; r.note().State != nightDone; i++ {
		if i > 200 {
			t.Fatalf("the missed night does not run: %s", said.String())
		}
		time.Sleep(50 * time.Millisecond)
	}
	if code, body := ask(t, "http://"+health+"/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("healthz: %d %s", code, body)
	}
	code, body := ask(t, "http://"+health+"/readyz")
	if code != 200 || !strings.Contains(body, `"ready":true,"state":"done","overdue":false`) || !strings.Contains(body, `"age_seconds":`) || strings.Contains(body, "shelter") {
		t.Errorf("readyz: %d %s", code, body)
	}
	stop()
	ran := r.note().Started

	said, stop = r.serve()
	time.Sleep(300 * time.Millisecond)
	stop()
	if again := r.note().Started; !again.Equal(ran) || strings.Contains(said.String(), "nightly:") {
		t.Errorf("it ran again after a restart: %v, %v", ran, again)
	}
}

// The units are what systemd understands, and name this program and this home.
func TestUnits(t *testing.T) {
	r := newRig(t)
	r.run(0, "init")
	all := r.run(0, "serve", "--print-unit")
	dir := t.TempDir()
	for _, name := range unitNames {
		one := r.run(0, "serve", "--print-unit="+name)
		if !strings.HasPrefix(one, "# /etc/systemd/system/"+name+"\n[Unit]\n") || !strings.Contains(all, one) {
			t.Errorf("%s is\n%s", name, one)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(one), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"--home " + r.home() + " serve\n", "NoNewPrivileges=yes\n", "ProtectSystem=strict\n", "ReadWritePaths=" + r.home() + "\n", "PrivateTmp=yes\n",
		"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\n", "UMask=0077\n", "OnCalendar=*-*-* 2:15:00 America/Los_Angeles\n", "Persistent=true\n", "SuccessExitStatus=4\n"} {
		if !strings.Contains(all, want) {
			t.Errorf("the units lack %q", want)
		}
	}
	r.run(2, "serve", "--print-unit=heatwatch.socket")
	if strings.Contains(r.lastErr, "panic") || !strings.Contains(r.lastErr, "heatwatch-nightly.timer") {
		t.Errorf("said %q", r.lastErr)
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze: the units are compared with text alone")
	}
	args := []string{"verify", "--man=no"}
	for _, name := range unitNames {
		args = append(args, filepath.Join(dir, name))
	}
	if out, err := exec.Command("systemd-analyze", args...).CombinedOutput(); err != nil || strings.Contains(string(out), dir) {
		t.Errorf("systemd says %v\n%s", err, out)
	}
}
