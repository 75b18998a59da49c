package render

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// writeText lines the cells up. A terminal gets thin lines; anything else gets spaces and one rule of dashes under the
// names, so that the text can be mailed and compared.
func writeText(w io.Writer, t Table, o Options) error {
	t = fit(printable(t), o.Width)
	align := make([]tw.Align, len(t.Columns))
	head := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		align[i] = tw.AlignLeft
		if c.Right {
			align[i] = tw.AlignRight
		}
		head[i] = c.Name
		if o.Color && o.Terminal {
			head[i] = "\x1b[1m" + c.Name + "\x1b[0m"
		}
	}
	section := func() tw.CellConfig {
		return tw.CellConfig{
			Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
			Alignment:  tw.CellAlignment{Global: tw.AlignLeft, PerColumn: align},
			Padding:    tw.CellPadding{Global: padding(o.Terminal)},
		}
	}
	out := &trimmed{w: w}
	tbl := tablewriter.NewTable(out,
		tablewriter.WithRenderer(renderer.NewBlueprint(rendition(o.Terminal))),
		tablewriter.WithConfig(tablewriter.Config{
			Header:   section(),
			Row:      section(),
			Behavior: tw.Behavior{TrimSpace: tw.Off, AutoHide: tw.Off},
		}),
	)
	tbl.Header(head)
	for _, r := range t.Rows {
		if err := tbl.Append(r); err != nil {
			return err
		}
	}
	if err := tbl.Render(); err != nil {
		return err
	}
	return out.flush()
}

func padding(box bool) tw.Padding {
	if box {
		return tw.Padding{Left: " ", Right: " ", Overwrite: true}
	}
	return tw.Padding{Left: "", Right: "  ", Overwrite: true}
}

func rendition(box bool) tw.Rendition {
	if box {
		return tw.Rendition{
			Symbols:  tw.NewSymbols(tw.StyleLight),
			Borders:  tw.Border{Left: tw.On, Right: tw.On, Top: tw.On, Bottom: tw.On},
			Settings: tw.Settings{Separators: tw.Separators{BetweenColumns: tw.On, BetweenRows: tw.Off}},
		}
	}
	return tw.Rendition{
		Symbols: tw.NewSymbols(tw.StyleASCII),
		Borders: tw.Border{Left: tw.Off, Right: tw.Off, Top: tw.Off, Bottom: tw.Off, Overwrite: true},
		Settings: tw.Settings{
			Lines:      tw.Lines{ShowTop: tw.Off, ShowBottom: tw.Off, ShowHeaderLine: tw.On, ShowFooterLine: tw.Off},
			Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off},
		},
	}
}

// printable replaces what would move the cursor or colour the screen: a name in a drop must not draw on a terminal.
func printable(t Table) Table {
	rows := make([][]string, len(t.Rows))
	for i, r := range t.Rows {
		rows[i] = make([]string, len(r))
		for j, c := range r {
			rows[i][j] = clean(c)
		}
	}
	return Table{Columns: t.Columns, Rows: rows}
}

func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == utf8.RuneError:
			return '?'
		}
		return r
	}, s)
}

// fit wraps the widest column of words until the table is as wide as the terminal, but never below 24 columns: a
// reader can scroll, a column of single letters is of no use.
func fit(t Table, width int) Table {
	if width <= 0 || len(t.Columns) == 0 {
		return t
	}
	total, widest, at := 1, 0, -1
	for i, c := range t.Columns {
		n := twwidth.Width(c.Name)
		for _, r := range t.Rows {
			n = max(n, twwidth.Width(r[i]))
		}
		total += n + 3
		if !c.Right && n > widest {
			widest, at = n, i
		}
	}
	if total <= width || at < 0 {
		return t
	}
	limit := max(24, widest-(total-width))
	rows := make([][]string, len(t.Rows))
	for i, r := range t.Rows {
		rows[i] = append([]string(nil), r...)
		rows[i][at] = strings.Join(wrap(r[at], limit), "\n")
	}
	return Table{Columns: t.Columns, Rows: rows}
}

// wrap breaks a line between words.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		switch {
		case line == "":
			line = word
		case twwidth.Width(line)+1+twwidth.Width(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}

// trimmed takes the blanks off the ends of lines.
type trimmed struct {
	w    io.Writer
	rest []byte
}

func (t *trimmed) Write(p []byte) (int, error) {
	t.rest = append(t.rest, p...)
	return len(p), nil
}

func (t *trimmed) flush() error {
	lines := strings.Split(string(t.rest), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	_, err := io.WriteString(t.w, strings.Join(lines, "\n"))
	return err
}
