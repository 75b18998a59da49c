package tokens

import (
	"encoding/base32"
	"fmt"
	"regexp"
	"strconv"
)

// alphabet has neither digits nor vowels: no token looks like a number or a name of somebody.
const alphabet = "bcdfghjklmnpqrstvwxzBCDFGHJKLMNP"

var text32 = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

const (
	valueLetters = 26 // 130 bits, of which the last two are 0
	// TextLen is the length of a set in letters.
	TextLen = Count * valueLetters
)

// AppendText writes a set, slot after slot, without signs between them.
func (s *Set) AppendText(to []byte) []byte {
	for i := range s {
		to = text32.AppendEncode(to, s[i][:])
	}
	return to
}

// ParseText reads a set: TextLen letters of the alphabet.
func ParseText(text []byte) (s Set, ok bool) {
	if len(text) != TextLen {
		return s, false
	}
	var buf [17]byte
	for i := range s {
		part := text[i*valueLetters : (i+1)*valueLetters]
		n, err := text32.Decode(buf[:], part)
		if err != nil || n != len(s[i]) {
			return s, false
		}
		copy(s[i][:], buf[:])
	}
	return s, true
}

var column = regexp.MustCompile(`^token_` + Form + `_e([1-9][0-9]{0,3})$`)

// Column is the name of the column of sets made in an epoch: it says form and epoch.
func Column(epoch int) string { return fmt.Sprintf("token_%s_e%d", Form, epoch) }

// EpochOf is the epoch of a column of sets; no such column has one.
func EpochOf(name string) (epoch int, ok bool) {
	m := column.FindStringSubmatch(name)
	if m == nil {
		return 0, false
	}
	epoch, err := strconv.Atoi(m[1])
	return epoch, err == nil
}
