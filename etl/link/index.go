package link

import (
	"encoding/binary"

	"heatwatch/etl/tokens"
)

// index finds the sets that hold a value: a hash table with open addressing, 8 bytes a place.
type index struct {
	places []uint64 // upper half: of the value; lower half: set and slot, plus one. 0 is empty
	n      int
	sets   []*tokens.Set

	touched uint64 // so that reading is not optimised away
}

// mostInBlock is how many slots are kept of one value, those that came first. What more people than that share tells
// nobody apart.
const mostInBlock = 64

const slotBits = 7 // Count is 98

func newIndex(sets int) *index {
	size := 1 << 10
	for size*4 < sets*tokens.Count*5 {
		size *= 2
	}
	return &index{places: make([]uint64, size)}
}

// add puts a set in and returns its number.
func (x *index) add(s *tokens.Set) int {
	if (x.n+tokens.Count)*8 > len(x.places)*7 {
		x.grow()
	}
	x.sets = append(x.sets, s)
	set := len(x.sets) - 1
	for slot, v := range s {
		x.put(v, uint32(set<<slotBits|slot)+1)
	}
	return set
}

func (x *index) put(v tokens.Value, at uint32) {
	h := binary.LittleEndian.Uint64(v[:])
	mask, high := uint64(len(x.places)-1), h&^0xffffffff
	same := 0
	for i := h * 0x9e3779b97f4a7c15 >> 20 & mask; ; i = (i + 1) & mask {
		p := x.places[i]
		if p == 0 {
			x.places[i] = high | uint64(at)
			x.n++
			return
		}
		if p&^0xffffffff == high {
			if same++; same == mostInBlock {
				return
			}
		}
	}
}

func (x *index) grow() {
	x.places, x.n = make([]uint64, 2*len(x.places)), 0
	for set, s := range x.sets {
		for slot, v := range s {
			x.put(v, uint32(set<<slotBits|slot)+1)
		}
	}
}

// each calls found for every slot of a set in the index that holds a value of s.
func (x *index) each(s *tokens.Set, found func(mine, set, slot int)) {
	mask := uint64(len(x.places) - 1)
	x.touch(s)
	for mine, v := range s {
		h := binary.LittleEndian.Uint64(v[:])
		high := h &^ 0xffffffff
		for i := h * 0x9e3779b97f4a7c15 >> 20 & mask; x.places[i] != 0; i = (i + 1) & mask {
			if p := x.places[i]; p&^0xffffffff == high {
				at := uint32(p) - 1
				set, slot := int(at>>slotBits), int(at&(1<<slotBits-1))
				if x.sets[set][slot] == v {
					found(mine, set, slot)
				}
			}
		}
	}
}

// touch reads the places of all values, none of which waits for another: so the memory brings many at a time, where a large table
// lies outside the processor's cache.
func (x *index) touch(s *tokens.Set) {
	mask := uint64(len(x.places) - 1)
	for _, v := range s {
		x.touched ^= x.places[binary.LittleEndian.Uint64(v[:])*0x9e3779b97f4a7c15>>20&mask]
	}
}
