package intake

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"heatwatch/internal/durable"
	"heatwatch/models"
)

// Erase takes every row of the persons that gone names out of a landed drop, and counts the erasure in its record, so that
// the lake folds the drop's files anew. The record's counts, and so its receipt, stay as they were: what was accepted was
// accepted. It returns how many rows went. An Erase that was cut off is finished by the next one.
func Erase(fsys durable.FS, landing string, d Drop, gone func(Person) bool) (rows int64, err error) {
	hit := make([]bool, len(d.Files))
	d.Files = slices.Clone(d.Files)
	for i, f := range d.Files {
		e, ok := models.Dictionary().Entity(f.Entity)
		if !ok || f.Refused || f.Parquet == "" {
			continue
		}
		var going, stay int64
		err := eachRow(filepath.Join(landing, d.Partner, d.Name, f.Parquet), e, func(p Person, _ parquet.Row, _ []string) error {
			if gone(p) {
				going++
			} else {
				stay++
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		if rows += going; going > 0 {
			hit[i], d.Files[i].ParquetRows = true, stay
		}
	}
	if rows == 0 {
		return 0, nil
	}
	// Recorded first: were the rows taken out before, a crash here would leave a lake that still links the old files, and a
	// record that says more than there is.
	d.Erasures++
	if err := d.rewrite(fsys, landing); err != nil {
		return 0, err
	}
	for i, f := range d.Files {
		if !hit[i] {
			continue
		}
		if err := d.eraseFile(fsys, landing, f, gone); err != nil {
			return 0, err
		}
	}
	return rows, nil
}

func (d Drop) rewrite(fsys durable.FS, landing string) error {
	b, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return err
	}
	return durable.Replace(fsys, filepath.Join(landing, d.Partner, d.Name, DropFileName), append(b, '\n'), 0o440)
}

// erasingSuffix ends the name of a file that is about to take another's place.
const erasingSuffix = ".erasing"

// eraseFile writes a landing file anew without the rows of those who are gone.
func (d Drop) eraseFile(fsys durable.FS, landing string, f DropFile, gone func(Person) bool) error {
	e, _ := models.Dictionary().Entity(f.Entity)
	path := filepath.Join(landing, d.Partner, d.Name, f.Parquet)
	in, old, err := openLanding(path)
	if err != nil {
		return err
	}
	defer in.Close()
	owner := ownerOf(e, columnNames(old))
	next := path + erasingSuffix
	if err := durable.Remove(fsys, next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err = durable.CreateFrom(fsys, next, 0o440, func(w io.Writer) error {
		out := parquet.NewGenericWriter[any](w, old.Schema(), parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest, Concurrency: 1}),
			parquet.CreatedBy("heatwatch", "1", ""), parquet.MaxRowsPerRowGroup(RowGroup), parquet.DataPageStatistics(false))
		err := readRows(old, func(rows []parquet.Row) error {
			kept := rows[:0:0]
			for _, row := range rows {
				if !gone(owner.of(row)) {
					kept = append(kept, row)
				}
			}
			_, err := out.WriteRows(kept)
			return err
		})
		return errors.Join(err, out.Close())
	})
	if err != nil {
		return err
	}
	return durable.Rename(fsys, next, path)
}
