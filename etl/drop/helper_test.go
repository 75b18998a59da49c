package drop_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"heatwatch/etl/drop"
	"heatwatch/internal/durable"
)

// need returns the path of a program, or skips; where CI is set it fails.
func need(t *testing.T, path, debian string) string {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed: apt-get install %s", path, debian)
	}
	t.Skipf("%s is not installed: apt-get install %s", path, debian)
	return ""
}

// site is a running server with two partners and all files that clients need.
type site struct {
	t       *testing.T
	dir     string
	root    string // of the areas
	server  *drop.Server
	address string // that clients use: the server's, or a proxy's
	log     *logs
	book    *book
	stop    context.CancelFunc
	stopped chan error

	mu       sync.Mutex
	partners map[string][]byte // authorized keys
}

// newSite starts a server; change may be nil.
func newSite(t *testing.T, change func(*drop.Config)) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), partners: map[string][]byte{}, log: &logs{}, book: &book{}, stopped: make(chan error, 1)}
	s.root = filepath.Join(s.dir, "areas")
	must(t, os.Mkdir(s.root, 0o700))
	hostKey := filepath.Join(s.dir, "host.key")
	must(t, drop.CreateHostKey(durable.OS(), hostKey, rand.Reader))
	for _, p := range []string{"shelter-a", "shelter-b"} {
		s.enrol(p, newKey(t, s.keyFile(p)))
	}
	cfg := drop.Config{
		Listen: "127.0.0.1:0", HostKey: hostKey, Root: s.root, Partners: s.keys,
		Times: drop.Times{Grace: 100 * time.Millisecond},
		Log:   slog.New(slog.NewTextHandler(s.log, nil)),
		Audit: s.book.write,
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	s.server, err = drop.Listen(cfg)
	must(t, err)
	s.connectTo(s.server.Addr().String())
	var ctx context.Context
	ctx, s.stop = context.WithCancel(t.Context())
	go func() { s.stopped <- s.server.Serve(ctx) }()
	t.Cleanup(s.end)
	return s
}

// end stops the server and looks through its log for what must not be there.
func (s *site) end() {
	s.stop()
	select {
	case err := <-s.stopped:
		if err != nil {
			s.t.Errorf("Serve ended with %v", err)
		}
		s.stopped <- nil
	case <-time.After(20 * time.Second):
		s.t.Error("the server did not stop")
	}
	if s.t.Failed() {
		s.t.Logf("server's log:\n%s", s.log)
	}
	if bad := s.book.unsafe(); bad != "" {
		s.t.Errorf("an audit log holds %s", bad)
	}
	for _, secret := range []string{s.dir, ".csv"} {
		if strings.Contains(s.log.String(), secret) {
			s.t.Errorf("the log holds %q:\n%s", secret, s.log)
		}
	}
}

// connectTo makes clients use an address, under which they expect our key.
func (s *site) connectTo(address string) {
	s.t.Helper()
	s.address = address
	pub, err := drop.HostKey(filepath.Join(s.dir, "host.key"))
	must(s.t, err)
	must(s.t, os.WriteFile(s.knownHosts(), []byte(drop.KnownHostsLine(address, pub)+"\n"), 0o600))
}

func (s *site) enrol(partner string, key ssh.PublicKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.partners[partner] = append(s.partners[partner], ssh.MarshalAuthorizedKey(key)...)
}

func (s *site) keys() (list []drop.PartnerKeys, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, keys := range s.partners {
		list = append(list, drop.PartnerKeys{Name: name, AuthorizedKeys: keys})
	}
	return list, nil
}

func (s *site) keyFile(partner string) string { return filepath.Join(s.dir, partner+".key") }
func (s *site) knownHosts() string            { return filepath.Join(s.dir, "known_hosts") }
func (s *site) area(partner string, rest ...string) string {
	return filepath.Join(append([]string{s.root, partner}, rest...)...)
}

// options are what sftp and ssh need to know; nothing of the user's own
// configuration takes part.
func (s *site) options(key string) []string {
	_, port, _ := net.SplitHostPort(s.address)
	return []string{"-F", "/dev/null", "-i", key, "-o", "Port=" + port, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes",
		"-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=" + s.knownHosts(), "-o", "GlobalKnownHostsFile=/dev/null", "-o", "ConnectTimeout=20"}
}

// sftp runs OpenSSH's client with a batch of commands and returns what it said.
func (s *site) sftp(user, key string, commands ...string) (string, error) {
	s.t.Helper()
	program := need(s.t, "/usr/bin/sftp", "openssh-client")
	args := append(s.options(key), "-b", "-", user+"@127.0.0.1")
	cmd := exec.CommandContext(s.t.Context(), program, args...)
	cmd.Dir = s.dir
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *site) as(partner string, commands ...string) (string, error) {
	s.t.Helper()
	return s.sftp(partner, s.keyFile(partner), commands...)
}

// mustAs is as, and fails the test if a command fails.
func (s *site) mustAs(partner string, commands ...string) string {
	s.t.Helper()
	out, err := s.as(partner, commands...)
	if err != nil {
		s.t.Fatalf("sftp: %v\n%s", err, out)
	}
	return out
}

// refused fails the test unless the single command fails with text in the output.
func (s *site) refused(partner, command, text string) {
	s.t.Helper()
	out, err := s.as(partner, command)
	if err == nil {
		s.t.Errorf("%q was not refused\n%s", command, out)
	}
	if !strings.Contains(strings.ToLower(out), strings.ToLower(text)) {
		s.t.Errorf("%q: want %q in\n%s", command, text, out)
	}
}

// plant writes a drop of two files with a manifest into the client's folder.
func (s *site) plant(name string, size int) (dir string, files map[string][]byte) {
	s.t.Helper()
	dir = filepath.Join(s.dir, "client", name)
	return dir, writeDrop(s.t, dir, size)
}

func writeDrop(t *testing.T, dir string, size int) map[string][]byte {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o700))
	files := map[string][]byte{"engagements.csv": noise(size), "persons.csv.gz": noise(size/3 + 1)}
	files["manifest.json"] = manifest(files)
	for name, data := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	return files
}

func manifest(files map[string][]byte) []byte {
	type entry struct {
		Name   string `json:"name"`
		SHA256 string `json:"sha256"`
	}
	m := struct {
		Schema int     `json:"schema"`
		Files  []entry `json:"files"`
	}{Schema: 1}
	for name, data := range files {
		sum := sha256.Sum256(data)
		m.Files = append(m.Files, entry{name, hex.EncodeToString(sum[:])})
	}
	b, _ := json.Marshal(m)
	return b
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// newKey writes a private key for OpenSSH and returns its public half.
func newKey(t *testing.T, file string) ssh.PublicKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	block, err := ssh.MarshalPrivateKey(private, "test")
	must(t, err)
	must(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	key, err := ssh.NewPublicKey(public)
	must(t, err)
	return key
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantFile(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes (%v), want %d", filepath.Base(path), len(got), err, len(want))
	}
}

func wantGone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); err == nil {
		t.Errorf("%s is there", filepath.Base(path))
	}
}

// eventually waits for something that another process is about to do.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("waited in vain: %s", what)
}

// logs collects a server's log.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
