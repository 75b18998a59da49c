package intake

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"heatwatch/etl/leak"
	"heatwatch/etl/tokens"
	"heatwatch/models"
)

// field is one column of a file: what its cells must be, and where they go.
type field struct {
	name     string
	typ      models.Type
	kind     kind
	required bool
	slot     int // the entity's column, -1 for a token
	codes    *codeTable
	min, max int64 // range of an int; length of a key or token
	set      bool  // all linkage tokens of a person
}

// kind is how a cell is read and kept; several types share one.
type kind uint8

const (
	kindText kind = iota
	kindCode
	kindDate
	kindDateTime
	kindInt
)

// refusal is a reason that makes all rows of a file meaningless. The note says more than the code, and never quotes.
type refusal struct{ code, column, note string }

var harmless = regexp.MustCompile(`^[a-z0-9_]{1,40}$`)

// columnName is how a header's column may be spoken of: a header can hold anything, a person's name too.
func columnName(name string, position int) string {
	if harmless.MatchString(name) && leak.Opaque([]byte(name)) == leak.None {
		return name
	}
	return fmt.Sprintf("column %d", position+1)
}

// readHeader maps the header line (without BOM and line end) to the entity's columns.
func readHeader(line []byte, e models.Entity, o Options) ([]field, []refusal) {
	if bytes.IndexByte(line, 0) >= 0 || !utf8.Valid(line) {
		return nil, []refusal{{code: "bad_charset"}}
	}
	if len(line) == 0 {
		return nil, []refusal{{code: "no_header"}}
	}
	if bytes.Count(line, []byte{','}) >= o.Limits.Columns { // quoted commas count too: no legal name holds one
		return nil, []refusal{{code: "too_large", note: tooManyColumns}}
	}
	names, ok := splitRecord(line, nil, o.Limits.Columns)
	var fields []field
	var bad []refusal
	seen := map[string]bool{}
	known := 0
	for i, n := range names {
		name := string(n)
		f, listed := fieldOf(name, e)
		if listed {
			known++
		}
		if !listed && leak.Title(n) != leak.None {
			bad = append(bad, refusal{"leak", fmt.Sprintf("column %d", i+1), ""})
		} else if seen[name] || !listed || !o.Allowed(name) {
			bad = append(bad, refusal{"unlisted_column", columnName(name, i), aboutColumn(name, e, seen[name])})
		}
		if epoch, set := tokens.EpochOf(name); set && listed && o.Epochs != nil && !slices.Contains(o.Epochs, epoch) {
			bad = append(bad, refusal{"wrong_epoch", name, otherEpoch})
		}
		seen[name] = true
		fields = append(fields, f)
	}
	if leaks := slices.DeleteFunc(slices.Clone(bad), func(r refusal) bool { return r.code != "leak" }); len(leaks) > 0 {
		return nil, leaks
	}
	if known == 0 || !ok { // nothing that we know: a file that starts with its data, or with columns cut otherwise
		return nil, []refusal{{code: "no_header", note: otherDelimiter(line, e)}}
	}
	for _, c := range e.Columns {
		if c.Required && !seen[c.Name] {
			bad = append(bad, refusal{code: "missing_column", column: c.Name})
		}
	}
	return fields, bad
}

const otherEpoch = "the tokens were made with a linkage key that is not in use: ask the warehouse for a new kit"

// tooManyColumns and the notes below say what a clerk can look for; they name columns of the dictionary only.
const tooManyColumns = "the header has more columns than are taken"

// aboutColumn says what may have happened to a column that is not listed.
func aboutColumn(name string, e models.Entity, twice bool) string {
	if twice {
		return "the column stands in the header twice"
	}
	if name == "" {
		return "a column has no name: look for a comma at the end of the header"
	}
	plain := strings.ToLower(strings.TrimFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }))
	if _, ok := fieldOf(plain, e); ok && plain != name {
		return "it would be " + plain + ", written so: no capitals, spaces or marks"
	}
	return ""
}

// otherDelimiter recognises a header whose columns are separated by something else than commas.
func otherDelimiter(line []byte, e models.Entity) string {
	for _, d := range []struct{ delimiter, says string }{{";", "semicolons"}, {"\t", "tabs"}, {"|", "bars"}} {
		if !bytes.Contains(line, []byte(d.delimiter)) {
			continue
		}
		for name := range bytes.SplitSeq(line, []byte(d.delimiter)) {
			if _, ok := fieldOf(string(bytes.Trim(name, "\" ")), e); ok {
				return "the columns are separated by " + d.says + ": export with commas"
			}
		}
	}
	return ""
}

func fieldOf(name string, e models.Entity) (field, bool) {
	slot := e.Index(name)
	if slot < 0 {
		f := field{name: name, typ: models.TypeToken, kind: kindText, slot: -1, min: 22, max: 128}
		if _, ok := tokens.EpochOf(name); ok {
			f.set, f.min, f.max = true, tokens.TextLen, tokens.TextLen
		}
		return f, e.Tokens && models.IsToken(name)
	}
	c := e.Columns[slot]
	f := field{name: name, typ: c.Type, required: c.Required, slot: slot, min: c.Min, max: c.Max}
	switch c.Type {
	case models.TypeKey:
		f.kind, f.min, f.max = kindText, 1, 64
	case models.TypeToken:
		f.kind, f.min, f.max = kindText, 22, 128
	case models.TypeCode, models.TypeFlag:
		f.kind, f.codes = kindCode, newCodeTable(c.Values)
	case models.TypeDate:
		f.kind = kindDate
	case models.TypeDateTime:
		f.kind = kindDateTime
	case models.TypeInt:
		f.kind = kindInt
	}
	return f, true
}

// splitRecord cuts one line into its values by RFC 4180, given that no value holds a line end. ok is false where a quote
// opens or closes elsewhere than at the ends of a value. Values alias line, except where a doubled quote had to be undone.
// Of more than most values only the first most are kept: a line of a million commas is not worth a million slices.
func splitRecord(line []byte, into [][]byte, most int) (values [][]byte, ok bool) {
	values = into[:0]
	keep := func(v []byte) {
		if len(values) < most {
			values = append(values, v)
		}
	}
	for {
		if len(line) == 0 || line[0] != '"' {
			end := bytes.IndexByte(line, ',')
			if end < 0 {
				end = len(line)
			}
			if bytes.IndexByte(line[:end], '"') >= 0 {
				return values, false
			}
			keep(line[:end])
			if end == len(line) {
				return values, true
			}
			line = line[end+1:]
			continue
		}
		value, rest, closed := unquote(line[1:])
		if !closed {
			return values, false
		}
		keep(value)
		if len(rest) == 0 {
			return values, true
		}
		if rest[0] != ',' {
			return values, false
		}
		line = rest[1:]
	}
}

// unquote reads up to the closing quote.
func unquote(s []byte) (value, rest []byte, closed bool) {
	end := bytes.IndexByte(s, '"')
	if end < 0 {
		return nil, nil, false
	}
	if end+1 == len(s) || s[end+1] != '"' {
		return s[:end], s[end+1:], true
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '"' {
			if i+1 == len(s) || s[i+1] != '"' {
				return b, s[i+1:], true
			}
			i++
		}
		b = append(b, s[i])
	}
	return nil, nil, false
}
