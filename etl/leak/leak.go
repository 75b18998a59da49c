// Package leak recognises what must not leave an agency, in values that are no free text: a key, a token, a cell of a
// closed type. Detectors of names in prose miss one in four (Presidio: recall 0.74); there is no prose here, so a value is looked at
// whole, and in every encoding in which software or people hide it.
package leak

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"math"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"heatwatch/etl/names"
)

// Rule names what was recognised. It is all that is ever said of a value.
type Rule string

// The rules.
const (
	None    Rule = ""
	Name    Rule = "name"
	SSN     Rule = "ssn"
	Phone   Rule = "phone"
	Email   Rule = "email"
	Address Rule = "address"
	Born    Rule = "birth_date"
)

// Opaque judges a value that should say nothing: a key or a token. A word that systems use as well is no name as it stands, and one where
// somebody took the trouble to encode it.
func Opaque(v []byte) Rule {
	if Pseudonym(v) || dull(v) {
		return None
	}
	plain := string(v)
	return decoded(v, func(v string) Rule {
		if r := numbers(v); r != None {
			return r
		}
		return fullName(v, v != plain)
	})
}

// Title judges the name of a column or of a file. A lone word is none, however many bear it: grace, grant and bill are columns, too.
func Title(v []byte) Rule {
	plain := string(v)
	return decoded(v, func(v string) Rule {
		if r := numbers(v); r != None {
			return r
		}
		words, _ := wordsOf(v)
		persons := 0
		for _, w := range words {
			if len(w) > 2 && !ordinary[w] && !particles[w] {
				persons++
			}
		}
		if v == plain && persons < 2 {
			return None
		}
		return fullName(v, v != plain)
	})
}

// Misplaced judges a value that is not of its column's closed type: a telephone number or a mail address among codes is no
// typing error. A lone word is none, even where somebody bears it: white and young are names.
// Ten digits and nothing else are none either: a date and an hour are as long.
func Misplaced(v []byte) Rule {
	return decoded(v, func(v string) Rule {
		if r := numbers(v); r != Phone || strings.Trim(v, "0123456789") != "" {
			return r
		}
		return None
	})
}

// dull: too few letters for a name, too few digits for a number, and no text in any encoding. Most keys that were not made by
// deidentify are: e-1, k123456.
func dull(v []byte) bool {
	letters, digits := 0, 0
	for _, c := range v {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			letters++
		case c == '-' || c == '_':
		default:
			return false
		}
	}
	if letters >= 4 || digits >= 9 {
		return false
	}
	for _, may := range []func([]byte) bool{mayBeHex, mayBe64, mayBe32} {
		if may(v) {
			return false
		}
	}
	return true
}

// The first bytes of an encoded text can be read, or begin a letter of another script. That is all that is asked here: what passes is
// decoded in earnest.
func mayBeHex(v []byte) bool {
	if len(v) < 6 || len(v)%2 != 0 {
		return false
	}
	var out [2]byte
	_, err := hex.Decode(out[:], v[:4])
	return err == nil && begins(out[:])
}

func mayBe64(v []byte) bool {
	if len(v) < 6 {
		return false
	}
	var out [3]byte
	_, err := base64.RawURLEncoding.Decode(out[:], v[:4])
	return err == nil && begins(out[:])
}

func mayBe32(v []byte) bool {
	if len(v) < 7 {
		return false
	}
	var low [8]byte
	n := copy(low[:], v[:min(len(v), 8)&^1])
	for i := range low[:n] {
		if low[i] >= 'A' && low[i] <= 'Z' {
			low[i] += 'a' - 'A'
		}
	}
	if n < 8 {
		return true
	}
	var out [5]byte
	_, err := lower32.Decode(out[:], low[:])
	return err == nil && begins(out[:])
}

func begins(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// Pseudonym reports whether a value has the form of a key as deidentify makes it, and is not
// base32 of something that can be read: 26 of a to z and 2 to 7, with a digit.
func Pseudonym(v []byte) bool {
	if len(v) != 26 {
		return false
	}
	digits := 0
	for _, c := range v {
		switch {
		case c >= 'a' && c <= 'z':
		case c >= '2' && c <= '7':
			digits++
		default:
			return false
		}
	}
	return digits > 0 && !readable32(v)
}

// readable32 tells whether the value is base32 of something that can be read.
func readable32(v []byte) bool {
	head := uint64(0) // its first five bytes: of a hundred and fifty keys one begins as something that can be read
	for _, c := range v[:8] {
		if c >= 'a' {
			c -= 'a'
		} else {
			c -= '2' - 26
		}
		head = head<<5 | uint64(c)
	}
	for i := range 5 {
		if c := byte(head >> (8 * i)); c < ' ' || c > '~' {
			return false
		}
	}
	var out [17]byte
	n, err := lower32.Decode(out[:], v)
	return err == nil && n > 2 && readable(out[:n])
}

var lower32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func readable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(b) > 0
}

