package models

// ValidKey reports whether a cell is an opaque key: 1 to 64 of A-Z a-z 0-9 _ -.
func ValidKey[T text](s T) bool { return opaque(s, 1, 64) }

// ValidToken reports whether a cell can be a linkage token. The lower bound keeps clear values out: 22 characters are
// the least that hold 128 bits.
func ValidToken[T text](s T) bool { return opaque(s, 22, 128) }

func opaque[T text](s T, least, most int) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// ParseInt reads a whole number of at most 18 digits, with an optional minus; no plus, no spaces, no separators.
func ParseInt[T text](s T) (int64, bool) {
	i, neg := 0, false
	if len(s) > 0 && s[0] == '-' {
		i, neg = 1, true
	}
	if len(s) == i || len(s)-i > 18 {
		return 0, false
	}
	var n int64
	for ; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	if neg {
		return -n, true
	}
	return n, true
}

var ageBands = []struct {
	upTo int
	name string
}{{11, "0-11"}, {13, "12-13"}, {15, "14-15"}, {17, "16-17"}, {1 << 30, "18+"}}

// AgeBand names the band of an age at entry in completed years.
func AgeBand(age int) string {
	for _, b := range ageBands {
		if age <= b.upTo {
			return b.name
		}
	}
	return "unknown"
}

// AgeBands are the bands of age at entry in their published order, unknown last.
func AgeBands() []string {
	var all []string
	for _, b := range ageBands {
		all = append(all, b.name)
	}
	return append(all, "unknown")
}
