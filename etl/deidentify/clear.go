package deidentify

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"hash/maphash"
	"unicode"
	"unicode/utf8"

	"heatwatch/etl/leak"
	"heatwatch/models"
)

// clearSet remembers the clear values of a batch as 64-bit hashes under a seed of this run, to recognise one that got
// into the output. A false alarm is as likely as one in 10^5 runs with 10 million values and 100 million cells.
type clearSet struct {
	seed maphash.Seed
	has  map[uint64]struct{}
	long map[int]bool // lengths of what is remembered
	buf  []byte
}

func newClearSet() *clearSet {
	return &clearSet{seed: maphash.MakeSeed(), has: map[uint64]struct{}{}, long: map[int]bool{}}
}

// reader looks up beside others: it shares what is remembered, which must not grow any more.
func (c *clearSet) reader() *clearSet { return &clearSet{seed: c.seed, has: c.has, long: c.long} }

func (c *clearSet) key(v []byte) uint64 {
	v = trim(v)
	c.buf = append(c.buf[:0], v...)
	for i, b := range v {
		switch {
		case b >= utf8.RuneSelf:
			return c.wide(v)
		case 'A' <= b && b <= 'Z':
			c.buf[i] = b + 'a' - 'A'
		}
	}
	return maphash.Bytes(c.seed, c.buf)
}

// wide is key for a value with letters outside ASCII.
func (c *clearSet) wide(v []byte) uint64 {
	c.buf = c.buf[:0]
	for _, r := range string(v) {
		c.buf = utf8.AppendRune(c.buf, unicode.ToLower(unicode.ToUpper(r)))
	}
	return maphash.Bytes(c.seed, c.buf)
}

// add remembers a value, and what comes of it without a key: a hash in the form of a pseudonym must not pass for one.
func (c *clearSet) add(v []byte) {
	c.has[c.key(v)] = struct{}{}
	c.long[len(trim(v))] = true
	typed := trim(v)
	for i, text := range [][]byte{typed, bytes.ToLower(typed)} {
		if i > 0 && bytes.Equal(text, typed) {
			break
		}
		for _, sum := range [][]byte{hashOf(md5.New(), text), hashOf(sha1.New(), text), hashOf(sha256.New(), text)} {
			c.has[c.key([]byte(lowerBase32.EncodeToString(sum)[:shortLen]))] = struct{}{}
		}
	}
}

func hashOf(h hash.Hash, v []byte) []byte {
	h.Write(v)
	return h.Sum(nil)
}

// hides tells whether a cell is a clear value in any form. A pseudonym is looked up as it is: it is no encoding of anything,
// unless something that is remembered is as long.
func (c *clearSet) hides(cell []byte) bool {
	if c.holds(cell) {
		return true
	}
	return (!leak.Pseudonym(cell) || c.long[shortLen]) && leak.Forms(cell, c.holds)
}

func (c *clearSet) holds(v []byte) bool {
	_, ok := c.has[c.key(v)]
	return ok
}

// addIdentity remembers the clear values of one person. Single letters and short numbers are no identifiers and would
// only meet counts; postal codes are shared by thousands.
func (c *clearSet) addIdentity(id *identity) {
	for _, name := range [][]byte{id.first, id.middle, id.last} {
		c.addName(name)
	}
	for alias := range bytes.SplitSeq(id.aliases, []byte(";")) {
		c.addName(alias)
	}
	for value := range bytes.SplitSeq(id.aside, []byte(";")) {
		c.addName(value)
		c.addNumber(value)
	}
	c.addNumber(id.ssn)
	c.addNumber(id.phone)
	if len(trim(id.birth)) >= 6 {
		c.add(id.birth)
		c.add(digitsOf(id.birth))
	}
	if id.born != noDate {
		c.addDate(id.born)
	}
}

func (c *clearSet) addName(name []byte) {
	letters := 0
	for _, r := range string(name) {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	if letters >= 2 {
		c.add(name)
	}
}

func (c *clearSet) addNumber(number []byte) {
	if d := digitsOf(number); len(d) >= 7 {
		c.add(number)
		c.add(d)
	}
}

func (c *clearSet) addDate(d models.Date) {
	t := d.Time()
	for _, layout := range []string{"2006-01-02", "20060102", "01022006"} {
		c.add([]byte(t.Format(layout)))
	}
}

func digitsOf(b []byte) []byte {
	var d []byte
	for _, c := range b {
		if c >= '0' && c <= '9' {
			d = append(d, c)
		}
	}
	return d
}
