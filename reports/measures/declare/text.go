package declare

import (
	"fmt"
	"strings"
)

// Text is what `heatwatch measures NAME` prints: the definition in full, in plain words.
func (m Measure) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s (definition %d)\n", m.ID, m.Title, m.Definition)
	for _, part := range []struct{ name, says string }{
		{"Objective", m.Objective}, {"Prong", m.Prong}, {"Definition", m.Says}, {"Population", strings.Join(m.Populations(), ", ")},
		{"Window", m.Window}, {"Due", m.Due}, {"Bounds", m.Bounds}, {"Who is counted", m.Denominator},
		{"Differences from the standard", m.Differences}, {"Source", m.Source},
	} {
		if part.says != "" {
			fmt.Fprintf(&b, "\n%s\n%s", part.name, wrap(part.says, 98, "  "))
		}
	}
	b.WriteString("\nStatistics\n")
	for _, s := range m.Statistics {
		says := s.Says
		switch s.Level {
		case "":
		case "snapshot":
			says += " (for each snapshot)"
		default:
			says += " (" + s.Level + "s only)"
		}
		if by := strings.Join(s.By, ", "); by != "" && m.HasTotal(s) {
			says += "; total, and by " + by
		} else if by != "" {
			says += "; by " + by
		}
		fmt.Fprintf(&b, "  %s (%s)\n%s", s.Name, s.Unit, wrap(says, 98, "      "))
	}
	return b.String()
}

func wrap(text string, width int, indent string) string {
	var b strings.Builder
	line := indent
	for _, word := range strings.Fields(text) {
		if len(line)+len(word)+1 > width && len(line) > len(indent) {
			b.WriteString(line + "\n")
			line = indent
		}
		if len(line) > len(indent) {
			line += " "
		}
		line += word
	}
	return b.String() + line + "\n"
}
