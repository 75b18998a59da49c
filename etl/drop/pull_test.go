package drop_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"heatwatch/etl/drop"
	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
	"heatwatch/internal/problem"
)

// agency is a partner with an OpenSSH server of its own.
type agency struct {
	t    *testing.T
	dir  string
	area string // the folder it offers
	into string // ours
	cfg  drop.PullConfig
	host ssh.PublicKey
	ours ssh.PublicKey
}

// newAgency starts sshd, one process per connection (-i), behind a listener on
// a free port.
func newAgency(t *testing.T) *agency {
	t.Helper()
	program := need(t, "/usr/sbin/sshd", "openssh-server")
	me, err := user.Current()
	must(t, err)
	if me.Uid == "0" { // sshd of root wants this folder; the package's start script makes it
		must(t, os.MkdirAll("/run/sshd", 0o755))
	}
	a := &agency{t: t, dir: t.TempDir(), into: t.TempDir()}
	a.area = filepath.Join(a.dir, "area")
	must(t, os.MkdirAll(filepath.Join(a.area, "incoming"), 0o700))
	a.host = newKey(t, filepath.Join(a.dir, "host.key"))
	a.ours = newKey(t, filepath.Join(a.dir, "our.key"))
	must(t, os.WriteFile(filepath.Join(a.dir, "authorized"), ssh.MarshalAuthorizedKey(a.ours), 0o600))
	config := filepath.Join(a.dir, "sshd_config")
	must(t, os.WriteFile(config, fmt.Appendf(nil, `HostKey %[1]s/host.key
AuthorizedKeysFile %[1]s/authorized
StrictModes no
UsePAM no
PidFile none
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
ForceCommand internal-sftp
Subsystem sftp internal-sftp
`, a.dir), 0o600))

	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var running sync.WaitGroup
	t.Cleanup(func() { l.Close(); running.Wait() })
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f, err := c.(*net.TCPConn).File()
			c.Close()
			if err != nil {
				continue
			}
			cmd := exec.Command(program, "-i", "-e", "-f", config)
			cmd.Stdin, cmd.Stdout = f, f
			var said bytes.Buffer
			cmd.Stderr = &said
			running.Go(func() {
				defer f.Close()
				if err := cmd.Run(); err != nil && t.Failed() {
					t.Logf("sshd: %v\n%s", err, &said)
				}
			})
		}
	})
	a.cfg = drop.PullConfig{
		Partner: "court-c", Host: l.Addr().String(), User: me.Username, Path: a.area,
		Key: filepath.Join(a.dir, "our.key"), KnownHosts: filepath.Join(a.dir, "known_hosts"),
	}
	a.know(a.host)
	return a
}

// know writes known_hosts.
func (a *agency) know(keys ...ssh.PublicKey) {
	a.t.Helper()
	var b bytes.Buffer
	for _, k := range keys {
		fmt.Fprintln(&b, drop.KnownHostsLine(a.cfg.Host, k))
	}
	must(a.t, os.WriteFile(a.cfg.KnownHosts, b.Bytes(), 0o600))
}

func (a *agency) plant(name string, size int) map[string][]byte {
	a.t.Helper()
	return writeDrop(a.t, a.there(name), size)
}

func (a *agency) there(rest ...string) string {
	return filepath.Join(append([]string{a.area, "incoming"}, rest...)...)
}

func (a *agency) here(rest ...string) string {
	return filepath.Join(append([]string{a.into, "court-c", "incoming"}, rest...)...)
}

func (a *agency) pull(limits drop.Limits) (drop.Pulled, error) {
	return drop.Pull(a.t.Context(), durable.OS(), a.cfg, a.into, limits)
}

