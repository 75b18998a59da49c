// Package names knows how frequent a name is in the United States, from tables of the Census Bureau and of the Social
// Security Administration, reduced to digests and rounded shares: it can say of a name that it is one, and lists none.
package names

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"math"
	"slices"
)

// names.bin: two tables, first and last names. Each is its length (uint32, big endian), then entries of entrySize bytes in
// the order of their digests.
//
//go:embed names.bin
var packed []byte

const (
	digestSize = 5
	entrySize  = digestSize + 1
	steps      = 8 // a share is kept as steps times its negative binary logarithm

	// Persons behind the tables: more bear a last name than the table lists, which ends at 5,000 bearers.
	firstTotal, lastTotal = 308e6, 270e6
	// Bits of a name that the tables do not have: rarer than the rarest listed last name, or a misspelling.
	unlisted = 17
)

type table []byte

var first, last = func() (table, table) {
	n := int(binary.BigEndian.Uint32(packed)) * entrySize
	return packed[4 : 4+n], packed[8+n:]
}()

// Pack makes the file from counts of bearers by lower-case name.
func Pack(first, last map[string]int) []byte {
	var b []byte
	for _, t := range []struct {
		counts map[string]int
		total  float64
	}{{first, firstTotal}, {last, lastTotal}} {
		entries := make([][entrySize]byte, 0, len(t.counts))
		for name, n := range t.counts {
			var e [entrySize]byte
			d := digest(name)
			copy(e[:], d[:])
			e[digestSize] = byte(min(255, math.Round(-math.Log2(float64(n)/t.total)*steps)))
			entries = append(entries, e)
		}
		slices.SortFunc(entries, func(a, b [entrySize]byte) int { return slices.Compare(a[:], b[:]) })
		b = binary.BigEndian.AppendUint32(b, uint32(len(entries)))
		for _, e := range entries {
			b = append(b, e[:]...)
		}
	}
	return b
}

func digest(name string) (d [digestSize]byte) {
	sum := sha256.Sum256([]byte(name))
	return [digestSize]byte(sum[:])
}

func (t table) find(name string) (byte, bool) {
	d := digest(name)
	lo, hi := 0, len(t)/entrySize
	for lo < hi {
		mid := (lo + hi) / 2
		switch slices.Compare(t[mid*entrySize:mid*entrySize+digestSize], d[:]) {
		case -1:
			lo = mid + 1
		case 0:
			return t[mid*entrySize+digestSize], true
		default:
			hi = mid
		}
	}
	return 0, false
}

func (t table) bits(name string) float64 {
	b, ok := t.find(name)
	if !ok {
		return unlisted
	}
	return min(float64(b)/steps, unlisted)
}

// FirstBits is the negative binary logarithm of the share of people who bear a first name: 6 for one in 64. name is in lower
// case, letters only. A name that the table does not have counts as rare: 17.
func FirstBits(name string) float64 { return first.bits(name) }

// LastBits is the same of a last name.
func LastBits(name string) float64 { return last.bits(name) }

// Known reports whether a word, in lower case, is a first or last name of the tables.
func Known(word string) bool {
	if _, ok := first.find(word); ok {
		return true
	}
	_, ok := last.find(word)
	return ok
}
