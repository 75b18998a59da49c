package lake

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"

	"heatwatch/models"
)

// slowRows is hashRows as docs/formats.md tells it, row by row.
func slowRows(path string, e models.Entity, partner string, hidden map[int64]bool) (n int64, sum Content, err error) {
	err = openParquet(path, func(f *parquet.File) error {
		names := f.Schema().Columns()
		rows := parquet.NewReader(f)
		defer rows.Close()
		buf := make([]parquet.Row, 1)
		for at := int64(0); ; at++ {
			k, err := rows.ReadRows(buf)
			if k == 0 {
				if errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}
			if hidden[at] {
				continue
			}
			cells := map[string][]byte{}
			var order []string
			for _, v := range buf[0] {
				name := names[v.Column()][0]
				c, ok := logical(e, name)
				if !ok || v.IsNull() {
					continue
				}
				var b []byte
				switch text := ""; {
				case c.Type == models.TypeKey || c.Type == models.TypeToken:
					text = string(v.ByteArray())
					b = append(binary.AppendUvarint(nil, uint64(len(text))), text...)
				case len(c.Values) > 0:
					text = c.Values[v.Int32()]
					b = append(binary.AppendUvarint(nil, uint64(len(text))), text...)
				case v.Kind() == parquet.Int32:
					b = binary.BigEndian.AppendUint64(nil, uint64(int64(v.Int32())))
				default:
					b = binary.BigEndian.AppendUint64(nil, uint64(v.Int64()))
				}
				cells[name], order = b, append(order, name)
			}
			slices.Sort(order)
			text := []byte("heatwatch row 1\x00" + e.Name + "\x00" + partner + "\x00")
			for _, name := range order {
				text = append(append(binary.AppendUvarint(text, uint64(len(name))), name...), cells[name]...)
			}
			h := sha256.Sum256(text)
			sum.addHash(&h)
			n++
		}
	})
	return n, sum, err
}

type serviceRow struct {
	Person    uint32  `parquet:"person"`
	ServiceID string  `parquet:"service_id,dict"`
	PersonKey *string `parquet:"person_key,optional"`
	Type      *uint8  `parquet:"service_type,optional,dict"`
	Emergency *uint8  `parquet:"emergency,optional"`
	StartedAt *int64  `parquet:"started_at,optional,timestamp(microsecond)"`
	StartedOn *int32  `parquet:"started_at_on,optional,date"`
}

func serviceRows(n int, r *rand.Rand) []serviceRow {
	rows := make([]serviceRow, n)
	for i := range rows {
		rows[i] = serviceRow{Person: uint32(i), ServiceID: fmt.Sprint("s", r.IntN(40))}
		if r.IntN(3) > 0 {
			key, kind, flag, at := fmt.Sprint("k", r.IntN(1<<20)), uint8(r.IntN(4)), uint8(r.IntN(2)), r.Int64()
			rows[i].PersonKey, rows[i].Type = &key, &kind
			if r.IntN(3) > 0 {
				rows[i].Emergency, rows[i].StartedAt = &flag, &at
			}
		}
	}
	return rows
}

func writeServices(t testing.TB, rows []serviceRow, o ...parquet.WriterOption) string {
	t.Helper()
	var b bytes.Buffer
	if err := parquet.Write(&b, rows, o...); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "f.parquet")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Column by column gives what row by row gives, over pages and row groups of any size, with and without hidden rows.
func TestHashRowsIsTheSlowForm(t *testing.T) {
	e, _ := models.Dictionary().Entity("services")
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{0, 1, batch - 1, batch, batch + 1, 5000} {
		for _, page := range []int{64, 4096, 1 << 20} {
			path := writeServices(t, serviceRows(n, r), parquet.PageBufferSize(page), parquet.MaxRowsPerRowGroup(1500), parquet.Compression(&parquet.Zstd))
			hidden := map[int64]bool{}
			for range r.IntN(n/2 + 1) {
				hidden[r.Int64N(int64(n))] = true
			}
			for _, hide := range []map[int64]bool{nil, hidden} {
				rows, sum, err := hashRows(path, e, "shelter-a", hide)
				slow, want, err2 := slowRows(path, e, "shelter-a", hide)
				if err != nil || err2 != nil || rows != slow || sum != want || rows != int64(n-len(hide)) {
					t.Errorf("%d rows, pages of %d: %d rows, %v, want %d, %v (%v %v)", n, page, rows, sum, slow, want, err, err2)
				}
			}
		}
	}
}

// A damaged file is an error or, where only what is derived was hit, the same rows: never a panic, and never other rows without the bytes
// being noticed by their own hash.
func TestHashRowsOfDamage(t *testing.T) {
	e, _ := models.Dictionary().Entity("services")
	r := rand.New(rand.NewPCG(7, 8))
	whole, err := os.ReadFile(writeServices(t, serviceRows(300, r), parquet.PageBufferSize(512), parquet.MaxRowsPerRowGroup(100)))
	if err != nil {
		t.Fatal(err)
	}
	path, failed := filepath.Join(t.TempDir(), "damaged.parquet"), 0
	for range 300 {
		b := slices.Clone(whole)
		for range 1 + r.IntN(3) {
			b[r.IntN(len(b))] ^= byte(1 << r.IntN(8))
		}
		if r.IntN(5) == 0 {
			b = b[:r.IntN(len(b))]
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := hashRows(path, e, "shelter-a", nil); err != nil {
			failed++
		}
	}
	if failed < 50 {
		t.Errorf("only %d of 300 damaged files were noticed", failed)
	}
}

// A column that has more values than the file has rows, or fewer, is no column of ours.
func TestHashRowsWantsFlatFiles(t *testing.T) {
	type nested struct {
		ServiceID []string `parquet:"service_id"`
	}
	e, _ := models.Dictionary().Entity("services")
	for _, ids := range [][]string{{"a", "b"}, {"a", "b", "c"}} {
		var b bytes.Buffer
		if err := parquet.Write(&b, []nested{{ids}}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "nested.parquet")
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := hashRows(path, e, "shelter-a", nil); err == nil {
			t.Error("a list passed for a value")
		}
	}
}
