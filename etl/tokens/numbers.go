package tokens

import "strings"

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// ParseNumber keeps the digits of a social security number or another number of 6 to 12 digits. Placeholders are none: one
// digit repeated, digits in a row, 078-05-1120; of 9 digits also what the United States never gave (area 000, 666 and 900
// to 999, group 00, serial 0000; SSA, POMS RM 10201.035).
func ParseNumber(s string) string {
	d := digits(s)
	if len(d) < 6 || len(d) > 12 || monotone(d) || strings.HasPrefix(d, "99999") {
		return ""
	}
	if len(d) == 9 && (d[:3] == "000" || d[:3] == "666" || d[0] == '9' || d[3:5] == "00" || d[5:] == "0000" || d == "078051120" || d == "219099999") {
		return ""
	}
	return d
}

// ParseLast4 keeps four digits: those that were given alone, or the last of a whole number.
func ParseLast4(s string) string {
	d := digits(s)
	if len(d) != 4 {
		if d = ParseNumber(s); d == "" {
			return ""
		}
		d = d[len(d)-4:]
	}
	if d == "0000" || d == "9999" || d == "1234" || d == "1111" {
		return ""
	}
	return d
}

// ParsePhone keeps the last ten digits of a telephone number of 7 to 15.
func ParsePhone(s string) string {
	d := digits(s)
	if len(d) < 7 || len(d) > 15 || monotone(d) {
		return ""
	}
	if len(d) > 10 {
		d = d[len(d)-10:]
	}
	if monotone(d) || len(d) == 10 && d[3:6] == "555" && d[6:8] == "01" { // numbers for fiction
		return ""
	}
	return d
}

// ParsePostal keeps letters and digits, of a United States code the first five.
func ParsePostal(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			b.WriteRune(r)
		}
	}
	p := b.String()
	if len(p) == 9 && digits(p) == p {
		p = p[:5]
	}
	if len(p) < 3 || len(p) > 10 || monotone(p) {
		return ""
	}
	return p
}

// ParseLocality folds the name of a town.
func ParseLocality(s string) string {
	t := strings.Join(words(s), "")
	if len(t) < 3 || placeholders[t] || t == "homeless" || t == "transient" {
		return ""
	}
	return t
}

// monotone: one sign repeated, or every one the next of the last (12345678, 987654321).
func monotone(s string) bool {
	same, up, down := true, true, true
	for i := 1; i < len(s); i++ {
		same = same && s[i] == s[i-1]
		up = up && (s[i] == s[i-1]+1 || s[i-1] == '9' && s[i] == '0')
		down = down && (s[i] == s[i-1]-1 || s[i-1] == '0' && s[i] == '9')
	}
	return same || up || down
}
