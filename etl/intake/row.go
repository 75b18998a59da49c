package intake

import (
	"heatwatch/etl/leak"
	"heatwatch/models"
)

// The fast path. It reads a row in one pass over its bytes, straight into the batch, and knows only how to say "fine":
// at the first thing that is not it gives up, the row's cells are taken back, and the careful path judges the row.

// Classes of bytes. Scanning a cell to the first byte outside its class finds its end and checks it at once.
const (
	inKey  = 1 << iota // A-Z a-z 0-9 _ -
	inCode             // a-z 0-9 _
)

var classes = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_':
			t[c] = inKey | inCode
		case c >= 'A' && c <= 'Z', c == '-':
			t[c] = inKey
		}
	}
	return t
}()

// padding is how many bytes a block has beyond its content, so that fixed-width reads stay inside. They hold line ends.
const padding = 64

// quickRow reads the row at b[i:] into the batch and returns where the next one begins. If it returns false, columns of
// the batch may hold a cell too many, and the row must be judged.
func (c *checker) quickRow(b []byte, i int) (next int, ok bool) {
	last := len(c.fields) - 1
	for k := range c.fields {
		f := &c.fields[k]
		col := &c.batch.columns[k]
		quoted := b[i] == '"'
		if quoted {
			i++
		}
		start := i
		var v int64
		switch f.kind {
		case kindText:
			if f.set { // it is put under another key on the careful path
				return i, false
			}
			for classes[b[i]]&inKey != 0 {
				i++
			}
			if n := int64(i - start); n >= f.min && n <= f.max {
				if leak.Opaque(b[start:i]) != leak.None {
					return i, false
				}
				col.text = append(col.text, b[start:i]...)
				col.ends = append(col.ends, uint32(len(col.text)))
				if f.slot >= 0 {
					c.values[f.slot].OK = true
				}
				goto delimiter
			} else if n != 0 {
				return i, false
			}
		case kindCode:
			for classes[b[i]]&inCode != 0 {
				i++
			}
			if i > start {
				n := f.codes.find(b, start, i)
				if n < 0 {
					return i, false
				}
				col.codes = append(col.codes, uint8(n))
				v = int64(n)
			}
		case kindDate:
			if d, ok := quickDate(b, i); ok && models.Date(d).Taken() {
				col.days = append(col.days, d)
				v, i = int64(d), i+10
			}
		case kindDateTime:
			if m, end, ok := quickInstant(b, i); ok && models.TakenInstant(m) {
				col.ints = append(col.ints, m)
				v, i = m, end
			}
		case kindInt:
			negative := b[i] == '-'
			if negative {
				i++
			}
			digits := i
			for ; b[i]-'0' <= 9; i++ {
				if i-digits >= 18 {
					return i, false
				}
				v = v*10 + int64(b[i]-'0')
			}
			if negative {
				v = -v
			}
			if i > start {
				if i == digits || v < f.min || v > f.max {
					return i, false
				}
				col.ints = append(col.ints, v)
			}
		}
		if i == start { // empty, or nothing that we know
			if f.required {
				return i, false
			}
			col.addNull()
		}
		if f.slot >= 0 {
			c.values[f.slot].V, c.values[f.slot].OK = v, i > start
		}
	delimiter:
		if quoted {
			if b[i] != '"' {
				return i, false
			}
			i++
		}
		if k < last {
			if b[i] != ',' {
				return i, false
			}
			i++
		}
	}
	switch {
	case b[i] == '\n':
		return i + 1, true
	case b[i] != '\r':
		return i, false
	case b[i+1] == '\n':
		return i + 2, true
	}
	return i + 1, true
}
