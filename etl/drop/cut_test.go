package drop_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pkg/sftp"
)

// cutter is a line between client and server that can break.
type cutter struct {
	listener net.Listener
	left     atomic.Int64 // bytes that still pass from client to server
}

func newCutter(t *testing.T, to string) *cutter {
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
			go func() { io.Copy(client, server); client.Close() }()
			go c.forward(server, client)
		}
	}()
	return c
}

// forward passes what is left, then breaks the line in both directions.
func (c *cutter) forward(server, client net.Conn) {
	defer server.Close()
	defer client.Close()
	b := make([]byte, 8<<10)
	for {
		n, err := client.Read(b)
		if rest := c.left.Add(-int64(n)); rest < 0 {
			server.Write(b[:max(0, int64(n)+rest)])
			return
		}
		if n > 0 {
			server.Write(b[:n])
		}
		if err != nil {
			return
		}
	}
}

func TestACutUploadLeavesAPrefixAndCanBeResumed(t *testing.T) {
	s := newSite(t, nil)
	dir, files := s.plant("d", 2_000_000)
	want := files["engagements.csv"]
	line := newCutter(t, s.server.Addr().String())
	s.connectTo(line.listener.Addr().String())

	partial := 0
	for i, at := range []int64{4_000, 8_000, 50_000, 100_001, 333_333, 700_000, 1_234_567, 1_900_000, 2_000_000} {
		drop := fmt.Sprintf("d%d", i)
		line.left.Store(1 << 40)
		s.mustAs("shelter-a", "mkdir incoming/"+drop)
		line.left.Store(at)
		if out, err := s.as("shelter-a", "put "+dir+"/engagements.csv incoming/"+drop+"/", "put "+dir+"/manifest.json incoming/"+drop+"/"); err == nil {
			t.Fatalf("cut after %d bytes, and the client is content:\n%s", at, out)
		}
		line.left.Store(1 << 40)
		eventually(t, "the server notices", func() bool {
			return strings.Count(s.log.String(), "msg=login ") == strings.Count(s.log.String(), "msg=logout ")
		})
		wantGone(t, s.area("shelter-a", "incoming", drop, "manifest.json"))
		got, err := os.ReadFile(s.area("shelter-a", "incoming", drop, "engagements.csv"))
		if err != nil { // the line broke before the file was opened
			continue
		}
		if !bytes.HasPrefix(want, got) {
			t.Fatalf("cut after %d bytes: what is there (%d bytes) is not how the file begins", at, len(got))
		}
		if len(got) > 0 && len(got) < len(want) {
			partial++
		}
		s.mustAs("shelter-a", "reput "+dir+"/engagements.csv incoming/"+drop+"/engagements.csv", "put "+dir+"/manifest.json incoming/"+drop+"/")
		wantFile(t, s.area("shelter-a", "incoming", drop, "engagements.csv"), want)
	}
	if partial < 4 {
		t.Errorf("only %d uploads were cut in the middle: the test tests too little", partial)
	}
	if !strings.Contains(s.log.String(), "upload cut off") {
		t.Error("the log does not tell of the cuts")
	}
}

func TestACutManifestNeverAppears(t *testing.T) {
	s := newSite(t, nil)
	for round := range 20 {
		c := s.dial("shelter-a")
		f, err := sftp.NewClient(c)
		must(t, err)
		drop := fmt.Sprintf("incoming/d%d", round)
		must(t, f.Mkdir(drop))
		w, err := f.Create(drop + "/manifest.json")
		must(t, err)
		_, err = w.Write([]byte(`{"schema":1`)) // it is valid up to here
		must(t, err)
		if round%2 == 0 {
			c.Close() // the line breaks
		} else {
			f.Close() // the session ends in order, the file was never closed
			c.Close()
		}
	}
	eventually(t, "the server notices", func() bool { return strings.Count(s.log.String(), "upload cut off") == 20 })
	eventually(t, "the areas are clean", func() bool {
		names, err := filepath.Glob(s.area("shelter-a", "incoming/d*/*"))
		must(t, err)
		hidden, err := filepath.Glob(s.area("shelter-a", "incoming/d*/.*"))
		must(t, err)
		return len(names)+len(hidden) == 0
	})
	if strings.Contains(s.log.String(), "drop complete") {
		t.Error("a drop counts as complete")
	}
}

