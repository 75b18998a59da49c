package mapping

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"heatwatch/internal/problem"
	"heatwatch/models"
)

func decoder(charset string) (encoding.Encoding, error) {
	switch charset {
	case "utf-8":
		return unicode.UTF8BOM, nil
	case "windows-1252":
		return charmap.Windows1252, nil
	case "utf-16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), nil
	case "utf-16be":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM), nil
	}
	return nil, errors.New("charset is none that is known")
}

// guess finds charset and separator from the beginning of a file.
func guess(head []byte) (charset, separator string) {
	text := head
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		charset = "utf-16le"
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		charset = "utf-16be"
	case utf8.Valid(whole(head)):
		charset = "utf-8"
	default:
		charset = "windows-1252"
	}
	if e, err := decoder(charset); err == nil {
		text, _, _ = transform.Bytes(e.NewDecoder(), head)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	best := 0
	separator = ","
	for _, s := range []string{",", ";", "\t", "|"} {
		if n := bytes.Count(line, []byte(s)); n > best {
			best, separator = n, s
		}
	}
	if separator == "\t" {
		separator = `\t`
	}
	return charset, separator
}

// whole leaves out a letter that was cut at the end.
func whole(b []byte) []byte {
	for i := 1; i <= utf8.UTFMax && i <= len(b); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// Rows reads a mapped file: the mapped columns alone, named as in the dictionary, codes translated, dates and moments as ISO.
type Rows struct {
	name   string
	f      *os.File
	csv    *csv.Reader
	at     []int // columns of the file, in the order of head
	head   []string
	file   File
	entity models.Entity
	zone   *time.Location
	out    [][]byte
}

// Open opens the agency's file of an entity in the folder of exports.
func Open(dir string, f File, zone *time.Location) (*Rows, error) {
	path := filepath.Join(dir, f.File)
	in, err := os.Open(path)
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, path, "the file that the mapping names cannot be opened", "check the name, and close it in other programs")
	}
	r, err := newRows(in, f, zone)
	if err != nil {
		in.Close()
		return nil, err
	}
	return r, nil
}

func newRows(in *os.File, f File, zone *time.Location) (*Rows, error) {
	e, _ := models.Dictionary().Entity(f.Entity)
	enc, err := decoder(f.Charset)
	if err != nil {
		return nil, err
	}
	c := csv.NewReader(transform.NewReader(bufio.NewReaderSize(in, 1<<16), enc.NewDecoder()))
	c.Comma, c.ReuseRecord, c.FieldsPerRecord, c.LazyQuotes = rune(f.separator()[0]), true, -1, true
	r := &Rows{name: f.File, f: in, csv: c, file: f, entity: e, zone: zone}
	head, err := c.Read()
	if err != nil {
		return nil, problem.Wrap(err, problem.Failed, f.File+":1", "the header cannot be read", "check charset and separator in the mapping")
	}
	for i, h := range head {
		if ours, ok := f.Columns[clean(h)]; ok {
			r.at, r.head = append(r.at, i), append(r.head, ours)
		}
	}
	if len(r.head) < len(f.Columns) {
		return nil, problem.New(problem.Usage, f.File+":1", fmt.Sprintf("%d of the mapping's columns are not in the header", len(f.Columns)-len(r.head)), "correct their names in the mapping, or charset and separator")
	}
	r.out = make([][]byte, len(r.head))
	return r, nil
}

func clean(h string) string { return strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")) }

// Name is that of the file, Header its columns by the names of the dictionary.
func (r *Rows) Name() string     { return r.name }
func (r *Rows) Header() []string { return r.head }

// Close closes the file.
func (r *Rows) Close() error { return r.f.Close() }

// Next is the next row, and the line on which it begins; io.EOF at the end. The cells are valid until the next call.
func (r *Rows) Next() ([][]byte, int, error) {
	record, err := r.csv.Read()
	line, _ := r.csv.FieldPos(0)
	if errors.Is(err, io.EOF) {
		return nil, line, io.EOF
	}
	if err != nil {
		return nil, line, problem.New(problem.Failed, r.name, "the file cannot be read as the mapping says", "check the separator, and quotes that are not closed")
	}
	for k, i := range r.at {
		if i >= len(record) {
			return nil, line, problem.New(problem.Failed, fmt.Sprintf("%s:%d", r.name, line), "the line has fewer fields than the header", "look for a separator that is missing")
		}
		r.out[k] = append(r.out[k][:0], r.cell(r.head[k], strings.TrimSpace(record[i]))...)
	}
	return r.out, line, nil
}

// cell translates. What it cannot read stays as it is: the gate refuses it and says where.
func (r *Rows) cell(column, text string) string {
	if text == "" {
		return ""
	}
	if codes, ok := r.file.Codes[column]; ok {
		if ours, ok := codes[text]; ok {
			return ours
		}
	}
	c, _ := r.entity.Column(column)
	order := r.file.Dates[column]
	if l, ok := layout(order); ok {
		switch {
		case c.Type == models.TypeDateTime:
			return r.moment(l, text)
		default:
			if d, err := time.Parse(l, text); err == nil {
				return d.Format(time.DateOnly)
			}
		}
	}
	return text
}

// moment reads a date with a time of day, in the zone of the warehouse, or a date alone: midnight. An hour that clocks skip is none.
func (r *Rows) moment(l, text string) string {
	for _, clock := range []string{" 15:04:05", " 15:04", " 3:04 PM", " 3:04:05 PM", ""} {
		t, err := time.ParseInLocation(l+clock, text, r.zone)
		if err != nil {
			continue
		}
		if plain, _ := time.Parse(l+clock, text); t.Format(time.DateTime) != plain.Format(time.DateTime) {
			return text // clocks skipped it
		}
		return t.Format(time.RFC3339)
	}
	return text
}
