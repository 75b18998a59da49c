package mapping

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"heatwatch/models"
)

// Seen is what was found in one of the agency's files or sheets.
type Seen struct {
	File             // Entity is "" where no kind of record fits, or another file fits it better
	Also   string    // the entity that another file fits better
	Why    string    // why it was not read, or ""
	Label  string    // the file, and the sheet by its number: sheets are named after clients
	Header []Heading // in the order of the file
}

// Heading is one column of the agency's.
type Heading struct {
	Name      string   // "" where it does not look like a name of a column: it may be a cell
	Ours      string   // "" where it has no place
	Masked    []string // its first cells as shapes
	Unmatched int      // different values that are no code
	Ambiguous bool     // its dates could be read with day and month exchanged
	Undated   bool     // its dates are in no order that is known
}

const (
	maskedRows = 5
	lookedAt   = 50_000 // rows that suggestions rest on
	mostValues = 500    // different values of a column
)

// Suggest looks at every file of a folder and proposes what it is.
func Suggest(dir string) ([]Seen, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []Seen
	for _, e := range entries {
		switch ext := strings.ToLower(filepath.Ext(e.Name())); {
		case e.IsDir():
		case !printable(e.Name()):
			all = append(all, unread("(a name that cannot be printed)", "rename it"))
		case !e.Type().IsRegular():
			all = append(all, unread(e.Name(), "it is no plain file"))
		case slices.Contains([]string{".csv", ".txt", ".tsv", ".tab"}, ext):
			all = append(all, lookCSV(dir, e.Name()))
		case ext == ".xlsx":
			all = append(all, lookWorkbook(dir, e.Name())...)
		default:
			all = append(all, unread(e.Name(), "only .csv, .txt, .tsv, .tab and .xlsx are read"))
		}
	}
	return unique(all), nil
}

func unread(name, why string) Seen { return Seen{File: File{File: name}, Label: name, Why: why} }

// unique leaves an entity to the file that fits it best: two files of one kind may be a table and its copy, and nobody but the
// agency knows.
func unique(all []Seen) []Seen {
	best := map[string]int{}
	for i, s := range all {
		if j, ok := best[s.Entity]; s.Entity != "" && (!ok || len(s.Columns) > len(all[j].Columns)) {
			best[s.Entity] = i
		}
	}
	for i := range all {
		if e := all[i].Entity; e != "" && best[e] != i {
			all[i].Also, all[i].Entity = e, ""
		}
	}
	return all
}

func lookCSV(dir, name string) Seen {
	f, err := os.OpenInRoot(dir, name)
	if err != nil {
		return unread(name, "it cannot be opened")
	}
	charset, separator, err := guess(f)
	f.Close()
	if err != nil {
		return unread(name, "it cannot be read")
	}
	s := Seen{File: File{File: name, Charset: charset, Separator: separator}, Label: name}
	g, err := openGrid(dir, s.File)
	if err != nil {
		return unread(name, "it cannot be opened")
	}
	defer g.close()
	s.look(g)
	return s
}

func lookWorkbook(dir, name string) (all []Seen) {
	in, err := os.OpenInRoot(dir, name)
	if err != nil {
		return []Seen{unread(name, "it cannot be opened")}
	}
	defer in.Close()
	book, err := openBook(in, name)
	if err != nil {
		return []Seen{unread(name, "it is no .xlsx workbook without a password, is damaged or too large")}
	}
	defer book.Close()
	for i, sheet := range book.GetSheetList() {
		if i == maxSheets {
			return append(all, unread(name, "it has more than 100 sheets; the others were not looked at"))
		}
		if !printable(sheet) {
			all = append(all, unread(name, "a sheet has a name that cannot be printed: rename it"))
			continue
		}
		w, err := openSheet(book, name, i)
		if err != nil {
			return append(all, unread(name, "a sheet cannot be read"))
		}
		s := Seen{File: File{File: name, Sheet: sheet}, Label: w.name}
		s.look(w)
		w.rows.Close()
		all = append(all, s)
	}
	return all
}

