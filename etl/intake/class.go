package intake

import (
	"strconv"
	"unicode/utf8"
)

// Class says what kind of thing a refused value was, and never what it said.
type Class struct {
	kind classKind
	n    int32 // characters
}

type classKind uint8

const (
	classNone classKind = iota // the reason is not about one value
	classEmpty
	classDigits
	classText
	classBytes
)

// classOf looks at a value just long enough to name its kind.
func classOf(v []byte) Class {
	switch {
	case len(v) == 0:
		return Class{kind: classEmpty}
	case !utf8.Valid(v):
		return Class{kind: classBytes, n: int32(len(v))}
	}
	for _, c := range v {
		if c < '0' || c > '9' {
			return Class{kind: classText, n: int32(utf8.RuneCount(v))}
		}
	}
	return Class{kind: classDigits, n: int32(len(v))}
}

func (c Class) String() string {
	switch c.kind {
	case classEmpty:
		return "empty"
	case classDigits:
		return "digits, " + c.size("character")
	case classText:
		return "text, " + c.size("character")
	case classBytes:
		return "not UTF-8, " + c.size("byte")
	}
	return ""
}

func (c Class) size(unit string) string {
	s := strconv.Itoa(int(c.n)) + " " + unit
	if c.n != 1 {
		s += "s"
	}
	return s
}
