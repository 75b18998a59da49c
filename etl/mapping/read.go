package mapping

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"heatwatch/internal/problem"
	"heatwatch/models"
)

// What one record may be: a quote that is never closed must not read the whole file into memory.
const (
	maxRecord  = 1 << 20
	maxColumns = 1024
)

// grid is what a file holds, row by row; the first is the header. A row is valid until the next call.
type grid interface {
	next() (cells []string, line int, err error)
	close() error
}

// openGrid opens a file of the folder, and nothing outside of it.
func openGrid(dir string, f File) (grid, error) {
	path := filepath.Join(dir, f.File)
	in, err := os.OpenInRoot(dir, f.File)
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, path, "the file that the mapping names cannot be opened", "check the name, and close it in other programs")
	}
	if st, err := in.Stat(); err != nil || !st.Mode().IsRegular() {
		in.Close()
		return nil, problem.New(problem.Usage, path, "this is no plain file", "name a file of the folder in the mapping")
	}
	if f.workbook() {
		defer in.Close()
		return openWorkbook(in, f)
	}
	g, err := newCSVGrid(in, f)
	if err != nil {
		in.Close()
	}
	return g, err
}

// csvGrid reads CSV in any charset and with any separator.
type csvGrid struct {
	name  string
	f     io.Closer
	meter *meter
	csv   *csv.Reader
	line  int // of the last record
}

func newCSVGrid(in io.ReadCloser, f File) (*csvGrid, error) {
	enc, err := decoder(f.Charset)
	if err != nil {
		return nil, err
	}
	m := &meter{r: transform.NewReader(bufio.NewReaderSize(in, 1<<16), enc.NewDecoder())}
	c := csv.NewReader(m)
	c.Comma, c.ReuseRecord, c.FieldsPerRecord = rune(f.separator()[0]), true, -1
	return &csvGrid{name: f.File, f: in, meter: m, csv: c}, nil
}

func (g *csvGrid) close() error { return g.f.Close() }

func (g *csvGrid) next() ([]string, int, error) {
	g.meter.n = 0
	cells, err := g.csv.Read()
	var bad *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return nil, 0, io.EOF
	case errors.Is(err, errTooLong):
		return nil, 0, problem.New(problem.Failed, at(g.name, g.line+1), "from this line on a row is longer than a megabyte", "look for a quote that is not closed, and check the separator")
	case errors.As(err, &bad):
		return nil, 0, problem.New(problem.Failed, at(g.name, bad.StartLine), "a quote is not closed, or stands inside a cell", "export again with cells quoted, or check the separator in the mapping")
	case err != nil:
		return nil, 0, problem.Wrap(err, problem.Failed, g.name, "the file cannot be read", "check the disk")
	case len(cells) > maxColumns:
		return nil, 0, tooWide(g.name)
	}
	g.line, _ = g.csv.FieldPos(0)
	return cells, g.line, nil
}

func tooWide(name string) error {
	return problem.New(problem.Failed, name, fmt.Sprintf("a row has more than %d cells", maxColumns), "export the columns that are needed")
}

func at(name string, line int) string { return fmt.Sprintf("%s:%d", name, line) }

var errTooLong = errors.New("a record is too long")

// meter stops a record that does not end.
type meter struct {
	r io.Reader
	n int
}

func (m *meter) Read(p []byte) (int, error) {
	if m.n > maxRecord {
		return 0, errTooLong
	}
	n, err := m.r.Read(p)
	m.n += n
	return n, err
}

// Rows reads a mapped file: the mapped columns alone, named as in the dictionary, codes translated, dates and moments as ISO.
type Rows struct {
	file   File
	name   string
	grid   grid
	zone   *time.Location // nil: moments without offset are not read
	today  time.Time      // nobody is born later
	from04 bool           // days are counted from 1904
	width  int
	cols   []column
	day    int  // which column is started_precision, made here; or -1
	hour   bool // the row's started_at had an hour
	out    [][]byte
}

// column is one that is mapped.
type column struct {
	models.Column
	at    int // in the file
	order order
	dated bool // order is given
	codes map[string]string
}

// Open opens one of the agency's files in the folder of exports. Births of which the year has two digits are not after now.
func Open(dir string, f File, zone *time.Location, now time.Time) (*Rows, error) {
	g, err := openGrid(dir, f)
	if err != nil {
		return nil, err
	}
	r := &Rows{file: f, name: f.File, grid: g, day: -1, today: now}
	if w, ok := g.(*workbook); ok {
		r.name, r.from04 = w.name, w.from1904
	}
	if f.Zone == "local" {
		r.zone = zone
	}
	if err := r.readHeader(); err != nil {
		g.close()
		return nil, err
	}
	return r, nil
}

