package intake

import "math"

// An empty cell, as columns keep it. No date, instant or number that passes its check has these values.
const (
	nullCode = math.MaxUint8
	null32   = math.MinInt32
	null64   = math.MinInt64
)

// column holds the checked cells of one column of a batch. Only the slices of its kind are used.
type column struct {
	kind  kind
	text  []byte // kindText: the bytes of all cells, one after the other; an empty cell has none
	ends  []uint32
	codes []uint8
	days  []int32
	ints  []int64 // kindInt, and microseconds of kindDateTime
}

// batch is the accepted rows of one block of input.
type batch struct {
	rows    int
	columns []column
	lines   []int32 // physical line within the block, from 0
	base    int64   // number of the block's first line; set by the collector
	users   int     // segments of row groups that still need it
}

func newBatch(fields []field) *batch {
	b := &batch{columns: make([]column, len(fields))}
	for i, f := range fields {
		b.columns[i].kind = f.kind
	}
	return b
}

func (b *batch) reset() {
	b.rows, b.users, b.lines = 0, 0, b.lines[:0]
	for i := range b.columns {
		b.columns[i].truncate(0)
	}
}

// truncate forgets all cells from row n on.
func (c *column) truncate(n int) {
	switch c.kind {
	case kindText:
		if n < len(c.ends) {
			end := uint32(0)
			if n > 0 {
				end = c.ends[n-1]
			}
			c.ends, c.text = c.ends[:n], c.text[:end]
		}
	case kindCode:
		c.codes = c.codes[:min(n, len(c.codes))]
	case kindDate:
		c.days = c.days[:min(n, len(c.days))]
	default:
		c.ints = c.ints[:min(n, len(c.ints))]
	}
}

func (c *column) addText(v []byte) {
	c.text = append(c.text, v...)
	c.ends = append(c.ends, uint32(len(c.text)))
}

func (c *column) addNull() {
	switch c.kind {
	case kindText:
		c.ends = append(c.ends, uint32(len(c.text)))
	case kindCode:
		c.codes = append(c.codes, nullCode)
	case kindDate:
		c.days = append(c.days, null32)
	default:
		c.ints = append(c.ints, null64)
	}
}

func (c *column) add(v int64) {
	switch c.kind {
	case kindCode:
		c.codes = append(c.codes, uint8(v))
	case kindDate:
		c.days = append(c.days, int32(v))
	default:
		c.ints = append(c.ints, v)
	}
}