// look reads the header and many rows, and keeps of them the different values alone.
func (s *Seen) look(g grid) {
	head, _, err := g.next()
	if err != nil || len(head) == 0 {
		s.Why = "it has no header that can be read"
		return
	}
	names := slices.Clone(head)
	values := make([]map[string]bool, len(names))
	s.Header = make([]Heading, len(names))
	for i, h := range names {
		values[i] = map[string]bool{}
		if headed(clean(h)) {
			s.Header[i].Name = clean(h)
		}
	}
	for rows := 0; rows < lookedAt; rows++ {
		cells, _, err := g.next()
		if err != nil {
			break // deidentify says what is wrong there
		}
		for i := range s.Header {
			cell := ""
			if i < len(cells) {
				cell = strings.TrimSpace(cells[i])
			}
			if rows < maskedRows {
				s.Header[i].Masked = append(s.Header[i].Masked, mask(cell))
			}
			if cell != "" && len(values[i]) < mostValues {
				values[i][strings.Clone(cell)] = true
			}
		}
	}
	s.fit(values)
}

// fit finds the kind of record whose columns the header names best; its keys must be there.
func (s *Seen) fit(values []map[string]bool) {
	base := folded(strings.TrimSuffix(s.File.File, filepath.Ext(s.File.File)))
	if s.workbook() {
		base = folded(s.Sheet)
	}
	most := 0
	for _, e := range models.Dictionary().Entities {
		columns := match(e, s.Header)
		n := 2 * len(columns)
		if base == folded(e.Name) {
			n += 3
		}
		if n > most && len(columns) > 1 && keyed(e, columns) { // a number alone says nothing
			most, s.Columns, s.Entity = n, columns, e.Name
		}
	}
	e, _ := models.Dictionary().Entity(s.Entity)
	for i := range s.Header {
		h := &s.Header[i]
		if h.Ours = s.Columns[h.Name]; h.Ours != "" {
			s.values(e, h, values[i])
		}
	}
}

func keyed(e models.Entity, columns map[string]string) bool {
	f := File{Columns: columns}
	return !slices.ContainsFunc(e.Key, func(k string) bool { return !f.has(k) })
}

// match proposes a column for each header. A header that stands twice has none: nobody knows which is meant.
func match(e models.Entity, head []Heading) map[string]string {
	count := map[string]int{}
	for _, h := range head {
		count[h.Name]++
	}
	columns, taken := map[string]string{}, map[string]bool{}
	give := func(h Heading, ours string) {
		if h.Name != "" && count[h.Name] == 1 && columns[h.Name] == "" && ours != "" && !taken[ours] {
			columns[h.Name], taken[ours] = ours, true
		}
	}
	for _, h := range head { // who has our very name goes first
		if ours := suggestColumn(e, h.Name); folded(ours) == folded(h.Name) {
			give(h, ours)
		}
	}
	for _, h := range head {
		give(h, suggestColumn(e, h.Name))
	}
	for _, h := range head { // what else is called a number is the record's own
		if columns[h.Name] == "" && numbered(h.Name) {
			give(h, e.Key[0])
		}
	}
	return columns
}

// numbered tells whether a header is called the number of something that no kind of record knows.
func numbered(header string) bool {
	for _, e := range models.Dictionary().Entities {
		if suggestColumn(e, header) != "" {
			return false
		}
	}
	words := strings.FieldsFunc(strings.ToLower(header), func(r rune) bool { return !unicode.IsLetter(r) && r != '#' })
	return len(words) > 1 && slices.Contains([]string{"id", "no", "nr", "number", "#"}, words[len(words)-1])
}

var orders = []string{"Y-M-D", "M/D/Y", "D.M.Y", "M-D-Y", "D/M/Y", "D-M-Y", "Y/M/D", "D-Mon-Y", "D Mon Y", "M/D/YY", "D.M.YY", "M-D-YY", "D/M/YY", "D-M-YY", "D-Mon-YY"}

