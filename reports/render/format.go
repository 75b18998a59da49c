package render

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"heatwatch/internal/problem"
)

// Format is one of the four forms.
type Format string

// The forms of --format.
const (
	FormatTable    Format = "table"
	FormatCSV      Format = "csv"
	FormatJSON     Format = "json"
	FormatMarkdown Format = "markdown"
)

// Formats are all forms, in the order in which help texts name them.
func Formats() []Format { return []Format{FormatTable, FormatCSV, FormatJSON, FormatMarkdown} }

// Choose reads the value of --format; an empty one means a table on a terminal and CSV into a pipe.
func Choose(name string, isTerminal bool) (Format, error) {
	if name == "" {
		if isTerminal {
			return FormatTable, nil
		}
		return FormatCSV, nil
	}
	var known []string
	for _, f := range Formats() {
		if name == string(f) {
			return f, nil
		}
		known = append(known, string(f))
	}
	return "", problem.New(problem.Usage, "--format", "this form is not offered", "use one of "+strings.Join(known, ", "))
}

// Options say how to write. The zero value is a plain table.
type Options struct {
	Format   Format
	Terminal bool // draw boxes
	Color    bool // bold and dim; only ever set together with Terminal
	Width    int  // columns of the terminal; 0 means as wide as it gets
}

// OptionsFor looks at the writer and at the environment (NO_COLOR, TERM): only a terminal gets boxes and colours.
func OptionsFor(w io.Writer, format string, getenv func(string) string) (Options, error) {
	var o Options
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		o.Terminal = true
		o.Color = getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			o.Width = width
		}
	}
	var err error
	o.Format, err = Choose(format, o.Terminal)
	return o, err
}
