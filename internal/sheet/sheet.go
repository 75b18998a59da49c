// Package sheet keeps text from outside from acting in a spreadsheet. Every CSV file that is written here passes through
// it: reports, lists, the agency's own keymap.
package sheet

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// number is what JSON calls a number.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// IsNumber reports whether a cell is a number as JSON writes it.
func IsNumber(cell string) bool { return number.MatchString(cell) }

// Harmless puts an apostrophe before a text that a spreadsheet would calculate. A number, also a negative one, is data
// and stays as it is.
func Harmless(cell string) string {
	r, size := utf8.DecodeRuneInString(cell)
	if size == 0 || !strings.ContainsRune("=+-@\t\r\n＝＋－＠", r) || cell == "-" || IsNumber(cell) {
		return cell
	}
	return "'" + cell
}
