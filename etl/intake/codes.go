package intake

import (
	"encoding/binary"
	"math/bits"
)

// codeTable finds the number of a code without a map: a perfect hash over length, first and last eight bytes, made once
// per file. A guess is always compared in full, so a bad hash could only be slow, never wrong.
type codeTable struct {
	values []string
	seed   uint64
	shift  uint
	slots  []int16 // -1: nothing
}

func newCodeTable(values []string) *codeTable {
	size := uint(bits.Len(uint(len(values)*2))) + 1
	for ; size <= 10; size++ {
		for seed := uint64(0x9E3779B97F4A7C15); seed < 0x9E3779B97F4A7C15+2*64; seed += 2 {
			t := &codeTable{values: values, seed: seed, shift: 64 - size, slots: make([]int16, 1<<size)}
			if t.fill() {
				return t
			}
		}
	}
	return &codeTable{values: values} // two long codes differ in their middle only
}

func (t *codeTable) fill() bool {
	for i := range t.slots {
		t.slots[i] = -1
	}
	for i, v := range t.values {
		padded := append([]byte(v), make([]byte, 8)...)
		h := t.hash(padded, 0, len(v))
		if t.slots[h] >= 0 && t.values[t.slots[h]] != v {
			return false
		}
		t.slots[h] = int16(i)
	}
	return true
}

// hash reads b[from:to] and up to 8 bytes beyond from, which blocks have as padding.
func (t *codeTable) hash(b []byte, from, to int) uint64 {
	n := to - from
	lo := binary.LittleEndian.Uint64(b[from : from+8])
	if n >= 8 {
		hi := binary.LittleEndian.Uint64(b[to-8 : to])
		lo ^= bits.RotateLeft64(hi, 23)
	} else {
		lo &= 1<<(8*uint(n)) - 1
	}
	lo += uint64(n)
	lo ^= lo >> 32
	return lo * t.seed >> t.shift
}

// find returns the number of the code b[from:to], or -1; there must be 8 readable bytes after from.
func (t *codeTable) find(b []byte, from, to int) int {
	if t.slots == nil {
		return t.index(b[from:to])
	}
	i := t.slots[t.hash(b, from, to)]
	if i < 0 || t.values[i] != string(b[from:to]) {
		return -1
	}
	return int(i)
}

// index is find for a value of its own.
func (t *codeTable) index(v []byte) int {
	for i, s := range t.values {
		if s == string(v) {
			return i
		}
	}
	return -1
}
