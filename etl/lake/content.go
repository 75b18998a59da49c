package lake

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/parquet-go/parquet-go"

	"heatwatch/models"
)

// Content is a sum modulo 2^256 of hashes of logical rows, as 64 hex digits in text. The order of the rows does not
// matter. It is an integrity check against damage, not against somebody who may choose the rows.
type Content [4]uint64 // least significant word first

// Add adds another sum.
func (c *Content) Add(o Content) {
	var carry uint64
	for i := range c {
		c[i], carry = bits.Add64(c[i], o[i], carry)
	}
}

// Subtract takes another sum away.
func (c *Content) Subtract(o Content) {
	var borrow uint64
	for i := range c {
		c[i], borrow = bits.Sub64(c[i], o[i], borrow)
	}
}

func (c *Content) addHash(h *[sha256.Size]byte) {
	c.Add(Content{binary.BigEndian.Uint64(h[24:]), binary.BigEndian.Uint64(h[16:]), binary.BigEndian.Uint64(h[8:]), binary.BigEndian.Uint64(h[:])})
}

func (c Content) String() string { return fmt.Sprintf("%016x%016x%016x%016x", c[3], c[2], c[1], c[0]) }

// MarshalText writes 64 hex digits.
func (c Content) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads 64 hex digits.
func (c *Content) UnmarshalText(b []byte) error {
	raw, err := hex.DecodeString(string(b))
	if err != nil || len(raw) != 32 {
		return errors.New("not a content hash of 64 hex digits")
	}
	for i := range c {
		c[i] = binary.BigEndian.Uint64(raw[8*(3-i):])
	}
	return nil
}

// rowColumn is how one column of a file enters the hash of a row.
type rowColumn struct {
	at     int    // index of the Parquet column
	prefix []byte // name and kind
	values []string
	bytes  bool
}

// logical reports whether a column is part of what a partner said; the rest is derived from it or is about the file.
func logical(e models.Entity, name string) (models.Column, bool) {
	if c, ok := e.Column(name); ok {
		return c, name != "deleted"
	}
	if e.Tokens && models.IsToken(name) {
		return models.Column{Name: name, Type: models.TypeToken}, true
	}
	return models.Column{}, false
}

// rowPlan orders the columns by name, so that the order in the file does not matter.
func rowPlan(e models.Entity, schema *parquet.Schema) ([]rowColumn, error) {
	var plan []rowColumn
	for i, path := range schema.Columns() {
		name := path[0]
		c, ok := logical(e, name)
		if !ok {
			continue
		}
		rc := rowColumn{at: i, prefix: append(binary.AppendUvarint(nil, uint64(len(name))), name...)}
		switch c.Type {
		case models.TypeKey, models.TypeToken:
			rc.bytes = true
		case models.TypeCode, models.TypeFlag:
			rc.values = c.Values
		}
		if leaf, ok := schema.Lookup(name); !ok || (leaf.Node.Type().Kind() == parquet.ByteArray) != rc.bytes {
			return nil, fmt.Errorf("column %s has another type than the dictionary says", name)
		}
		plan = append(plan, rc)
	}
	slices.SortFunc(plan, func(a, b rowColumn) int { return strings.Compare(string(a.prefix[1:]), string(b.prefix[1:])) })
	return plan, nil
}

func (rc rowColumn) append(dst []byte, v parquet.Value) ([]byte, error) {
	if v.IsNull() {
		return dst, nil
	}
	dst = append(dst, rc.prefix...)
	if rc.bytes {
		b := v.ByteArray()
		return append(binary.AppendUvarint(dst, uint64(len(b))), b...), nil
	}
	var n int64
	if v.Kind() == parquet.Int32 {
		n = int64(v.Int32())
	} else {
		n = v.Int64()
	}
	if rc.values == nil {
		return binary.BigEndian.AppendUint64(dst, uint64(n)), nil
	}
	if n < 0 || n >= int64(len(rc.values)) {
		return dst, errors.New("a code is not in the dictionary")
	}
	s := rc.values[n]
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...), nil
}

// hashRows streams the rows of an entity's file, but for those at the hidden positions, and returns their number and content. A damaged
// file may make the library panic; that is an error here.
func hashRows(path string, e models.Entity, partner string, hidden map[int64]bool) (rows int64, sum Content, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("not a readable Parquet file: %v", p)
		}
	}()
	f, err := os.Open(path)
	if err != nil {
		return 0, sum, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, sum, err
	}
	pf, err := parquet.OpenFile(f, st.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return 0, sum, err
	}
	plan, err := rowPlan(e, pf.Schema())
	if err != nil {
		return 0, sum, err
	}
	start := []byte("heatwatch row 1\x00" + e.Name + "\x00" + partner + "\x00")
	return hashGroups(pf.RowGroups(), plan, start, hidden)
}

// readers is how many row groups are read at a time.
const readers = 2

// hashGroups adds up row groups, in any order.
func hashGroups(groups []parquet.RowGroup, plan []rowColumn, start []byte, hidden map[int64]bool) (rows int64, sum Content, err error) {
	first := make([]int64, len(groups))
	for i := range groups[:max(len(groups), 1)-1] {
		first[i+1] = first[i] + groups[i].NumRows()
	}
	var (
		all  sync.WaitGroup
		next atomic.Int64
		part [readers]struct {
			rows int64
			sum  Content
			err  error
		}
	)
	for i := range min(readers, len(groups)) {
		p := &part[i]
		all.Go(func() {
			defer func() {
				if r := recover(); r != nil { // a damaged file
					p.err = fmt.Errorf("not a readable Parquet file: %v", r)
				}
			}()
			buf, row := make([]parquet.Row, 512), make([]byte, 0, 512)
			for n := next.Add(1); n <= int64(len(groups)) && p.err == nil; n = next.Add(1) {
				p.err = hashGroup(groups[n-1], buf, plan, start, row, first[n-1], hidden, &p.rows, &p.sum)
			}
		})
	}
	all.Wait()
	for _, p := range part {
		rows += p.rows
		sum.Add(p.sum)
		err = errors.Join(err, p.err)
	}
	return rows, sum, err
}

func hashGroup(rg parquet.RowGroup, buf []parquet.Row, plan []rowColumn, start, row []byte, at int64, hidden map[int64]bool, rows *int64, sum *Content) (err error) {
	rr := rg.Rows()
	defer func() { err = errors.Join(err, rr.Close()) }()
	for {
		n, end := rr.ReadRows(buf)
		for _, r := range buf[:n] {
			at++
			if hidden[at-1] {
				continue
			}
			*rows++
			row = append(row[:0], start...)
			for _, rc := range plan {
				if row, err = appendCell(row, rc, r); err != nil {
					return err
				}
			}
			h := sha256.Sum256(row)
			sum.addHash(&h)
		}
		switch {
		case errors.Is(end, io.EOF):
			return nil
		case end != nil:
			return end
		case n == 0:
			return io.ErrNoProgress
		}
	}
}

func appendCell(row []byte, rc rowColumn, r parquet.Row) ([]byte, error) {
	if rc.at >= len(r) || r[rc.at].Column() != rc.at {
		return row, errors.New("the file is not flat")
	}
	return rc.append(row, r[rc.at])
}

// hashFile is the SHA-256 of the bytes of a file, and their number.
func hashFile(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, err
}
