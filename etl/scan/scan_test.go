package scan

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"heatwatch/etl/kept"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
)

const secret = "7q2wkz5m4n6p7r2s3t4v5w"

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func newHome(t testing.TB) (home.Home, kept.Key) {
	t.Helper()
	h := home.Home{Dir: t.TempDir()}
	must(t, os.MkdirAll(h.Keys(), 0o700))
	k, err := kept.HomeKey(durable.OS(), h.Keys())
	must(t, err)
	return h, k
}

func put(t testing.TB, h home.Home, path string, b []byte) {
	t.Helper()
	path = filepath.Join(h.Dir, path)
	must(t, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, b, 0o600))
}

func packGzip(t testing.TB, text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	must(t, err, w.Close())
	return b.Bytes()
}

func packZstd(t testing.TB, text string) []byte {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	must(t, err)
	_, err = w.Write([]byte(text))
	must(t, err, w.Close())
	return b.Bytes()
}

func parquetOf[T any](t testing.TB, rows ...T) []byte {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b)
	_, err := w.Write(rows)
	must(t, err, w.Close())
	return b.Bytes()
}

func keep(t testing.TB, h home.Home, k kept.Key, landed string, files map[string][]byte) {
	t.Helper()
	up := filepath.Join(t.TempDir(), "upload")
	for name, b := range files {
		must(t, os.MkdirAll(up, 0o700), os.WriteFile(filepath.Join(up, name), b, 0o600))
	}
	must(t, os.MkdirAll(filepath.Join(h.Dir, landed), 0o700), kept.Seal(durable.OS(), k, up, filepath.Join(h.Dir, landed)))
}

type row struct {
	PersonKey string `parquet:"person_key,zstd,dict"`
	Token     string `parquet:"token_name_dob,zstd"`
}

func found(t testing.TB, h home.Home, k kept.Key, needles ...Needle) []string {
	t.Helper()
	r, err := Home(context.Background(), h, k, needles)
	must(t, err)
	if len(r.Closed) > 0 {
		t.Errorf("not read: %v", r.Closed)
	}
	slices.Sort(r.Found)
	return r.Found
}

