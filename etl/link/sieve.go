package link

import (
	"encoding/binary"

	"heatwatch/etl/tokens"
)

// Sieve finds, among the sets that are kept, those that new files can meet. All sets of the warehouse pass it every night, so
// nearly every value must be recognised as new to it without a look at memory that is far away: a bitmap says so first.
type Sieve struct {
	bits   []uint64
	values map[tokens.Value]struct{}
}

// bitsPerValue keeps one value in a hundred from being looked up in vain.
const bitsPerValue = 64

// NewSieve is nil where no file has a set.
func NewSieve(files []File) *Sieve {
	n := 0
	for _, f := range files {
		n += len(f.Sets) * tokens.Count
	}
	if n == 0 {
		return nil
	}
	size := 1 << 6
	for size < n {
		size *= 2
	}
	s := &Sieve{bits: make([]uint64, size*bitsPerValue/64), values: make(map[tokens.Value]struct{}, n)}
	for _, f := range files {
		for _, set := range f.Sets {
			for _, v := range set.Set {
				word, bit := s.at(v)
				s.bits[word] |= bit
				s.values[v] = struct{}{}
			}
		}
	}
	return s
}

func (s *Sieve) at(v tokens.Value) (word, bit uint64) {
	h := binary.LittleEndian.Uint64(v[:])
	return h >> 6 & uint64(len(s.bits)-1), 1 << (h & 63)
}

// Meets reports whether a set has a token in common with one of the new files.
func (s *Sieve) Meets(f FounderSet) bool {
	for _, v := range f.Set.Set {
		word, bit := s.at(v)
		if s.bits[word]&bit == 0 {
			continue
		}
		if _, ok := s.values[v]; ok {
			return true
		}
	}
	return false
}
