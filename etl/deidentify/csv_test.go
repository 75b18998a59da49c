package deidentify

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func readAll(r io.Reader) (all [][]string, err error) {
	in, err := newCSVReader(r)
	if err != nil {
		return nil, err
	}
	for {
		fields, _, err := in.next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		var rec []string
		for _, f := range fields {
			rec = append(rec, string(f))
		}
		all = append(all, rec)
	}
}

// What the standard library writes is read back, however the bytes arrive.
func TestCSVReadsWhatIsWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		width := rapid.IntRange(2, 5).Draw(rt, "width")
		cell := rapid.StringMatching(`([a-z ,"é;]|\n){0,8}`)
		var want [][]string
		for range rapid.IntRange(1, 6).Draw(rt, "rows") {
			want = append(want, rapid.SliceOfN(cell, width, width).Draw(rt, "row"))
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.UseCRLF = rapid.Bool().Draw(rt, "crlf")
		w.WriteAll(want)
		got, err := readAll(iotest.OneByteReader(bytes.NewReader(b.Bytes())))
		if err != nil {
			rt.Fatalf("%v in %q", err, b.String())
		}
		for i := range want {
			for j := range want[i] { // a line end inside quotes is written as CRLF too
				want[i][j] = strings.ReplaceAll(want[i][j], "\r\n", "\n")
			}
		}
		for i := range got {
			for j := range got[i] {
				got[i][j] = strings.ReplaceAll(got[i][j], "\r\n", "\n")
			}
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			rt.Fatalf("got %q, want %q", got, want)
		}
	})
}

// Where the standard library and this reader both take a text, they take it the same way. This one is stricter.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "\ufeffa,b\r\n\"x\"\"y\",\"\n\"\r\n", "\"", "a,\"b\"c\n", "\n\n,\n", "\"a\"\r\r\n", "a\rb,c\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readAll(bytes.NewReader(b))
		if err != nil {
			return
		}
		r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff"))))
		r.FieldsPerRecord = -1
		want, err := r.ReadAll()
		if err != nil {
			t.Fatalf("taken here, refused there: %v", err)
		}
		if !slices.EqualFunc(got, want, func(a, b []string) bool {
			return slices.EqualFunc(a, b, func(x, y string) bool {
				return strings.ReplaceAll(x, "\r\n", "\n") == strings.ReplaceAll(y, "\r\n", "\n")
			})
		}) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestCSVLines(t *testing.T) {
	in, err := newCSVReader(strings.NewReader("a,b\n\n\"x\ny\",1\r\nlast,2"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 3, 5} {
		if _, line, err := in.next(); err != nil || line != want {
			t.Errorf("line %d, %v; want %d", line, err, want)
		}
	}
	if _, _, err := in.next(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
	for name, broken := range map[string]io.Reader{"at the start": iotest.ErrReader(io.ErrUnexpectedEOF), "later": io.MultiReader(strings.NewReader(strings.Repeat("a,b\n", 5000)), iotest.ErrReader(io.ErrUnexpectedEOF))} {
		if _, err := readAll(broken); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a disk that fails %s: %v", name, err)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	const rows, people = 500_000, 20_000
	files := map[string]string{}
	var persons, services strings.Builder
	persons.WriteString("person_key,first_name,last_name,birth_date,ssn\n")
	for i := range people {
		persons.WriteString(pad(i) + ",Bavo,Tilomi" + strings.Repeat("o", i%7) + ",2010-03-0" + string(rune('2'+i%8)) + ",21909" + pad(i)[2:] + "\n")
	}
	services.WriteString("service_id,person_key,service_type,emergency,started_at,started_precision,program\n")
	for i := range rows {
		services.WriteString("S" + pad(i) + "," + pad(i%people) + ",case_management,no,2026-07-01T10:00:00-07:00,minute,dreamcatcher\n")
	}
	files["persons.csv"], files["services.csv"] = persons.String(), services.String()
	cfg := configOf(b, kitOf(b, "shelter-a", 1), files)
	b.SetBytes(int64(services.Len()))
	out := cfg.Out
	b.ResetTimer()
	for i := range b.N {
		cfg.Out = out + pad(i)
		mustRun(b, cfg)
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func pad(i int) string {
	s := "0000000"
	for j := len(s) - 1; i > 0; j-- {
		s = s[:j] + string(rune('0'+i%10)) + s[j+1:]
		i /= 10
	}
	return s
}