func TestASecondUploadTakesOver(t *testing.T) {
	s := newSite(t, nil)
	c1, c2 := s.dial("shelter-a"), s.dial("shelter-a")
	defer c1.Close()
	defer c2.Close()
	one, err := sftp.NewClient(c1)
	must(t, err)
	two, err := sftp.NewClient(c2)
	must(t, err)
	must(t, one.Mkdir("incoming/d"))
	stuck, err := one.Create("incoming/d/a.csv")
	must(t, err)
	_, err = stuck.Write([]byte("from the first"))
	must(t, err)
	_, err = stuck.WriteAt([]byte("far away"), 1000) // arrived before what lies between
	must(t, err)
	if info, err := two.Stat("incoming/d/a.csv"); err != nil || info.Size() != 14 {
		t.Errorf("a client that resumes would go on at %v (%v), want 14", info.Size(), err)
	}
	again, err := two.OpenFile("incoming/d/a.csv", os.O_WRONLY|os.O_CREATE)
	must(t, err)
	_, err = again.WriteAt([]byte(" and the second"), 14)
	must(t, err)
	if _, err := stuck.WriteAt([]byte("XXXXX"), 0); err == nil {
		t.Error("the first still writes")
	}
	if err := stuck.Close(); err == nil {
		t.Error("the first believes that it is done")
	}
	must(t, again.Close())
	wantFile(t, s.area("shelter-a", "incoming/d/a.csv"), []byte("from the first and the second"))
}

func TestTheManifestEndsUploadsUnderWay(t *testing.T) {
	s := newSite(t, nil)
	c1, c2 := s.dial("shelter-a"), s.dial("shelter-a")
	defer c1.Close()
	defer c2.Close()
	one, err := sftp.NewClient(c1)
	must(t, err)
	two, err := sftp.NewClient(c2)
	must(t, err)
	must(t, one.Mkdir("incoming/d"))
	late, err := one.Create("incoming/d/a.csv")
	must(t, err)
	_, err = late.Write([]byte("early"))
	must(t, err)
	other, err := one.Create("incoming/d/manifest.json")
	must(t, err)
	// The second session's manifest takes over from the first one's.
	m, err := two.Create("incoming/d/manifest.json")
	must(t, err)
	_, err = m.Write([]byte("{}"))
	must(t, err)
	must(t, m.Close())
	if _, err := late.Write([]byte("late")); err == nil {
		t.Error("a closed drop grows")
	}
	if late.Close() == nil || other.Close() == nil {
		t.Error("a client believes that it is done")
	}
	wantFile(t, s.area("shelter-a", "incoming/d/manifest.json"), []byte("{}"))
	wantFile(t, s.area("shelter-a", "incoming/d/a.csv"), []byte("early"))
	entries, err := os.ReadDir(s.area("shelter-a", "incoming/d"))
	if err != nil || len(entries) != 2 {
		t.Errorf("left in the drop: %v %v", entries, err)
	}
}

func TestAFileWithAGapIsNotAFile(t *testing.T) {
	s := newSite(t, nil)
	c := s.dial("shelter-a")
	defer c.Close()
	f, err := sftp.NewClient(c)
	must(t, err)
	must(t, f.Mkdir("incoming/d"))
	w, err := f.Create("incoming/d/a.csv")
	must(t, err)
	_, err = w.WriteAt([]byte("begin"), 0)
	must(t, err)
	_, err = w.WriteAt([]byte("end"), 100)
	must(t, err)
	if err := w.Close(); err == nil {
		t.Error("closed with a gap")
	}
	wantFile(t, s.area("shelter-a", "incoming/d/a.csv"), []byte("begin"))
}

func TestStagedManifestsOfAKilledServerAreSwept(t *testing.T) {
	s := newSite(t, nil)
	s.mustAs("shelter-a", "mkdir incoming/d")
	left := s.area("shelter-a", "incoming/d/.tmp-upload-1")
	must(t, os.WriteFile(left, []byte("{"), 0o600))
	s.mustAs("shelter-a", "ls")
	wantGone(t, left)
}

func TestTooManyHandles(t *testing.T) {
	s := newSite(t, nil)
	c := s.dial("shelter-a")
	defer c.Close()
	f, err := sftp.NewClient(c)
	must(t, err)
	must(t, f.Mkdir("incoming/d"))
	n := 0
	for i := range 200 {
		if _, err := f.Create(fmt.Sprintf("incoming/d/%d", i)); err != nil {
			break
		}
		n++
	}
	if n != 64 {
		t.Errorf("%d files are open at once", n)
	}
}
