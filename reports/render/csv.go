package render

import (
	"encoding/csv"
	"io"

	"heatwatch/internal/sheet"
)

// writeCSV writes RFC 4180 quoting with plain line feeds, so that cut, grep and awk see no carriage returns; every
// reader of the format takes them.
func writeCSV(w io.Writer, t Table) error {
	out := csv.NewWriter(w)
	head := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		head[i] = sheet.Harmless(c.Name)
	}
	if err := out.Write(head); err != nil {
		return err
	}
	row := make([]string, len(t.Columns))
	for _, r := range t.Rows {
		for i, c := range r {
			row[i] = sheet.Harmless(c)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
