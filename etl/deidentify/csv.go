package deidentify

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// maxRecord bounds what one record may take in memory: a quote that is never closed must not read the whole file.
const maxRecord = 1 << 20

// malformed says that a file cannot be read as CSV from a line on. rule is a reason code of the dictionary.
type malformed struct {
	line int
	rule string
}

func (m *malformed) Error() string { return "not readable as CSV: " + m.rule }

var errUTF16 = errors.New("the file is UTF-16")

// csvReader reads records per RFC 4180, with or without a byte order mark, lines ended by LF or CRLF. A record is valid
// until the next call. Fields may hold line ends only inside quotes; whether a column may is not decided here.
type csvReader struct {
	in     *bufio.Reader
	line   int // of the last physical line read
	raw    []byte
	text   []byte
	ends   []int
	fields [][]byte
}

func newCSVReader(r io.Reader) (*csvReader, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	head, err := in.Peek(4096)
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")), bytes.IndexByte(head, 0) >= 0:
		return nil, errUTF16
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		in.Discard(3)
	}
	return &csvReader{in: in}, nil
}

// next returns the fields of the next record that is not blank, and the line on which it begins.
func (r *csvReader) next() (fields [][]byte, line int, err error) {
	for {
		line = r.line + 1
		more, err := r.readLine()
		if err != nil {
			return nil, line, err
		}
		if !more {
			return nil, line, io.EOF
		}
		if len(trimEOL(r.raw)) > 0 {
			break
		}
	}
	if bytes.IndexByte(r.raw, '"') < 0 {
		r.splitPlain(trimEOL(r.raw))
	} else if err := r.splitQuoted(line); err != nil {
		return nil, line, err
	}
	for _, f := range r.fields {
		if !utf8.Valid(f) || bytes.IndexByte(f, 0) >= 0 {
			return nil, line, &malformed{line, "bad_encoding"}
		}
	}
	return r.fields, line, nil
}

// readLine appends nothing: raw holds exactly the next physical line with its end.
func (r *csvReader) readLine() (bool, error) {
	r.raw = r.raw[:0]
	return r.appendLine()
}

func (r *csvReader) appendLine() (bool, error) {
	had := len(r.raw)
	for {
		part, err := r.in.ReadSlice('\n')
		r.raw = append(r.raw, part...)
		switch {
		case len(r.raw) > maxRecord:
			return false, &malformed{r.line + 1, "line_too_long"}
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && len(r.raw) == had:
			return false, nil
		case err != nil && err != io.EOF:
			return false, err
		}
		r.line++
		return true, nil
	}
}

func (r *csvReader) splitPlain(line []byte) {
	r.fields = r.fields[:0]
	for {
		i := bytes.IndexByte(line, ',')
		if i < 0 {
			r.fields = append(r.fields, line)
			return
		}
		r.fields = append(r.fields, line[:i])
		line = line[i+1:]
	}
}

// splitQuoted takes a record apart that has quotes, reading further lines while one is open.
func (r *csvReader) splitQuoted(start int) error {
	r.text, r.ends = r.text[:0], r.ends[:0]
	bad := &malformed{start, "unclosed_quote"}
	i := 0
	for {
		if i < len(r.raw) && r.raw[i] == '"' {
			var err error
			if i, err = r.quoted(i+1, bad); err != nil {
				return err
			}
		} else {
			from := i
			for i < len(r.raw) && r.raw[i] != ',' && r.raw[i] != '\n' {
				if r.raw[i] == '"' {
					return bad
				}
				i++
			}
			r.text = append(r.text, bytes.TrimSuffix(r.raw[from:i], []byte("\r"))...)
		}
		r.ends = append(r.ends, len(r.text))
		if i >= len(r.raw) || r.raw[i] != ',' {
			break
		}
		i++
	}
	r.fields = r.fields[:0]
	from := 0
	for _, end := range r.ends {
		r.fields = append(r.fields, r.text[from:end])
		from = end
	}
	return nil
}

// quoted copies a quoted field whose text begins at i and returns the place behind its closing quote.
func (r *csvReader) quoted(i int, bad error) (int, error) {
	for {
		for i < len(r.raw) {
			if r.raw[i] != '"' {
				r.text = append(r.text, r.raw[i])
				i++
				continue
			}
			if i+1 < len(r.raw) && r.raw[i+1] == '"' {
				r.text = append(r.text, '"')
				i += 2
				continue
			}
			i++
			if string(r.raw[i:]) == "\r\n" || string(r.raw[i:]) == "\r" {
				i++
			}
			if i < len(r.raw) && r.raw[i] != ',' && r.raw[i] != '\n' {
				return 0, bad
			}
			return i, nil
		}
		more, err := r.appendLine()
		if err != nil {
			return 0, err
		}
		if !more {
			return 0, bad
		}
	}
}

func trimEOL(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// appendCSV appends one field, quoted where it has to be.
func appendCSV(b []byte, field []byte) []byte {
	if !bytes.ContainsAny(field, ",\"\r\n") {
		return append(b, field...)
	}
	b = append(b, '"')
	b = append(b, bytes.ReplaceAll(field, []byte(`"`), []byte(`""`))...)
	return append(b, '"')
}
