package deidentify

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"heatwatch/etl/mapping"
	"heatwatch/internal/problem"
)

// mappedDir is a folder of the agency's own files, read as its mapping says.
type mappedDir struct {
	dir  string
	by   mapping.Mapping
	zone *time.Location
	rest []string
}

func openMapped(cfg *Config, zone *time.Location) (*mappedDir, error) {
	m, err := mapping.Read(cfg.Mapping)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(cfg.Raw)
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, cfg.Raw, "the folder of exports cannot be read", "name the folder that holds your files")
	}
	d := &mappedDir{dir: cfg.Raw, by: m, zone: zone}
	for _, e := range entries {
		if !slices.ContainsFunc(m.Files, func(f mapping.File) bool { return f.File == e.Name() }) {
			d.rest = append(d.rest, e.Name())
		}
	}
	return d, nil
}

func (d *mappedDir) ignored() []string { return d.rest }

func (d *mappedDir) open(entity string) (records, error) {
	f, ok := d.by.For(entity)
	if !ok {
		return nil, nil
	}
	r, err := mapping.Open(d.dir, f, d.zone)
	if err != nil {
		return nil, err
	}
	return mappedRecords{r}, nil
}

type mappedRecords struct{ *mapping.Rows }

func (m mappedRecords) file() string                 { return m.Name() }
func (m mappedRecords) header() []string             { return m.Header() }
func (m mappedRecords) next() ([][]byte, int, error) { return m.Next() }

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
	if st, err := os.Stat(raw); err != nil || !st.IsDir() {
		return "", nil
	}
	plain, err := openRaw(raw)
	if err == nil && len(plain.names) > 0 {
		return "", nil
	}
	return path, nil
}

// MappingName is the name of a mapping in the kit.
const MappingName = "mapping.yaml"
