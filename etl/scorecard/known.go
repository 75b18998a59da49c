package scorecard

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/parquet-go/parquet-go"

	"heatwatch/etl/intake"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// known is the share of a file's rows that say something in each of these columns.
func known(folder string, df intake.DropFile, e models.Entity, names []string) ([]float64, error) {
	path := filepath.Join(folder, df.Parquet)
	shares, err := read(path, e, names)
	if err != nil {
		return nil, problem.Wrap(err, problem.Failed, path, "the checked rows of a drop cannot be read", "run `heatwatch verify`")
	}
	return shares, nil
}

func read(path string, e models.Entity, names []string) ([]float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	pf, err := parquet.OpenFile(f, st.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	shares := make([]float64, len(names))
	for i, name := range names {
		at, ok := pf.Schema().Lookup(name)
		col, _ := e.Column(name)
		if !ok || pf.NumRows() == 0 {
			continue
		}
		n, err := says(pf, at.ColumnIndex, slices.Index(col.Values, unknown))
		if err != nil {
			return nil, err
		}
		shares[i] = float64(n) / float64(pf.NumRows())
	}
	return shares, nil
}

// says counts the cells that are neither empty nor the code of unknown (-1: there is none).
func says(pf *parquet.File, column, code int) (int64, error) {
	var n int64
	values := make([]parquet.Value, 1024)
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
			for r := p.Values(); ; {
				k, err := r.ReadValues(values)
				for _, v := range values[:k] {
					if !v.IsNull() && !(code >= 0 && int(v.Uint32()) == code) {
						n++
					}
				}
				if err != nil || k == 0 {
					if err != nil && !errors.Is(err, io.EOF) {
						return 0, errors.Join(err, pages.Close())
					}
					break
				}
			}
			parquet.Release(p)
		}
		if err := pages.Close(); err != nil {
			return 0, err
		}
	}
	return n, nil
}
