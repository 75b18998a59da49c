package lake

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"heatwatch/internal/home"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// manifestSchema is the version of a generation; an older program refuses a newer one. Since 3 an entity of a partner may have more
// than one file. Of schema 1, where profiles had no persons, the next one can be made; no session reads it.
const (
	manifestSchema = 3
	readableSchema = 2
)

// Manifest says what a generation holds and what it was made from.
type Manifest struct {
	Schema      int          `json:"schema"`
	Generation  int          `json:"generation"`
	Dictionary  int          `json:"dictionary"`
	Timezone    string       `json:"timezone"`
	MadeOn      models.Date  `json:"made_on"`
	Content     Content      `json:"content"` // the sum over all entity files
	Drops       []Drop       `json:"drops"`   // in the order in which they apply
	Files       []File       `json:"files"`   // by path
	Partners    []Partner    `json:"partners"`
	ConsentNext *models.Date `json:"consent_next"` // the first day on which a consent that counts today has run out
}

// Drop is one drop that a generation has taken in.
type Drop struct {
	Partner  string `json:"partner"`
	Drop     string `json:"drop"`
	Manifest string `json:"manifest_sha256"`
}

// File is one file of a generation. Entity is empty for people, crosswalk and tokens, whose content does not enter the
// content hash of the generation: it is random. Rows and Content of a file that hides are of the rows that it names, which are
// taken away from those of the others.
type File struct {
	Path    string   `json:"path"`
	Entity  string   `json:"entity,omitempty"`
	Partner string   `json:"partner,omitempty"`
	Hides   bool     `json:"hides,omitempty"`
	Rows    int64    `json:"rows"`
	Bytes   int64    `json:"bytes"`
	SHA256  string   `json:"sha256"`
	Content Content  `json:"content"`
	Drops   []string `json:"drops,omitempty"` // drops that restore it
}

// Partner is one agency of a generation.
type Partner struct {
	Name        string            `json:"name"`
	Kind        string            `json:"kind"`
	Consented   bool              `json:"consented,omitempty"` // only persons with a signed release in force
	Coverage    map[string]Cover  `json:"coverage"`            // by entity, of the last drop that lists it
	ConsentNext *models.Date      `json:"consent_next"`
	Inputs      map[string]string `json:"inputs"` // by entity, what its file was made from
}

// Cover is the span of days that a drop says it covers.
type Cover struct {
	From models.Date `json:"from"`
	To   models.Date `json:"to"`
}

// ReadManifest reads the manifest of a generation.
func ReadManifest(h home.Home, generation int) (Manifest, error) {
	path := filepath.Join(generationPath(h, generation), manifestName)
	b, err := os.ReadFile(path)
	if err != nil {
		return Manifest{}, problem.Wrap(err, problem.Failed, path, "the generation's manifest cannot be read", "run `heatwatch verify`")
	}
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil || m.Generation != generation {
		return Manifest{}, problem.Wrap(err, problem.Failed, path, "the generation's manifest is damaged", "run `heatwatch verify`")
	}
	if m.Schema < 1 || m.Schema > manifestSchema {
		return Manifest{}, problem.New(problem.Failed, path, "the generation was written by another version of the program", "use that version")
	}
	return m, nil
}

// ReadCurrent reads the manifest of the current generation; before the first night it is empty, with generation 0.
func ReadCurrent(h home.Home) (Manifest, error) {
	n, err := Current(h)
	if err != nil || n == 0 {
		return Manifest{}, err
	}
	return ReadManifest(h, n)
}

// Bytes is the manifest as it is written: one form only.
func (m Manifest) Bytes() []byte {
	b, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		panic("lake: manifest: " + err.Error()) // it holds strings, numbers and maps of them
	}
	return append(b, '\n')
}

// took tells whether the generation was made from exactly this drop.
func (m Manifest) took(d Input) bool {
	return slices.Contains(m.Drops, Drop{d.Partner, d.Drop, d.Manifest})
}

// file finds a file of the generation by its path.
func (m Manifest) file(path string) (File, bool) {
	for _, f := range m.Files {
		if f.Path == path {
			return f, true
		}
	}
	return File{}, false
}

// partner finds an agency of the generation.
func (m Manifest) partner(name string) (Partner, bool) {
	for _, p := range m.Partners {
		if p.Name == name {
			return p, true
		}
	}
	return Partner{}, false
}

// Size is the space that the generation's files take, counted once for each.
func (m Manifest) Size() (bytes int64) {
	for _, f := range m.Files {
		bytes += f.Bytes
	}
	return bytes
}

// Rows is the number of rows of all entities that count.
func (m Manifest) Rows() (n int64) {
	for _, f := range m.Files {
		switch {
		case f.Hides:
			n -= f.Rows
		case f.Entity != "":
			n += f.Rows
		}
	}
	return n
}

// Has reports whether a generation took a drop in.
func (m Manifest) Has(partner, drop string) bool {
	for _, d := range m.Drops {
		if d.Partner == partner && d.Drop == drop {
			return true
		}
	}
	return false
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
