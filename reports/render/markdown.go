package render

import (
	"io"
	"strings"
	"unicode/utf8"
)

// writeMarkdown writes a pipe table, padded so that it also reads well as plain text.
func writeMarkdown(w io.Writer, t Table) error {
	width := make([]int, len(t.Columns))
	rows := make([][]string, 0, len(t.Rows)+1)
	head := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		head[i] = markup(c.Name)
	}
	rows = append(rows, head)
	for _, r := range t.Rows {
		row := make([]string, len(r))
		for i, c := range r {
			row[i] = markup(c)
		}
		rows = append(rows, row)
	}
	for _, r := range rows {
		for i, c := range r {
			width[i] = max(width[i], utf8.RuneCountInString(c), 3)
		}
	}
	var b strings.Builder
	for n, r := range rows {
		for i, c := range r {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if t.Columns[i].Right {
				b.WriteString("| " + pad + c + " ")
			} else {
				b.WriteString("| " + c + pad + " ")
			}
		}
		b.WriteString("|\n")
		if n == 0 {
			for i, c := range t.Columns {
				if c.Right {
					b.WriteString("| " + strings.Repeat("-", width[i]-1) + ": ")
				} else {
					b.WriteString("| " + strings.Repeat("-", width[i]) + " ")
				}
			}
			b.WriteString("|\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markup escapes what Markdown or HTML inside it would act on.
var escapes = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "`", "\\`", "*", `\*`, "[", `\[`, "]", `\]`)

func markup(s string) string { return escapes.Replace(clean(s)) }
