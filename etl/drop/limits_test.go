package drop_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"heatwatch/etl/drop"
)

// client is an SFTP client of a partner, over a connection of its own.
func (s *site) client(partner string) *sftp.Client {
	s.t.Helper()
	c, _ := s.clientOver(partner)
	return c
}

func (s *site) clientOver(partner string) (*sftp.Client, *ssh.Client) {
	s.t.Helper()
	line, err := s.try(partner, partner)
	must(s.t, err)
	s.t.Cleanup(func() { line.Close() })
	c, err := sftp.NewClient(line)
	must(s.t, err)
	return c, line
}

func (s *site) upload(c *sftp.Client, name string, size int) {
	s.t.Helper()
	must(s.t, put(c, name, size))
}

// put sends a file of zeros; the error is the first of write and close.
func put(c *sftp.Client, name string, size int) error {
	f, err := c.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, size))
	return errors.Join(err, f.Close())
}

func wantRefused(t *testing.T, what string, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: %v, want %q", what, err, text)
	}
}

func TestADropHasALimit(t *testing.T) {
	s := newSite(t, func(c *drop.Config) { c.Quota.DropBytes = 1000 })
	c := s.client("shelter-a")
	for _, d := range []string{"d1", "d2"} {
		must(t, c.Mkdir("incoming/"+d))
	}
	s.upload(c, "incoming/d1/persons.csv", 600)
	wantRefused(t, "a second file", put(c, "incoming/d1/services.csv", 500), "drop is larger")
	must(t, c.Remove("incoming/d1/services.csv"))
	s.upload(c, "incoming/d1/services.csv", 400)
	s.upload(c, "incoming/d2/needs.csv", 600) // another drop has its own
	wantRefused(t, "a file from another drop", c.Rename("incoming/d2/needs.csv", "incoming/d1/needs.csv"), "drop is larger")
	must(t, c.Remove("incoming/d1/persons.csv"))
	must(t, c.Rename("incoming/d2/needs.csv", "incoming/d1/needs.csv"))
	wantRefused(t, "the drop is full again", put(c, "incoming/d1/persons.csv", 1), "drop is larger")
	must(t, c.Rename("incoming/d1", "incoming/d3"))
	wantRefused(t, "under its new name too", put(c, "incoming/d3/persons.csv", 1), "drop is larger")
	must(t, c.Mkdir("incoming/d1"))
	s.upload(c, "incoming/d1/persons.csv", 1000)
	c.Close()
	c = s.client("shelter-a") // counted anew from the disk
	wantRefused(t, "in another session", put(c, "incoming/d3/persons.csv", 1), "drop is larger")
}

func TestADayHasALimit(t *testing.T) {
	var now clock
	now.set(time.Date(2026, 7, 2, 23, 0, 0, 0, time.UTC))
	s := newSite(t, func(c *drop.Config) {
		c.Quota.DayBytes, c.Quota.DayEvents = 1000, 10
		c.Now = now.get
	})
	c := s.client("shelter-a")
	must(t, c.Mkdir("incoming/d1"))
	s.upload(c, "incoming/d1/persons.csv", 900)
	wantRefused(t, "over itself", put(c, "incoming/d1/persons.csv", 200), "enough for one day")
	c.Close()
	c = s.client("shelter-a") // the fifth of ten
	wantRefused(t, "in another session", put(c, "incoming/d1/persons.csv", 200), "enough for one day")
	other := s.client("shelter-b")
	must(t, other.Mkdir("incoming/d1"))
	s.upload(other, "incoming/d1/persons.csv", 900)

	for range 2 {
		must(t, c.Mkdir("incoming/x"))
		must(t, c.RemoveDirectory("incoming/x"))
	}
	wantRefused(t, "the eleventh command", c.Mkdir("incoming/y"), "enough for one day")
	if _, err := s.as("shelter-a", "ls"); err == nil {
		t.Error("logged in once more")
	}
	now.set(now.get().Add(2 * time.Hour))
	must(t, c.Mkdir("incoming/y"))
	s.upload(c, "incoming/d1/persons.csv", 1000)
}

// silent opens connections that say nothing, and returns how many the server keeps.
func (s *site) silent(n int) (kept int) {
	s.t.Helper()
	for range n {
		c, err := net.Dial("tcp", s.server.Addr().String())
		must(s.t, err)
		s.t.Cleanup(func() { c.Close() })
		c.SetReadDeadline(time.Now().Add(2 * time.Second))
		if _, err := c.Read(make([]byte, 4)); err == nil { // the server greets first
			kept++
		}
	}
	return kept
}

func TestConnectionsAreBounded(t *testing.T) {
	for name, c := range map[string]struct {
		quota drop.Quota
		want  string
	}{
		"of all":           {drop.Quota{Connections: 3}, "too many connections"},
		"from one address": {drop.Quota{AddressConnections: 3}, "too many connections from one address"},
		"not logged in":    {drop.Quota{Logins: 3}, "too many logins under way"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(cfg *drop.Config) { cfg.Quota = c.quota })
			if kept := s.silent(5); kept != 3 {
				t.Errorf("%d of 5 connections were kept", kept)
			}
			if !strings.Contains(s.log.String(), "connection closed: "+c.want+`"`) {
				t.Error("the log does not say why")
			}
		})
	}
}