func (r *Rows) readHeader() error {
	head, _, err := r.grid.next()
	if errors.Is(err, io.EOF) {
		return problem.New(problem.Failed, r.name, "the file is empty", "take it out of the mapping")
	}
	if err != nil {
		return err
	}
	e, _ := models.Dictionary().Entity(r.file.Entity)
	r.width = len(head)
	found := map[string]bool{}
	for i, h := range head {
		ours, ok := r.mapped(h)
		if !ok {
			continue
		}
		if found[ours] {
			return problem.New(problem.Usage, at(r.name, 1), "the column that becomes "+ours+" stands twice in the header", "rename one in the export")
		}
		found[ours] = true
		r.cols = append(r.cols, r.column(e, ours, i))
	}
	for _, ours := range r.file.Columns {
		if !found[ours] {
			return problem.New(problem.Usage, at(r.name, 1), "the column that the mapping makes "+ours+" of is not in the header", "correct its name in the mapping, or charset and separator")
		}
	}
	if c, ok := e.Column("started_precision"); ok && found["started_at"] && !found[c.Name] {
		r.day = len(r.cols)
		r.cols = append(r.cols, column{Column: c, at: -1})
	}
	r.out = make([][]byte, len(r.cols))
	return nil
}

func (r *Rows) mapped(head string) (ours string, ok bool) {
	name := clean(head)
	for theirs, ours := range r.file.Columns {
		if clean(theirs) == name {
			return ours, true
		}
	}
	return "", false
}

func (r *Rows) column(e models.Entity, ours string, at int) column {
	c := column{at: at}
	if c.Column, _ = e.Column(ours); c.Name == "" {
		c.Column = models.Column{Name: ours, Type: models.TypeToken} // identifying: nothing is translated
	}
	c.order, c.dated = parseOrder(r.file.Dates[ours])
	if ours == "birth_date" {
		c.order.latest = r.today
	}
	if codes := r.file.Codes[ours]; codes != nil {
		c.codes = map[string]string{}
		for theirs, code := range codes {
			c.codes[value(theirs)] = code
		}
	}
	return c
}

// value is how an agency's value is compared.
func value(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// clean is a header without what nobody sees: marks, blanks around it, and the two ways to write an accent.
func clean(h string) string {
	return norm.NFC.String(strings.TrimFunc(h, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' }))
}

// Name is that of the file, for messages; Header its columns by the names of the dictionary.
func (r *Rows) Name() string { return r.name }
func (r *Rows) Header() (names []string) {
	for _, c := range r.cols {
		names = append(names, c.Name)
	}
	return names
}

// Close closes the file.
func (r *Rows) Close() error { return r.grid.close() }

// Next is the next row that is not blank, and the line on which it begins; io.EOF at the end. The cells are valid until the next call.
func (r *Rows) Next() ([][]byte, int, error) {
	for {
		cells, line, err := r.grid.next()
		if err != nil {
			return nil, line, err
		}
		if !slices.ContainsFunc(cells, func(s string) bool { return strings.TrimSpace(s) != "" }) {
			continue
		}
		if r.file.workbook() && len(cells) < r.width { // a sheet does not keep empty cells at the end of a row
			cells = append(cells, make([]string, r.width-len(cells))...)
		}
		if len(cells) != r.width {
			return nil, line, problem.New(problem.Failed, at(r.name, line), "the row has more or fewer cells than the header", "look for a separator inside a cell that is not quoted")
		}
		if err := r.row(cells, line); err != nil {
			return nil, line, err
		}
		return r.out, line, nil
	}
}

func (r *Rows) row(cells []string, line int) error {
	r.hour = true
	for k, c := range r.cols {
		text := ""
		if c.at >= 0 {
			text = strings.TrimSpace(cells[c.at])
		}
		if what, do := damaged(c, text); what != "" {
			return problem.New(problem.Failed, at(r.name, line), "column "+c.Name+": "+what, do)
		}
		r.out[k] = append(r.out[k][:0], r.cell(c, text)...)
	}
	if r.day >= 0 && !r.hour {
		r.out[r.day] = append(r.out[r.day][:0], "day"...)
	}
	return nil
}

// rounded is a long number after a spreadsheet has kept its first digits alone.
var rounded = regexp.MustCompile(`^[0-9]([.,][0-9]+)?[eE]\+?[0-9]+$`)

// damaged tells what a wrong charset or a spreadsheet did to a cell that no later check would notice.
func damaged(c column, text string) (what, do string) {
	switch {
	case strings.ContainsRune(text, unicode.ReplacementChar), strings.ContainsRune(text, 0):
		return "the cell is not in the charset of the mapping", "correct charset in the mapping"
	case c.Type == models.TypeKey && rounded.MatchString(text):
		return "a spreadsheet has rounded the number, and several persons or records may have become one", "format the column as text before the export"
	}
	return "", ""
}

// cell translates. What it cannot read stays as it is: the gate refuses it and says where.
func (r *Rows) cell(c column, text string) string {
	if text == "" {
		return ""
	}
	if code, ok := c.codes[value(text)]; ok {
		return code
	}
	switch {
	case c.dated && c.Type == models.TypeDateTime:
		iso, hour := c.order.moment(text, r.from04, r.zone)
		if c.Name == "started_at" {
			r.hour = hour
		}
		return iso
	case c.dated:
		return c.order.day(text, r.from04)
	case r.file.workbook():
		return filled(c.Name, text)
	}
	return text
}

// filled gives a number back the zeros that a workbook does not keep in front of it.
func filled(column, text string) string {
	whole := map[string]int{"ssn": 9, "postal_code": 5}[column]
	if missing := whole - len(text); missing > 0 && missing <= 2 && strings.Trim(text, "0123456789") == "" {
		return strings.Repeat("0", missing) + text
	}
	return text
}
