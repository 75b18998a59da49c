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
