package backup

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"heatwatch/internal/home"
)

// Whoever knows the public key can seal anything: what no backup of ours holds is refused.
func TestForgedArchives(t *testing.T) {
	id, to := pair(t)
	info := Info{Schema: 1, Format: home.Format, Files: 3, Bytes: 3}
	file := func(name string) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 1, Mode: 0o600}
	}
	dir := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o700} }
	for name, c := range map[string]struct {
		info    any
		entries []tar.Header
		says    string
	}{
		"up and out":         {info, []tar.Header{file("../x")}, "a name that no home has"},
		"up in between":      {info, []tar.Header{dir("keys/"), file("keys/../../x")}, "a name that no home has"},
		"absolute":           {info, []tar.Header{file("/tmp/x")}, "a name that no home has"},
		"hidden":             {info, []tar.Header{file(".lock")}, "a name that no home has"},
		"a line end":         {info, []tar.Header{file("a\nb")}, "a name that no home has"},
		"too deep":           {info, []tar.Header{file(strings.Repeat("a/", 20) + "a")}, "a name that no home has"},
		"too long":           {info, []tar.Header{file(strings.Repeat("a", 2000))}, "a name that no home has"},
		"a symlink":          {info, []tar.Header{{Typeflag: tar.TypeSymlink, Name: "keys", Linkname: "/etc"}}, "a link or a device"},
		"a device":           {info, []tar.Header{{Typeflag: tar.TypeChar, Name: "x", Devmajor: 1, Devminor: 3}}, "a link or a device"},
		"a pipe":             {info, []tar.Header{{Typeflag: tar.TypeFifo, Name: "x"}}, "a link or a device"},
		"a hard link out":    {info, []tar.Header{{Typeflag: tar.TypeLink, Name: "x", Linkname: "/etc/passwd"}}, "a link to what is not in it"},
		"a link to a folder": {info, []tar.Header{dir("keys/"), {Typeflag: tar.TypeLink, Name: "x", Linkname: "keys"}}, "a link to what is not in it"},
		"the same twice":     {info, []tar.Header{file("x"), file("x")}, "in no order"},
		"a file, a folder":   {info, []tar.Header{file("x"), dir("x/")}, "in no order"},
		"no folder":          {info, []tar.Header{file("keys/x")}, "in no order"},
		"more files":         {info, []tar.Header{file("a"), file("b"), file("c"), file("d")}, "more files than it says"},
		"more bytes":         {info, []tar.Header{file("a"), {Typeflag: tar.TypeReg, Name: "b", Size: 3, Mode: 0o600}}, "more than it says"},
		"no end":             {info, []tar.Header{file("a"), file("cut")}, "less than it says"},
		"less than its end":  {info, []tar.Header{file("a"), file("gone")}, "less than it says"},
		"two ends":           {info, []tar.Header{file("a"), {Typeflag: tar.TypeReg, Name: endName}}, "cut or changed"},
		"no info":            {nil, []tar.Header{file("a")}, "no backup of a home"},
		"a newer backup":     {Info{Schema: 2}, nil, "no backup that this program can read"},
		"a newer home":       {Info{Schema: 1, Format: home.Format + 1}, nil, "newer version of heatwatch"},
		"no numbers":         {map[string]any{"schema": 1, "files": -1}, nil, "no backup that this program can read"},
	} {
		t.Run(name, func(t *testing.T) {
			into := filepath.Join(t.TempDir(), "in")
			if err := os.Mkdir(into, 0o700); err != nil {
				t.Fatal(err)
			}
			_, err := Restore(ctx, forged(t, to, c.info, c.entries), []age.Identity{id}, into, plenty)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if out, _ := os.ReadDir(filepath.Dir(into)); len(out) != 1 {
				t.Errorf("it wrote outside: %v", out)
			}
		})
	}
	into := t.TempDir()
	if _, err := Restore(ctx, forged(t, to, info, []tar.Header{{Typeflag: tar.TypeDir, Name: "keys/", Mode: 0o7777}, {Typeflag: tar.TypeReg, Name: "keys/x", Size: 1, Mode: 0o4777},
		{Typeflag: tar.TypeReg, Name: "y", Size: 2, Mode: 0o6666}}), []age.Identity{id}, into, plenty); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"keys": fs.ModeDir | 0o700, "keys/x": 0o700, "y": 0o644} {
		if st, err := os.Stat(filepath.Join(into, name)); err != nil || st.Mode() != want {
			t.Errorf("%s: %v %v, want %v", name, st.Mode(), err, want)
		}
	}
}

func forged(t *testing.T, to []age.Recipient, info any, entries []tar.Header) io.Reader {
	t.Helper()
	var b bytes.Buffer
	sealed, err := age.Encrypt(&b, to...)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := zstd.NewWriter(sealed)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(packed)
	write := func(h tar.Header, data []byte) {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if info != nil {
		text, err := json.Marshal(info)
		if err != nil {
			t.Fatal(err)
		}
		write(tar.Header{Typeflag: tar.TypeReg, Name: infoName, Size: int64(len(text)), Mode: 0o600}, text)
	}
	end := count{}
	for _, h := range entries {
		write(h, make([]byte, h.Size))
		end.Files, end.Bytes = end.Files+1, end.Bytes+h.Size
		if h.Name == "gone" {
			end.Files++
		}
	}
	if len(entries) > 0 && entries[len(entries)-1].Name != "cut" {
		text, _ := json.Marshal(end)
		write(tar.Header{Typeflag: tar.TypeReg, Name: endName, Size: int64(len(text)), Mode: 0o600}, text)
	}
	for _, c := range []io.Closer{w, packed, sealed} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return &b
}

// Bytes behind the end of the tar are a bomb or somebody's message.
func TestNothingStandsBehindTheEnd(t *testing.T) {
	id, to := pair(t)
	var b bytes.Buffer
	sealed, _ := age.Encrypt(&b, to...)
	packed, _ := zstd.NewWriter(sealed)
	w := tar.NewWriter(packed)
	text, _ := json.Marshal(Info{Schema: 1, Format: home.Format})
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: infoName, Size: int64(len(text)), Mode: 0o600})
	w.Write(text)
	text, _ = json.Marshal(count{})
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: endName, Size: int64(len(text)), Mode: 0o600})
	w.Write(text)
	w.Close()
	packed.Write(make([]byte, 3<<20))
	packed.Close()
	sealed.Close()
	if _, err := Restore(ctx, &b, []age.Identity{id}, t.TempDir(), plenty); err == nil || !strings.Contains(err.Error(), "behind its end") {
		t.Errorf("%v", err)
	}
}
