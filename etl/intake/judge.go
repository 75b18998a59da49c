package intake

import (
	"bytes"
	"unicode/utf8"

	"heatwatch/etl/leak"
	"heatwatch/etl/tokens"
	"heatwatch/models"
)

// fault is one reason against one row.
type fault struct {
	line, offset int32 // within the block
	field        int32 // position in the header, -1: about the row
	code         string
	column       string
	class        Class
}

// judge is the careful path: it decides about one line (without its end) and either adds its cells to the batch or
// appends every reason against it. Reasons about the line as a whole come alone.
func (c *checker) judge(line []byte, at fault) (accepted bool) {
	code := ""
	switch {
	case len(line) > c.opts.Limits.Line:
		code = "line_too_long"
	case bytes.IndexByte(line, 0) >= 0 || !utf8.Valid(line):
		code = "bad_encoding"
	}
	if code == "" {
		var ok bool
		c.record, ok = splitRecord(line, c.record, len(c.fields)+1)
		switch {
		case !ok:
			code = "unclosed_quote"
		case len(c.record) != len(c.fields):
			code = "wrong_field_count"
		case c.isHeader(c.record):
			code = "repeated_header"
		}
	}
	if code != "" {
		at.code, at.field = code, -1
		c.faults = append(c.faults, at)
		return false
	}
	before := len(c.faults)
	for k, v := range c.record {
		f := &c.fields[k]
		value, fault := f.read(v)
		if fault != "" {
			at.code, at.field, at.column, at.class = fault, int32(k), f.name, classOf(v)
			c.faults = append(c.faults, at)
		}
		c.set(k, v, value, fault == "")
	}
	return len(c.faults) == before
}

// isHeader tells whether a row says what the header says: two exports in one file.
func (p *plan) isHeader(record [][]byte) bool {
	for k, v := range record {
		if string(v) != p.fields[k].name {
			return false
		}
	}
	return true
}

// like tells whether a line may be the header again. It is asked where a header would pass as a row: its names are keys
// and tokens like any other.
func (p *plan) like(line []byte) bool {
	if line[0] == '"' {
		line = line[1:]
	}
	return bytes.HasPrefix(line, []byte(p.fields[0].name))
}

// set puts a cell where the checks across cells and the batch look for it.
func (c *checker) set(k int, text []byte, v models.Value, fine bool) {
	f, col := &c.fields[k], &c.batch.columns[k]
	if f.slot >= 0 {
		c.values[f.slot] = v
		c.broken[f.slot] = !fine
		c.anyBroken = c.anyBroken || !fine
	}
	switch {
	case !fine || !v.OK:
		col.addNull()
	case f.set && c.rekey != nil:
		col.addText(c.rekeyed(text))
	case f.kind == kindText:
		col.addText(text)
	default:
		col.add(v.V)
	}
}

// read judges one value by itself.
func (f *field) read(v []byte) (models.Value, string) {
	none := models.Value{}
	if len(v) == 0 {
		if f.required {
			return none, "missing_value"
		}
		return none, ""
	}
	switch f.typ {
	case models.TypeKey:
		switch {
		case !models.ValidKey(v):
			return none, orNamed(v)
		case leak.Opaque(v) != leak.None:
			return none, "leak"
		}
		return models.Value{OK: true}, ""
	case models.TypeToken:
		if f.set {
			if _, ok := tokens.ParseText(v); !ok {
				return none, "bad_token_set"
			}
		} else if !models.ValidToken(v) {
			return none, orNamed(v)
		} else if leak.Opaque(v) != leak.None {
			return none, "leak"
		}
		return models.Value{OK: true}, ""
	case models.TypeCode, models.TypeFlag:
		n := f.codes.index(v)
		switch {
		case n >= 0:
			return models.Value{V: int64(n), OK: true}, ""
		case f.typ == models.TypeFlag:
			return none, orLeak(v, "bad_flag")
		}
		return none, orLeak(v, "unknown_code")
	case models.TypeDate:
		d, ok := models.ParseDate(v)
		switch {
		case !ok:
			return none, orLeak(v, "bad_date")
		case !d.Taken():
			return none, "out_of_range"
		}
		return models.Value{V: int64(d), OK: true}, ""
	case models.TypeDateTime:
		m, ok := models.ParseDateTime(v)
		switch {
		case !ok:
			return none, orLeak(v, "bad_datetime")
		case !models.TakenInstant(m):
			return none, "out_of_range"
		}
		return models.Value{V: m, OK: true}, ""
	}
	n, ok := models.ParseInt(v)
	switch {
	case !ok:
		return none, orLeak(v, "bad_int")
	case n < f.min || n > f.max:
		return none, "out_of_range"
	}
	return models.Value{V: n, OK: true}, ""
}

// orNamed is the reason against what is no key or token by its form: where such a thing should stand, a name is a leak however it is written.
func orNamed(v []byte) string {
	if leak.Opaque(v) != leak.None {
		return "leak"
	}
	return orLeak(v, "bad_key")
}

// orLeak is the reason against a cell that is not of its type: that it identifies somebody comes first.
func orLeak(v []byte, code string) string {
	if leak.Misplaced(v) != leak.None {
		return "leak"
	}
	return code
}
