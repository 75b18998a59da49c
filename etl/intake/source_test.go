package intake

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func gz(t tester, text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zst(t tester, text string, o ...zstd.EOption) []byte {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, o...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// endless gives the same bytes for ever, or n of them, and counts what was asked for.
type endless struct {
	line string
	left int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && e.left > 0 {
		m := copy(p[n:], e.line)
		n += m
		e.left -= int64(m)
	}
	return n, nil
}

// counted counts what a test's stream was asked for.
type counted struct {
	r io.Reader
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func TestSources(t *testing.T) {
	text := serviceHeader + strings.Repeat("s1,p1,legal,no,2026-07-03T22:00-07:00,,\n", 10)
	for _, c := range []struct {
		name string
		file string
		data []byte
		want string
	}{
		{"plain", "services.csv", []byte(text), "10 = 10 + 0 + 0"},
		{"gzip", "services.csv.gz", gz(t, text), "10 = 10 + 0 + 0"},
		{"gzip in two members", "services.csv.gz", append(gz(t, text[:100]), gz(t, text[100:])...), "10 = 10 + 0 + 0"},
		{"zstd", "services.csv.zst", zst(t, text), "10 = 10 + 0 + 0"},
		{"zstd in two frames", "services.csv.zst", append(zst(t, text[:100]), zst(t, text[100:])...), "10 = 10 + 0 + 0"},
		{"gzip, cut", "services.csv.gz", gz(t, text)[:60], "refused\nformat_not_offered"},
		{"zstd, cut", "services.csv.zst", zst(t, text)[:60], "refused\nformat_not_offered"},
		{"not gzip", "services.csv.gz", []byte(text), "refused\nformat_not_offered"},
		{"not zstd", "services.csv.zst", []byte(text), "refused\nformat_not_offered"},
		{"gzip with a tail", "services.csv.gz", append(gz(t, text), "tail"...), "refused\nformat_not_offered"},
		{"gzip under a plain name", "services.csv", gz(t, text), "refused\nformat_not_offered"},
		{"nothing, packed", "services.csv.gz", gz(t, ""), "refused\nno_header"},
		{"nothing where gzip should be", "services.csv.gz", nil, "refused\nformat_not_offered"},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, sum, err := CheckSource(ctx, bytes.NewReader(c.data), c.file, entity(t, "services"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			want(t, "verdict", summary(res), c.want)
			if len(sum) != 64 {
				t.Errorf("no hash of the bytes as sent, though the file was read: %q", sum)
			}
		})
	}
}

// What a bomb may cost is counted in bytes: no clock, no megabytes.
func TestBombs(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	if _, err := io.WriteString(w, serviceHeader); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, &endless{line: "s1,p1,legal,no,2026-07-03T22:00-07:00,,\n", left: 1 << 30}, 700<<20); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if bomb.Len() > 4<<20 {
		t.Fatalf("the bomb is no bomb: %d bytes", bomb.Len())
	}
	s := newSource(&bomb, "services.csv.gz", DefaultLimits(), nil)
	out := &counted{r: s}
	_, err := CheckFile(ctx, out, entity(t, "services"), Options{Limits: s.limits})
	if !errors.Is(err, errTooLarge) {
		t.Errorf("a file that expands 200 times was read: %v", err)
	}
	if out.n.Load() > 2*ratioFloor {
		t.Errorf("%d MiB came out before it was stopped", out.n.Load()>>20)
	}

	// The declared cap holds for honest files too.
	plain := &counted{r: &endless{line: serviceHeader, left: 1 << 40}}
	res, sum, err := CheckSource(ctx, plain, "services.csv", entity(t, "services"), Options{Limits: Limits{Bytes: 10 << 20}})
	if err != nil || summary(res) != "refused\ntoo_large" || sum != "" {
		t.Errorf("%s, %q, %v", summary(res), sum, err)
	}
	if plain.n.Load() > 20<<20 {
		t.Errorf("%d MiB were read for a cap of 10", plain.n.Load()>>20)
	}

	// A file that is refused at its first line is hashed no further than that.
	plain = &counted{r: &endless{line: strings.Repeat("x\n", 1<<19), left: 64 << 20}}
	res, sum, err = CheckSource(ctx, plain, "services.csv", entity(t, "services"), Options{Limits: Limits{Bytes: 10 << 20}})
	if err != nil || summary(res) != "refused\nno_header" || sum != "" || plain.n.Load() > 20<<20 {
		t.Errorf("%s, %q, %v, %d MiB read", summary(res), sum, err, plain.n.Load()>>20)
	}

	// A frame that asks for a window of 512 MiB.
	wide := zst(t, strings.Repeat(serviceHeader, 20_000), zstd.WithWindowSize(1<<29), zstd.WithSingleSegment(false))
	res, _, err = CheckSource(ctx, bytes.NewReader(wide), "services.csv.zst", entity(t, "services"), Options{})
	if err != nil || summary(res) != "refused\ntoo_large" {
		t.Errorf("%s, %v", summary(res), err)
	}
}

// Whoever checks a large file sees something at once: the first word comes after the first blocks.
func TestFirstAnswerComesEarly(t *testing.T) {
	in := &counted{r: io.MultiReader(strings.NewReader(serviceHeader), &endless{line: strings.Repeat("s1,p1,legal,no,2026-07-03T22:00-07:00,,\n", 1000), left: 64 << 20})}
	var first, rows int64
	o := Options{Workers: 2, progress: func(n, _ int64) {
		if rows = n; first == 0 {
			first = in.n.Load()
		}
	}}
	res, err := CheckFile(ctx, in, entity(t, "services"), o)
	if err != nil {
		t.Fatal(err)
	}
	if first == 0 || first > 24<<20 {
		t.Errorf("the first word came after %d MiB", first>>20)
	}
	if rows != res.Rows {
		t.Errorf("the last word was %d rows of %d", rows, res.Rows)
	}
}

// A line of 2 GB passes through without being kept.
func TestEndlessLine(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 2 GB from nowhere")
	}
	r := io.MultiReader(strings.NewReader(serviceHeader), &endless{line: strings.Repeat("x", 1<<20), left: 2 << 30},
		strings.NewReader("\ns1,p1,legal,no,2026-07-03T22:00-07:00,,\n"))
	res, err := CheckFile(ctx, r, entity(t, "services"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "verdict", summary(res), "2 = 1 + 1 + 0\nline_too_long 1 [2]")
}

// A disk that fails is our trouble, never the sender's.
func TestReadErrors(t *testing.T) {
	broken := errors.New("input/output error")
	packed := gz(t, serviceHeader+strings.Repeat("s1,p1,legal,no,2026-07-03T22:00-07:00,,\n", 1000))
	for name, data := range map[string][]byte{"services.csv": []byte(serviceHeader + "s1,"), "services.csv.gz": packed[:len(packed)/2], "services.csv.zst": zst(t, serviceHeader)[:20]} {
		_, _, err := CheckSource(ctx, io.MultiReader(bytes.NewReader(data), failing{broken}), name, entity(t, "services"), Options{})
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
