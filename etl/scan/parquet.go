package scan

import (
	"errors"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"
)

// parquet looks through the columns of text of a file: for the long values anywhere, for keys in the columns that hold
// keys. A crosswalk says in each row whose key it is.
func (s *scan) parquet(f *os.File, partner string) (bool, error) {
	st, err := f.Stat()
	if err != nil {
		return false, err
	}
	p, err := parquet.OpenFile(f, st.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return false, err
	}
	key, of := -1, -1
	text := make([]bool, len(p.Schema().Columns()))
	for i, path := range p.Schema().Columns() {
		leaf, ok := p.Schema().Lookup(path...)
		text[i] = ok && (leaf.Node.Type().Kind() == parquet.ByteArray || leaf.Node.Type().Kind() == parquet.FixedLenByteArray)
		switch path[0] {
		case "person_key", "profile_key":
			key = i
		case "partner":
			of = i
		}
	}
	for _, g := range p.RowGroups() {
		found, err := s.rowGroup(g, text, key, of, partner)
		if found || err != nil {
			return found, err
		}
	}
	return false, nil
}

func (s *scan) rowGroup(g parquet.RowGroup, text []bool, key, of int, partner string) (bool, error) {
	var owners []string // of each row, where the file says so
	if of >= 0 {
		err := values(g.ColumnChunks()[of], func(v parquet.Value) bool {
			owners = append(owners, string(v.ByteArray()))
			return true
		})
		if err != nil {
			return false, err
		}
	}
	for i, c := range g.ColumnChunks() {
		if !text[i] {
			continue
		}
		found, row := false, 0
		err := values(c, func(v parquet.Value) bool {
			owner := partner
			if of >= 0 && row < len(owners) {
				owner = owners[row]
			}
			row++
			if v.IsNull() {
				return true
			}
			b := v.ByteArray()
			found = s.all.in(b) || i == key && s.keys[owner][string(b)]
			return !found
		})
		if found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// values calls each for every value of a column, nulls too, until it says false.
func values(c parquet.ColumnChunk, each func(parquet.Value) bool) (err error) {
	pages := c.Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	buf := make([]parquet.Value, 1024)
	for {
		p, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		r := p.Values()
		for {
			n, err := r.ReadValues(buf)
			for _, v := range buf[:n] {
				if !each(v) {
					parquet.Release(p)
					return nil
				}
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				parquet.Release(p)
				return err
			}
		}
		parquet.Release(p)
	}
}
