package mapping

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// order is how a column writes dates: as numbers of days, as a spreadsheet keeps them, as text, or both.
type order struct {
	excel  bool
	layout string    // of package time; "" is none
	latest time.Time // a year of two digits that would be later is of the century before; zero: all are of this one
}

// parseOrder reads what a mapping says: M/D/Y, excel, or `excel or M/D/Y`.
func parseOrder(text string) (o order, ok bool) {
	first, rest, both := strings.Cut(text, " or ")
	if first == "excel" {
		o.excel = true
		if !both {
			return o, true
		}
		first = rest
	} else if both {
		return order{}, false // two orders of text: 1/2 would be either
	}
	o.layout, ok = layout(first)
	return o, ok
}

// layout turns an order such as D.M.Y into what package time reads. YY is a year of two digits.
func layout(text string) (string, bool) {
	var b strings.Builder
	seen := map[byte]bool{}
	for i := 0; i < len(text); i++ {
		c, part := text[i], ""
		switch c {
		case 'Y':
			part = longYear
			if strings.HasPrefix(text[i:], "YY") {
				part = shortYear
				i++
			}
		case 'M':
			part = "1"
			if strings.HasPrefix(text[i:], "Mon") {
				part = "Jan"
				i += 2
			}
		case 'D':
			part = "2"
		case '-', '/', '.', ' ':
			b.WriteByte(c)
			continue
		default:
			return "", false
		}
		if seen[c] {
			return "", false
		}
		seen[c] = true
		b.WriteString(part)
	}
	return b.String(), len(seen) == 3
}

const longYear, shortYear = "2006", "06"

// century corrects a year of two digits, for which package time has its own rule.
func (o order) century(t time.Time) time.Time {
	if strings.Contains(o.layout, longYear) || !strings.Contains(o.layout, shortYear) {
		return t
	}
	t = t.AddDate(2000+t.Year()%100-t.Year(), 0, 0) // a hundred years apart, both or none are leap years: 2000 itself is kept
	if !o.latest.IsZero() && t.After(o.latest) {
		t = t.AddDate(-100, 0, 0)
	}
	return t
}

var clocks = []string{" 15:04", " 15:04:05", "T15:04", "T15:04:05", " 3:04 PM", " 3:04:05 PM", " 3:04PM", " 3:04:05PM"}

// read finds the wall clock that a text shows, and whether it shows an hour.
func (o order) read(text string, from1904 bool) (wall time.Time, hour, ok bool) {
	if o.excel {
		if wall, hour, ok = serial(text, from1904); ok {
			return wall, hour, ok
		}
	}
	if o.layout == "" {
		return wall, false, false
	}
	text = strings.ToUpper(text)
	if t, err := time.Parse(o.layout, text); err == nil {
		return o.century(t), false, true
	}
	for _, clock := range clocks {
		if t, err := time.Parse(o.layout+clock, text); err == nil {
			return o.century(t), true, true
		}
	}
	return wall, false, false
}

const firstSerial = 10_000 // 18 May 1927

// serial reads days since the end of 1899, up to the year 9999. What is smaller than firstSerial is not read: 2010 is a year.
func serial(text string, from1904 bool) (wall time.Time, hour, ok bool) {
	if strings.Trim(text, "0123456789.") != "" { // ParseFloat takes more: 1e5, Inf
		return wall, false, false
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return wall, false, false
	}
	if from1904 {
		n += 1462
	}
	if n < firstSerial || n >= 2958466 {
		return wall, false, false
	}
	days, part := math.Modf(n)
	seconds := int(math.Round(part * 86400))
	return time.Date(1899, 12, 30+int(days), 0, 0, seconds, 0, time.UTC), seconds > 0, true
}

// day writes the date alone.
func (o order) day(text string, from1904 bool) string {
	if t, _, ok := o.read(text, from1904); ok {
		return t.Format(time.DateOnly)
	}
	return text
}

// moment writes an instant with its offset. One that has none is read in zone, and not at all where zone is nil; a date alone is
// midnight, and hour says so.
func (o order) moment(text string, from1904 bool, zone *time.Location) (iso string, hour bool) {
	if o.layout != "" {
		for _, clock := range []string{"T15:04:05Z07:00", " 15:04:05Z07:00", "T15:04Z07:00", " 15:04Z07:00"} {
			if t, err := time.Parse(o.layout+clock, text); err == nil {
				return o.century(t).Format(time.RFC3339), true
			}
		}
	}
	wall, hour, ok := o.read(text, from1904)
	if !ok || zone == nil {
		return text, true
	}
	t, ok := in(zone, wall)
	if !ok {
		return text, true
	}
	return t.Format(time.RFC3339), hour
}

// in is the instant at which clocks in zone show wall: none in the hour that they skip, the first in the one that they repeat.
func in(zone *time.Location, wall time.Time) (time.Time, bool) {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	shows := func(t time.Time) bool { return t.Format(time.DateTime) == wall.Format(time.DateTime) }
	if earlier := t.Add(-time.Hour); shows(earlier) {
		return earlier, true
	}
	return t, shows(t)
}
