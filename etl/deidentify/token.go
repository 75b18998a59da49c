package deidentify

import (
	"bytes"
	"slices"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"heatwatch/etl/partner"
	"heatwatch/models"
)

// noDate marks a birth date that is missing or cannot be used.
const noDate = models.Date(-1 << 31)

// identity is what a persons row says about who somebody is. It lives for one row.
type identity struct {
	first, middle, last, suffix, aliases, birth, ssn, phone, postal []byte

	born models.Date // of birth, or noDate
}

// identifying names the columns of persons and accused_persons that are read and never written.
var identifying = []string{"first_name", "middle_name", "last_name", "suffix", "aliases", "birth_date", "ssn", "phone", "postal_code"}

func (id *identity) slot(column string) *[]byte {
	return []*[]byte{&id.first, &id.middle, &id.last, &id.suffix, &id.aliases, &id.birth, &id.ssn, &id.phone, &id.postal}[slices.Index(identifying, column)]
}

// recipe is one linkage token: which columns it needs, and what is put under the key. The values of a token column
// are compared for equality between agencies; a recipe that changes gets a new name.
type recipe struct {
	name  string // token_<name>
	needs []string
	input func(id *identity, n *normaliser, buf []byte) ([]byte, bool)
}

var recipes = []recipe{
	{"name_dob", []string{"first_name", "last_name", "birth_date"}, nameDOB},
}

// nameDOB is first name, last name and birth date, all three or nothing.
func nameDOB(id *identity, n *normaliser, buf []byte) ([]byte, bool) {
	if id.born == noDate {
		return nil, false
	}
	buf, ok := n.name(buf[:0], id.first)
	if !ok {
		return nil, false
	}
	buf = append(buf, '|')
	if buf, ok = n.name(buf, id.last); !ok {
		return nil, false
	}
	buf = append(buf, '|')
	return append(buf, id.born.String()...), true
}

// tokenKey is the key of one recipe in one population: tokens of persons and of accused persons never meet.
func tokenKey(linkage partner.Secret, r recipe, population string) partner.Secret {
	return linkage.Derive("token", r.name, population)
}

// placeholders are what systems and people write where there is no name.
var placeholders = func() map[string]bool {
	m := map[string]bool{}
	for _, s := range []string{"unknown", "unk", "unknwn", "unkown", "noname", "nofirstname", "nolastname", "nonegiven", "notgiven", "notprovided",
		"none", "null", "baby", "babyboy", "babygirl", "infant", "newborn", "boy", "girl", "test", "tester", "testing", "testclient", "testperson",
		"dummy", "sample", "anonymous", "anon", "refused", "declined", "withheld", "confidential", "client", "minor", "victim", "juvenile", "janedoe",
		"johndoe", "doe", "tbd", "xx", "xxx", "xxxx", "asdf", "firstname", "lastname", "surname"} {
		m[s] = true
	}
	return m
}()

// spellings are letters that Unicode does not take apart.
var spellings = map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'ł': "l", 'þ': "th", 'ħ': "h", 'ı': "i", 'ŋ': "n", 'ŧ': "t"}

// normaliser folds names; its buffers are reused.
type normaliser struct{ decomposed, folded []byte }

// name appends the folded name: letters only, lower case, no marks. False: nothing left, or a placeholder.
func (n *normaliser) name(to, name []byte) ([]byte, bool) {
	n.folded = n.fold(n.folded[:0], name)
	if len(n.folded) == 0 || placeholders[string(n.folded)] || bytes.EqualFold(bytes.TrimSpace(name), []byte("n/a")) {
		return to, false
	}
	return append(to, n.folded...), true
}

func (n *normaliser) fold(to, name []byte) []byte {
	n.decomposed = norm.NFKD.Append(n.decomposed[:0], name...)
	for _, r := range string(n.decomposed) {
		r = unicode.ToLower(r)
		if s, ok := spellings[r]; ok {
			to = append(to, s...)
		} else if unicode.IsLetter(r) {
			to = append(to, string(r)...)
		}
	}
	return to
}

// parseBirth reads a birth date: YYYY-MM-DD, the same with a time behind it, or M/D/YYYY. The first day of 1900 or 1901
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
