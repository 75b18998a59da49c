package tokens

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding"
	"hash"
	"slices"

	"heatwatch/etl/partner"
)

// Value is one token: 128 bits.
type Value [16]byte

// Set is the tokens of a person, by slot.
type Set [Count]Value

// Bytes are the values, slot after slot.
func (s *Set) Bytes() []byte {
	b := make([]byte, 0, Count*len(Value{}))
	for _, v := range s {
		b = append(b, v[:]...)
	}
	return b
}

// Form and epoch of a set's making stand in the name of its column: token_FORM_eEPOCH.
const Form = "h1" // HMAC-SHA256 under one linkage key; a threshold form would be another

// Maker makes the sets of one population at one agency. It is not safe for concurrent use.
type Maker struct {
	token, pad keyed
	used       [Count]bool
	inputs     []input
	buf        []byte
	seen       map[Value]bool
}

type input struct {
	slot int
	at   int // of the input's bytes in buf
	n    int
}

// keyed is HMAC-SHA256 with the key's blocks hashed once.
type keyed struct {
	h            hash.Hash
	inner, outer []byte // states
	sum          []byte
}

func newKeyed(key []byte) keyed {
	state := func(pad byte) []byte {
		var block [sha256.BlockSize]byte
		copy(block[:], key)
		for i := range block {
			block[i] ^= pad
		}
		h := sha256.New()
		h.Write(block[:])
		b, err := h.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			panic("tokens: " + err.Error())
		}
		return b
	}
	return keyed{h: sha256.New(), inner: state(0x36), outer: state(0x5c)}
}

func (k *keyed) of(b []byte) []byte {
	restore := func(state []byte) {
		if err := k.h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
			panic("tokens: " + err.Error())
		}
	}
	restore(k.inner)
	k.h.Write(b)
	k.sum = k.h.Sum(k.sum[:0])
	restore(k.outer)
	k.h.Write(k.sum)
	k.sum = k.h.Sum(k.sum[:0])
	return k.sum
}

// NewMaker makes sets of a population under the linkage key. Padding comes from the agency's own key, so that a person who
// did not change has the same set in every drop.
func NewMaker(linkage, agency partner.Secret, population string) *Maker {
	return &Maker{seen: map[Value]bool{}, token: newKeyed(linkage.Derive("tokens", Form, population).Bytes()),
		pad: newKeyed(agency.Derive("padding", population).Bytes())}
}

// Made is how many values a set holds, and how many further names had no slot.
type Made struct{ Values, Dropped int }

// Of is a person's set. id tells the persons of the agency apart: it goes into padding only.
func (m *Maker) Of(f *Facts, id []byte) (s Set, made Made) {
	m.used, m.inputs, m.buf = [Count]bool{}, m.inputs[:0], m.buf[:0]
	m.collect(f.primaryValues, &primary)
	for k, x := range f.Seconds[:min(len(f.Seconds), MaxSeconds)] {
		m.collect(func(to put) { f.nameValues(x.First, x.Last, &second[k], to) }, &second[k])
	}
	clear(m.seen)
	for _, in := range m.inputs {
		v := Value(m.token.of(m.buf[in.at : in.at+in.n]))
		if m.seen[v] { // twice in a set it would tell that two names are alike
			m.used[in.slot] = false
			continue
		}
		m.seen[v] = true
		s[in.slot] = v
	}
	m.fill(&s, id)
	shuffle(&s)
	return s, Made{len(m.inputs), max(0, len(f.Seconds)-MaxSeconds)}
}

// fill puts padding where there is no value: AES-256 in counter mode under a key of the person's own.
func (m *Maker) fill(s *Set, id []byte) {
	block, err := aes.NewCipher(m.pad.of(id))
	if err != nil {
		panic("tokens: " + err.Error())
	}
	stream := cipher.NewCTR(block, make([]byte, aes.BlockSize))
	for i := range s {
		if !m.used[i] {
			stream.XORKeyStream(s[i][:], s[i][:])
		}
	}
}

// collect gives every value a slot of its recipe, as long as there are: of a long name not every letter is left out once.
func (m *Maker) collect(values func(put), spans *[Recipes]span) {
	var at [Recipes]int
	values(func(in, of Recipe, parts ...string) {
		s := spans[in]
		if at[in] == s.n {
			return
		}
		slot := s.from + at[in]
		at[in]++
		m.used[slot] = true
		start := len(m.buf)
		m.buf = append(m.buf, specs[of].domain...)
		for _, p := range parts {
			m.buf = append(append(m.buf, 0), p...)
		}
		m.inputs = append(m.inputs, input{slot, start, len(m.buf) - start})
	})
}

// shuffle orders the slots of each recipe by their values, which look random: which of them hold values, and which the
// whole name, is not to be seen.
func shuffle(s *Set) {
	order := func(spans *[Recipes]span) {
		for _, sp := range spans {
			slices.SortFunc(s[sp.from:sp.from+sp.n], func(a, b Value) int { return slices.Compare(a[:], b[:]) })
		}
	}
	order(&primary)
	for k := range second {
		order(&second[k])
	}
}
