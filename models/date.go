package models

import (
	"fmt"
	"time"
)

// Date is a calendar day: days since 1970-01-01 in the proleptic Gregorian calendar.
type Date int32

// text is what the parsers take: a cell as it lies in the file, or a string.
type text interface{ ~string | ~[]byte }

// EarliestDate bounds every date and instant of a row. What lies before is no day in the life of anybody of the programme but
// a stand-in, 0001-01-01 for "none". There is no latest one: ends may be planned ahead, and starts may not.
const EarliestDate Date = -25567 // 1900-01-01

// Taken reports whether a row may hold the day.
func (d Date) Taken() bool { return d >= EarliestDate }

// TakenInstant reports whether a row may hold an instant, in microseconds since the epoch: its day in UTC counts.
func TakenInstant(micros int64) bool {
	return micros >= int64(EarliestDate)*day
}

// DateOf returns the calendar day that t shows in its own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// LocalDate returns the calendar day of an instant, in microseconds since the epoch, at a place.
func LocalDate(micros int64, loc *time.Location) Date { return DateOf(time.UnixMicro(micros).In(loc)) }

// ParseDate reads YYYY-MM-DD and nothing else; the year must be 1 to 9999.
func ParseDate[T text](s T) (Date, bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	y, ok1 := digits(s[:4])
	m, ok2 := digits(s[5:7])
	d, ok3 := digits(s[8:10])
	if !ok1 || !ok2 || !ok3 || y == 0 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, false
	}
	return fromCivil(y, m, d), true
}

// ParseDateTime reads RFC 3339 with an offset, seconds and their fraction optional, and returns the instant in
// microseconds since the epoch. A leap second counts as the second before it.
func ParseDateTime[T text](s T) (micros int64, ok bool) {
	if len(s) < 17 || (s[10] != 'T' && s[10] != 't' && s[10] != ' ') || s[13] != ':' {
		return 0, false
	}
	d, ok0 := ParseDate(s[:10])
	hh, ok1 := digits(s[11:13])
	mm, ok2 := digits(s[14:16])
	if !ok0 || !ok1 || !ok2 || hh > 23 || mm > 59 {
		return 0, false
	}
	rest := s[16:]
	var sec int
	var frac int64
	if rest[0] == ':' {
		if len(rest) < 3 {
			return 0, false
		}
		var ok3 bool
		if sec, ok3 = digits(rest[1:3]); !ok3 || sec > 60 {
			return 0, false
		}
		sec = min(sec, 59)
		rest = rest[3:]
		if len(rest) > 1 && rest[0] == '.' {
			n := 1
			for scale := int64(100_000); n < len(rest) && rest[n] >= '0' && rest[n] <= '9'; n++ {
				frac += int64(rest[n]-'0') * scale
				scale /= 10
			}
			if n == 1 || n > 10 {
				return 0, false
			}
			rest = rest[n:]
		}
	}
	off, ok4 := offset(rest)
	if !ok4 {
		return 0, false
	}
	seconds := int64(d)*86400 + int64(hh)*3600 + int64(mm)*60 + int64(sec) - int64(off)*60
	return seconds*1_000_000 + frac, true
}

// offset reads Z or +hh:mm and returns minutes east of UTC.
func offset[T text](s T) (int, bool) {
	if len(s) == 1 && (s[0] == 'Z' || s[0] == 'z') {
		return 0, true
	}
	if len(s) != 6 || s[3] != ':' || (s[0] != '+' && s[0] != '-') {
		return 0, false
	}
	h, ok1 := digits(s[1:3])
	m, ok2 := digits(s[4:6])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, false
	}
	if s[0] == '-' {
		return -(h*60 + m), true
	}
	return h*60 + m, true
}

func digits[T text](s T) (int, bool) {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

func daysIn(y, m int) int {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// fromCivil counts days from 1970-01-01 (the algorithm of Howard Hinnant's "chrono-compatible low-level date algorithms").
func fromCivil(y, m, d int) Date {
	if m <= 2 {
		y--
	}
	era := y / 400
	yoe := y - era*400
	mp := (m + 9) % 12
	doy := (153*mp+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return Date(era*146097 + doe - 719468)
}

// Time returns midnight of the day in UTC.
func (d Date) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// In returns the start of the day at a place.
func (d Date) In(loc *time.Location) time.Time {
	y, m, dd := d.Time().Date()
	return time.Date(y, m, dd, 0, 0, 0, 0, loc)
}

// Year returns the calendar year.
func (d Date) Year() int { return d.Time().Year() }

// AddDays moves the date by n days.
func (d Date) AddDays(n int) Date { return d + Date(n) }

func (d Date) String() string { return d.Time().Format("2006-01-02") }

// MarshalText writes YYYY-MM-DD.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD.
func (d *Date) UnmarshalText(b []byte) error {
	v, ok := ParseDate(b)
	if !ok {
		return fmt.Errorf("not a date as YYYY-MM-DD")
	}
	*d = v
	return nil
}
