package lake

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// A pass per person needs no table: rows of a person are together, in time, in more than one row group too.
func TestFilesAreOrderedByPersonThenTime(t *testing.T) {
	const n = 150_000
	c := newCounty(t)
	var who, what strings.Builder
	who.WriteString(personsHead)
	for i := range 500 {
		fmt.Fprintf(&who, "k%d,\n", i)
	}
	what.WriteString("service_id,person_key,service_type,emergency,started_at\n")
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		fmt.Fprintf(&what, "s%d,k%d,legal,no,2025-%02d-%02dT10:00:00Z\n", i, r.IntN(500), 1+r.IntN(12), 1+r.IntN(28))
	}
	c.land("shelter-a", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{"persons": who.String(), "services": what.String()})
	first := c.build()
	f, err := os.Open(filepath.Join(generationPath(c.home, 1), "services/shelter-a.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	type row struct {
		Person    uint32 `parquet:"person"`
		StartedAt int64  `parquet:"started_at,optional"`
	}
	pr := parquet.NewGenericReader[row](f)
	defer pr.Close()
	var last row
	seen, buf := 0, make([]row, 1000)
	for {
		k, err := pr.Read(buf)
		for _, x := range buf[:k] {
			if x.Person < last.Person || x.Person == last.Person && x.StartedAt < last.StartedAt {
				t.Fatalf("row %d is out of order", seen)
			}
			last = x
			seen++
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if pf, err := parquet.OpenFile(f, size(t, f)); err != nil || len(pf.RowGroups()) < 2 || seen != n {
		t.Errorf("%d rows, %v", seen, err)
	}
	if v, err := Verify(ctx, c.home); err != nil || len(v.Problems) > 0 {
		t.Errorf("%+v %v", v.Problems, err)
	}
	// Rows of one person and time have one order, too: the same inputs make the same file, byte for byte.
	cfg := c.config()
	cfg.Full = true
	again, _, err := Build(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := fileOf(first, "services/shelter-a.parquet"), fileOf(again, "services/shelter-a.parquet"); a.SHA256 != b.SHA256 || a.SHA256 == "" {
		t.Errorf("%s, then %s", a.SHA256, b.SHA256)
	}
}

func fileOf(m Manifest, path string) File {
	f, _ := m.file(path)
	return f
}

func size(t *testing.T, f *os.File) int64 {
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return st.Size()
}

// DuckDB quotes the value that it cannot convert; our errors do not.
func TestErrorsHoldNoValues(t *testing.T) {
	const secret = "nobodys-key"
	c := newCounty(t)
	c.land("shelter-a", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{"persons": personsHead + secret + ",\n"})
	c.build()
	s := c.session()
	for _, q := range []string{"SELECT person_key::INTEGER FROM persons", "SELECT error(person_key) FROM persons", "SELECT strptime(person_key, '%Y') FROM persons",
		"SELECT (SELECT 1 FROM range(2)) FROM persons"} {
		err := s.Exec(ctx, "CREATE TEMP TABLE x AS "+q)
		if err == nil {
			t.Errorf("no error: %s", q)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", q, err)
		}
		rows, err := s.QueryContext(ctx, q)
		if err == nil {
			for rows.Next() {
			}
			err = rows.Err()
			rows.Close()
		}
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", q, err)
		}
	}
}
