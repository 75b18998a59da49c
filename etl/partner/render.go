package partner

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"heatwatch/models"
)

// Text is the agreement as YAML, every field in its place: what ParseAgreement reads back to the same agreement.
func (a Agreement) Text() []byte {
	var b strings.Builder
	line := func(name, value, says string) { fmt.Fprintf(&b, "%-32s # %s\n", name+": "+value, says) }
	b.WriteString("# The agreement with one partner. `heatwatch partner set NAME FIELD=VALUE` changes it.\n")
	line("schema", "1", "of this file")
	line("kind", a.Kind, "of agency; a second role is a second partner")
	line("sharing", a.Sharing, "token, consented or aggregate-only")
	line("state", a.State, "draft, sample, live or suspended")
	line("starts_on", a.StartsOn.String(), "first day of the agreement")
	line("ends_on", a.endText(), "last day; empty: no end")
	line("freshness", a.Freshness, "weekly, monthly or quarterly")
	line("distinct_persons", yesNo(a.DistinctPersons), "yes: one person has one number at the agency")
	line("on_end", a.OnEnd, "keep or erase")
	line("legal_hold", yesNo(a.LegalHold), "yes: nothing is erased while it lasts")
	if a.MostPersons > 0 {
		line("most_persons", strconv.Itoa(a.MostPersons), "that a drop may list")
	}
	b.WriteString("\n# The statute, order or agreement under which an entity is sent.\n")
	if len(a.Authority) == 0 {
		b.WriteString("authority: {}\n")
	} else {
		b.WriteString("authority:\n")
		for _, e := range slices.Sorted(maps.Keys(a.Authority)) {
			fmt.Fprintf(&b, "  %s: %s\n", e, doubleQuoted(a.Authority[e]))
		}
	}
	b.WriteString("\n# What may be sent: all, or a list of columns. An entity that is not listed may not be sent.\n")
	if len(a.Columns) == 0 {
		b.WriteString("columns: {}\n")
		return []byte(b.String())
	}
	b.WriteString("columns:\n")
	for _, e := range models.Dictionary().Entities {
		if r, ok := a.Columns[e.Name]; ok {
			fmt.Fprintf(&b, "  %s: %s\n", e.Name, r)
		}
	}
	return []byte(b.String())
}

func (r ColumnRule) String() string {
	if r.All {
		return "all"
	}
	names := slices.Clone(r.Names)
	for i, n := range names {
		if n == "token_*" {
			names[i] = `"token_*"`
		}
	}
	return "[" + strings.Join(names, ", ") + "]"
}

func (a Agreement) endText() string {
	if !a.Ends {
		return ""
	}
	return a.EndsOn.String()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func doubleQuoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
