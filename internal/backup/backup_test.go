package backup

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
)

var ctx = context.Background()

func pair(t testing.TB) (*age.X25519Identity, []age.Recipient) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	to, err := Recipients(id.Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
	return id, to
}

// small is a home with something of everything.
func small(t testing.TB) home.Home {
	t.Helper()
	h := home.Home{Dir: t.TempDir()}
	for name, f := range map[string]struct {
		text string
		mode fs.FileMode
	}{
		"heatwatch.yaml":                               {"timezone: UTC\n", 0o600},
		"format":                                       {"heatwatch home 2\n", 0o644},
		".lock":                                        {"somebody", 0o600},
		"keys/master.key":                              {"secret", 0o600},
		"ledger/place.mark":                            {"", 0o444},
		"ledger/000001.json":                           {"{}", 0o444},
		"lake/current":                                 {"2\n", 0o600},
		"lake/generations/1/persons/a.parquet":         {strings.Repeat("rows ", 50_000), 0o444},
		"landing/a/june/drop.json":                     {"{}", 0o440},
		"landing/a/.taking-july/drop.json":             {"{}", 0o440},
		"sftp/a/incoming/june/manifest.json":           {"{}", 0o600},
		"sftp/a/incoming/june/persons.csv":             {"person_key\np1\n", 0o600},
		"sftp/a/incoming/july/persons.csv":             {"person_key\np2\n", 0o600}, // still being sent
		"sftp/a/receipts/june.txt":                     {"taken\n", 0o444},
		"sftp/a/receipts/.tmp-x-0":                     {"x", 0o600},
		".staging/session-1/spill":                     {"x", 0o600},
		"lake/generations/1/manifest.json":             {"1", 0o444},
		"lake/generations/2/manifest.json":             {"2", 0o444},
		"quarantine/a/of-somebody-who-left/list.jsonl": {"", 0o440},
	} {
		path := filepath.Join(h.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, f.mode); err != nil {
			t.Fatal(err)
		}
	}
	midnight := time.Date(2026, 7, 1, 7, 0, 0, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(h.Dir, "sftp/a/receipts/june.txt"), midnight, midnight); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"3", "2"} { // unchanged in the next generations
		if err := os.MkdirAll(filepath.Join(h.Dir, "lake/generations", n, "persons"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(filepath.Join(h.Dir, "lake/generations/1/persons/a.parquet"), filepath.Join(h.Dir, "lake/generations", n, "persons/a.parquet")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc", filepath.Join(h.Dir, "sftp/a/incoming/june/link")); err != nil {
		t.Fatal(err)
	}
	return h
}

func seal(t testing.TB, h home.Home, to []age.Recipient) []byte {
	t.Helper()
	v, err := Take(h)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var b bytes.Buffer
	if err := Write(ctx, &b, v, Info{Format: home.Format, Home: "id", MadeOn: "2026-07-01", Generation: 2}, to, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const plenty = 1 << 40

// files lists paths, modes and contents; dates of receipts too.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		all[rel] = info.Mode().String()
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all[rel] += " " + string(b)
		}
		if strings.HasSuffix(rel, "june.txt") {
			all[rel] += info.ModTime().UTC().String()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhatComesBack(t *testing.T) {
	h := small(t)
	id, to := pair(t)
	b := seal(t, h, to)
	if len(b) > 100_000 {
		t.Errorf("%d bytes: a file of several generations is in it several times", len(b))
	}
	into := t.TempDir()
	info, err := Restore(ctx, bytes.NewReader(b), []age.Identity{id}, into, plenty)
	if err != nil || info.Home != "id" || info.Generation != 2 {
		t.Fatal(info, err)
	}
	want, got := files(t, h.Dir), files(t, into)
	for _, gone := range []string{".lock", ".staging", ".staging/session-1", ".staging/session-1/spill", "landing/a/.taking-july", "landing/a/.taking-july/drop.json",
		"sftp/a/incoming/july", "sftp/a/incoming/july/persons.csv", "sftp/a/receipts/.tmp-x-0", "sftp/a/incoming/june/link"} {
		if _, ok := want[gone]; !ok {
			t.Errorf("%s: the test tests nothing", gone)
		}
		delete(want, gone)
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s: %.80q, want %.80q", name, got[name], w)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s was not in the home", name)
	}
	one, _ := os.Stat(filepath.Join(into, "lake/generations/1/persons/a.parquet"))
	three, _ := os.Stat(filepath.Join(into, "lake/generations/3/persons/a.parquet"))
	if !os.SameFile(one, three) {
		t.Error("a file of several generations came back as several")
	}
	if left, _ := os.ReadDir(h.Staging()); len(left) != 1 {
		t.Errorf("views are left: %v", left)
	}
}

// The picture is of the moment: what changes afterwards is not in it.
func TestTheViewIsOfOneMoment(t *testing.T) {
	h := small(t)
	id, to := pair(t)
	v, err := Take(h)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for name, text := range map[string]string{"lake/current": "3\n", "heatwatch.yaml": "changed\n"} { // a pointer by rename, settings by an editor
		if strings.Contains(name, "current") {
			err = durable.Replace(durable.OS(), filepath.Join(h.Dir, name), []byte(text), 0o600)
		} else {
			err = os.WriteFile(filepath.Join(h.Dir, name), []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(h.Dir, "lake/generations/1")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.Dir, "ledger/000002.json"), nil, 0o444); err != nil {
		t.Fatal(err)
	}
	// The area is not under the lock: a receipt is renewed, a drop leaves.
	if err := durable.Replace(durable.OS(), filepath.Join(h.Dir, "sftp/a/receipts/june.txt"), []byte("a longer one\n"), 0o444); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(h.Dir, "sftp/a/incoming/june")); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Write(ctx, &b, v, Info{Format: home.Format}, to, nil); err != nil {
		t.Fatal(err)
	}
	into := t.TempDir()
	if _, err := Restore(ctx, &b, []age.Identity{id}, into, plenty); err != nil {
		t.Fatal(err)
	}
	got := files(t, into)
	if !strings.Contains(got["sftp/a/receipts/june.txt"], " taken\n") || got["sftp/a/incoming/june/persons.csv"] != "" {
		t.Errorf("the area: %q, %q", got["sftp/a/receipts/june.txt"], got["sftp/a/incoming/june/persons.csv"])
	}
	if !strings.HasSuffix(got["lake/current"], " 2\n") || !strings.HasSuffix(got["heatwatch.yaml"], "timezone: UTC\n") || got["lake/generations/1/manifest.json"] == "" || got["ledger/000002.json"] != "" {
		t.Errorf("the archive is of another moment: %.200v", got)
	}
}

// A file of a drop that has not been taken must keep its only name: intake refuses one with two.
func TestADropGetsNoSecondName(t *testing.T) {
	h := small(t)
	v, err := Take(h)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, err := os.Lstat(filepath.Join(v.dir, "sftp/a/incoming/june/persons.csv")); err == nil {
		t.Error("a file of a drop has a second name")
	}
}

// The name of the mark must stay its only one: a second makes the home look copied.
func TestTheMarkGetsNoSecondName(t *testing.T) {
	h := small(t)
	v, err := Take(h)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	a, _ := os.Stat(filepath.Join(h.Dir, "ledger/place.mark"))
	b, err := os.Stat(filepath.Join(v.dir, "ledger/place.mark"))
	if err != nil || os.SameFile(a, b) {
		t.Errorf("the mark is linked: %v", err)
	}
}

func TestAKilledBackupIsSweptByTheNext(t *testing.T) {
	h := small(t)
	v, err := Take(h)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Take(h) // beside one that is at work
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(v.dir); err != nil {
		t.Errorf("the view of a backup at work was swept: %v", err)
	}
	other.Close()
	v.held.Close() // as a kill does
	next, err := Take(h)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if _, err := os.Stat(v.dir); err == nil {
		t.Error("the view of a killed backup is left")
	}
}

// A backup that was cut anywhere, or of which a bit was flipped, is refused.
func TestCutAndFlipped(t *testing.T) {
	h := small(t)
	id, to := pair(t)
	b := seal(t, h, to)
	try := func(name string, b []byte) {
		t.Helper()
		_, err := Restore(ctx, bytes.NewReader(b), []age.Identity{id}, t.TempDir(), plenty)
		if problem.ExitCode(err) == 0 || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := 0; n < len(b); n += 1 + len(b)/60 {
		try(fmt.Sprintf("cut at %d of %d", n, len(b)), b[:n])
		flipped := bytes.Clone(b)
		flipped[n] ^= 4
		try(fmt.Sprintf("flipped at %d of %d", n, len(b)), flipped)
	}
	try("without its last byte", b[:len(b)-1])
	try("with a byte more", append(bytes.Clone(b), 0))
	other, _ := pair(t)
	if _, err := Restore(ctx, bytes.NewReader(b), []age.Identity{other}, t.TempDir(), plenty); err == nil || !strings.Contains(err.Error(), "does not open") {
		t.Errorf("another key: %v", err)
	}
	if _, err := Restore(ctx, bytes.NewReader(b), []age.Identity{id}, t.TempDir(), 1000); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("no room: %v", err)
	}
}

// A disk that runs full, or fails at any step, leaves no file of that name and no other.
func TestABackupIsWholeOrNotThere(t *testing.T) {
	h := small(t)
	id, to := pair(t)
	v, err := Take(h)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	put := func(fsys durable.FS, path string) error {
		return durable.CreateFrom(fsys, path, 0o600, func(w io.Writer) error { return Write(ctx, w, v, Info{Format: home.Format}, to, nil) })
	}
	full := filepath.Join(t.TempDir(), "full")
	if err := put(durable.OS(), full); err != nil {
		t.Fatal(err)
	}
	st, _ := os.Stat(full)
	for k := int64(0); k < st.Size(); k += st.Size()/20 + 1 {
		dir := t.TempDir()
		if err := put(durabletest.FullAfter(k), filepath.Join(dir, "b")); err == nil {
			t.Errorf("full after %d bytes and nobody noticed", k)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("full after %d bytes: left %v", k, left)
		}
	}
	for n := 1; n < 200; n++ {
		dir := t.TempDir()
		faulty := durabletest.FailAt(n)
		err := put(faulty, filepath.Join(dir, "b"))
		if !faulty.Fired() {
			return
		}
		if err == nil {
			t.Errorf("operation %d (%s) failed and nobody noticed", n, faulty.Op())
		}
		if f, err := os.Open(filepath.Join(dir, "b")); err == nil { // the name is there already: then it is whole
			if _, err := Restore(ctx, f, []age.Identity{id}, t.TempDir(), plenty); err != nil {
				t.Errorf("operation %d (%s) failed, and half a file is there: %v", n, faulty.Op(), err)
			}
			f.Close()
		}
	}
}

func TestRecipients(t *testing.T) {
	a, _ := pair(t)
	b, _ := pair(t)
	if l, err := Recipients(a.Recipient().String() + ", " + b.Recipient().String()); err != nil || len(l) != 2 {
		t.Errorf("%d, %v", len(l), err)
	}
	for _, bad := range []string{"", "age1nonsense", a.String()} {
		if _, err := Recipients(bad); problem.ExitCode(err) != problem.Usage || strings.Contains(fmt.Sprint(err), a.String()) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
