package deidentify

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"heatwatch/etl/mapping"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// mappedDir is a folder of the agency's own files, read as its mapping says.
type mappedDir struct {
	dir    string
	by     mapping.Mapping
	zone   *time.Location
	now    time.Time
	report *Report
	rest   []string
}

func openMapped(cfg *Config, zone *time.Location, r *Report) (*mappedDir, error) {
	m, err := mapping.Read(cfg.Mapping)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(cfg.Raw)
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, cfg.Raw, "the folder of exports cannot be read", "name the folder that holds your files")
	}
	d := &mappedDir{dir: cfg.Raw, by: m, zone: zone, now: cfg.Now, report: r}
	for _, e := range entries {
		if !slices.ContainsFunc(m.Files, func(f mapping.File) bool { return f.File == e.Name() }) {
			d.rest = append(d.rest, e.Name())
		}
	}
	return d, nil
}

func (d *mappedDir) ignored() []string { return d.rest }

func (d *mappedDir) open(entity string) (records, error) {
	m := &mappedRecords{report: d.report, said: len(d.report.Refused)}
	for _, f := range d.by.For(entity) {
		rows, err := mapping.Open(d.dir, f, d.zone, d.now)
		if err != nil {
			m.Close()
			return nil, err
		}
		m.add(rows)
	}
	if len(m.parts) == 0 {
		return nil, nil
	}
	return m, nil
}

// mappedRecords are the rows of all files of one entity, one file after the other. A column that only one of them has is empty in
// the rows of the others.
type mappedRecords struct {
	parts  []part
	head   []string
	now    int // the part in hand
	out    [][]byte
	report *Report
	said   int // findings before the row in hand
}

type part struct {
	*mapping.Rows
	at []int // where its columns are in head
}

func (m *mappedRecords) add(rows *mapping.Rows) {
	p := part{Rows: rows}
	for _, name := range rows.Header() {
		i := slices.Index(m.head, name)
		if i < 0 {
			i = len(m.head)
			m.head = append(m.head, name)
		}
		p.at = append(p.at, i)
	}
	m.parts = append(m.parts, p)
}

// file is the first file; place corrects what is found in the others.
func (m *mappedRecords) file() string     { return m.parts[0].Name() }
func (m *mappedRecords) header() []string { return m.head }

func (m *mappedRecords) next() ([][]byte, int, error) {
	m.place()
	for m.now < len(m.parts) {
		p := m.parts[m.now]
		cells, line, err := p.Next()
		if errors.Is(err, io.EOF) {
			m.now++
			continue
		}
		if err != nil {
			return nil, line, err
		}
		m.out = slices.Grow(m.out[:0], len(m.head))[:len(m.head)]
		clear(m.out)
		for i, c := range cells {
			m.out[p.at[i]] = c
		}
		return m.out, line, nil
	}
	return nil, 0, io.EOF
}

// place names the file of what was found in the row in hand.
func (m *mappedRecords) place() {
	for i := m.said; i < len(m.report.Refused); i++ {
		if f := &m.report.Refused[i]; f.File == m.file() && m.now < len(m.parts) {
			f.File = m.parts[m.now].Name()
		}
	}
	m.said = len(m.report.Refused)
}

func (m *mappedRecords) Close() error {
	var all []error
	for _, p := range m.parts {
		all = append(all, p.Close())
	}
	return errors.Join(all...)
}

// MappingFor is the mapping that holds for a folder: the one that was named, or the kit's where no file of the folder is named as in the
// dictionary. "" is none.
func MappingFor(named, kit, raw string) (string, error) {
	if named != "" {
		return named, nil
	}
	path := filepath.Join(kit, MappingName)
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return "", nil
	}
	entries, err := os.ReadDir(raw)
	if err != nil || slices.ContainsFunc(entries, NamedAsEntity) {
		return "", nil // what is wrong with the folder is said when it is read
	}
	return path, nil
}

// NamedAsEntity tells whether a file of a folder has a name of the dictionary: then the folder is read without a mapping.
func NamedAsEntity(e os.DirEntry) bool {
	name, isCSV := strings.CutSuffix(strings.ToLower(e.Name()), ".csv")
	_, known := models.Dictionary().Entity(name)
	return isCSV && known && !e.IsDir()
}

// MappingName is the name of a mapping in the kit.
const MappingName = "mapping.yaml"
