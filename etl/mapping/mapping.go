// Package mapping says how an agency's own files become the dictionary's: which file holds which kind of record, in which charset, which of
// its columns is which of ours, how it writes dates, and what its codes are called here. Whatever it does not name stays at the agency.
package mapping

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"heatwatch/internal/problem"
	"heatwatch/models"
)

// Mapping is a mapping file.
type Mapping struct {
	Schema int    `yaml:"schema"`
	Files  []File `yaml:"files"`
}

// File is one of the agency's files.
type File struct {
	File      string                       `yaml:"file"`
	Entity    string                       `yaml:"entity"`
	Charset   string                       `yaml:"charset"`         // utf-8, windows-1252, utf-16le, utf-16be
	Separator string                       `yaml:"separator"`       // one sign; tab is written \t
	Columns   map[string]string            `yaml:"columns"`         // theirs: ours
	Dates     map[string]string            `yaml:"dates,omitempty"` // ours: the order of day, month and year, such as M/D/Y
	Codes     map[string]map[string]string `yaml:"codes,omitempty"` // ours: theirs: ours
}

// Identifying are the columns of persons that become tokens and are dropped.
var Identifying = []string{"first_name", "middle_name", "last_name", "suffix", "aliases", "birth_date", "ssn", "phone", "postal_code", "locality"}

const maxFile = 1 << 20

// Read reads a mapping file strictly: what it does not understand it does not pass over.
func Read(path string) (Mapping, error) {
	var m Mapping
	b, err := os.ReadFile(path)
	if err != nil {
		return m, problem.Wrap(err, problem.Usage, path, "the mapping cannot be read", "check the path; `deidentify init` writes one")
	}
	if len(b) > maxFile {
		return m, problem.New(problem.Usage, path, "the mapping is larger than a megabyte", "check the path")
	}
	if err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(&m); err != nil {
		line := "the file"
		var e yaml.Error
		if asYAML(err, &e) && e.GetToken() != nil {
			line = fmt.Sprintf("line %d", e.GetToken().Position.Line)
		}
		return m, problem.New(problem.Usage, path, line+" is not as a mapping is written", "compare it with a file that `deidentify init` makes")
	}
	return m, m.check(path)
}

func asYAML(err error, to *yaml.Error) bool {
	e, ok := err.(yaml.Error)
	if ok {
		*to = e
	}
	return ok
}

func (m Mapping) check(path string) error {
	bad := func(what, do string) error { return problem.New(problem.Usage, path, what, do) }
	if m.Schema != 1 {
		return bad("schema is not 1", "write `schema: 1`")
	}
	seen := map[string]bool{}
	for i, f := range m.Files {
		at := fmt.Sprintf("file %d", i+1)
		e, ok := models.Dictionary().Entity(f.Entity)
		switch {
		case !ok:
			return bad(at+": entity is none of the dictionary's", "`dictionary` lists them")
		case seen[f.Entity]:
			return bad(at+": "+f.Entity+" is named twice", "put the rows into one file")
		case f.File == "" || f.File != strings.TrimSpace(f.File) || strings.ContainsAny(f.File, `/\`):
			return bad(at+": file is no name of a file in the folder", "write the name alone")
		case len(f.separator()) != 1:
			return bad(at+": separator is not one sign", "write `;`, `,`, `|` or `\\t`")
		}
		seen[f.Entity] = true
		if _, err := decoder(f.Charset); err != nil {
			return bad(at+": "+err.Error(), "write utf-8, windows-1252, utf-16le or utf-16be")
		}
		targets := map[string]bool{}
		for _, ours := range f.Columns {
			if _, ok := e.Column(ours); !ok && !(e.Tokens && slices.Contains(Identifying, ours)) {
				return bad(at+": a column is mapped to one that "+e.Name+" does not have", "`dictionary --entity "+e.Name+"` lists them; leave out what has no place there")
			}
			if targets[ours] {
				return bad(at+": two columns are mapped to "+ours, "keep one")
			}
			targets[ours] = true
		}
		for ours, order := range f.Dates {
			if _, ok := layout(order); !ok || !targets[ours] {
				return bad(at+": the date of "+ours+" has no order that is known, or no column", "write Y-M-D, M/D/Y, D.M.Y or the like")
			}
		}
		for ours, codes := range f.Codes {
			c, ok := e.Column(ours)
			if !ok || c.Type != models.TypeCode && c.Type != models.TypeFlag {
				return bad(at+": codes are given for "+ours+", which is no column of codes", "leave them out")
			}
			for _, code := range codes {
				if !slices.Contains(c.Values, code) {
					return bad(at+": a code of "+ours+" is none of the dictionary's", "`dictionary --entity "+e.Name+"` lists them")
				}
			}
		}
	}
	return nil
}

func (f File) separator() string {
	if f.Separator == `\t` {
		return "\t"
	}
	return f.Separator
}

// For is the agency's file of an entity.
func (m Mapping) For(entity string) (File, bool) {
	for _, f := range m.Files {
		if f.Entity == entity {
			return f, true
		}
	}
	return File{}, false
}

// layout turns an order such as D.M.Y into what package time reads.
func layout(order string) (string, bool) {
	var b strings.Builder
	seen := ""
	for _, r := range order {
		switch r {
		case 'Y':
			b.WriteString("2006")
		case 'M':
			b.WriteString("1")
		case 'D':
			b.WriteString("2")
		case '-', '/', '.', ' ':
			b.WriteRune(r)
			continue
		default:
			return "", false
		}
		if strings.ContainsRune(seen, r) {
			return "", false
		}
		seen += string(r)
	}
	return b.String(), len(seen) == 3
}
