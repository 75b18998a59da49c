package drop_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"heatwatch/etl/drop"
)

// book is an audit log in memory.
type book struct {
	mu     sync.Mutex
	events map[string][]drop.Event
	broken bool
}

func (b *book) write(partner string, e drop.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return errors.New("disk full")
	}
	if b.events == nil {
		b.events = map[string][]drop.Event{}
	}
	b.events[partner] = append(b.events[partner], e)
	return nil
}

// of lists what a partner did, one line each: what, names, bytes, code.
func (b *book) of(partner string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all strings.Builder
	for _, e := range b.events[partner] {
		fmt.Fprintln(&all, strings.Join(strings.Fields(fmt.Sprint(e.What, " ", e.Op, " ", e.Drop, " ", e.File, " ", e.To, " ", e.Bytes, " ", e.Code)), " "))
	}
	return all.String()
}

var harmless = regexp.MustCompile(`^(|\(other\)|receipts|manifest\.json|[a-z_]+\.csv(\.gz|\.zst)?)$`)

// unsafe names an event that holds what no audit log may hold.
func (b *book) unsafe() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for partner, events := range b.events {
		for _, e := range events {
			to := e.To
			if i := strings.LastIndexByte(to, '/'); i >= 0 {
				to = to[i+1:]
			} else {
				to = ""
			}
			if !harmless.MatchString(e.File) || !harmless.MatchString(to) || e.Drop != "" && !drop.ValidName(e.Drop) || e.Time == "" {
				return fmt.Sprintf("%s: %+v", partner, e)
			}
		}
	}
	return ""
}

func TestTheAuditLogTellsWhatAPartnerDid(t *testing.T) {
	s := newSite(t, func(c *drop.Config) { c.Quota.FileBytes = 1000 })
	c, line := s.clientOver("shelter-a")
	must(t, c.Mkdir("incoming/2026-07-02"))
	s.upload(c, "incoming/2026-07-02/persons.csv", 900)
	s.upload(c, "incoming/2026-07-02/maria-lopez.csv", 10) // a name of the partner's own
	must(t, c.PosixRename("incoming/2026-07-02/maria-lopez.csv", "incoming/2026-07-02/services.csv"))
	must(t, c.Remove("incoming/2026-07-02/services.csv"))
	if c.RemoveDirectory("incoming/2026-07-02/../../../etc/passwd") == nil || c.RemoveDirectory("incoming/2026-07-02/maria lopez") == nil {
		t.Error("removed what is not there")
	}
	if _, err := c.Stat("incoming/2026-07-02/notthere.csv"); err == nil {
		t.Error("found what is not there")
	}
	f, err := c.Create("incoming/2026-07-02/events.csv")
	must(t, err)
	if _, err := f.Write(make([]byte, 1001)); err == nil {
		t.Error("too large a file was taken")
	}
	f.Close()
	must(t, os.WriteFile(s.area("shelter-a", "receipts", "2026-07-01.json"), []byte("{}"), 0o600))
	r, err := c.Open("receipts/2026-07-01.json")
	must(t, err)
	r.Close()
	s.upload(c, "incoming/2026-07-02/manifest.json", 5)
	if c.Mkdir("incoming/2026-07-02") == nil {
		t.Error("made twice")
	}
	line.Close()
	eventually(t, "a logout", func() bool { return strings.Contains(s.book.of("shelter-a"), "logout") })
	want := `login 0
drop_made 2026-07-02 0
upload_opened 2026-07-02 persons.csv 0
upload_finished 2026-07-02 persons.csv 900
upload_opened 2026-07-02 (other) 0
upload_finished 2026-07-02 (other) 10
renamed 2026-07-02 (other) 2026-07-02/services.csv 0
removed 2026-07-02 services.csv 0
refused rmdir (other) 0 no_such_file
refused rmdir (other) 0 bad_name
upload_opened 2026-07-02 (other) 0
upload_failed 2026-07-02 (other) 0 file_quota
receipt_fetched 2026-07-01 receipts 0
upload_opened 2026-07-02 manifest.json 0
upload_finished 2026-07-02 manifest.json 5
refused mkdir 2026-07-02 0 exists
logout 0
`
	if got := s.book.of("shelter-a"); got != want {
		t.Errorf("the log says\n%s\nwant\n%s", got, want)
	}
	events := s.book.events["shelter-a"]
	if first, last := events[0], events[len(events)-1]; !strings.HasPrefix(first.From, "127.0.0.1:") || !strings.HasPrefix(first.Key, "SHA256:") ||
		first.Session == "" || first.Session != last.Session || last.Refused != 3 {
		t.Errorf("login %+v, logout %+v", first, last)
	}
	if got := s.book.of("shelter-b"); got != "" {
		t.Errorf("another partner's log says\n%s", got)
	}
}

