package tokens

import (
	"strconv"
	"strings"
	"time"
)

// Birth is a birth date as far as it can be used: a part that is 0 is not known.
type Birth struct{ Year, Month, Day int }

// Whole reports whether every part is known.
func (b Birth) Whole() bool { return b.Year != 0 && b.Month != 0 && b.Day != 0 }

func (b Birth) iso() string {
	return strconv.Itoa(b.Year) + "-" + two(b.Month) + "-" + two(b.Day)
}

func two(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}

// ParseBirth reads a birth date on or before the year last: YYYY-MM-DD, YYYYMMDD, YYYY/MM/DD, M/D/YYYY or M-D-YYYY, each with a time behind
// it or not, YYYY-MM or YYYY alone. A part out of its range is not known; of a date that no calendar has, the day. The first of January
// is what systems write where they know the year only, and in 1900 and 1901 where they know nothing.
func ParseBirth(s string, last int) Birth {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, " T"); i > 0 {
		s = s[:i]
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '/' || r == '.' })
	if len(parts) == 1 && len(s) == 8 {
		parts = []string{s[:4], s[4:6], s[6:]}
	}
	n := make([]int, len(parts))
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 10, 16)
		if err != nil || len(p) > 4 {
			return Birth{}
		}
		n[i] = int(v)
	}
	var b Birth
	switch {
	case len(parts) == 3 && len(parts[0]) == 4:
		b = Birth{n[0], n[1], n[2]}
	case len(parts) == 3 && len(parts[2]) == 4:
		b = Birth{n[2], n[0], n[1]}
	case len(parts) == 2 && len(parts[0]) == 4:
		b = Birth{n[0], n[1], 0}
	case len(parts) == 1 && len(parts[0]) == 4:
		b = Birth{n[0], 0, 0}
	}
	return b.usable(last)
}

func (b Birth) usable(last int) Birth {
	if b.Year < 1900 || b.Year > last {
		b.Year = 0
	}
	if b.Month > 12 || b.Month < 1 {
		b.Month = 0
	}
	if b.Day > 31 || b.Day < 1 {
		b.Day = 0
	}
	if b.Whole() {
		if t := time.Date(b.Year, time.Month(b.Month), b.Day, 0, 0, 0, 0, time.UTC); t.Day() != b.Day {
			b.Day = 0
		}
	}
	if b.Month == 1 && b.Day == 1 {
		b.Month, b.Day = 0, 0
		if b.Year <= 1901 {
			b.Year = 0
		}
	}
	return b
}
