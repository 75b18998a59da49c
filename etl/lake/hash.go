package lake

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/parquet-go/parquet-go"

	"heatwatch/models"
)

// rowColumn is how one column of a file enters the hash of a row.
type rowColumn struct {
	at     int      // index of the Parquet column
	name   string   // what columns are ordered by
	prefix []byte   // length of the name, and the name
	coded  [][]byte // of a code: by its number, the prefix and the text
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
		rc := rowColumn{at: i, name: name, prefix: append(binary.AppendUvarint(nil, uint64(len(name))), name...)}
		switch c.Type {
		case models.TypeKey, models.TypeToken:
			rc.bytes = true
		case models.TypeCode, models.TypeFlag:
			for _, v := range c.Values {
				text := binary.AppendUvarint(slices.Clone(rc.prefix), uint64(len(v)))
				rc.coded = append(rc.coded, append(text, v...))
			}
		}
		if leaf, ok := schema.Lookup(name); !ok || (leaf.Node.Type().Kind() == parquet.ByteArray) != rc.bytes {
			return nil, fmt.Errorf("column %s has another type than the dictionary says", name)
		}
		plan = append(plan, rc)
	}
	slices.SortFunc(plan, func(a, b rowColumn) int { return strings.Compare(a.name, b.name) })
	return plan, nil
}

// append adds a cell to the text that is hashed.
func (rc *rowColumn) append(dst []byte, v parquet.Value) ([]byte, error) {
	if v.IsNull() {
		return dst, nil
	}
	if rc.bytes {
		b := v.ByteArray()
		dst = binary.AppendUvarint(append(dst, rc.prefix...), uint64(len(b)))
		return append(dst, b...), nil
	}
	n := v.Int64()
	if v.Kind() == parquet.Int32 {
		n = int64(v.Int32())
	}
	switch {
	case rc.coded == nil:
		return binary.BigEndian.AppendUint64(append(dst, rc.prefix...), uint64(n)), nil
	case n < 0 || n >= int64(len(rc.coded)):
		return dst, errors.New("a code is not in the dictionary")
	}
	return append(dst, rc.coded[n]...), nil
}

// hashRows streams the rows of an entity's file, but for those at the hidden positions, and returns their number and content. A damaged
// file may make the library panic; that is an error here.
func hashRows(path string, e models.Entity, partner string, hidden map[int64]bool) (rows int64, sum Content, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("not a readable Parquet file: %v", p)
		}
	}()
	err = openParquet(path, func(f *parquet.File) error {
		plan, err := rowPlan(e, f.Schema())
		if err != nil {
			return err
		}
		rows, sum, err = hashGroups(f.RowGroups(), plan, []byte("heatwatch row 1\x00"+e.Name+"\x00"+partner+"\x00"), hidden)
		return err
	})
	return rows, sum, err
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
			r := newRowReader(plan, start, func(row []byte) {
				h := sha256.Sum256(row)
				p.sum.addHash(&h)
				p.rows++
			})
			for n := next.Add(1); n <= int64(len(groups)) && p.err == nil; n = next.Add(1) {
				p.err = r.group(groups[n-1], first[n-1], hidden)
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

// rowReader makes one text of the columns of each row.
type rowReader struct {
	plan  []rowColumn
	start []byte
	use   func(row []byte)  // which is overwritten by the next
	cells [][]parquet.Value // by column of the plan, a batch of rows
	row   []byte
}

// batch is how many rows are read at a time.
const batch = 1024

func newRowReader(plan []rowColumn, start []byte, use func(row []byte)) *rowReader {
	r := &rowReader{plan: plan, start: start, use: use, cells: make([][]parquet.Value, len(plan))}
	for i := range r.cells {
		r.cells[i] = make([]parquet.Value, batch)
	}
	return r
}

// group reads the rows of a row group, whose first is at that position of the file, but for the hidden ones, column by column: the
// library's rows cost twice as much.
func (r *rowReader) group(rg parquet.RowGroup, at int64, hidden map[int64]bool) (err error) {
	chunks := rg.ColumnChunks()
	columns := make([]cells, len(r.plan))
	defer func() {
		for i := range columns {
			err = errors.Join(err, columns[i].close())
		}
	}()
	for i := range r.plan {
		columns[i].pages = chunks[r.plan[i].at].Pages()
	}
	for left := rg.NumRows(); left > 0; {
		n := int(min(left, batch))
		for i := range columns {
			if err := columns[i].read(r.cells[i][:n]); err != nil {
				return fmt.Errorf("column %s: %w", r.plan[i].name, err)
			}
		}
		for k := range n {
			if at++; hidden[at-1] {
				continue
			}
			if err := r.text(k); err != nil {
				return err
			}
		}
		left -= int64(n)
	}
	for i := range columns {
		if columns[i].more() {
			return errors.New("the file is not flat")
		}
	}
	return nil
}

func (r *rowReader) text(k int) (err error) {
	r.row = append(r.row[:0], r.start...)
	for i := range r.plan {
		if r.row, err = r.plan[i].append(r.row, r.cells[i][k]); err != nil {
			return err
		}
	}
	r.use(r.row)
	return nil
}

// cells reads the values of a column, over its pages.
type cells struct {
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	old    []parquet.Page // whose values the last batch may still show
}

// read fills the buffer. The values hold until the next read.
func (c *cells) read(buf []parquet.Value) error {
	for _, p := range c.old {
		parquet.Release(p)
	}
	c.old = c.old[:0]
	for got := 0; got < len(buf); {
		if c.values == nil {
			page, err := c.pages.ReadPage()
			if errors.Is(err, io.EOF) {
				return io.ErrUnexpectedEOF
			}
			if err != nil {
				return err
			}
			c.page, c.values = page, page.Values()
		}
		n, err := c.values.ReadValues(buf[got:])
		got += n
		switch {
		case errors.Is(err, io.EOF):
			c.old = append(c.old, c.page)
			c.page, c.values = nil, nil
		case err != nil:
			return err
		case n == 0:
			return io.ErrNoProgress
		}
	}
	return nil
}

// more reports whether the column has values that no row has.
func (c *cells) more() bool { return c.read(make([]parquet.Value, 1)) == nil }

func (c *cells) close() error {
	if c.pages == nil {
		return nil
	}
	if c.page != nil {
		c.old = append(c.old, c.page)
	}
	for _, p := range c.old {
		parquet.Release(p)
	}
	return c.pages.Close()
}
