package drop_test

import (
	"errors"
	"fmt"
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
)

func TestUploadADropAndFetchItsReceipt(t *testing.T) {
	s := newSite(t, nil)
	dir, files := s.plant("2026-07-02", 300_000)
	out := s.mustAs("shelter-a",
		"mkdir incoming/2026-07-02",
		"put "+dir+"/engagements.csv incoming/2026-07-02/",
		"put -p "+dir+"/persons.csv.gz incoming/2026-07-02/", // -p sets mode and times: ignored
		"put "+dir+"/manifest.json incoming/2026-07-02/",
		"ls -l incoming/2026-07-02")
	for name, data := range files {
		wantFile(t, s.area("shelter-a", "incoming", "2026-07-02", name), data)
		if !strings.Contains(out, name) {
			t.Errorf("the listing lacks %s:\n%s", name, out)
		}
		info, err := os.Stat(s.area("shelter-a", "incoming", "2026-07-02", name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v %v", name, info.Mode(), err)
		}
	}
	if !strings.Contains(s.log.String(), "drop complete") {
		t.Error("the log does not say that the drop is complete")
	}

	receipt := []byte(`{"schema":1}`)
	must(t, os.WriteFile(s.area("shelter-a", "receipts", "2026-07-02.json"), receipt, 0o600))
	s.mustAs("shelter-a", "cd receipts", "ls", "get 2026-07-02.json got.json")
	wantFile(t, filepath.Join(s.dir, "got.json"), receipt)
}

func TestUploadAWholeFolder(t *testing.T) {
	s := newSite(t, nil)
	dir, files := s.plant("d1", 1000)
	must(t, os.Rename(filepath.Join(dir, "manifest.json"), filepath.Join(s.dir, "manifest.json")))
	s.mustAs("shelter-a", "put -r "+dir+" incoming/", "put manifest.json incoming/d1/")
	for name, data := range files {
		wantFile(t, s.area("shelter-a", "incoming", "d1", name), data)
	}
}

func TestAClosedDropIsClosed(t *testing.T) {
	s := newSite(t, nil)
	dir, files := s.plant("d1", 1000)
	s.mustAs("shelter-a", "mkdir incoming/d1", "mkdir incoming/d2",
		"put "+dir+"/engagements.csv incoming/d1/", "put "+dir+"/manifest.json incoming/d1/", "put "+dir+"/engagements.csv incoming/d2/")
	for _, command := range []string{
		"put " + dir + "/persons.csv.gz incoming/d1/",
		"put " + dir + "/persons.csv.gz incoming/d1/engagements.csv",
		"put " + dir + "/manifest.json incoming/d1/",
		"reput " + dir + "/engagements.csv incoming/d1/engagements.csv",
		"rm incoming/d1/engagements.csv",
		"rm incoming/d1/manifest.json",
		"rename incoming/d1/engagements.csv incoming/d1/other.csv",
		"rename incoming/d1/manifest.json incoming/d1/other.json",
		"rename incoming/d2/engagements.csv incoming/d1/other.csv",
		"rename incoming/d1/engagements.csv incoming/d2/other.csv",
		"rename incoming/d1 incoming/d3",
		"rmdir incoming/d1",
	} {
		s.refused("shelter-a", command, "")
	}
	wantFile(t, s.area("shelter-a", "incoming", "d1", "engagements.csv"), files["engagements.csv"])
	wantFile(t, s.area("shelter-a", "incoming", "d1", "manifest.json"), files["manifest.json"])
	wantGone(t, s.area("shelter-a", "incoming", "d1", "persons.csv.gz"))
	wantGone(t, s.area("shelter-a", "incoming", "d1", "other.csv"))
}

func TestAnOpenDropCanBeMended(t *testing.T) {
	s := newSite(t, nil)
	dir, files := s.plant("d1", 1000)
	s.mustAs("shelter-a",
		"mkdir incoming/d1",
		"put "+dir+"/engagements.csv incoming/d1/wrong.csv",
		"rename incoming/d1/wrong.csv incoming/d1/engagements.csv", // upload, then rename
		"put "+dir+"/manifest.json incoming/d1/superfluous.csv",
		"put "+dir+"/engagements.csv incoming/d1/superfluous.csv", // over it
		"rm incoming/d1/superfluous.csv",
		"mkdir incoming/d2", "rmdir incoming/d2",
		"rename incoming/d1 incoming/d3",
		"put "+dir+"/manifest.json incoming/d3/manifest.part",
		"rename incoming/d3/manifest.part incoming/d3/manifest.json")
	wantFile(t, s.area("shelter-a", "incoming", "d3", "engagements.csv"), files["engagements.csv"])
	wantFile(t, s.area("shelter-a", "incoming", "d3", "manifest.json"), files["manifest.json"])
	wantGone(t, s.area("shelter-a", "incoming", "d3", "superfluous.csv"))
	wantGone(t, s.area("shelter-a", "incoming", "d2"))
	s.refused("shelter-a", "rm incoming/d3/engagements.csv", "denied") // the renamed manifest closed it
}

func TestResumeAnUpload(t *testing.T) {
	s := newSite(t, nil)
	dir, files := s.plant("d1", 500_000)
	want := files["engagements.csv"]
	half := filepath.Join(s.dir, "half.csv")
	must(t, os.WriteFile(half, want[:200_001], 0o600))
	s.mustAs("shelter-a", "mkdir incoming/d1", "put "+half+" incoming/d1/engagements.csv")
	s.mustAs("shelter-a", "reput "+dir+"/engagements.csv incoming/d1/engagements.csv")
	wantFile(t, s.area("shelter-a", "incoming", "d1", "engagements.csv"), want)
}

func TestWhoMayComeIn(t *testing.T) {
	s := newSite(t, nil)
	strange := filepath.Join(s.dir, "strange.key")
	newKey(t, strange)
	for _, c := range []struct{ name, user, key string }{
		{"an unknown key", "shelter-a", strange},
		{"another partner's key", "shelter-a", s.keyFile("shelter-b")},
		{"an unknown user with a known key", "shelter-c", s.keyFile("shelter-a")},
		{"root", "root", s.keyFile("shelter-a")},
		{"a path", "../shelter-a", s.keyFile("shelter-a")},
	} {
		out, err := s.sftp(c.user, c.key, "ls")
		if err == nil || !strings.Contains(out, "Permission denied (publickey)") {
			t.Errorf("%s: %v\n%s", c.name, err, out)
		}
	}
	if strings.Contains(s.log.String(), "shelter-c") {
		t.Error("the log repeats a stranger's user name")
	}
	s.mustAs("shelter-a", "ls") // the door does open

	// Keys are read at each login.
	s.mu.Lock()
	s.partners["shelter-a"] = nil
	s.mu.Unlock()
	if _, err := s.as("shelter-a", "ls"); err == nil {
		t.Error("a key that was taken away still opens")
	}
}

func TestPasswordsAndNothingAreNoWayIn(t *testing.T) {
	s := newSite(t, nil)
	for _, auth := range [][]ssh.AuthMethod{
		nil,
		{ssh.Password("")},
		{ssh.KeyboardInteractive(func(string, string, []string, []bool) ([]string, error) { return nil, nil })},
	} {
		c, err := ssh.Dial("tcp", s.server.Addr().String(), &ssh.ClientConfig{User: "shelter-a", Auth: auth, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
		if err == nil {
			c.Close()
			t.Errorf("logged in with %v", auth)
		}
	}
}

func TestAKeyMayBeBoundToAddresses(t *testing.T) {
	s := newSite(t, nil)
	line := string(s.partners["shelter-a"])
	set := func(options string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.partners["shelter-a"] = []byte(options + " " + line)
	}
	for options, in := range map[string]bool{
		`from="127.0.0.0/8"`:        true,
		`restrict,from="127.0.0.1"`: true,
		`from="192.0.2.0/24"`:       false,
		`from="*.example.org"`:      false, // not understood: opens nothing
		`command="internal-sftp"`:   false,
		`expiry-time="20200101"`:    false,
		`cert-authority`:            false,
		`no-pty,no-port-forwarding`: true,
	} {
		set(options)
		if out, err := s.as("shelter-a", "ls"); (err == nil) != in {
			t.Errorf("%s: %v\n%s", options, err, out)
		}
	}
}

func TestNobodySeesAnothersArea(t *testing.T) {
	s := newSite(t, nil)
	s.mustAs("shelter-b", "ls") // makes the area
	secret := []byte("a line of shelter-b")
	must(t, os.Mkdir(s.area("shelter-b", "incoming", "d1"), 0o700))
	must(t, os.WriteFile(s.area("shelter-b", "incoming", "d1", "persons.csv"), secret, 0o600))
	must(t, os.WriteFile(s.area("shelter-b", "receipts", "r.json"), secret, 0o600))
	outside := filepath.Join(s.dir, "outside")
	must(t, os.WriteFile(outside, secret, 0o600))

	// An operator put links into the area; the partner cannot.
	s.mustAs("shelter-a", "mkdir incoming/own")
	for link, to := range map[string]string{
		"receipts/abs.json":     outside,
		"receipts/rel.json":     "../../shelter-b/receipts/r.json",
		"receipts/inside.json":  "../receipts/abs.json",
		"incoming/folder":       "../../shelter-b/incoming/d1",
		"incoming/self":         "../receipts",
		"incoming/own/link.csv": outside,
		"incoming/own/dangle":   "nothing",
	} {
		must(t, os.Symlink(to, s.area("shelter-a", link)))
	}
	for _, name := range []string{
		"../shelter-b/receipts/r.json", "/../shelter-b/receipts/r.json", "receipts/../../shelter-b/receipts/r.json",
		s.area("shelter-b", "receipts", "r.json"), outside, "/etc/passwd", "../../../../../etc/passwd",
		"receipts/abs.json", "receipts/rel.json", "receipts/inside.json", "incoming/folder/persons.csv", "incoming/self/r.json", "incoming/own/link.csv",
	} {
		got := filepath.Join(s.dir, "got")
		out, err := s.as("shelter-a", "get "+name+" "+got)
		if err == nil {
			t.Errorf("got %s\n%s", name, out)
		}
		if strings.Contains(out, s.root) && !strings.Contains(name, s.root) {
			t.Errorf("an answer names a folder of ours:\n%s", out)
		}
		wantGone(t, got)
	}
	dir, _ := s.plant("d1", 10)
	for _, name := range []string{
		"../shelter-b/incoming/d1/x.csv", "incoming/folder/x.csv", "incoming/self/x.csv", "incoming/own/link.csv", "incoming/own/dangle",
		"receipts/x.json", "receipts/abs.json", "x.csv", "incoming/x.csv", "incoming/own/sub/x.csv", "incoming/own/.hidden", "incoming/own/-x", "incoming/own/ä.csv",
	} {
		s.refused("shelter-a", fmt.Sprintf("put %s/engagements.csv %q", dir, name), "")
	}
	for _, command := range []string{
		"symlink /etc/passwd incoming/own/l", "symlink ../../shelter-b incoming/l", "ln incoming/own/link.csv incoming/own/l2", "ln receipts/abs.json incoming/own/l3",
		"mkdir ../shelter-b/incoming/x", "mkdir receipts/x", "mkdir incoming/own/x", "mkdir x",
		"rm receipts/abs.json", "rename receipts/abs.json incoming/own/x.csv", "rename incoming/own receipts/own", "rmdir incoming", "rmdir receipts",
		"ls ../shelter-b/incoming/d1", "ls incoming/folder", "chmod 777 receipts/abs.json", "rename incoming/self incoming/mine",
	} {
		if strings.HasPrefix(command, "ls ../") {
			// ".." above the root is the root: there is no such folder in it
			s.refused("shelter-a", command, "not found")
			continue
		}
		s.refused("shelter-a", command, "")
	}
	if out := s.mustAs("shelter-a", "ls -la", "ls -la receipts", "ls -la incoming", "ls -la incoming/own"); strings.Contains(out, ".json") || strings.Contains(out, "folder") ||
		strings.Contains(out, "self") || strings.Contains(out, "link") || strings.Contains(out, "shelter") {
		t.Errorf("the listing shows links:\n%s", out)
	}
	wantFile(t, outside, secret)
	wantFile(t, s.area("shelter-b", "receipts", "r.json"), secret)
	wantFile(t, s.area("shelter-b", "incoming", "d1", "persons.csv"), secret)
	entries, err := os.ReadDir(s.area("shelter-b", "incoming", "d1"))
	if err != nil || len(entries) != 1 {
		t.Errorf("something was put into the area of shelter-b: %v %v", entries, err)
	}
}

func TestAnAreaThatIsALinkIsNotOpened(t *testing.T) {
	s := newSite(t, nil)
	s.mustAs("shelter-b", "ls")
	must(t, os.Symlink("shelter-b", s.area("shelter-a")))
	if out, err := s.as("shelter-a", "ls"); err == nil {
		t.Errorf("shelter-a is in the area of shelter-b:\n%s", out)
	}
	must(t, os.Remove(s.area("shelter-a")))
	must(t, os.Mkdir(s.area("shelter-a"), 0o700))
	must(t, os.Symlink("../shelter-b/receipts", s.area("shelter-a", "receipts")))
	if out, err := s.as("shelter-a", "ls"); err == nil {
		t.Errorf("a linked folder was opened:\n%s", out)
	}
}

func TestWhatWasSentCannotBeReadBack(t *testing.T) {
	s := newSite(t, nil)
	dir, _ := s.plant("d1", 1000)
	s.mustAs("shelter-a", "mkdir incoming/d1", "put "+dir+"/engagements.csv incoming/d1/")
	s.refused("shelter-a", "get incoming/d1/engagements.csv back.csv", "denied")
	wantGone(t, filepath.Join(s.dir, "back.csv"))
}

func TestSFTPAndNothingElse(t *testing.T) {
	s := newSite(t, nil)
	program := need(t, "/usr/bin/ssh", "openssh-client")
	run := func(timeout time.Duration, extra ...string) (string, error) {
		args := append(s.options(s.keyFile("shelter-a")), extra...)
		cmd := exec.Command(program, args...)
		done := time.AfterFunc(timeout, func() { cmd.Process.Kill() })
		defer done.Stop()
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	const host = "shelter-a@127.0.0.1"
	for name, args := range map[string][]string{
		"exec":             {host, "echo", "inside"},
		"shell":            {"-T", host},
		"shell with a pty": {"-tt", host},
		"scp's command":    {host, "scp", "-t", "."},
		"sftp by exec":     {host, "/usr/lib/openssh/sftp-server"},
		"other subsystem":  {"-s", host, "netconf"},
		"with env":         {"-o", "SetEnv=LD_PRELOAD=x", host, "env"},
	} {
		out, err := run(30*time.Second, args...)
		if err == nil || strings.Contains(out, "inside") || strings.Contains(out, "LD_PRELOAD=x") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if !strings.Contains(out, "failed") && !strings.Contains(out, "closed") {
			t.Errorf("%s: it was not refused but broke: %v\n%s", name, err, out)
		}
	}

	// A listener behind the server, as a service inside the county's network.
	inside, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer inside.Close()
	reached := make(chan struct{}, 8)
	go func() {
		for {
			c, err := inside.Accept()
			if err != nil {
				return
			}
			c.Close()
			reached <- struct{}{}
		}
	}()
	if out, err := run(30*time.Second, "-W", inside.Addr().String(), host); err == nil || !strings.Contains(out, "sftp only") {
		t.Errorf("-W: %v\n%s", err, out)
	}
	if out, err := run(30*time.Second, "-N", "-o", "ExitOnForwardFailure=yes", "-R", "0:"+inside.Addr().String(), host); err == nil || !strings.Contains(out, "remote port forwarding failed") {
		t.Errorf("-R: %v\n%s", err, out)
	}
	c := s.dial("shelter-a")
	defer c.Close()
	for _, channel := range []string{"direct-tcpip", "direct-streamlocal@openssh.com", "tun@openssh.com", "x11", "auth-agent@openssh.com", "forwarded-tcpip", "nonsense"} {
		if ch, _, err := c.OpenChannel(channel, nil); err == nil {
			ch.Close()
			t.Errorf("channel %s was opened", channel)
		}
	}
	for _, request := range []string{"tcpip-forward", "streamlocal-forward@openssh.com", "nonsense"} {
		if ok, _, err := c.SendRequest(request, true, nil); ok || err != nil {
			t.Errorf("request %s: %v %v", request, ok, err)
		}
	}
	select {
	case <-reached:
		t.Error("the server connected to the inside")
	default:
	}
}

// dial logs in without a session.
func (s *site) dial(partner string) *ssh.Client {
	s.t.Helper()
	c, err := s.try(partner, partner)
	must(s.t, err)
	return c
}

func TestOldAlgorithmsAreRefused(t *testing.T) {
	s := newSite(t, nil)
	for _, o := range []string{
		"KexAlgorithms=diffie-hellman-group14-sha1", "KexAlgorithms=diffie-hellman-group14-sha256",
		"Ciphers=aes128-ctr", "Ciphers=aes128-cbc", "Ciphers=3des-cbc", "HostKeyAlgorithms=ssh-rsa",
	} {
		args := append(s.options(s.keyFile("shelter-a")), "-o", o, "-b", "/dev/null", "shelter-a@127.0.0.1")
		out, err := exec.Command(need(t, "/usr/bin/sftp", "openssh-client"), args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "no matching") {
			t.Errorf("%s: %v\n%s", o, err, out)
		}
	}
}

func TestQuotas(t *testing.T) {
	s := newSite(t, func(c *drop.Config) {
		c.Quota = drop.Quota{FileBytes: 100_000, AreaBytes: 150_000, AreaFiles: 6, PathBytes: 100}
	})
	dir := s.dir
	for name, size := range map[string]int{"small": 1_000, "large": 90_000, "huge": 100_001} {
		must(t, os.WriteFile(filepath.Join(dir, name), noise(size), 0o600))
	}
	s.mustAs("shelter-a", "mkdir incoming/d1", "put large incoming/d1/a.csv")
	s.refused("shelter-a", "put huge incoming/d1/b.csv", "failure")
	if info, err := os.Stat(s.area("shelter-a", "incoming/d1/b.csv")); err == nil && info.Size() > 100_000 {
		t.Errorf("the file has %d bytes", info.Size())
	}
	s.mustAs("shelter-a", "rm incoming/d1/b.csv")
	s.refused("shelter-a", "put large incoming/d1/b.csv", "failure") // 180,000 in the area
	s.mustAs("shelter-a", "rm incoming/d1/b.csv", "put small incoming/d1/b.csv")
	s.mustAs("shelter-a", "put large incoming/d1/a.csv") // over itself: no more than before

	s.mustAs("shelter-a", "put small incoming/d1/c.csv", "mkdir incoming/d2", "mkdir incoming/d3")
	s.refused("shelter-a", "mkdir incoming/d4", "failure")
	s.refused("shelter-a", "put small incoming/d1/d.csv", "failure")
	s.mustAs("shelter-b", "mkdir incoming/d1", "put large incoming/d1/a.csv") // nobody else suffers

	// The nightly run takes a drop away: there is room again, for a session under way too.
	must(t, os.RemoveAll(s.area("shelter-a", "incoming/d1")))
	s.mustAs("shelter-a", "mkdir incoming/d4", "put large incoming/d4/a.csv")

	s.refused("shelter-a", "mkdir incoming/"+strings.Repeat("x", 95), "")
	s.refused("shelter-a", "put small incoming/d4/"+strings.Repeat("x", 129), "")
	if !strings.Contains(s.log.String(), "quota") {
		t.Error("the log says nothing of quotas")
	}
}

func TestAManifestHasItsOwnLimit(t *testing.T) {
	s := newSite(t, nil)
	must(t, os.WriteFile(filepath.Join(s.dir, "big"), noise(1<<20+1), 0o600))
	s.mustAs("shelter-a", "mkdir incoming/d1")
	s.refused("shelter-a", "put big incoming/d1/manifest.json", "failure")
	wantGone(t, s.area("shelter-a", "incoming/d1/manifest.json"))
	s.mustAs("shelter-a", "put big incoming/d1/m")
	s.refused("shelter-a", "rename incoming/d1/m incoming/d1/manifest.json", "failure")
	wantGone(t, s.area("shelter-a", "incoming/d1/manifest.json"))
}

func TestListingsAreBounded(t *testing.T) {
	s := newSite(t, func(c *drop.Config) { c.Quota.Listing = 150 })
	s.mustAs("shelter-a", "ls")
	for i := range 400 {
		must(t, os.WriteFile(s.area("shelter-a", "receipts", fmt.Sprintf("r%03d.json", i)), nil, 0o600))
	}
	lines := strings.Split(strings.TrimSpace(s.mustAs("shelter-a", "ls -1 receipts")), "\n")
	if len(lines) != 151 || !strings.HasSuffix(lines[150], "r399.json") { // the first line is sftp's prompt
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

func TestTooManySessions(t *testing.T) {
	s := newSite(t, func(c *drop.Config) { c.Quota.PartnerConnections, c.Quota.Connections = 2, 3 })
	var open []func()
	for range 2 {
		open = append(open, s.hold("shelter-a"))
	}
	if out, err := s.as("shelter-a", "ls"); err == nil || !strings.Contains(out, "too many connections at once") {
		t.Errorf("a third session of one partner: %v\n%s", err, out)
	}
	open = append(open, s.hold("shelter-b"))
	if out, err := s.as("shelter-b", "ls"); err == nil {
		t.Errorf("a fourth session of all:\n%s", out)
	}
	for _, done := range open {
		done()
	}
	eventually(t, "room for a session", func() bool { _, err := s.as("shelter-b", "ls"); return err == nil })
}

// hold opens a session and keeps it until the returned function is called.
func (s *site) hold(partner string) func() {
	s.t.Helper()
	c := s.dial(partner)
	session, err := c.NewSession()
	must(s.t, err)
	must(s.t, session.RequestSubsystem("sftp"))
	return func() { c.Close() }
}

func TestSlowAndIdleClientsAreCutOff(t *testing.T) {
	s := newSite(t, func(c *drop.Config) { c.Times.Login, c.Times.Idle = 300*time.Millisecond, 300*time.Millisecond })
	c, err := net.Dial("tcp", s.server.Addr().String())
	must(t, err)
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	for b := make([]byte, 1024); err == nil; {
		_, err = c.Read(b)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a connection that never logs in stays open")
	}
	l := s.dial("shelter-a")
	defer l.Close()
	session, err := l.NewSession()
	must(t, err)
	must(t, session.RequestSubsystem("sftp"))
	over := make(chan struct{})
	go func() { l.Wait(); close(over) }()
	select {
	case <-over:
	case <-time.After(10 * time.Second):
		t.Error("an idle session stays open")
	}
	if !strings.Contains(s.log.String(), "idle for too long") {
		t.Error("the log does not say why")
	}
}

func TestTwentySessionsAtOnce(t *testing.T) {
	s := newSite(t, nil)
	dir, files := s.plant("d", 400_000)
	var wg sync.WaitGroup
	for i := range 20 {
		name := fmt.Sprintf("agency-%02d", i)
		s.enrol(name, newKey(t, s.keyFile(name)))
	}
	start := time.Now()
	for i := range 20 {
		name := fmt.Sprintf("agency-%02d", i)
		wg.Go(func() {
			out, err := s.as(name, "mkdir incoming/d", "put "+dir+"/engagements.csv incoming/d/", "put "+dir+"/persons.csv.gz incoming/d/", "put "+dir+"/manifest.json incoming/d/")
			if err != nil {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
		})
	}
	wg.Wait()
	t.Logf("20 sessions at once, %d bytes each: %v", 400_000*4/3, time.Since(start))
	for i := range 20 {
		for file, data := range files {
			wantFile(t, s.area(fmt.Sprintf("agency-%02d", i), "incoming/d", file), data)
		}
	}
}

func TestStopsWithSessionsOpen(t *testing.T) {
	s := newSite(t, nil)
	done := s.hold("shelter-a")
	defer done()
	start := time.Now()
	s.stop()
	select {
	case err := <-s.stopped:
		if err != nil {
			t.Errorf("Serve ended with %v", err)
		}
		s.stopped <- nil
	case <-time.After(10 * time.Second):
		t.Fatal("the server does not stop")
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	if _, err := net.DialTimeout("tcp", s.server.Addr().String(), time.Second); err == nil {
		t.Error("somebody still listens")
	}
}

func TestDisconnect(t *testing.T) {
	s := newSite(t, nil)
	s.hold("shelter-a")
	c := s.dial("shelter-b")
	defer c.Close()
	if n := s.server.Disconnect("shelter-a"); n != 1 {
		t.Errorf("ended %d sessions", n)
	}
	if _, err := c.NewSession(); err != nil {
		t.Errorf("another partner was disconnected: %v", err)
	}
}

func TestListenRefusesABadConfiguration(t *testing.T) {
	dir := t.TempDir()
	loose := filepath.Join(dir, "loose.key")
	newKey(t, loose)
	must(t, os.Chmod(loose, 0o644))
	good := filepath.Join(dir, "good.key")
	newKey(t, good)
	for name, c := range map[string]drop.Config{
		"a key that others can read": {HostKey: loose, Root: dir, Listen: "127.0.0.1:0"},
		"no key":                     {HostKey: filepath.Join(dir, "none"), Root: dir, Listen: "127.0.0.1:0"},
		"no folder":                  {HostKey: good, Root: filepath.Join(dir, "none"), Listen: "127.0.0.1:0"},
		"no address":                 {HostKey: good, Root: dir, Listen: "192.0.2.1:1"},
	} {
		s, err := drop.Listen(c)
		if err == nil {
			t.Errorf("%s: accepted, listens on %v", name, s.Addr())
			continue
		}
		if strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
