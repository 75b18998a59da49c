package deidentify

import (
	"slices"
	"strconv"
)

func (tb *table) token(recipe int, s *rowState) []byte {
	input, ok := recipes[recipe].input(&s.who, &tb.norm, tb.tokenBuf)
	if !ok {
		return nil
	}
	tb.tokenBuf = input
	t, _ := tb.macs[recipe].of("", input)
	s.buf = append(s.buf[:0], t[:]...)
	return s.buf
}

func (tb *table) whyNoToken(s *rowState) string {
	switch {
	case len(tb.macs) == 0 || !slices.ContainsFunc(tb.macs, func(m *mac) bool { return m != nil }):
		return "because the file or the agreement lacks what tokens are made of"
	case len(s.who.first) == 0 || len(s.who.last) == 0 || len(s.who.birth) == 0:
		return "because a name or the birth date is missing"
	case s.who.born == noDate:
		return "because the birth date is a placeholder or cannot be read"
	}
	return "because a name is a placeholder"
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
