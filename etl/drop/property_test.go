package drop_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"heatwatch/etl/drop"
)

// The books on pieces say the same as a bitmap.
func TestPiecesAreBookedLikeABitmap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "pieces")
		var from, to []int64
		bits := make([]bool, 200)
		for range n {
			a := rapid.Int64Range(0, 99).Draw(t, "from")
			b := a + rapid.Int64Range(1, 40).Draw(t, "bytes")
			from, to = append(from, a), append(to, b)
			for i := a; i < b; i++ {
				bits[i] = true
			}
		}
		want := int64(0)
		for bits[want] {
			want++
		}
		above := false
		for _, b := range bits[want:] {
			above = above || b
		}
		high, waiting := drop.Pieces(from, to)
		if high != want || (waiting > 0) != above {
			t.Fatalf("whole up to %d with %d waiting, the bitmap says %d, above: %v", high, waiting, want, above)
		}
	})
}

// Whatever path comes, what is understood of it are valid names in a place that
// exists in an area.
func TestPathsStayInside(t *testing.T) {
	part := rapid.OneOf(
		rapid.SampledFrom([]string{"..", ".", "", "incoming", "receipts", "d1", "manifest.json", ".tmp-upload-1", "a\x00b", "a\nb", "ﬀ", strings.Repeat("x", 129), "-rf", "a b", "~", "C:"}),
		rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		p := strings.Join(rapid.SliceOfN(part, 0, 8).Draw(t, "parts"), "/")
		if rapid.Bool().Draw(t, "absolute") {
			p = "/" + p
		}
		folder, name, kind, err := drop.Locate(p)
		if err != nil {
			return
		}
		for _, n := range []string{folder, name} {
			if n != "" && (!drop.ValidName(n) || !filepath.IsLocal(n) || filepath.Base(n) != n) {
				t.Fatalf("%q is understood as %q", p, n)
			}
		}
		if (folder != "") != (kind == 2 || kind == 3) || (name != "") != (kind == 3 || kind == 5) {
			t.Fatalf("%q: drop %q, name %q, kind %d", p, folder, name, kind)
		}
	})
}

