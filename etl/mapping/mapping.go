// Package mapping says how an agency's own files become the dictionary's: which file or sheet holds which kind of record, in which
// charset, which of its columns is which of ours, how it writes dates, and what its codes are called here. Whatever it does not
// name stays at the agency. It runs there and trusts no file: what is read is bounded, and no error shows a cell.
package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"heatwatch/internal/nearest"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// Mapping is a mapping file.
type Mapping struct {
	Schema int    `yaml:"schema"`
	Files  []File `yaml:"files"`
}

// File is one of the agency's files, or one sheet of a workbook. Several may hold one kind of record.
type File struct {
	File      string                       `yaml:"file"`
	Sheet     string                       `yaml:"sheet,omitempty"` // of a workbook; "" is the first
	Entity    string                       `yaml:"entity"`
	Charset   string                       `yaml:"charset,omitempty"`   // see charsets; none for a workbook
	Separator string                       `yaml:"separator,omitempty"` // one sign; tab is written \t; none for a workbook
	Zone      string                       `yaml:"zone,omitempty"`      // local: moments without offset are in the kit's time zone
	Columns   map[string]string            `yaml:"columns"`             // theirs: ours
	Dates     map[string]string            `yaml:"dates,omitempty"`     // ours: the order of day, month and year, such as M/D/Y; or excel
	Codes     map[string]map[string]string `yaml:"codes,omitempty"`     // ours: theirs: ours
}

// fields are what a mapping may say.
var fields = []string{"schema", "files", "file", "sheet", "entity", "charset", "separator", "zone", "columns", "dates", "codes"}

// Identifying are the columns of persons that become tokens and are dropped.
var Identifying = []string{"first_name", "middle_name", "last_name", "suffix", "aliases", "birth_date", "ssn", "phone", "postal_code", "locality"}

const maxFile = 1 << 20

// Read reads a mapping file strictly: what it does not understand it does not pass over.
func Read(path string) (Mapping, error) {
	var m Mapping
	f, err := os.Open(path)
	if err != nil {
		return m, problem.Wrap(err, problem.Usage, path, "the mapping cannot be read", "check the path; `deidentify init` writes one")
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return m, problem.Wrap(err, problem.Usage, path, "the mapping cannot be read", "check the path; `deidentify init` writes one")
	}
	if len(b) > maxFile {
		return m, problem.New(problem.Usage, path, "the mapping is larger than a megabyte", "check the path")
	}
	if err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(&m); err != nil {
		return m, notAMapping(path, err)
	}
	return m, m.check(path)
}

// notAMapping says on which line. The text there may be a value of the agency's, and is not shown.
func notAMapping(path string, err error) error {
	const do = "compare it with a file that `deidentify init` makes"
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil {
		return problem.New(problem.Usage, path, "it is not as a mapping is written", do)
	}
	at := fmt.Sprintf("%s:%d", path, e.GetToken().Position.Line)
	var unknown *yaml.UnknownFieldError
	if !errors.As(err, &unknown) {
		return problem.New(problem.Usage, at, "the line is not as a mapping is written", do)
	}
	if near := nearest.Name(e.GetToken().Value, fields); near != "" {
		return problem.New(problem.Usage, at, "the word before the colon is none that a mapping knows", "did you mean "+near+"?")
	}
	return problem.New(problem.Usage, at, "the word before the colon is none that a mapping knows", "these are known: "+strings.Join(fields, ", "))
}

func (m Mapping) check(path string) error {
	if m.Schema != 1 {
		return problem.New(problem.Usage, path, "schema is not 1", "write `schema: 1`")
	}
	type source struct{ file, sheet string }
	seen := map[source]bool{}
	for i, f := range m.Files {
		at := fmt.Sprintf("%s: file %d", path, i+1)
		if seen[source{f.File, f.Sheet}] {
			return problem.New(problem.Usage, at, "the file, or its sheet, is named twice", "keep one")
		}
		seen[source{f.File, f.Sheet}] = true
		for _, check := range []func(models.Entity) (what, do string){f.checkForm, f.checkColumns, f.checkDates, f.checkCodes} {
			e, ok := models.Dictionary().Entity(f.Entity)
			if !ok {
				return problem.New(problem.Usage, at, "entity is none of the dictionary's", near(f.Entity, entities(), "`dictionary` lists them"))
			}
			if what, do := check(e); what != "" {
				return problem.New(problem.Usage, at, what, do)
			}
		}
		if ours := f.disguised(); ours != "" {
			return problem.New(problem.Refused, at, "a column that identifies persons by its name is mapped to "+ours+", and nothing could tell its cells from what belongs there",
				"map it to one of "+strings.Join(Identifying, ", ")+", or leave it out")
		}
	}
	return nil
}