func TestAValueIsFoundWhereverItLies(t *testing.T) {
	h, k := newHome(t)
	line := strings.Repeat("id,person_key\n1,"+secret+"\n", 50)
	places := []string{
		"landing/a/june/persons.parquet", "landing/a/june/raw.age", "landing/b/june/raw.age", "lake/generations/3/persons/a.parquet",
		"logs/sftp/a.jsonl", "quarantine/a/june.jsonl", "sftp/a/incoming/july/persons.csv", "sftp/a/incoming/july/services.csv.gz",
		"sftp/a/incoming/july/stays.csv.zst", "sftp/a/incoming/july/wrong-name.bin",
	}
	put(t, h, places[0], parquetOf(t, row{"x", secret}))
	keep(t, h, k, "landing/a/june", map[string][]byte{"persons.csv": []byte(line)})
	keep(t, h, k, "landing/b/june", map[string][]byte{"persons.csv.zst": packZstd(t, line)})
	put(t, h, places[3], parquetOf(t, row{secret, "x"}))
	put(t, h, places[4], []byte(`{"file":"`+secret+`"}`))
	put(t, h, places[5], []byte(strings.Repeat("x", 1<<20-9)+secret)) // over the edge of a buffer
	put(t, h, places[6], []byte(line))
	put(t, h, places[7], packGzip(t, line))
	put(t, h, places[8], packZstd(t, line))
	put(t, h, places[9], packGzip(t, line)) // known by its bytes
	put(t, h, "sftp/a/receipts/june.json", []byte("{}"))
	slices.Sort(places)
	if got := found(t, h, k, Needle{Value: []byte(secret)}); !slices.Equal(got, places) {
		t.Errorf("found in\n%s\nnot in\n%s", strings.Join(got, "\n"), strings.Join(places, "\n"))
	}
	if got := found(t, h, k, Needle{Value: []byte(secret[1:] + "x")}); len(got) > 0 {
		t.Errorf("what is nowhere was found in %v", got)
	}
	left, err := filepath.Glob(filepath.Join(h.Staging(), "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("the controls are still there: %v %v", left, err)
	}
}

// An agency's own short key is nobody's elsewhere, and a number in a record is no key.
func TestAShortKeyIsItsAgencys(t *testing.T) {
	type crosswalk struct {
		Partner   string `parquet:"partner"`
		PersonKey string `parquet:"person_key"`
	}
	h, k := newHome(t)
	csv := []byte("id,person_key\n1,\"a1\"\n")
	put(t, h, "landing/a/june/drop.json", []byte(`{"drop":"a1","rows":1}`))
	put(t, h, "landing/a/june/persons.parquet", parquetOf(t, row{"a1", "x"}))
	put(t, h, "landing/b/june/persons.parquet", parquetOf(t, row{"a1", "x"}))
	put(t, h, "lake/generations/3/persons/a.parquet", parquetOf(t, row{"a1", "x"}))
	put(t, h, "lake/generations/3/persons/b.parquet", parquetOf(t, row{"a1", "x"}))
	put(t, h, "lake/generations/2/crosswalk.parquet", parquetOf(t, crosswalk{"b", "a1"}, crosswalk{"a", "a2"}))
	put(t, h, "lake/generations/3/crosswalk.parquet", parquetOf(t, crosswalk{"b", "a2"}, crosswalk{"a", "a1"}))
	put(t, h, "sftp/a/incoming/x/persons.csv", csv)
	put(t, h, "sftp/b/incoming/x/persons.csv", csv)
	keep(t, h, k, "landing/a/may", map[string][]byte{"persons.csv": csv})
	keep(t, h, k, "landing/b/may", map[string][]byte{"persons.csv": csv})
	want := []string{"lake/generations/3/crosswalk.parquet", "lake/generations/3/persons/a.parquet", "landing/a/june/persons.parquet", "landing/a/may/raw.age", "sftp/a/incoming/x/persons.csv"}
	if got := found(t, h, k, Needle{Partner: "a", Value: []byte("a1")}); !slices.Equal(got, want) {
		t.Errorf("found in\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A kept drop whose key was destroyed holds nothing; one that cannot be opened is said.
func TestWhatIsSealed(t *testing.T) {
	h, k := newHome(t)
	files := map[string][]byte{"persons.csv": []byte(secret)}
	keep(t, h, k, "landing/a/gone", files)
	must(t, os.Remove(filepath.Join(h.Dir, "landing/a/gone/raw.key")))
	if got := found(t, h, k, Needle{Value: []byte(secret)}); len(got) > 0 {
		t.Errorf("found in %v", got)
	}
	keep(t, h, k, "landing/a/cut", files)
	path := filepath.Join(h.Dir, "landing/a/cut/raw.age")
	b, err := os.ReadFile(path)
	must(t, err, os.Chmod(path, 0o600), os.WriteFile(path, b[:len(b)-4], 0o600))
	r, err := Home(context.Background(), h, k, []Needle{{Value: []byte(secret)}})
	if err != nil || r.Clean() || !slices.Equal(r.Closed, []string{"landing/a/cut/raw.age"}) {
		t.Errorf("%v %v", r, err)
	}
}

func TestEveryControlMustBeSeen(t *testing.T) {
	h, k := newHome(t)
	c, err := plant(h, k)
	must(t, err)
	if len(c.files) != 8 {
		t.Errorf("%d controls", len(c.files))
	}
	var all []string
	for path := range c.files {
		all = append(all, path)
	}
	if _, err := c.take(h, Result{Found: all}); err != nil {
		t.Errorf("all were seen: %v", err)
	}
	for i := range all {
		if _, err := c.take(h, Result{Found: slices.Delete(slices.Clone(all), i, i+1)}); err == nil {
			t.Errorf("%s was not seen, and nobody says so", filepath.Base(all[i]))
		}
	}
}

// A scan that was killed leaves its controls; the next one does not take them for traces of a person.
func TestControlsOfAKilledScanGo(t *testing.T) {
	h, k := newHome(t)
	left, err := plant(h, k)
	must(t, err)
	got, err := Home(context.Background(), h, k, []Needle{{Value: []byte(secret)}})
	must(t, err)
	if !got.Clean() {
		t.Errorf("found %v, closed %v", got.Found, got.Closed)
	}
	if _, err := os.Stat(left.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("they are still there: %v", err)
	}
}

func TestAStreamIsReadOverItsEdges(t *testing.T) {
	m := newMatcher([][]byte{[]byte(secret), []byte("another-value-to-look-for")})
	for at := range 60 {
		text := strings.Repeat(".", 1<<20-40+at) + secret + "..."
		if ok, err := m.reads(iotest.HalfReader(strings.NewReader(text)), nil); !ok || err != nil {
			t.Fatalf("not found at %d: %v", len(text), err)
		}
	}
	if ok, _ := m.reads(strings.NewReader(secret[:21]+"x"), nil); ok {
		t.Error("found a part")
	}
}
