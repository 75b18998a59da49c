package intake

import (
	"bytes"
	"errors"
	"io"
)

// blockSize is how much input is checked in one piece. It must hold the longest line and more: a block without any line
// end is the sign of a line that is too long.
const blockSize = 2 << 20

// splitter cuts a stream into blocks of whole lines. LF, CRLF and CR all end a line.
type splitter struct {
	r      io.Reader
	size   int    // of a block
	carry  []byte // read already, belongs to the next block
	offset int64  // of the next block's first byte
	ended  bool
}

// fill reads until buf is full or the stream ends.
func (s *splitter) fill(buf []byte) (int, error) {
	n := copy(buf, s.carry)
	s.carry = s.carry[:0]
	if s.ended {
		return n, nil
	}
	m, err := io.ReadFull(s.r, buf[n:])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.ended, err = true, nil
	}
	return n + m, err
}

func (s *splitter) keep(rest []byte) { s.carry = append(s.carry[:0], rest...) }

// header returns the first line without its end and without a BOM. The refusal has a code if the file is no text in UTF-8
// or has no first line within the limit.
func (s *splitter) header(buf []byte, l Limits) (line []byte, refused refusal, err error) {
	n, err := s.fill(buf[:s.size])
	if err != nil {
		return nil, refused, err
	}
	head := buf[:n]
	if what := otherFormat(head); what != "" {
		return nil, refusal{code: "format_not_offered", note: "this is " + what + ", whatever the name says"}, nil
	}
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return nil, refusal{code: "bad_charset", note: "the file is in UTF-16"}, nil
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		head = head[3:]
		s.offset = 3
	}
	end := lineEnd(head)
	if end < 0 {
		end = len(head)
	}
	if end > l.Line {
		switch {
		case bytes.IndexByte(head[:l.Line], 0) >= 0:
			return nil, refusal{code: "bad_charset"}, nil
		case bytes.Count(head[:l.Line], []byte{','}) >= l.Columns:
			return nil, refusal{code: "too_large", note: tooManyColumns}, nil
		}
		return nil, refusal{code: "no_header", note: "the first line is longer than any header"}, nil
	}
	next := afterEnd(head, end)
	s.offset += int64(next)
	s.keep(head[next:])
	return head[:end], refused, nil
}

// formats are what people send under the name of a CSV file, by the bytes with which they begin.
var formats = []struct{ begins, what string }{
	{"PAR1", "a Parquet file"}, {"PK\x03\x04", "a zip archive or a workbook"}, {"PK\x05\x06", "a zip archive"}, {"\xd0\xcf\x11\xe0", "a workbook or document"},
	{"\x1f\x8b", "a gzip archive"}, {"\x28\xb5\x2f\xfd", "a zstd archive"}, {"\xfd7zXZ\x00", "an xz archive"}, {"BZh", "a bzip2 archive"}, {"7z\xbc\xaf", "a 7z archive"},
	{"%PDF-", "a PDF document"}, {"SQLite format 3\x00", "a database"},
}

func otherFormat(head []byte) string {
	for _, f := range formats {
		if bytes.HasPrefix(head, []byte(f.begins)) {
			return f.what
		}
	}
	return ""
}

// lineEnd finds the first line end, or returns -1.
func lineEnd(b []byte) int {
	lf := bytes.IndexByte(b, '\n')
	if lf < 0 {
		return bytes.IndexByte(b, '\r')
	}
	if cr := bytes.IndexByte(b[:lf], '\r'); cr >= 0 {
		return cr
	}
	return lf
}

// afterEnd steps over the line end at b[end].
func afterEnd(b []byte, end int) int {
	switch {
	case end >= len(b):
		return len(b)
	case b[end] == '\r' && end+1 < len(b) && b[end+1] == '\n':
		return end + 2
	}
	return end + 1
}

// next fills buf, which has padding beyond s.size, with whole lines and returns how many bytes they are, after a line
// end was added to an unfinished last line. tooLong says that one line was passed over instead, and n is 0. At the end n
// is 0 as well.
func (s *splitter) next(buf []byte) (n int, offset int64, tooLong bool, err error) {
	offset = s.offset
	total, err := s.fill(buf[:s.size])
	if err != nil || total == 0 {
		return 0, offset, false, err
	}
	cut := total
	if s.ended {
		if last := buf[total-1]; last != '\n' && last != '\r' {
			buf[total] = '\n'
			cut++
		}
	} else {
		cut = bytes.LastIndexByte(buf[:total], '\n') + 1
		if cut == 0 { // a CR as the very last byte may have its LF still to come
			cut = bytes.LastIndexByte(buf[:total-1], '\r') + 1
		}
		if cut == 0 {
			s.offset += int64(total)
			return 0, offset, true, s.skip(buf)
		}
		s.keep(buf[cut:total])
	}
	s.offset += int64(min(cut, total))
	for i := range padding {
		buf[cut+i] = '\n'
	}
	return cut, offset, false, nil
}

// skip passes over the rest of a line that is too long, whatever its length.
func (s *splitter) skip(buf []byte) error {
	cr := buf[s.size-1] == '\r' // can only be the last byte: next would have cut at an earlier one
	for {
		total, err := s.fill(buf[:s.size])
		if err != nil || total == 0 {
			return err
		}
		end := -1
		switch {
		case cr && buf[0] == '\n':
			end = 1
		case cr:
			end = 0
		default:
			if e := lineEnd(buf[:total]); e >= 0 {
				if cr = buf[e] == '\r' && e+1 == total; cr && !s.ended {
					s.offset += int64(total)
					continue
				}
				end = afterEnd(buf[:total], e)
			}
		}
		if end >= 0 {
			s.offset += int64(end)
			s.keep(buf[end:total])
			return nil
		}
		s.offset += int64(total)
	}
}
