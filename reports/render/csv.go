package render

import (
	"encoding/csv"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// number is what JSON calls a number.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// writeCSV writes RFC 4180 quoting with plain line feeds, so that cut, grep and awk see no carriage returns; every
// reader of the format takes them.
func writeCSV(w io.Writer, t Table) error {
	out := csv.NewWriter(w)
	head := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		head[i] = harmless(c.Name)
	}
	if err := out.Write(head); err != nil {
		return err
	}
	row := make([]string, len(t.Columns))
	for _, r := range t.Rows {
		for i, c := range r {
			row[i] = harmless(c)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// harmless puts an apostrophe before a text that a spreadsheet would calculate. A number, also a negative one, is
// data and stays as it is.
func harmless(cell string) string {
	if number.MatchString(cell) {
		return cell
	}
	r, size := utf8.DecodeRuneInString(cell)
	if size == 0 || !strings.ContainsRune("=+-@\t\r\n＝＋－＠", r) || cell == "-" {
		return cell
	}
	return "'" + cell
}