// packet frames an SFTP packet.
func packet(kind byte, fields ...any) []byte {
	b := []byte{kind}
	for _, f := range fields {
		switch v := f.(type) {
		case string:
			b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
			b = append(b, v...)
		case uint32:
			b = binary.BigEndian.AppendUint32(b, v)
		case uint64:
			b = binary.BigEndian.AppendUint64(b, v)
		}
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// talk sends packets as a client does: the next one after the answer to the
// last (a handle must have been told before it is used). What is no packet any
// more is sent as it is. It returns all answers.
func talk(line net.Conn, data []byte) []byte {
	var answers bytes.Buffer
	answered := make(chan struct{}, 1<<16)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for {
			head := make([]byte, 4)
			if _, err := io.ReadFull(line, head); err != nil {
				return
			}
			if _, err := io.CopyN(&answers, line, int64(binary.BigEndian.Uint32(head))); err != nil {
				return
			}
			answered <- struct{}{}
		}
	}()
	for len(data) > 0 {
		n := len(data)
		if n >= 4 {
			n = int(min(uint64(n), 4+uint64(binary.BigEndian.Uint32(data))))
		}
		if _, err := line.Write(data[:n]); err != nil {
			break
		}
		data = data[n:]
		select {
		case <-answered:
		case <-read:
		case <-time.After(50 * time.Millisecond): // not every packet has an answer
		}
	}
	line.Close()
	<-read
	return answers.Bytes()
}

// FuzzPackets sends anything to the server. It must not panic (that would end the
// nightly schedule with it), must not leave the area, must not tell our folders, and
// must not make a manifest that was not closed.
func FuzzPackets(f *testing.F) {
	hello := packet(1, uint32(3))
	join := func(p ...[]byte) []byte { return bytes.Join(append([][]byte{hello}, p...), nil) }
	f.Add(join(packet(14, uint32(1), "/incoming/d1", uint32(0)), packet(3, uint32(2), "/incoming/d1/a.csv", uint32(0x1a), uint32(0)), packet(6, uint32(3), "1", uint64(0), "text"), packet(4, uint32(4), "1")))
	f.Add(join(packet(3, uint32(2), "/incoming/d0/manifest.json", uint32(0x1a), uint32(0)), packet(6, uint32(3), "1", uint64(0), "{}")))
	f.Add(join(packet(6, uint32(3), "1", uint64(1<<63), "text"), packet(5, uint32(3), "1", uint64(1<<63-1), uint32(1<<31))))
	f.Add(join(packet(3, uint32(1), "/receipts/r.json", uint32(1), uint32(0)), packet(5, uint32(2), "1", uint64(0), uint32(100)), packet(5, uint32(3), "1", uint64(1<<63), uint32(100))))
	f.Add(join(packet(20, uint32(1), "../../x", "/incoming/d0/l"), packet(19, uint32(2), "/incoming/d0/l"), packet(16, uint32(3), "..")))
	f.Add(join(packet(200, uint32(1), "posix-rename@openssh.com", "/incoming/d0/a.csv", "/incoming/d0/../../x"), packet(200, uint32(2), "statvfs@openssh.com", "/"), packet(200, uint32(3), "hardlink@openssh.com", "/incoming/d0/a.csv", "/x")))
	f.Add(join(packet(9, uint32(1), "/incoming/d0/a.csv", uint32(0xf), uint64(1<<62)), packet(10, uint32(2), "1", uint32(1), uint64(3)), packet(11, uint32(3), "/"), packet(12, uint32(4), "1"), packet(17, uint32(5), ".."), packet(7, uint32(6), "/incoming")))
	f.Add(join(packet(9, uint32(1), "/incoming/d0/a.csv", uint32(0x80000000), uint32(1<<31))))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		root := filepath.Join(dir, "areas")
		for _, d := range []string{"areas/p/incoming/d0", "areas/p/receipts"} {
			must(t, os.MkdirAll(filepath.Join(dir, d), 0o700))
		}
		must(t, os.WriteFile(filepath.Join(root, "p/receipts/r.json"), []byte("receipt"), 0o600))
		must(t, os.WriteFile(filepath.Join(root, "p/incoming/d0/a.csv"), []byte("a"), 0o600))
		here, there := net.Pipe()
		there.SetDeadline(time.Now().Add(20 * time.Second))
		here.SetDeadline(time.Now().Add(20 * time.Second))
		over := make(chan struct{})
		said := &logs{}
		go func() {
			defer close(over)
			drop.ServePipe(root, "p", there, slog.New(slog.NewTextHandler(said, nil)))
		}()
		answers := talk(here, data)
		here.Close()
		<-over
		for what, text := range map[string]string{"an answer": string(answers), "the log": said.String()} {
			if strings.Contains(text, dir) || strings.Contains(text, "areas/") {
				t.Errorf("%s tells our folders: %q", what, text)
			}
		}
		if bytes.Contains(answers, []byte("root:x:")) {
			t.Error("an answer holds /etc/passwd")
		}
		entries, err := os.ReadDir(dir)
		must(t, err)
		inside, err := os.ReadDir(filepath.Join(root, "p"))
		must(t, err)
		if len(entries) != 1 || len(inside) != 2 {
			t.Errorf("something was made outside: %v %v", entries, inside)
		}
		wantFile(t, filepath.Join(root, "p/receipts/r.json"), []byte("receipt"))
	})
}

// A handle that was never given must end the session before pkg/sftp sees it.
func TestGuessedHandlesEndTheSession(t *testing.T) {
	for _, kind := range []byte{4, 5, 6, 8, 10, 12} {
		root := t.TempDir()
		must(t, os.MkdirAll(filepath.Join(root, "p/incoming/d0"), 0o700))
		here, there := net.Pipe()
		over := make(chan error, 1)
		go func() { over <- drop.ServePipe(root, "p", there, slog.New(slog.DiscardHandler)) }()
		go io.Copy(io.Discard, here)
		here.Write(packet(1, uint32(3)))
		here.Write(packet(3, uint32(2), "/incoming/d0/a.csv", uint32(0x1a), uint32(0)))
		here.Write(packet(kind, uint32(3), "2", uint64(0), "text"))
		select {
		case err := <-over:
			if err == nil || !strings.Contains(err.Error(), "out of order") {
				t.Errorf("packet %d: %v", kind, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("packet %d: the session goes on", kind)
		}
		here.Close()
	}
}
