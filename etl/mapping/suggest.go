package mapping

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/transform"

	"heatwatch/models"
)

// synonyms are what agencies call our columns, folded.
var synonyms = map[string]string{"dob": "birth_date", "dateofbirth": "birth_date", "birthdate": "birth_date", "birthday": "birth_date", "fname": "first_name", "firstname": "first_name", "givenname": "first_name", "lname": "last_name", "lastname": "last_name",
	"surname": "last_name", "familyname": "last_name", "mname": "middle_name", "middlename": "middle_name", "middleinitial": "middle_name", "aka": "aliases", "alias": "aliases", "nickname": "aliases", "socialsecuritynumber": "ssn", "socsecid": "ssn", "ss": "ssn", "last4": "ssn",
	"phonenumber": "phone", "telephone": "phone", "cell": "phone", "mobile": "phone", "zip": "postal_code", "zipcode": "postal_code", "postcode": "postal_code", "city": "locality", "town": "locality", "suburb": "locality",
	"clientid": "person_key", "personid": "person_key", "caseid": "person_key", "childid": "person_key", "youthid": "person_key", "id": "person_key", "sex": "gender", "race": "race_ethnicity", "ethnicity": "race_ethnicity", "serviceid": "service_id", "servicetype": "service_type",
	"startdate": "started_at", "enddate": "ended_at", "start": "started_at", "end": "ended_at", "engagementdate": "engaged_at", "contactdate": "contact_on", "referraldate": "referred_at"}

// codeSynonyms are what agencies write for our codes, folded.
var codeSynonyms = map[string]string{"f": "female", "m": "male", "w": "female", "girl": "female", "boy": "male", "nb": "nonbinary", "trans": "transgender", "hispanic": "hispanic_latino", "latino": "hispanic_latino", "latina": "hispanic_latino", "africanamerican": "black",
	"caucasian": "white", "y": "yes", "n": "no", "1": "yes", "0": "no", "true": "yes", "false": "no", "u": "unknown", "unk": "unknown", "na": "unknown", "shelter": "emergency_shelter"}

