package render

import (
	"bytes"
	"encoding/json"
	"io"

	"heatwatch/internal/sheet"
)

// writeJSON writes {"schema":1,"rows":[...]}, one row a line, keys in the order of the columns: easy to read, to diff
// and to parse. Further tables follow under their own names.
func writeJSON(w io.Writer, t Table, more ...Named) error {
	var b bytes.Buffer
	b.WriteString(`{"schema":1,"rows":`)
	jsonRows(&b, t)
	for _, m := range more {
		b.WriteByte(',')
		b.Write(quoted(m.Name))
		b.WriteByte(':')
		jsonRows(&b, m.Table)
	}
	b.WriteString("}\n")
	_, err := w.Write(b.Bytes())
	return err
}

func jsonRows(b *bytes.Buffer, t Table) {
	b.WriteByte('[')
	for i, r := range t.Rows {
		sep(b, i)
		b.WriteByte('{')
		for j, c := range t.Columns {
			if j > 0 {
				b.WriteByte(',')
			}
			b.Write(quoted(c.Name))
			b.WriteByte(':')
			b.Write(cell(c, r[j]))
		}
		b.WriteByte('}')
	}
	end(b, len(t.Rows))
}

// sep begins the i-th line of an array that is written one element a line.
func sep(b *bytes.Buffer, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
	b.WriteByte('\n')
}

func end(b *bytes.Buffer, n int) {
	if n > 0 {
		b.WriteByte('\n')
	}
	b.WriteByte(']')
}

func cell(c Column, s string) []byte {
	switch {
	case c.Right && s == "":
		return []byte("null")
	case c.Right && sheet.IsNumber(s), c.Flag && (s == "true" || s == "false"):
		return []byte(s)
	}
	return quoted(s)
}

// quoted is a JSON string that leaves <, > and & readable.
func quoted(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string can always be encoded
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
