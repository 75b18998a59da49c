package intake

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"heatwatch/internal/problem"
)

// The states of a drop.
const (
	Accepted = "accepted" // every row
	Partial  = "partial"  // some rows or files were not taken
	Refused  = "refused"  // nothing was taken
)

// Drop is what became of a drop: the content of drop.json, which stands in the drop's landing folder and is the sign that
// the folder is complete.
type Drop struct {
	Schema     int        `json:"schema"`
	Partner    string     `json:"partner"`
	Name       string     `json:"drop"`
	Manifest   string     `json:"manifest_sha256"`
	Created    time.Time  `json:"created"`
	Covers     Covers     `json:"covers"`
	Mode       string     `json:"mode"`
	After      string     `json:"after,omitempty"`
	Consent    string     `json:"consent,omitempty"` // what the agency attested; see Manifest
	State      string     `json:"state"`
	Files      []DropFile `json:"files"`
	Reasons    []Reason   `json:"reasons"`
	Timezone   string     `json:"timezone"`
	Dictionary int        `json:"dictionary"`
	Erasures   int        `json:"erasures,omitempty"` // how often rows of a forgotten person were taken out of the landed files

	Known    bool `json:"-"` // it had been taken before; nothing was done
	Recorded bool `json:"-"` // drop.json stands; false for drop_changed, and for a leak in a drop without manifest
}

// DropFile is one file of a drop, in the order of the manifest.
type DropFile struct {
	FileResult
	SHA256      string   `json:"sha256,omitempty"`
	Columns     []string `json:"columns,omitempty"`      // of the header
	Parquet     string   `json:"parquet,omitempty"`      // name of the checked rows beside drop.json; empty: none
	ParquetRows int64    `json:"parquet_rows,omitempty"` // accepted rows and those that only the settling pass found
}

// DropFileName is the name of a Drop in its landing folder.
const DropFileName = "drop.json"

// ReadDrop reads the record of a drop that was taken, or returns fs.ErrNotExist.
func ReadDrop(landing, partner, drop string) (Drop, error) {
	var d Drop
	path := filepath.Join(landing, partner, drop, DropFileName)
	b, err := os.ReadFile(path)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(b, &d); err != nil || d.Schema != 1 {
		return d, problem.Wrap(err, problem.Failed, path, "the record of a drop cannot be read", "restore the home from its backup")
	}
	d.Recorded = true
	return d, nil
}

// Drops lists the drops of one partner that were taken, by name.
func Drops(landing, partner string) ([]Drop, error) {
	entries, err := os.ReadDir(filepath.Join(landing, partner))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Drop
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), stagePrefix) {
			continue
		}
		d, err := ReadDrop(landing, partner, e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading what was taken: %w", err)
		}
		all = append(all, d)
	}
	return all, nil
}

// EveryDrop lists the drops of all partners that were taken, by partner and name.
func EveryDrop(landing string) (all []Drop, err error) {
	partners, err := os.ReadDir(landing)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, p := range partners {
		if !p.IsDir() || !goodDropName(p.Name()) {
			continue
		}
		drops, err := Drops(landing, p.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, drops...)
	}
	return all, nil
}

// refuse gives the whole drop a reason.
func (d *Drop) refuse(r Reason) {
	if r.Lines == nil {
		r.Lines = []int64{}
	}
	r.Count = max(r.Count, 1)
	d.Reasons = append(d.Reasons, r)
}

// settle decides the state from the files and reasons. refusedWhole says that nothing was looked at.
func (d *Drop) settle(refusedWhole bool) {
	taken, bad := 0, len(d.Reasons) > 0
	for _, f := range d.Files {
		if !f.Refused {
			taken++
		}
		bad = bad || f.Refused || f.Quarantined > 0
	}
	switch {
	case refusedWhole || bad && taken == 0:
		d.State = Refused
	case bad:
		d.State = Partial
	default:
		d.State = Accepted
	}
}

// leaks refuses the whole drop where a cell of it identifies somebody: nothing of it is kept. What is said of it is where.
func (d *Drop) leaks() bool {
	isLeak := func(r Reason) bool { return r.Code == "leak" }
	inFile := slices.ContainsFunc(d.Files, func(f DropFile) bool { return slices.ContainsFunc(f.Reasons, isLeak) })
	named := slices.ContainsFunc(d.Reasons, isLeak) // a file's own name
	if !inFile && !named {
		return false
	}
	if !named {
		d.refuse(Reason{Code: "leak"})
	}
	for i := range d.Files {
		f := &d.Files[i]
		f.Refused, f.Quarantined, f.Accepted = true, f.Rows-f.Blank, 0
		f.Parquet, f.ParquetRows = "", 0
	}
	return true
}

// Leak tells whether the drop was refused because it could identify somebody.
func (d Drop) Leak() bool {
	for _, r := range d.Reasons {
		if r.Code == "leak" {
			return true
		}
	}
	return false
}

// ExitCode is what a command says about the drop: 3 for a leak, 4 if anything was not taken.
func (d Drop) ExitCode() int {
	switch {
	case d.Leak():
		return problem.Refused
	case d.State != Accepted:
		return problem.Quarantined
	}
	return 0
}
