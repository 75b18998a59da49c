package deidentify

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"heatwatch/internal/problem"
	"heatwatch/models"
)

// source is where the clear records come from: a folder of CSV files, or an export that an adapter took apart.
type source interface {
	open(entity string) (records, error) // nil where the source has none of the entity
	ignored() []string                   // what it holds besides
}

// records are the rows of one entity, columns named as in the dictionary.
type records interface {
	file() string // for messages
	header() []string
	next() (row [][]byte, line int, err error)
	Close() error
}

// rawDir is a folder with one CSV per entity.
type rawDir struct {
	dir   string
	names map[string]string // entity: name of the file
	rest  []string
}

func openRaw(dir string) (*rawDir, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, dir, "the folder of exports cannot be read", "name a folder that holds one CSV file per entity")
	}
	d := &rawDir{dir: dir, names: map[string]string{}}
	for _, e := range entries {
		name := e.Name()
		entity, isCSV := strings.CutSuffix(strings.ToLower(name), ".csv")
		if _, ok := models.Dictionary().Entity(entity); !ok || !isCSV || e.IsDir() {
			d.rest = append(d.rest, name)
			continue
		}
		if d.names[entity] != "" {
			return nil, problem.New(problem.Usage, filepath.Join(dir, name), "there are two files of this entity", "keep one")
		}
		d.names[entity] = name
	}
	if len(d.names) == 0 {
		return nil, problem.New(problem.Usage, dir, "the folder holds no file that is named as an entity", "name the files persons.csv, engagements.csv and so on; `heatwatch dictionary` lists them")
	}
	slices.Sort(d.rest)
	return d, nil
}

func (d *rawDir) ignored() []string { return d.rest }

func (d *rawDir) open(entity string) (records, error) {
	name := d.names[entity]
	if name == "" {
		return nil, nil
	}
	path := filepath.Join(d.dir, name)
	f, err := os.Open(path)
	if err != nil {
		return nil, problem.Wrap(err, problem.Failed, path, "the file cannot be opened", "close it in other programs and check the permissions")
	}
	r := &csvFile{name: name, f: f}
	if r.in, err = newCSVReader(f); err == nil {
		err = r.readHeader(entity)
	}
	if err != nil {
		f.Close()
		return nil, readProblem(name, err)
	}
	return r, nil
}

// csvFile is one file of RAW.
type csvFile struct {
	name string
	f    io.Closer
	in   *csvReader
	head []string
}

func (c *csvFile) file() string                 { return c.name }
func (c *csvFile) header() []string             { return c.head }
func (c *csvFile) next() ([][]byte, int, error) { return c.in.next() }
func (c *csvFile) Close() error                 { return c.f.Close() }

// readHeader takes the first record for the header, in any case. It must name a column of the entity: a file without
// header would otherwise have its first row, a person, taken for one.
func (c *csvFile) readHeader(entity string) error {
	fields, _, err := c.in.next()
	if errors.Is(err, io.EOF) {
		return problem.New(problem.Failed, c.name, "the file is empty", "put the header in the first line, or leave the file out")
	}
	if err != nil {
		return err
	}
	e, _ := models.Dictionary().Entity(entity)
	known := 0
	for _, f := range fields {
		name := strings.ToLower(string(trim(f)))
		if _, ok := e.Column(name); ok {
			known++
		}
		if name != "" && slices.Contains(c.head, name) {
			what := "a column stands twice"
			if _, ok := e.Column(name); ok || slices.Contains(identifying, name) { // else it might be a cell
				what += ": " + name
			}
			return problem.New(problem.Failed, c.name+":1", what, "remove or rename one")
		}
		c.head = append(c.head, name)
	}
	if known == 0 {
		return problem.New(problem.Failed, c.name+":1", "the first line names no column of "+entity, "put the names of the dictionary there, separated by commas")
	}
	return nil
}

// plainName reports whether a header cell looks like a name of a column and not like something about a person.
func plainName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || !(r >= '0' && r <= '9' || strings.ContainsRune("_-./ ()#?", r))) {
			return false
		}
	}
	return true
}

// readProblem turns what stopped the reading of a file into a problem that shows nothing of it.
func readProblem(file string, err error) error {
	var p *problem.Problem
	var m *malformed
	switch {
	case errors.As(err, &p):
		return err
	case errors.Is(err, errUTF16):
		return problem.Wrap(err, problem.Failed, file, "the file is not UTF-8 but UTF-16", "save it as `CSV UTF-8`")
	case errors.As(err, &m) && m.rule == "bad_encoding":
		return problem.Wrap(err, problem.Failed, at(file, m.line), "the line is not UTF-8; it may be Windows-1252", "save the file as `CSV UTF-8`")
	case errors.As(err, &m):
		r, _ := models.LookupReason(m.rule)
		return problem.Wrap(err, problem.Failed, at(file, m.line), r.Meaning, r.Remedy)
	case errors.Is(err, fs.ErrPermission):
		return problem.Wrap(err, problem.Failed, file, "the file cannot be read", "check the permissions")
	}
	return problem.Wrap(err, problem.Failed, file, "the file cannot be read", "check the disk")
}