// decoded tries a value as it is, then in every encoding, one in another too.
func decoded(v []byte, judge func(string) Rule) Rule {
	if len(v) < 2 || len(v) > 512 {
		return None
	}
	var found Rule
	Forms(v, func(form []byte) bool {
		found = judge(string(form))
		return found != None
	})
	return found
}

// Forms calls try for a value as it stands, folded, and taken out of every encoding that it may be in, until try says
// that it has seen enough: folded by NFKC (full-width signs), reversed, spelled out with signs between the letters, ROT13,
// percent-encoded, hexadecimal, base32, base64 in both alphabets, and what is reversed or spelled out inside these.
func Forms(v []byte, try func([]byte) bool) bool {
	plain := fold(v)
	if variants(plain, try) {
		return true
	}
	for _, decode := range decoders {
		if out, ok := decode(v); ok && !bytes.Equal(out, plain) {
			if variants(fold(out), try) {
				return true
			}
		}
	}
	return false
}

func fold(v []byte) []byte {
	for _, c := range v {
		if c >= utf8.RuneSelf {
			return norm.NFKC.Bytes(v)
		}
	}
	return v
}

// variants are a value, reversed, spelled out, and in ROT13.
func variants(v []byte, try func([]byte) bool) bool {
	if try(v) || try(reversed(v)) || try(rot13(v)) {
		return true
	}
	if s, ok := closedUp(v); ok {
		return try(s) || try(reversed(s))
	}
	return false
}

func reversed(v []byte) []byte {
	r := []rune(string(v))
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return []byte(string(r))
}

func rot13(v []byte) []byte {
	out := make([]byte, len(v))
	for i, c := range v {
		switch {
		case c >= 'a' && c <= 'z':
			c = 'a' + (c-'a'+13)%26
		case c >= 'A' && c <= 'Z':
			c = 'A' + (c-'A'+13)%26
		}
		out[i] = c
	}
	return out
}

// closedUp takes the signs out of a value that is spelled out: single letters or digits with the same kind of sign between them.
func closedUp(v []byte) ([]byte, bool) {
	if len(v) < 5 || len(v)%2 == 0 {
		return nil, false
	}
	out := make([]byte, 0, len(v)/2+1)
	for i, c := range v {
		if i%2 == 0 {
			out = append(out, c)
		} else if c != v[1] || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return nil, false
		}
	}
	return out, true
}

// decoders take a value out of an encoding, where it can be one and what comes out can be read.
var decoders = []func([]byte) ([]byte, bool){
	func(v []byte) ([]byte, bool) {
		if len(v)%2 != 0 || len(v) < 4 {
			return nil, false
		}
		out, err := hex.DecodeString(string(v))
		return out, err == nil && text(out)
	},
	func(v []byte) ([]byte, bool) { return base64Of(base64.RawStdEncoding, bytes.TrimRight(v, "=")) },
	func(v []byte) ([]byte, bool) { return base64Of(base64.RawURLEncoding, bytes.TrimRight(v, "=_")) },
	func(v []byte) ([]byte, bool) {
		out, err := lower32.DecodeString(strings.ToLower(strings.TrimRight(string(v), "=")))
		return out, err == nil && text(out)
	},
	func(v []byte) ([]byte, bool) {
		if !bytes.ContainsRune(v, '%') {
			return nil, false
		}
		s, err := url.PathUnescape(string(v))
		return []byte(s), err == nil
	},
}

func base64Of(e *base64.Encoding, v []byte) ([]byte, bool) {
	if len(v) < 4 {
		return nil, false
	}
	out, err := e.DecodeString(string(v))
	return out, err == nil && text(out)
}