func folded(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// Seen is what was found in one of the agency's files.
type Seen struct {
	File
	Unmapped []string   // columns that have no place, by their names
	Masked   [][]string // five rows in the order of the file's columns: shapes, no values
	Head     []string
	Entity   string // "" where no kind of record fits
}

const (
	peek       = 256 << 10
	maskedRows = 5
)

// Suggest looks at every file of a folder and proposes what it is.
func Suggest(dir string) ([]Seen, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []Seen
	for _, e := range entries {
		if !e.Type().IsRegular() || !slices.Contains([]string{".csv", ".txt", ".tsv", ".tab"}, strings.ToLower(filepath.Ext(e.Name()))) {
			continue
		}
		s, err := look(dir, e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return unique(all), nil
}

// unique leaves an entity to the file that fits it best, by mapped columns.
func unique(all []Seen) []Seen {
	best := map[string]int{}
	for i, s := range all {
		if j, ok := best[s.Entity]; s.Entity != "" && (!ok || len(s.Columns) > len(all[j].Columns)) {
			best[s.Entity] = i
		}
	}
	for i := range all {
		if e := all[i].Entity; e != "" && best[e] != i {
			all[i].Entity, all[i].File.Entity = "", ""
		}
	}
	return all
}

func look(dir, name string) (s Seen, err error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return s, err
	}
	defer f.Close()
	head := make([]byte, peek)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return s, err
	}
	head = head[:n]
	s.File = File{File: name}
	s.Charset, s.Separator = guess(head)
	enc, err := decoder(s.Charset)
	if err != nil {
		return s, err
	}
	text, _, _ := transform.Bytes(enc.NewDecoder(), head)
	c := csv.NewReader(bytes.NewReader(text))
	c.Comma, c.FieldsPerRecord, c.LazyQuotes = rune(s.separator()[0]), -1, true
	if s.Head, err = c.Read(); err != nil {
		return s, nil // an empty file fits nothing
	}
	var rows [][]string
	for len(rows) < 200 {
		row, err := c.Read()
		if err != nil {
			break
		}
		rows = append(rows, row)
	}
	for i := range min(len(rows), maskedRows) {
		var masked []string
		for _, cell := range rows[i] {
			masked = append(masked, mask(cell))
		}
		s.Masked = append(s.Masked, masked)
	}
	s.fit(rows)
	return s, nil
}

// fit finds the kind of record whose columns the header names best.
func (s *Seen) fit(rows [][]string) {
	most := 0
	base := folded(strings.TrimSuffix(s.File.File, filepath.Ext(s.File.File)))
	for _, e := range models.Dictionary().Entities {
		columns, n := match(e, s.Head), 0
		n = 2 * len(columns)
		if base == folded(e.Name) {
			n += 3
		}
		if !required(e, columns) {
			continue
		}
		if n > most {
			most, s.Entity, s.Columns = n, e.Name, columns
		}
	}
	s.File.Entity = s.Entity
	e, _ := models.Dictionary().Entity(s.Entity)
	for i, h := range s.Head {
		ours, ok := s.Columns[clean(h)]
		if !ok {
			s.Unmapped = append(s.Unmapped, clean(h))
			continue
		}
		s.values(e, ours, column(rows, i))
	}
}

func required(e models.Entity, columns map[string]string) bool {
	have := map[string]bool{}
	for _, ours := range columns {
		have[ours] = true
	}
	return !slices.ContainsFunc(e.Key, func(k string) bool { return !have[k] })
}

func match(e models.Entity, head []string) map[string]string {
	columns, taken := map[string]string{}, map[string]bool{}
	for _, h := range head {
		name := folded(h)
		ours := ""
		for _, c := range e.Columns {
			if folded(c.Name) == name {
				ours = c.Name
			}
		}
		if _, ok := e.Column(synonyms[name]); ours == "" && ok {
			ours = synonyms[name]
		}
		if ours == "" && e.Tokens {
			for _, id := range Identifying {
				if folded(id) == name || synonyms[name] == id {
					ours = id
				}
			}
		}
		if ours != "" && !taken[ours] {
			columns[clean(h)], taken[ours] = ours, true
		}
	}
	return columns
}

func column(rows [][]string, i int) (cells []string) {
	for _, r := range rows {
		if i < len(r) {
			cells = append(cells, strings.TrimSpace(r[i]))
		}
	}
	return cells
}

// values proposes codes and the order of dates from what stands in a column.
func (s *Seen) values(e models.Entity, ours string, cells []string) {
	c, ok := e.Column(ours)
	switch {
	case ours == "birth_date", ok && (c.Type == models.TypeDate || c.Type == models.TypeDateTime):
		for _, order := range []string{"Y-M-D", "M/D/Y", "D.M.Y", "M-D-Y", "D/M/Y"} {
			if order != "Y-M-D" && dated(order, cells) {
				if s.Dates == nil {
					s.Dates = map[string]string{}
				}
				s.Dates[ours] = order
				return
			}
			if order == "Y-M-D" && c.Type != models.TypeDateTime && dated(order, cells) {
				return
			}
		}
	case ok && (c.Type == models.TypeCode || c.Type == models.TypeFlag):
		codes := map[string]string{}
		for _, cell := range cells {
			if cell == "" || slices.Contains(c.Values, cell) {
				continue
			}
			for _, v := range c.Values {
				if folded(v) == folded(cell) || codeSynonyms[folded(cell)] == v {
					codes[cell] = v
				}
			}
		}
		if len(codes) > 0 {
			if s.Codes == nil {
				s.Codes = map[string]map[string]string{}
			}
			s.Codes[ours] = codes
		}
	}
}

// dated tells whether every filled cell is a date of that order, perhaps with a time behind it.
func dated(order string, cells []string) bool {
	l, _ := layout(order)
	r := Rows{zone: time.UTC}
	n := 0
	for _, cell := range cells {
		if cell == "" {
			continue
		}
		n++
		if r.moment(l, cell) == cell {
			return false
		}
	}
	return n > 0
}

// mask shows the shape of a value: x for a letter, 9 for a digit, at most twelve signs.
func mask(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > 12 {
			b.WriteString("…")
			break
		}
		switch {
		case unicode.IsUpper(r):
			b.WriteByte('X')
		case unicode.IsLetter(r):
			b.WriteByte('x')
		case unicode.IsDigit(r):
			b.WriteByte('9')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Text is the mapping file that Suggest proposes.
func Text(seen []Seen) []byte {
	var b strings.Builder
	b.WriteString("# How your files become the dictionary's. Check every line: what is not named here stays with you.\n# dates: the order of Y, M and D with the signs between them. codes: yours: ours.\nschema: 1\nfiles:\n")
	for _, s := range seen {
		if s.Entity == "" {
			fmt.Fprintf(&b, "  # %q fits no kind of record, and nothing of it leaves\n", s.File.File)
			continue
		}
		fmt.Fprintf(&b, "  - file: %q\n    entity: %s\n    charset: %s\n    separator: %s\n    columns:\n", s.File.File, s.Entity, s.Charset, quoted(s.Separator))
		for _, h := range s.Head {
			if ours, ok := s.Columns[clean(h)]; ok {
				fmt.Fprintf(&b, "      %s: %s\n", quoted(clean(h)), ours)
			} else if h != "" {
				fmt.Fprintf(&b, "      # %s stays with you\n", quoted(clean(h)))
			}
		}
		if len(s.Dates) > 0 {
			b.WriteString("    dates:\n")
			for _, k := range sortedKeys(s.Dates) {
				fmt.Fprintf(&b, "      %s: %q\n", k, s.Dates[k])
			}
		}
		if len(s.Codes) > 0 {
			b.WriteString("    codes:\n")
			for _, k := range sortedKeys(s.Codes) {
				fmt.Fprintf(&b, "      %s:\n", k)
				for _, theirs := range sortedKeys(s.Codes[k]) {
					fmt.Fprintf(&b, "        %s: %s\n", quoted(theirs), quoted(s.Codes[k][theirs]))
				}
			}
		}
	}
	return []byte(b.String())
}

func quoted(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "'", "''"), "\n", " ") + "'"
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