func entities() (names []string) {
	for _, e := range models.Dictionary().Entities {
		names = append(names, e.Name)
	}
	return names
}

// near proposes what somebody probably meant.
func near(s string, known []string, otherwise string) string {
	if n := nearest.Name(s, known); n != "" {
		return "did you mean " + n + "? " + otherwise
	}
	return otherwise
}

func (f File) workbook() bool { return strings.EqualFold(filepath.Ext(f.File), ".xlsx") }

func (f File) checkForm(models.Entity) (what, do string) {
	switch {
	case f.File == "" || f.File != strings.TrimSpace(f.File) || strings.ContainsAny(f.File, `/\`) || !filepath.IsLocal(f.File) || f.File == ".":
		return "file is no name of a file in the folder", "write the name alone"
	case f.Zone != "" && f.Zone != "local":
		return "zone is not local", "write `zone: local`, or leave it out"
	case f.workbook() && (f.Charset != "" || f.Separator != ""):
		return "a workbook has neither charset nor separator", "leave them out"
	case f.workbook():
		return "", ""
	case f.Sheet != "":
		return "only a workbook has sheets", "leave sheet out"
	case !slices.Contains([]string{",", ";", "\t", "|"}, f.separator()):
		return "separator is not one of the signs that are known", "write `;`, `,`, `|` or `\\t`"
	}
	if _, err := decoder(f.Charset); err != nil {
		return err.Error(), "write " + strings.Join(charsetNames, ", ")
	}
	return "", ""
}

func (f File) checkColumns(e models.Entity) (what, do string) {
	list := "`dictionary --entity " + e.Name + "` lists them; leave out what has no place there"
	var known []string
	for _, c := range e.Columns {
		known = append(known, c.Name)
	}
	if e.Tokens {
		known = append(known, Identifying...)
	}
	taken, named := map[string]bool{}, map[string]bool{}
	for theirs, ours := range f.Columns {
		switch {
		case named[clean(theirs)]:
			return "a column of yours is named twice", "keep one"
		case !slices.Contains(known, ours):
			return "a column is mapped to one that " + e.Name + " does not have", near(ours, known, list)
		case taken[ours]:
			return "two columns are mapped to " + ours, "keep one"
		}
		taken[ours], named[clean(theirs)] = true, true
	}
	return "", ""
}

func (f File) has(ours string) bool {
	for _, o := range f.Columns {
		if o == ours {
			return true
		}
	}
	return false
}

func (f File) checkDates(e models.Entity) (what, do string) {
	for ours, text := range f.Dates {
		c, _ := e.Column(ours)
		dated := c.Type == models.TypeDate || c.Type == models.TypeDateTime || ours == "birth_date"
		if _, ok := parseOrder(text); !ok || !dated || !f.has(ours) {
			return "dates names a column that is none of dates or is not mapped, or an order that is not known", "write Y-M-D, M/D/Y, M/D/YY, D.M.Y, D-Mon-Y, excel, or excel or M/D/Y"
		}
	}
	return "", ""
}

func (f File) checkCodes(e models.Entity) (what, do string) {
	for ours, codes := range f.Codes {
		c, ok := e.Column(ours)
		if !ok || c.Type != models.TypeCode && c.Type != models.TypeFlag || !f.has(ours) {
			return "codes are given for a column that has none, or is not mapped", "leave them out"
		}
		meant := map[string]string{}
		for theirs, code := range codes {
			if !slices.Contains(c.Values, code) {
				return "a code of " + ours + " is none of the dictionary's", near(code, c.Values, "`dictionary --entity "+e.Name+"` lists them")
			}
			if other, ok := meant[value(theirs)]; ok && other != code {
				return "two spellings of one value become different codes of " + ours, "keep one: capital and small letters are the same"
			}
			meant[value(theirs)] = code
		}
	}
	return "", ""
}

// disguised is a column of dates or numbers that would be filled from one whose name says that it identifies somebody. Codes refuse
// a name cell by cell; a date of birth among dates, or a number among numbers, looks as any other.
func (f File) disguised() string {
	e, _ := models.Dictionary().Entity(f.Entity)
	for theirs, ours := range f.Columns {
		c, _ := e.Column(ours)
		switch c.Type {
		case models.TypeDate, models.TypeDateTime, models.TypeInt:
			if identifies(folded(theirs)) {
				return ours
			}
		}
	}
	return ""
}

func (f File) separator() string {
	if f.Separator == `\t` {
		return "\t"
	}
	return f.Separator
}

// For is what the agency has of an entity.
func (m Mapping) For(entity string) (of []File) {
	for _, f := range m.Files {
		if f.Entity == entity {
			of = append(of, f)
		}
	}
	return of
}