// mustPull pulls and wants exactly these drops and so many problems.
func (a *agency) mustPull(limits drop.Limits, problems int, drops ...string) []error {
	a.t.Helper()
	got, err := a.pull(limits)
	if err != nil {
		a.t.Fatal(err)
	}
	if strings.Join(got.Drops, " ") != strings.Join(drops, " ") || len(got.Problems) != problems {
		a.t.Errorf("pulled %v with problems %v, want %v with %d", got.Drops, got.Problems, drops, problems)
	}
	for _, p := range got.Problems {
		if text := p.Error(); strings.Contains(text, "\n") || strings.Contains(text, a.dir) || problem.ExitCode(p) != problem.Quarantined {
			a.t.Errorf("not fit for a person: %q (exit %d)", text, problem.ExitCode(p))
		}
	}
	return got.Problems
}

func (a *agency) wantDrop(name string, files map[string][]byte) {
	a.t.Helper()
	a.wantFiles(name, files)
	entries, err := os.ReadDir(a.here(name))
	if err != nil || len(entries) != len(files) {
		a.t.Errorf("%s holds %v (%v)", name, entries, err)
	}
}

func TestPullCompleteDropsOnce(t *testing.T) {
	a := newAgency(t)
	one, two := a.plant("2026-07-02", 300_000), a.plant("2026-07-09", 10)
	a.plant("unfinished", 10)
	must(t, os.Remove(a.there("unfinished", "manifest.json")))
	must(t, os.WriteFile(a.there("2026-07-02", ".hidden"), nil, 0o600))

	a.mustPull(drop.Limits{}, 0, "2026-07-02", "2026-07-09")
	a.wantDrop("2026-07-02", one)
	a.wantDrop("2026-07-09", two)
	wantGone(t, a.here("unfinished"))
	a.mustPull(drop.Limits{}, 0) // nothing is new

	// The nightly run has taken a drop away, and remembers it by its manifest.
	must(t, os.RemoveAll(a.here("2026-07-02")))
	sum := sha256.Sum256(one["manifest.json"])
	a.cfg.Known = func(name string) (string, bool) { return hex.EncodeToString(sum[:]), name == "2026-07-02" }
	a.mustPull(drop.Limits{}, 0)
	wantGone(t, a.here("2026-07-02"))
	a.cfg.Known = nil
	a.mustPull(drop.Limits{}, 0, "2026-07-02")
	a.wantDrop("2026-07-02", one)
}

func TestPullNeverChangesADropThatIsHere(t *testing.T) {
	a := newAgency(t)
	was := a.plant("d", 1000)
	a.mustPull(drop.Limits{}, 0, "d")
	a.plant("d", 1000) // new content, new manifest, old name
	problems := a.mustPull(drop.Limits{}, 1)
	if !strings.Contains(problems[0].Error(), "another manifest") {
		t.Error(problems[0])
	}
	a.wantDrop("d", was)
	must(t, os.RemoveAll(a.here("d")))
	a.cfg.Known = func(string) (string, bool) { return "of another manifest", true }
	a.mustPull(drop.Limits{}, 1)
	wantGone(t, a.here("d"))
}