func TestTheAuditLogTellsOfCutUploads(t *testing.T) {
	s := newSite(t, nil)
	c, line := s.clientOver("shelter-a")
	must(t, c.Mkdir("incoming/d1"))
	f, err := c.Create("incoming/d1/persons.csv")
	must(t, err)
	_, err = f.Write(make([]byte, 700))
	must(t, err)
	line.Close()
	eventually(t, "a logout", func() bool { return strings.Contains(s.book.of("shelter-a"), "logout") })
	if got := s.book.of("shelter-a"); !strings.Contains(got, "upload_cut d1 persons.csv 700\nlogout") || strings.Contains(got, "finished") {
		t.Errorf("the log says\n%s", got)
	}
}

func TestTheAuditLogTellsOfFailedLogins(t *testing.T) {
	s := newSite(t, func(c *drop.Config) { c.Quota.DayFailures = 2 })
	for range 3 { // the third has no line any more
		if c, err := s.try("shelter-a", "shelter-b"); err == nil {
			c.Close()
			t.Fatal("another partner's key opens")
		}
	}
	if _, err := s.try("nobody", "shelter-b"); err == nil {
		t.Fatal("a name of nobody opens")
	}
	c := s.client("shelter-b")
	c.Close()
	eventually(t, "two lines", func() bool {
		return s.book.of("shelter-a") == "login_failed 0 unknown_key\nlogin_failed 0 unknown_key\n"
	})
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	for partner := range s.book.events {
		if partner != "shelter-a" && partner != "shelter-b" {
			t.Errorf("there is a log of %q", partner)
		}
	}
}

func TestNobodyComesInUnseen(t *testing.T) {
	s := newSite(t, nil)
	s.book.broken = true
	if out, err := s.as("shelter-a", "ls"); err == nil || !strings.Contains(out, "not available") {
		t.Errorf("came in without a line in the audit log: %v\n%s", err, out)
	}
	s.book.mu.Lock()
	s.book.broken = false
	s.book.mu.Unlock()
	s.mustAs("shelter-a", "ls")
}

func TestRefusalsOfOneSessionAreCounted(t *testing.T) {
	s := newSite(t, nil)
	c, line := s.clientOver("shelter-a")
	for range 150 {
		c.RemoveDirectory("incoming/d1/persons.csv")
	}
	line.Close()
	eventually(t, "a logout", func() bool { return strings.Contains(s.book.of("shelter-a"), "logout") })
	events := s.book.events["shelter-a"]
	if last := events[len(events)-1]; len(events) != 102 || last.Refused != 150 {
		t.Errorf("%d lines, the last %+v", len(events), last)
	}
}

// Old and new keys open side by side until the old one ends.
func TestAKeyEndsOnItsDay(t *testing.T) {
	zone, err := time.LoadLocation("America/Los_Angeles")
	must(t, err)
	var now clock
	s := newSite(t, func(c *drop.Config) { c.Now = now.get })
	old := string(s.partners["shelter-a"])
	s.enrol("shelter-a", newKey(t, s.keyFile("new")))
	both := strings.TrimPrefix(string(s.partners["shelter-a"]), old)
	for _, end := range []string{`20261216`, `202612160000`, `20261216080000Z`} { // midnight in Los Angeles
		s.mu.Lock()
		s.partners["shelter-a"] = []byte(`expiry-time="` + end + `" ` + old + both)
		s.mu.Unlock()
		now.set(time.Date(2026, 12, 15, 23, 59, 59, 0, zone))
		for _, key := range []string{"shelter-a", "new"} {
			c, err := s.try("shelter-a", key)
			if err != nil {
				t.Fatalf("%s: the key %s does not open: %v", end, key, err)
			}
			c.Close()
		}
		now.set(time.Date(2026, 12, 16, 0, 0, 0, 0, zone))
		if c, err := s.try("shelter-a", "shelter-a"); err == nil {
			c.Close()
			t.Errorf("%s: the old key still opens", end)
		}
		c, err := s.try("shelter-a", "new")
		if err != nil {
			t.Fatalf("%s: the new key does not open: %v", end, err)
		}
		c.Close()
	}
	if !strings.Contains(s.log.String(), "a key has ended") {
		t.Error("the log does not say why")
	}
	eventually(t, "a line", func() bool { return strings.Contains(s.book.of("shelter-a"), "login_failed 0 key_expired") })
	good, problems := drop.CheckAuthorizedKeys([]byte(`expiry-time="tomorrow" ` + old + `expiry-time="20261232" ` + old))
	if good != 0 || len(problems) != 2 {
		t.Errorf("%d keys, %q", good, problems)
	}
}

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

func (c *clock) get() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// try logs in as a partner with the key of a file.
func (s *site) try(partner, key string) (*ssh.Client, error) {
	s.t.Helper()
	b, err := os.ReadFile(s.keyFile(key))
	must(s.t, err)
	signer, err := ssh.ParsePrivateKey(b)
	must(s.t, err)
	return ssh.Dial("tcp", s.server.Addr().String(), &ssh.ClientConfig{User: partner, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 10 * time.Second})
}