func TestAddressesOfOneNetworkCountAsOne(t *testing.T) {
	for a, same := range map[[2]string]bool{
		{"192.0.2.1:1", "192.0.2.1:2"}:               true,
		{"192.0.2.1:1", "192.0.2.2:1"}:               false,
		{"[2001:db8::1]:1", "[2001:db8::2]:9"}:       true,
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1"}:   false,
		{"[::ffff:192.0.2.1]:1", "192.0.2.1:2"}:      true,
		{"[::ffff:192.0.2.1]:1", "[::ffff:c0:1]:22"}: false,
	} {
		if got := drop.SameAddress(a[0], a[1]); got != same {
			t.Errorf("%v: %v", a, got)
		}
	}
}

func TestAuthenticationTriesAreBounded(t *testing.T) {
	s := newSite(t, func(c *drop.Config) { c.Quota.AuthTries = 3 })
	b, err := os.ReadFile(s.keyFile("shelter-a"))
	must(t, err)
	good, err := ssh.ParsePrivateKey(b)
	must(t, err)
	for strangers, in := range map[int]bool{2: true, 3: false} {
		var keys []ssh.Signer
		for range strangers {
			_, private, err := ed25519.GenerateKey(rand.Reader)
			must(t, err)
			k, err := ssh.NewSignerFromKey(private)
			must(t, err)
			keys = append(keys, k)
		}
		c, err := ssh.Dial("tcp", s.server.Addr().String(), &ssh.ClientConfig{User: "shelter-a", Auth: []ssh.AuthMethod{ssh.PublicKeys(append(keys, good)...)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
		if (err == nil) != in {
			t.Errorf("the right key after %d others: %v", strangers, err)
		}
		if err == nil {
			c.Close()
		}
	}
}

// A client that sends its packet byte by byte is as idle as one that sends nothing.
func TestATricklingClientIsIdle(t *testing.T) {
	s := newSite(t, func(c *drop.Config) { c.Times.Idle = 400 * time.Millisecond })
	line, err := s.try("shelter-a", "shelter-a")
	must(t, err)
	defer line.Close()
	session, err := line.NewSession()
	must(t, err)
	in, err := session.StdinPipe()
	must(t, err)
	must(t, session.RequestSubsystem("sftp"))
	over := make(chan struct{})
	go func() { line.Wait(); close(over) }()
	go func() {
		packet := binary.BigEndian.AppendUint32(nil, 60_000) // of 60,000 bytes, which never come to an end
		for _, b := range append(packet, make([]byte, 60_000)...) {
			if _, err := in.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	select {
	case <-over:
	case <-time.After(3 * time.Second):
		t.Error("it stays")
	}
	if !strings.Contains(s.log.String(), "idle for too long") {
		t.Error("it did not end for being idle")
	}
}

// Whole packets keep a slow client alive.
func TestASlowClientIsNotIdle(t *testing.T) {
	s := newSite(t, func(c *drop.Config) { c.Times.Idle = 400 * time.Millisecond })
	c := s.client("shelter-a")
	must(t, c.Mkdir("incoming/d1"))
	f, err := c.Create("incoming/d1/persons.csv")
	must(t, err)
	for range 8 {
		time.Sleep(100 * time.Millisecond)
		_, err := f.Write(make([]byte, 10))
		must(t, err)
	}
	must(t, f.Close())
}

// A client that asks for a lot and reads nothing is dropped too.
func TestAClientThatDoesNotReadIsIdle(t *testing.T) {
	s := newSite(t, func(c *drop.Config) { c.Times.Idle = 400 * time.Millisecond })
	s.mustAs("shelter-a", "ls")
	must(t, os.WriteFile(s.area("shelter-a", "receipts", "r.json"), make([]byte, 8<<20), 0o600))
	raw, err := net.Dial("tcp", s.server.Addr().String())
	must(t, err)
	defer raw.Close()
	stall := &stalling{Conn: raw}
	b, err := os.ReadFile(s.keyFile("shelter-a"))
	must(t, err)
	signer, err := ssh.ParsePrivateKey(b)
	must(t, err)
	conn, chans, reqs, err := ssh.NewClientConn(stall, "", &ssh.ClientConfig{User: "shelter-a", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	must(t, err)
	c, err := sftp.NewClient(ssh.NewClient(conn, chans, reqs))
	must(t, err)
	f, err := c.Open("receipts/r.json")
	must(t, err)
	stall.stop()
	go f.WriteTo(io.Discard)
	eventually(t, "the connection closed", func() bool { return strings.Contains(s.log.String(), "idle for too long") })
}

// stalling stops reading from the line when told to.
type stalling struct {
	net.Conn
	mu      sync.Mutex
	stalled bool
}

func (c *stalling) stop() { c.mu.Lock(); c.stalled = true; c.mu.Unlock() }

func (c *stalling) Read(p []byte) (int, error) {
	c.mu.Lock()
	stalled := c.stalled
	c.mu.Unlock()
	if stalled {
		time.Sleep(3 * time.Second)
		return 0, io.EOF
	}
	return c.Conn.Read(p)
}
