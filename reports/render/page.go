package render

import (
	"io"
	"strings"
)

// Page is prose with headings and tables, written for a terminal or as Markdown.
type Page struct{ parts []part }

type part struct {
	level int // of a heading; 0: none
	text  string
	item  bool
	table *Table
}

// Heading begins a part of the page; level 1 is the page's own.
func (p *Page) Heading(level int, text string) {
	p.parts = append(p.parts, part{level: level, text: text})
}

// Say adds a paragraph, unless there is nothing to say.
func (p *Page) Say(text string) {
	if text != "" {
		p.parts = append(p.parts, part{text: text})
	}
}

// Item adds a line of a list.
func (p *Page) Item(text string) { p.parts = append(p.parts, part{text: text, item: true}) }

// Table adds a table, unless it has no rows.
func (p *Page) Table(t Table) {
	if len(t.Rows) > 0 {
		p.parts = append(p.parts, part{table: &t})
	}
}

// spoken is prose as Markdown; commands in it keep their marks.
func spoken(text string) string { return strings.ReplaceAll(markup(text), "\\`", "`") }

// readable is the width of prose and of tables that no terminal limits.
const readable = 110

// WritePage writes it as Markdown where that was asked for, else for reading.
func WritePage(w io.Writer, p Page, o Options) error {
	md := o.Format == FormatMarkdown
	if o.Width <= 0 || o.Width > readable && !o.Terminal {
		o.Width = readable
	}
	prose := min(o.Width, readable)
	for i, x := range p.parts {
		end := "\n\n"
		if x.item && i+1 < len(p.parts) && p.parts[i+1].item {
			end = "\n"
		}
		var s string
		switch {
		case x.table != nil && md:
			if err := writeMarkdown(w, *x.table); err != nil {
				return err
			}
			s, end = "", "\n"
		case x.table != nil:
			if err := writeText(w, *x.table, o); err != nil {
				return err
			}
			s, end = "", "\n"
		case x.level > 0 && md:
			s = strings.Repeat("#", x.level) + " " + markup(x.text)
		case x.level == 1:
			s = clean(x.text) + "\n" + strings.Repeat("=", len([]rune(x.text)))
		case x.level > 0:
			s = strings.ToUpper(clean(x.text))
		case md && x.item:
			s = "- " + spoken(x.text)
		case md:
			s = spoken(x.text)
		case x.item:
			s = "- " + strings.Join(wrap(clean(x.text), prose-2), "\n  ")
		default:
			s = strings.Join(wrap(clean(x.text), prose), "\n")
		}
		if _, err := io.WriteString(w, s+end); err != nil {
			return err
		}
	}
	return nil
}
