package deidentify

import (
	"strconv"
	"strings"

	"heatwatch/etl/tokens"
)

// token is the person's set of linkage tokens under the key of one epoch.
func (tb *table) token(m *tokens.Maker, s *rowState) []byte {
	facts := tokens.Read(tokens.Person{First: string(s.who.first), Middle: string(s.who.middle), Last: string(s.who.last),
		Aliases: aliases(s.who.aliases), Birth: string(s.who.birth), Number: string(s.who.ssn), Phone: string(s.who.phone),
		Postal: string(s.who.postal), Locality: string(s.who.locality)}, tb.today.Year())
	tb.seen[tb.e.Name].apply(&facts)
	set, made := m.Of(&facts, s.key[:])
	s.tokens, s.overflow = made.Values, made.Dropped
	s.buf = set.AppendText(s.buf[:0])
	return s.buf
}

func aliases(cell []byte) []string {
	if len(cell) == 0 {
		return nil
	}
	return strings.Split(string(cell), ";")
}

func (tb *table) whyNoToken(s *rowState) string {
	switch {
	case len(tb.makers) == 0:
		return "because the file or the agreement lacks what tokens are made of"
	case len(s.who.first) == 0 && len(s.who.last) == 0:
		return "because there is neither a name nor a number that could be used"
	}
	return "because names, birth date and numbers are missing, placeholders or cannot be read"
}

// birthYear is derived from the birth date; the agency's own column stands in where there is no date.
func (tb *table) birthYear(s *rowState) []byte {
	if s.who.born == noDate {
		return s.given
	}
	c, _ := tb.e.Column("birth_year")
	if y := int64(s.who.born.Year()); y < c.Min || y > c.Max {
		return nil
	}
	s.buf = strconv.AppendInt(s.buf[:0], int64(s.who.born.Year()), 10)
	return s.buf
}

// age is completed years at engaged_at, where the birth date is known; else what the agency gave.
func (tb *table) age(s *rowState) []byte {
	if s.born == noDate {
		return s.given
	}
	if s.local == noDate {
		return nil
	}
	age := completedYears(s.born, s.local)
	if age < 0 || age > 99 {
		return nil
	}
	tb.rep.Ages++
	s.buf = strconv.AppendInt(s.buf[:0], int64(age), 10)
	return s.buf
}
