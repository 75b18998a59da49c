package deidentify

import (
	"bytes"
	"slices"

	"heatwatch/etl/mapping"
	"heatwatch/models"
)

// noDate marks a birth date that is missing or cannot be used.
const noDate = models.Date(-1 << 31)

// identity is what a persons row says about who somebody is. It lives for one row.
type identity struct {
	first, middle, last, suffix, aliases, birth, ssn, phone, postal, locality, aside []byte

	born models.Date // of birth, or noDate
}

// identifying names the columns of persons and accused_persons that are read and never written.
var identifying = append(slices.Clone(mapping.Identifying), setAside)

// setAside holds what an adapter must not make tokens of and the gate must know, separated by semicolons.
const setAside = "set_aside"

func (id *identity) slot(column string) *[]byte {
	// in the order of mapping.Identifying
	return []*[]byte{&id.first, &id.middle, &id.last, &id.suffix, &id.aliases, &id.birth, &id.ssn, &id.phone, &id.postal, &id.locality, &id.aside}[slices.Index(identifying, column)]
}

// parseBirth reads a birth date: YYYY-MM-DD, the same with a time behind it or without its hyphens, or M/D/YYYY. The first day of 1900 or 1901
// is what systems write where there is none. Any other 1 January is taken at its word here: it comes with both names, and
// one child in 365 is born on it.
func parseBirth(cell []byte, today models.Date) (born models.Date, ok bool) {
	d, ok := isoOrUS(cell)
	if !ok || d > today || d.Year() < 1900 {
		return noDate, false
	}
	if t := d.Time(); t.Year() <= 1901 && t.YearDay() == 1 {
		return noDate, false
	}
	return d, true
}

func isoOrUS(cell []byte) (models.Date, bool) {
	if len(cell) > 10 && (cell[10] == ' ' || cell[10] == 'T') {
		cell = cell[:10]
	}
	if d, ok := models.ParseDate(cell); ok {
		return d, true
	}
	if len(cell) == 8 && len(digitsOf(cell)) == 8 {
		return models.ParseDate(slices.Concat(cell[:4], []byte("-"), cell[4:6], []byte("-"), cell[6:]))
	}
	parts := bytes.Split(cell, []byte("/"))
	if len(parts) != 3 || len(parts[2]) != 4 || len(parts[0]) > 2 || len(parts[1]) > 2 {
		return 0, false
	}
	iso := append([]byte(nil), parts[2]...)
	for _, p := range parts[:2] {
		iso = append(iso, '-')
		if len(p) == 1 {
			iso = append(iso, '0')
		}
		iso = append(iso, p...)
	}
	return models.ParseDate(iso)
}

// completedYears is the age on a day. Who is born on 29 February completes a year on 1 March of a common year.
func completedYears(born, on models.Date) int {
	b, o := born.Time(), on.Time()
	age := o.Year() - b.Year()
	if o.Month() < b.Month() || o.Month() == b.Month() && o.Day() < b.Day() {
		age--
	}
	return age
}
