package scorecard

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/parquet-go/parquet-go"

	"heatwatch/etl/intake"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// SaidName is the file in a drop's landing folder that keeps how many rows say something in each column. It is written
// once, in the night in which the drop was taken, and stays when a person is forgotten later: a card that went down by one
// would tell the partner whom.
const SaidName = "said.json"

type said struct {
	Schema int        `json:"schema"`
	Files  []fileSaid `json:"files"`
}

type fileSaid struct {
	Entity string           `json:"entity"`
	Rows   int64            `json:"rows"`
	Said   map[string]int64 `json:"said"` // by column, of those that can be unknown
}

// Freeze counts what a drop says in its columns, if nobody has done so yet.
func Freeze(fsys durable.FS, landing string, d intake.Drop) error {
	path := filepath.Join(landing, d.Partner, d.Name, SaidName)
	if _, err := fsys.Lstat(path); err == nil {
		return nil
	}
	s, err := count(filepath.Dir(path), d)
	if err != nil {
		return err
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := durable.Create(fsys, path, append(b, '\n'), 0o440); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// readSaid reads what was frozen; of a drop that was taken before anybody froze, it counts.
func readSaid(landing string, d intake.Drop) (said, error) {
	dir := filepath.Join(landing, d.Partner, d.Name)
	b, err := os.ReadFile(filepath.Join(dir, SaidName))
	if errors.Is(err, fs.ErrNotExist) {
		return count(dir, d)
	}
	var s said
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil || s.Schema != 1 {
		return s, problem.Wrap(err, problem.Failed, filepath.Join(dir, SaidName), "what a drop says in its columns cannot be read", "remove the file: the next nightly counts again")
	}
	return s, nil
}

func count(dir string, d intake.Drop) (said, error) {
	s := said{Schema: 1, Files: []fileSaid{}}
	for _, f := range d.Files {
		e, ok := models.Dictionary().Entity(f.Entity)
		if !ok || f.Parquet == "" || f.ParquetRows == 0 {
			continue
		}
		path := filepath.Join(dir, f.Parquet)
		one, err := read(path, e)
		if err != nil {
			return s, problem.Wrap(err, problem.Failed, path, "the checked rows of a drop cannot be read", "run `heatwatch verify`")
		}
		s.Files = append(s.Files, one)
	}
	return s, nil
}

func read(path string, e models.Entity) (fileSaid, error) {
	f, err := os.Open(path)
	if err != nil {
		return fileSaid{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fileSaid{}, err
	}
	pf, err := parquet.OpenFile(f, st.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return fileSaid{}, err
	}
	s := fileSaid{Entity: e.Name, Rows: pf.NumRows(), Said: map[string]int64{}}
	for _, col := range e.Columns {
		at, ok := pf.Schema().Lookup(col.Name)
		if !ok || !Counts(e, col) {
			continue
		}
		if s.Said[col.Name], err = says(pf, at.ColumnIndex, slices.Index(col.Values, unknown)); err != nil {
			return s, err
		}
	}
	return s, nil
}

// says counts the cells that are neither empty nor the code of unknown (-1: there is none).
func says(pf *parquet.File, column, code int) (int64, error) {
	var n int64
	for _, g := range pf.RowGroups() {
		pages := g.ColumnChunks()[column].Pages()
		for {
			p, err := pages.ReadPage()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return 0, errors.Join(err, pages.Close())
			}
			in, err := saysIn(p, code)
			parquet.Release(p)
			if err != nil {
				return 0, errors.Join(err, pages.Close())
			}
			n += in
		}
		if err := pages.Close(); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func saysIn(p parquet.Page, code int) (n int64, err error) {
	if code < 0 { // nothing to look at, only to count
		return p.NumValues() - p.NumNulls(), nil
	}
	values := make([]parquet.Value, 1024)
	for r := p.Values(); ; {
		k, err := r.ReadValues(values)
		for _, v := range values[:k] {
			if !v.IsNull() && int(v.Uint32()) != code {
				n++
			}
		}
		if errors.Is(err, io.EOF) || err == nil && k == 0 {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}
