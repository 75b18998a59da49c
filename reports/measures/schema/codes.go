package schema

import (
	"fmt"
	"slices"
	"strings"

	"heatwatch/models"
)

// plain writes code('entity.column', 'value') as the number it stands for, and label('entity.column', n) as the list of
// values at n: DuckDB expands a macro at each use, which for all columns of the dictionary takes more time than a
// statement on a county. A name that the dictionary does not have stays, so that the session's macro refuses it.
func plain(sql string) string {
	var b strings.Builder
	for {
		at, name := nextCall(sql)
		if at < 0 {
			return b.String() + sql
		}
		end := closing(sql, at+len(name))
		if end < 0 {
			return b.String() + sql
		}
		b.WriteString(sql[:at])
		b.WriteString(call(name, sql[at+len(name)+1:end], sql[at:end+1]))
		sql = sql[end+1:]
	}
}

// nextCall finds the first code( or label( that is no part of a longer name.
func nextCall(sql string) (at int, name string) {
	at = -1
	for _, n := range []string{"code", "label"} {
		for from := 0; ; {
			i := strings.Index(sql[from:], n+"(")
			if i < 0 {
				break
			}
			i += from
			if i == 0 || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz_", rune(sql[i-1])) {
				if at < 0 || i < at {
					at, name = i, n
				}
				break
			}
			from = i + 1
		}
	}
	return at, name
}

// closing is the place of the parenthesis that closes the one at open, texts in quotes passed over.
func closing(sql string, open int) int {
	depth, quoted := 0, false
	for i := open; i < len(sql); i++ {
		switch c := sql[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func call(name, arguments, as string) string {
	column, rest, ok := strings.Cut(arguments, ",")
	values := models.Dictionary().Values(strings.Trim(strings.TrimSpace(column), "'"))
	if values == nil {
		values = models.Dictionary().List(strings.Trim(strings.TrimSpace(column), "'"))
	}
	if !ok || len(values) == 0 {
		return as
	}
	if name == "label" {
		return fmt.Sprintf("(['%s'])[(%s)::INTEGER + 1]", strings.Join(values, "', '"), plain(strings.TrimSpace(rest)))
	}
	i := slices.Index(values, strings.Trim(strings.TrimSpace(rest), "'"))
	if i < 0 {
		return as
	}
	return fmt.Sprintf("%d::UTINYINT", i)
}
