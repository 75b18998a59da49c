package intake

import (
	"encoding/binary"

	"heatwatch/models"
)

// Eight ASCII bytes are checked at once: XOR with a template leaves 0 to 9 where a digit belongs and 0 where a separator
// does; adding 0x76 (or 0x7F) to each byte then sets its top bit if it is anything else.
const (
	dateShape = 0x2d30302d30303030 // "0000-00-"
	dateBound = 0x7f76767f76767676
	timeShape = 0x30303a3030543030 // "00T00:00"
	timeBound = 0x76767f76767f7676
	topBits   = 0x8080808080808080
)

// daysBefore counts the days of a common year before each month.
var daysBefore = [13]int32{0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334}

// quickDate reads the date at b[i:]; it needs 10 readable bytes there.
func quickDate(b []byte, i int) (days int32, ok bool) {
	x := binary.LittleEndian.Uint64(b[i:i+8]) ^ dateShape
	d1, d0 := b[i+8]-'0', b[i+9]-'0'
	if ((x+dateBound)|x)&topBits != 0 || d1 > 9 || d0 > 9 {
		return 0, false
	}
	return civil(x, int32(d1)*10+int32(d0))
}

// civil turns the digits of a checked dateShape word and a day of the month into days since 1970-01-01.
func civil(x uint64, d int32) (int32, bool) {
	y := int32(x&0xff)*1000 + int32(x>>8&0xff)*100 + int32(x>>16&0xff)*10 + int32(x>>24&0xff)
	m := int32(x>>40&0xff)*10 + int32(x>>48&0xff)
	if m < 1 || m > 12 || d < 1 || y < 1 {
		return 0, false
	}
	if d > 28 {
		last := int32(31)
		switch m {
		case 4, 6, 9, 11:
			last = 30
		case 2:
			last = 28
			if leap(y) {
				last = 29
			}
		}
		if d > last {
			return 0, false
		}
	}
	before := y - 1
	days := before*365 + before/4 - before/100 + before/400 + daysBefore[m] + d - 719163
	if m > 2 && leap(y) {
		days++
	}
	return days, true
}

func leap(y int32) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }

// quickInstant reads the usual shapes of an instant, 2026-07-03T22:00[:00](Z|+hh:mm), at b[i:] and returns where it ends.
// Everything else is left to models.ParseDateTime, with the value found by its delimiter. It needs 26 readable bytes.
func quickInstant(b []byte, i int) (micros int64, end int, ok bool) {
	x := binary.LittleEndian.Uint64(b[i:i+8]) ^ dateShape
	t := binary.LittleEndian.Uint64(b[i+8:i+16]) ^ timeShape
	if ((x+dateBound)|x|(t+timeBound)|t)&topBits != 0 {
		return slowInstant(b, i)
	}
	days, ok := civil(x, int32(t&0xff)*10+int32(t>>8&0xff))
	hh, mm := int64(t>>24&0xff)*10+int64(t>>32&0xff), int64(t>>48&0xff)*10+int64(t>>56&0xff)
	if !ok || hh > 23 || mm > 59 {
		return 0, i, false
	}
	seconds := int64(days)*86400 + hh*3600 + mm*60
	end = i + 16
	if b[end] == ':' {
		s1, s0 := b[end+1]-'0', b[end+2]-'0'
		if s1 > 5 || s0 > 9 {
			return slowInstant(b, i)
		}
		seconds += int64(s1)*10 + int64(s0)
		end += 3
	}
	switch b[end] {
	case 'Z':
		return seconds * 1_000_000, end + 1, true
	case '+', '-':
		h1, h0, m1, m0 := b[end+1]-'0', b[end+2]-'0', b[end+4]-'0', b[end+5]-'0'
		h, m := int64(h1)*10+int64(h0), int64(m1)*10+int64(m0)
		if h1 > 9 || h0 > 9 || m1 > 9 || m0 > 9 || b[end+3] != ':' || h > 23 || m > 59 {
			return 0, i, false
		}
		offset := h*3600 + m*60
		if b[end] == '-' {
			offset = -offset
		}
		return (seconds - offset) * 1_000_000, end + 6, true
	}
	return slowInstant(b, i)
}

func slowInstant(b []byte, i int) (micros int64, end int, ok bool) {
	end = i
	for b[end] != ',' && b[end] != '"' && b[end] != '\n' && b[end] != '\r' {
		end++
	}
	micros, ok = models.ParseDateTime(b[i:end])
	return micros, end, ok
}
