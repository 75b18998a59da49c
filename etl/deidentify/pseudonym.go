package deidentify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"hash"

	"heatwatch/etl/partner"
	"heatwatch/models"
)

// shortLen is the length of pseudonyms and tokens: 26 characters of base32 hold 130 bits.
const shortLen = 26

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// short is a pseudonym or token as it stands in a file.
type short [shortLen]byte

// digest is the first half of the same MAC, as a compact key of maps in memory.
type digest [16]byte

// mac computes HMAC-SHA256 over parts joined by NUL, which no part holds.
type mac struct {
	h   hash.Hash
	sum [sha256.Size]byte
	buf [64]byte
}

func newMAC(key partner.Secret) *mac { return &mac{h: hmac.New(sha256.New, key.Bytes())} }

func (m *mac) of(prefix string, value []byte) (short, digest) {
	m.h.Reset()
	m.h.Write([]byte(prefix))
	m.h.Write(value)
	sum := m.h.Sum(m.sum[:0])
	lowerBase32.Encode(m.buf[:], sum)
	return short(m.buf[:shortLen]), digest(sum[:16])
}

// keyKind is what a key column names: its population and kind, and the words under which the keymap lists it.
type keyKind struct {
	prefix string // population, NUL, kind, NUL
	listed string // first column of the keymap
	person bool
}

func kindOf(population, kind, listed string) keyKind {
	return keyKind{prefix: population + "\x00" + kind + "\x00", listed: listed}
}

var (
	minorKey   = keyKind{prefix: "minors\x00person\x00", listed: "persons", person: true}
	accusedKey = keyKind{prefix: "accused\x00person\x00", listed: "accused_persons", person: true}
)

// kindOfKey says what a key column of an entity names. A person's number in a row of arrests is a victim's or an
// accused person's by the row's role: personKey decides that per row.
func kindOfKey(e models.Entity, c models.Column) keyKind {
	switch {
	case c.Name == "person_key" && e.Population == "accused":
		return accusedKey
	case c.Name == "person_key":
		return minorKey
	case len(e.Key) == 1 && e.Key[0] == c.Name:
		return kindOf(e.Population, c.Name, e.Name)
	default:
		return kindOf(e.Population, c.Name, e.Name+"."+c.Name)
	}
}

// Pseudonym is the key that replaces an agency's own number. population and kind are the dictionary's: ("minors",
// "person") for persons, (entity's population, column's name) for every other key.
func Pseudonym(agency partner.Secret, population, kind, own string) string {
	s, _ := newMAC(agency).of(population+"\x00"+kind+"\x00", []byte(own))
	return string(s[:])
}
