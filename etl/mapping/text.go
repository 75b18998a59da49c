package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const preamble = `# How your files become the dictionary's. Check every line: what is not named here stays with you.
# columns: yours: ours. codes: ours, then yours: ours. dates: the order of Y, M and D with the signs between them (YY: a year of two digits;
# Mon: names of months), excel for days as a spreadsheet counts them, or both: excel or M/D/Y. zone: local reads hours without offset in the time
# zone of the kit.
schema: 1
files:
`

// Text is the mapping file that Suggest proposes.
func Text(seen []Seen) []byte {
	var b strings.Builder
	b.WriteString(preamble)
	for _, s := range seen {
		switch {
		case s.Why != "":
			fmt.Fprintf(&b, "  # %q was not read: %s\n", s.File.File, s.Why)
		case s.Also != "":
			fmt.Fprintf(&b, "  # %q could be %s as well: if its rows are others, add it here with its columns\n", s.Label, s.Also)
		case s.Entity == "":
			fmt.Fprintf(&b, "  # %q fits no kind of record, and nothing of it leaves\n", s.Label)
		default:
			s.text(&b)
		}
	}
	return []byte(b.String())
}

func (s Seen) text(b *strings.Builder) {
	line := func(format string, a ...any) { fmt.Fprintf(b, "    "+format+"\n", a...) }
	fmt.Fprintf(b, "  - file: %s\n", quoted(s.File.File))
	if s.workbook() {
		line("sheet: %s", quoted(s.Sheet))
	}
	line("entity: %s", s.Entity)
	if !s.workbook() {
		line("charset: %s", s.Charset)
		line("separator: %s", quoted(s.Separator))
	}
	if s.Zone != "" {
		line("zone: %s", s.Zone)
	}
	line("columns:")
	for _, h := range s.Header {
		if h.Ours != "" {
			line("  %s: %s", quoted(h.Name), h.Ours)
		}
	}
	s.unmapped(line)
	if len(s.Dates) > 0 {
		line("dates:")
		for _, h := range s.Header {
			if order := s.Dates[h.Ours]; order != "" {
				line("  %s: %q%s", h.Ours, order, map[bool]string{true: " # day and month could be the other way round: check"}[h.Ambiguous])
			}
		}
	}
	if len(s.Codes) > 0 {
		line("codes:")
		for _, k := range slices.Sorted(maps.Keys(s.Codes)) {
			line("  %s:", k)
			for _, theirs := range slices.Sorted(maps.Keys(s.Codes[k])) {
				line("    %s: %s", quoted(theirs), quoted(s.Codes[k][theirs]))
			}
		}
	}
}

func (s Seen) unmapped(line func(string, ...any)) {
	said := false
	for i, h := range s.Header {
		if h.Ours != "" {
			continue
		}
		if !said {
			line("# unmapped:")
			said = true
		}
		line("#   %s stays with you", h.Shown(i, quoted(h.Name)))
	}
}

// Shown is the heading's name as a message may show it; in a file without header it is somebody's cell.
func (h Heading) Shown(i int, name string) string {
	if h.Name == "" {
		return fmt.Sprintf("column %d (its name is not shown)", i+1)
	}
	return name
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