// values proposes codes and the order of dates from what stands in a column.
func (s *Seen) values(e models.Entity, h *Heading, cells map[string]bool) {
	c, ok := e.Column(h.Ours)
	switch {
	case h.Ours == "birth_date", ok && (c.Type == models.TypeDate || c.Type == models.TypeDateTime):
		order := s.orderOf(cells)
		if order == "" || asIs(c, cells) {
			h.Undated = order == "" && len(cells) > 0
			return
		}
		if s.Dates == nil {
			s.Dates = map[string]string{}
		}
		s.Dates[h.Ours] = order
		if c.Type == models.TypeDateTime {
			s.Zone = "local"
		}
		h.Ambiguous = swapped(order, cells)
	case ok && (c.Type == models.TypeCode || c.Type == models.TypeFlag):
		for cell := range cells {
			if slices.Contains(c.Values, cell) {
				continue
			}
			code := suggestCode(c, cell)
			if code == "" || !printable(cell) {
				h.Unmatched++
				continue
			}
			if s.Codes == nil {
				s.Codes = map[string]map[string]string{}
			}
			if s.Codes[h.Ours] == nil {
				s.Codes[h.Ours] = map[string]string{}
			}
			s.Codes[h.Ours][cell] = code
		}
	}
}

// orderOf is the first order in which every cell is a date; of a workbook, numbers of days count beside it.
func (s *Seen) orderOf(cells map[string]bool) string {
	candidates := orders
	if s.workbook() {
		candidates = append([]string{"excel"}, orders...)
		for _, o := range orders {
			candidates = append(candidates, "excel or "+o)
		}
	}
	for _, text := range candidates {
		if dated(text, cells) {
			return text
		}
	}
	return ""
}

func dated(text string, cells map[string]bool) bool {
	o, _ := parseOrder(text)
	for cell := range cells {
		if iso, _ := o.moment(cell, false, time.UTC); iso == cell && o.day(cell, false) == cell && !plainISO(cell) {
			return false
		}
		if plainISO(cell) && !strings.HasSuffix(text, "Y-M-D") {
			return false
		}
	}
	return len(cells) > 0
}

// plainISO is what needs no order at all.
func plainISO(cell string) bool {
	if _, ok := models.ParseDate([]byte(cell)); ok {
		return true
	}
	_, ok := models.ParseDateTime([]byte(cell))
	return ok
}

// asIs tells whether the dictionary takes every cell as it stands.
func asIs(c models.Column, cells map[string]bool) bool {
	for cell := range cells {
		_, isDate := models.ParseDate([]byte(cell))
		_, isMoment := models.ParseDateTime([]byte(cell))
		if !isDate && c.Type != models.TypeDateTime || !isMoment && c.Type == models.TypeDateTime {
			return false
		}
	}
	return true
}

// swapped tells whether every date could as well have day and month exchanged.
func swapped(order string, cells map[string]bool) bool {
	exchanged := strings.NewReplacer("M", "D", "D", "M").Replace(order)
	return !strings.Contains(order, "Mon") && order != "excel" && !strings.HasPrefix(order, "Y") && exchanged != order && dated(exchanged, cells)
}

// mask shows the shape of a value: x for a letter, 9 for a digit, and the signs of a keyboard; at most twelve.
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
		case unicode.IsDigit(r):
			b.WriteByte('9')
		case r >= ' ' && r <= '~' && !unicode.IsLetter(r):
			b.WriteRune(r)
		default:
			b.WriteByte('x')
		}
	}
	return b.String()
}

// printable texts cannot break a line of the mapping or of a terminal.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
}

// headed tells whether a text of the first line looks like a name of a column, and not like a cell of a file without header.
func headed(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i, r := range s {
		if !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("_-./ ()#?'&:", r)) {
			return false
		}
	}
	return true
}
