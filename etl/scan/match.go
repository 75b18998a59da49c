package scan

import (
	"encoding/binary"
	"io"
)

// Needle is something that must not be found. Partner is the agency whose key it is, "" for a token or a pseudonym.
type Needle struct {
	Partner string
	Value   []byte
}

// long is from how many bytes on a value is looked for anywhere.
const long = 16

// matcher finds any of a set of long values in a stream, at one table lookup per byte.
type matcher struct {
	first   [1 << 16]bool // by a hash of the first eight bytes
	byStart map[uint64][][]byte
	longest int
}

func newMatcher(values [][]byte) *matcher {
	m := &matcher{byStart: map[uint64][][]byte{}}
	for _, v := range values {
		start := binary.LittleEndian.Uint64(v)
		m.first[slot(start)] = true
		m.byStart[start] = append(m.byStart[start], v)
		m.longest = max(m.longest, len(v))
	}
	return m
}

func slot(start uint64) uint16 { return uint16((start * 0x9E3779B97F4A7C15) >> 48) }

// in tells whether b holds one of the values.
func (m *matcher) in(b []byte) bool {
	for i := 0; i+8 <= len(b); i++ {
		start := binary.LittleEndian.Uint64(b[i:])
		if !m.first[slot(start)] {
			continue
		}
		for _, v := range m.byStart[start] {
			if len(b)-i >= len(v) && string(b[i:i+len(v)]) == string(v) {
				return true
			}
		}
	}
	return false
}

// reads looks through a stream, over the edges of its buffer too.
func (m *matcher) reads(r io.Reader, other func([]byte)) (found bool, err error) {
	if m.longest == 0 && other == nil {
		return false, nil
	}
	buf := make([]byte, 1<<20+m.longest)
	kept := 0
	for {
		n, err := io.ReadFull(r, buf[kept:])
		if other != nil {
			other(buf[kept : kept+n])
		}
		n += kept
		found = found || m.in(buf[:n])
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		kept = copy(buf, buf[n-min(n, m.longest):n])
	}
}

// fields tells whether a text of fields holds one of a set of short values as a whole field.
type fields struct {
	values map[string]bool
	field  []byte
	found  bool
}

// maxField is one more than the longest short value: a longer field is none of them.
const maxField = long

func (f *fields) add(b []byte) {
	for _, c := range b {
		switch c {
		case ',', '\n', '\r', '"':
			f.end()
		default:
			if len(f.field) < maxField {
				f.field = append(f.field, c)
			}
		}
	}
}

func (f *fields) end() {
	f.found = f.found || len(f.field) > 0 && f.values[string(f.field)]
	f.field = f.field[:0]
}
