package intake

import (
	"fmt"
	"path/filepath"
)

// Account checks that every row of a landed drop is accounted for: in each file that was read rows are accepted, quarantined
// or blank; the list of rejects names as many rows as were quarantined; and the checked rows are all there. It returns what
// does not add up, in words without values. An error means that it could not look.
func Account(landing string, d Drop) (wrong []string, err error) {
	listed := map[string]int64{}
	var file string
	var line int64
	err = ReadQuarantine(landing, d.Partner, d.Name, func(r QuarantineRow) error {
		if r.File != file || r.Line != line { // a row's reasons stand together
			listed[r.File]++
		}
		file, line = r.File, r.Line
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, f := range d.Files {
		if f.Refused {
			continue
		}
		if f.Rows != f.Accepted+f.Quarantined+f.Blank {
			wrong = append(wrong, fmt.Sprintf("%s: %d rows are not %d accepted, %d quarantined and %d blank", f.Name, f.Rows, f.Accepted, f.Quarantined, f.Blank))
		}
		if n := listed[f.Name]; n != f.Quarantined {
			wrong = append(wrong, fmt.Sprintf("%s: %d rows were quarantined, and the list of rejects names %d", f.Name, f.Quarantined, n))
		}
		if f.Parquet == "" {
			continue
		}
		in, p, err := openLanding(filepath.Join(landing, d.Partner, d.Name, f.Parquet))
		if err != nil {
			wrong = append(wrong, f.Parquet+": the checked rows cannot be read")
			continue
		}
		// More than recorded, where something was erased: the erasure was cut off, and the next night finishes it.
		if n := p.NumRows(); n < f.ParquetRows || n > f.ParquetRows && d.Erasures == 0 {
			wrong = append(wrong, fmt.Sprintf("%s: it holds %d rows, the record says %d", f.Parquet, p.NumRows(), f.ParquetRows))
		}
		in.Close()
	}
	return wrong, nil
}