// text tells what a person can read from what a decoder makes of random letters.
func text(b []byte) bool {
	if len(b) < 3 || !utf8.Valid(b) {
		return false
	}
	for _, r := range string(b) {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// fullName recognises a value that is made of names of the census tables and nothing else: smith, mary-smith, MarySmith, marysmith, smith_1.
// One name of fewer than four letters alone is none, nor is one with a number of its own, as in may-2026. hidden says that the value was
// encoded.
func fullName(v string, hidden bool) Rule {
	words, digits := wordsOf(v)
	known, letters := 0, 0
	for _, w := range words {
		if len(w) < 2 || particles[w] || !names.Known(w) {
			if len(words) == 1 && digits == 0 && joined(w) {
				return Name
			}
			return None
		}
		if len(w) > 2 && (hidden || !ordinary[w]) {
			known++
		}
		letters += len(w)
	}
	switch {
	case known == 0, letters < 4, digits > 0 && (len(words) == 1 || digits > letters), len(words) > 1 && letters < 6:
		return None
	}
	return Name
}

// joined tells whether a word is a first and a last name without a sign between them. Among letters drawn at random one in some millions
// is: both names together must be that much more frequent than letters are (Shannon's measure, in bits).
func joined(w string) bool {
	const apart = 22
	most := math.Log2(26)*float64(len(w)) - apart
	for i := 3; i <= len(w)-3 && len(w) <= 24; i++ {
		a, b := w[:i], w[i:]
		if names.Known(a) && names.Known(b) && min(names.FirstBits(a)+names.LastBits(b), names.FirstBits(b)+names.LastBits(a)) <= most {
			return true
		}
	}
	return false
}

// ordinary are names that are words of systems and calendars, too: alone they name nobody.
var ordinary = set("unknown nobody none null other late early old new ghost stray lost gone baby minor victim person key case site house home young minor page day may june april august west north east south court school county bay hall park field church best case long short first last noble king bishop price rich")

// particles are short names that are words of keys: order_no is none of a person.
var particles = set("no id nr to of by at in on is it as or an am pm us ca st")

func set(list string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}

// wordsOf cuts at everything that is no letter and where a capital follows a small letter.
func wordsOf(v string) (words []string, digits int) {
	var b strings.Builder
	end := func() {
		if b.Len() > 0 {
			words = append(words, b.String())
			b.Reset()
		}
	}
	small := false
	for _, r := range norm.NFKD.String(v) {
		switch {
		case unicode.IsLetter(r):
			if unicode.IsUpper(r) && small {
				end()
			}
			small = unicode.IsLower(r)
			b.WriteRune(unicode.ToLower(r))
		case unicode.Is(unicode.Mn, r), r == '\'':
		default:
			if unicode.IsDigit(r) {
				digits++
			}
			small = false
			end()
		}
	}
	end()
	return words, digits
}

// numbers recognises social security and telephone numbers, addresses of mail and of houses by their shape.
func numbers(v string) Rule {
	s := strings.TrimSpace(v)
	switch {
	case isSSN(s):
		return SSN
	case isPhone(s):
		return Phone
	case isEmail(s):
		return Email
	case isAddress(s):
		return Address
	}
	return None
}

// shape writes 9 for every digit and keeps signs; letters make it none.
func shape(s string) (form, digits string, ok bool) {
	var f, d strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			f.WriteByte('9')
			d.WriteRune(r)
		case strings.ContainsRune("-. _()+/", r):
			f.WriteRune(r)
		default:
			return "", "", false
		}
	}
	return f.String(), d.String(), true
}

// isSSN: 9 digits, as 999-99-9999 or without signs, that the United States can have given.
func isSSN(s string) bool {
	if len(s) < 9 || len(s) > 11 {
		return false
	}
	form, d, ok := shape(s)
	if !ok || len(d) != 9 || form != "999999999" && !(len(form) == 11 && form[3] == form[6] && form[3] != '9' && strings.Count(form, "9") == 9) {
		return false
	}
	return d[:3] != "000" && d[:3] != "666" && d[0] != '9' && d[3:5] != "00" && d[5:] != "0000" && !same(d) && d != "123456789" && d != "012345678" && d != "078051120" && d != "219099999"
}

// isPhone: 10 digits of the North American plan, with or without its 1: neither area nor exchange begins with 0 or 1.
func isPhone(s string) bool {
	if len(s) < 10 || len(s) > 20 {
		return false
	}
	form, d, ok := shape(s)
	if !ok {
		return false
	}
	if len(d) == 11 && d[0] == '1' {
		d = d[1:]
	}
	if len(d) != 10 || d[0] < '2' || d[3] < '2' || same(d) {
		return false
	}
	return !strings.Contains(form, "9999-99-99") && !strings.Contains(form, "/") // no date is one
}

func same(d string) bool { return strings.Count(d, d[:1]) == len(d) }

func isEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || strings.ContainsAny(s, " \t") || strings.Contains(domain, "@") {
		return false
	}
	dot := strings.LastIndexByte(domain, '.')
	return dot > 0 && len(domain)-dot > 2
}

var streets = map[string]bool{"st": true, "street": true, "ave": true, "avenue": true, "rd": true, "road": true, "blvd": true, "boulevard": true, "ln": true, "lane": true,
	"dr": true, "drive": true, "ct": true, "way": true, "pl": true, "place": true, "terrace": true, "hwy": true, "highway": true}

// isAddress: a number, words, a word for a street, and perhaps a flat.
func isAddress(s string) bool {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '_' || r == '-' || r == ',' || r == '.' })
	if len(parts) < 3 || len(parts[0]) > 6 || strings.Trim(parts[0], "0123456789") != "" {
		return false
	}
	last := len(parts) - 1
	for last > 1 && (strings.Trim(parts[last], "0123456789") == "" || strings.EqualFold(parts[last], "apt") || strings.EqualFold(parts[last], "unit")) {
		last--
	}
	return last > 1 && streets[strings.ToLower(parts[last])]
}