func TestPullTrustsOnlyKnownHosts(t *testing.T) {
	a := newAgency(t)
	a.plant("d", 10)
	other := newKey(t, filepath.Join(a.dir, "other.key"))
	hashed := func() {
		out, err := exec.Command(need(t, "/usr/bin/ssh-keygen", "openssh-client"), "-H", "-f", a.cfg.KnownHosts).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for name, c := range map[string]struct {
		prepare func()
		want    string
	}{
		"another key":         {func() { a.know(other) }, "another key"},
		"another key, hashed": {func() { a.know(other); hashed() }, "another key"},
		"no key":              {func() { a.know() }, "no key for this server"},
		"the key for another host": {func() {
			must(t, os.WriteFile(a.cfg.KnownHosts, []byte(drop.KnownHostsLine("192.0.2.1:22", a.host)+"\n"), 0o600))
		}, "no key for this server"},
		"the right key, revoked": {func() {
			a.know(a.host)
			f, err := os.OpenFile(a.cfg.KnownHosts, os.O_APPEND|os.O_WRONLY, 0)
			must(t, err)
			fmt.Fprintf(f, "@revoked * %s", ssh.MarshalAuthorizedKey(a.host))
			must(t, f.Close())
		}, "another key"},
		"no file": {func() { os.Remove(a.cfg.KnownHosts) }, "cannot be read"},
	} {
		c.prepare()
		got, err := a.pull(drop.Limits{})
		if err == nil || !strings.Contains(err.Error(), c.want) || len(got.Drops) > 0 {
			t.Errorf("%s: %v %v", name, got, err)
		}
		wantGone(t, a.here())
	}
	a.know(a.host)
	hashed()
	a.mustPull(drop.Limits{}, 0, "d")
}

func TestPullNeedsTheRightKeyKeptWell(t *testing.T) {
	a := newAgency(t)
	a.plant("d", 10)
	newKey(t, filepath.Join(a.dir, "stranger.key"))
	good := a.cfg.Key
	for name, c := range map[string]struct {
		prepare func()
		want    string
	}{
		"a stranger's key": {func() { a.cfg.Key = filepath.Join(a.dir, "stranger.key") }, "refused us"},
		"a key that others can read": {func() {
			a.cfg.Key = good
			must(t, os.Chmod(good, 0o640))
		}, "read by others"},
		"no key": {func() { a.cfg.Key = filepath.Join(a.dir, "none") }, "not there"},
		"a key with a passphrase": {func() {
			a.cfg.Key = filepath.Join(a.dir, "locked.key")
			out, err := exec.Command(need(t, "/usr/bin/ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "a passphrase", "-f", a.cfg.Key).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}, "passphrase"},
	} {
		c.prepare()
		if _, err := a.pull(drop.Limits{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		must(t, os.Chmod(good, 0o600))
	}
}

func TestPullFollowsNoLinks(t *testing.T) {
	a := newAgency(t)
	outside := filepath.Join(a.dir, "outside")
	writeDrop(t, outside, 100)
	must(t, os.Symlink(outside, a.there("linked-drop")))
	a.plant("linked-file", 100)
	must(t, os.Symlink(filepath.Join(outside, "engagements.csv"), a.there("linked-file", "services.csv")))
	a.plant("linked-manifest", 100)
	must(t, os.Remove(a.there("linked-manifest", "manifest.json")))
	must(t, os.Symlink(filepath.Join(outside, "manifest.json"), a.there("linked-manifest", "manifest.json")))
	a.plant("with-folder", 100)
	must(t, os.Mkdir(a.there("with-folder", "keymaps"), 0o700))
	must(t, os.WriteFile(a.there("file"), nil, 0o600))
	good := a.plant("good", 100)
	a.mustPull(drop.Limits{}, 5, "good")
	a.wantDrop("good", good)
	for _, name := range []string{"linked-drop", "linked-file", "linked-manifest", "with-folder", "file"} {
		wantGone(t, a.here(name))
	}
}

func TestPullHasLimits(t *testing.T) {
	a := newAgency(t)
	a.plant("d1", 3000) // 3,000 and 1,001 bytes
	a.plant("d2", 3000)
	a.mustPull(drop.Limits{FileBytes: 2999}, 2)
	a.mustPull(drop.Limits{DropBytes: 4000}, 2)
	a.mustPull(drop.Limits{Files: 3, RunBytes: 4001}, 1, "d1") // the next run fetches d2
	if _, err := a.pull(drop.Limits{Drops: 1}); err == nil || !strings.Contains(err.Error(), "more entries than allowed") {
		t.Error(err)
	}
	must(t, os.WriteFile(a.there("d2", "manifest.json"), noise(1<<20+1), 0o600))
	a.mustPull(drop.Limits{}, 1)
	must(t, os.Rename(a.there("d2"), a.there("d 2\n\x1b[31m")))
	for _, p := range a.mustPull(drop.Limits{}, 1) {
		if strings.ContainsAny(p.Error(), "\n\x1b") {
			t.Errorf("a name from outside is not quoted: %q", p)
		}
	}
	a.plant("d3", 10)
	for i := range 5 {
		must(t, os.WriteFile(a.there("d3", fmt.Sprint(i)), nil, 0o600))
	}
	a.mustPull(drop.Limits{Files: 5}, 2)
}

// A run is stopped at every operation on our disk. What it leaves is no drop,
// and the next run makes it whole.
func TestPullIsResumedAfterEveryFailure(t *testing.T) {
	a := newAgency(t)
	files := a.plant("d", 100_000)
	for n := 1; ; n++ {
		a.into = t.TempDir()
		faulty := durabletest.FailAt(n)
		_, err := drop.Pull(t.Context(), faulty, a.cfg, a.into, drop.Limits{})
		if !faulty.Fired() {
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d operations failed, one at a time", n-1)
			return
		}
		if err == nil {
			t.Errorf("operation %d (%s) failed and nobody noticed", n, faulty.Op())
		}
		if _, err := os.Stat(a.here("d", "manifest.json")); err == nil {
			a.wantFiles("d", files) // from here on it counts
		}
		if _, err := a.pull(drop.Limits{}); err != nil {
			t.Errorf("after operation %d (%s): %v", n, faulty.Op(), err)
		}
		if _, err := durable.Sweep(durable.OS(), a.here("d")); err != nil {
			t.Error(err)
		}
		a.wantDrop("d", files)
	}
}

// wantFiles is wantDrop with other names beside.
func (a *agency) wantFiles(name string, files map[string][]byte) {
	a.t.Helper()
	for file, data := range files {
		wantFile(a.t, a.here(name, file), data)
	}
}

// After a power cut the part that a run had fetched may be damaged. The
// manifest's hash finds it, and the file is fetched again.
func TestPullMendsDamagedParts(t *testing.T) {
	a := newAgency(t)
	files := a.plant("d", 100_000)
	for name, damage := range map[string]func([]byte) []byte{
		"zeros at the end": func(b []byte) []byte { return append(b[:40_000:40_000], make([]byte, 10_000)...) },
		"whole but wrong":  func(b []byte) []byte { b = bytes.Clone(b); b[17]++; return b },
		"too long":         func(b []byte) []byte { return append(b[:len(b):len(b)], "more"...) },
		"sound":            func(b []byte) []byte { return b[:40_000] },
	} {
		t.Run(name, func(t *testing.T) {
			a.into = t.TempDir()
			sum := sha256.Sum256(files["manifest.json"])
			must(t, os.MkdirAll(a.here("d"), 0o700))
			part := a.here("d", ".tmp-pull-"+hex.EncodeToString(sum[:8])+"-engagements.csv")
			must(t, os.WriteFile(part, damage(files["engagements.csv"]), 0o600))
			stale := a.here("d", ".tmp-pull-0123456789abcdef-engagements.csv")
			must(t, os.WriteFile(stale, []byte("of an older manifest"), 0o600))
			a.mustPull(drop.Limits{}, 0, "d")
			a.wantDrop("d", files)
		})
	}
}

func TestPullGoesOnWhereTheLineBroke(t *testing.T) {
	a := newAgency(t)
	files := a.plant("d", 3_000_000)
	line := newReverseCutter(t, a.cfg.Host)
	a.cfg.Host = line.listener.Addr().String()
	a.know(a.host)
	for _, at := range []int64{1000, 300_000, 1_000_000, 2_000_000} {
		line.left.Store(at)
		if got, err := a.pull(drop.Limits{Silence: 5 * time.Second}); err == nil || len(got.Drops) > 0 {
			t.Errorf("line cut after %d bytes: %v %v", at, got, err)
		}
		wantGone(t, a.here("d", "manifest.json"))
		wantGone(t, a.here("d", "engagements.csv"))
	}
	parts, err := filepath.Glob(a.here("d", ".tmp-pull-*-engagements.csv"))
	must(t, err)
	if len(parts) != 1 {
		t.Fatalf("parts: %v", parts)
	}
	before, err := os.Stat(parts[0])
	must(t, err)
	line.left.Store(3_000_000 - before.Size() + 1_000_000 + 300_000) // not enough to begin from the start
	a.mustPull(drop.Limits{}, 0, "d")
	a.wantDrop("d", files)
}

// newReverseCutter breaks after so many bytes from server to client.
func newReverseCutter(t *testing.T, to string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	c := &cutter{listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			go func() { io.Copy(server, client); server.Close() }()
			go c.forward(client, server)
		}
	}()
	return c
}

func TestPullEndsWithItsContext(t *testing.T) {
	a := newAgency(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes the connection and says nothing
	must(t, err)
	defer l.Close()
	a.cfg.Host = l.Addr().String()
	a.know(a.host)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := drop.Pull(ctx, durable.OS(), a.cfg, a.into, drop.Limits{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	start := time.Now()
	if _, err := a.pull(drop.Limits{Login: 200 * time.Millisecond}); err == nil || time.Since(start) > 5*time.Second {
		t.Errorf("a silent server: %v after %v", err, time.Since(start))
	}
}

func TestPushReceipts(t *testing.T) {
	a := newAgency(t)
	own := filepath.Join(a.into, "court-c", "receipts")
	push := func() drop.Pushed {
		t.Helper()
		got, err := drop.PushReceipts(t.Context(), durable.OS(), a.cfg, a.into, drop.Limits{})
		must(t, err)
		return got
	}
	if got := push(); len(got.Receipts) > 0 {
		t.Errorf("nothing to push, yet: %v", got)
	}
	must(t, os.MkdirAll(own, 0o700))
	one, two := noise(200_000), []byte("two")
	must(t, os.WriteFile(filepath.Join(own, "d1.json"), one, 0o600))
	must(t, os.WriteFile(filepath.Join(own, ".tmp-d1.json-0"), two, 0o600))
	if got := push(); len(got.Receipts) != 1 || len(got.Problems) != 0 {
		t.Errorf("got %v", got)
	}
	wantFile(t, filepath.Join(a.area, "receipts", "d1.json"), one)

	must(t, os.WriteFile(filepath.Join(own, "d2.json"), two, 0o600))
	must(t, os.WriteFile(filepath.Join(a.area, "receipts", ".tmp-d2.json"), one, 0o600)) // of a run that was cut
	if got := push(); len(got.Receipts) != 1 {
		t.Errorf("got %v", got)
	}
	wantFile(t, filepath.Join(a.area, "receipts", "d2.json"), two)
	wantGone(t, filepath.Join(a.area, "receipts", ".tmp-d2.json"))
	if got := push(); len(got.Receipts)+len(got.Problems) != 0 {
		t.Errorf("pushed again: %v", got)
	}

	card := filepath.Join(own, "scorecard.txt") // is renewed where it says something else, also of the same length
	for _, says := range []string{"monday", "sunday", "a longer day"} {
		must(t, os.WriteFile(card, []byte(says), 0o600))
		if got := push(); len(got.Receipts) != 1 || len(got.Problems) != 0 {
			t.Errorf("a card that says %s: %v", says, got)
		}
		wantFile(t, filepath.Join(a.area, "receipts", "scorecard.txt"), []byte(says))
		if got := push(); len(got.Receipts)+len(got.Problems) != 0 {
			t.Errorf("pushed again: %v", got)
		}
	}

	must(t, os.WriteFile(filepath.Join(own, "d1.json"), two, 0o600)) // must never happen
	if got := push(); len(got.Receipts) != 0 || len(got.Problems) != 1 {
		t.Errorf("got %v", got)
	}
	wantFile(t, filepath.Join(a.area, "receipts", "d1.json"), one)
}
