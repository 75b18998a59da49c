package mapping

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

var charsetNames = []string{"utf-8", "windows-1252", "windows-1250", "iso-8859-1", "iso-8859-15", "macintosh", "utf-16le", "utf-16be"}

func decoder(charset string) (encoding.Encoding, error) {
	switch charset {
	case "utf-8":
		return unicode.UTF8BOM, nil
	case "windows-1252":
		return charmap.Windows1252, nil
	case "windows-1250":
		return charmap.Windows1250, nil
	case "iso-8859-1":
		return charmap.ISO8859_1, nil
	case "iso-8859-15":
		return charmap.ISO8859_15, nil
	case "macintosh":
		return charmap.Macintosh, nil
	case "utf-16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), nil
	case "utf-16be":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM), nil
	}
	return nil, errors.New("charset is none that is known")
}

// guess finds charset and separator: by the mark at the beginning, by bytes that are 0, by whether all of it is UTF-8.
func guess(r io.Reader) (charset, separator string, err error) {
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", "", err
	}
	head = head[:n]
	if charset = wide(head); charset == "" {
		charset = "utf-8"
		ok, err := isUTF8(io.MultiReader(bytes.NewReader(head), r))
		if err != nil {
			return "", "", err
		}
		if !ok {
			charset = "windows-1252"
		}
	}
	text := head
	if e, err := decoder(charset); err == nil {
		text, _, _ = transform.Bytes(e.NewDecoder(), head)
	}
	return charset, separatorOf(text), nil
}

// wide recognises UTF-16, which puts a zero beside each letter of a header.
func wide(head []byte) string {
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i%2]++
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), zeros[1] > len(head)/4 && zeros[0] < zeros[1]:
		return "utf-16le"
	case bytes.HasPrefix(head, []byte("\xfe\xff")), zeros[0] > len(head)/4:
		return "utf-16be"
	}
	return ""
}

func isUTF8(r io.Reader) (bool, error) {
	buf, kept := make([]byte, 64<<10), 0
	for {
		n, err := r.Read(buf[kept:])
		n += kept
		end := n
		if err == nil {
			end = len(whole(buf[:n]))
		}
		if !utf8.Valid(buf[:end]) {
			return false, nil
		}
		kept = copy(buf, buf[end:n])
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// whole leaves out a letter that was cut at the end.
func whole(b []byte) []byte {
	for i := 1; i <= utf8.UTFMax && i <= len(b); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// separatorOf is the sign that the first lines hold as often as the header does; of several, the most frequent one.
func separatorOf(text []byte) string {
	lines := bytes.SplitN(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n"), 12)
	best, most := ",", 0
	for _, s := range []string{",", ";", "\t", "|"} {
		n := unquoted(lines[0], s[0])
		same := 0
		for _, l := range lines[1:] {
			if n > 0 && unquoted(l, s[0]) == n {
				same++
			}
		}
		if score := n + 100*same; n > 0 && score > most {
			best, most = s, score
		}
	}
	if best == "\t" {
		return `\t`
	}
	return best
}

// unquoted counts a sign outside quotes.
func unquoted(line []byte, sign byte) (n int) {
	quoted := false
	for _, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == sign && !quoted:
			n++
		}
	}
	return n
}
