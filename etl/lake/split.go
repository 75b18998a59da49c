package lake

import "strings"

// Split cuts SQL text into its statements. It knows strings, quoted names, dollar quotes and both kinds of comments. A
// wrong cut can only make a statement fail: each is still prepared on its own.
func Split(text string) []string {
	var out []string
	start := 0
	for i := 0; i < len(text); {
		if text[i] == ';' {
			out = appendStatement(out, text[start:i])
			i++
			start = i
			continue
		}
		i += skip(text[i:])
	}
	return appendStatement(out, text[start:])
}

func appendStatement(list []string, s string) []string {
	rest := strings.TrimSpace(s)
	for strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*") {
		rest = strings.TrimSpace(rest[skip(rest):])
	}
	if rest == "" {
		return list
	}
	return append(list, strings.TrimSpace(s))
}

// skip is the length of the token at the start of s that a semicolon inside would not end.
func skip(s string) int {
	until := func(from int, end string) int {
		if i := strings.Index(s[from:], end); i >= 0 {
			return from + i + len(end)
		}
		return len(s)
	}
	switch {
	case s[0] == '\'' || s[0] == '"':
		return until(1, s[:1]) // a doubled quote reads as two strings side by side
	case strings.HasPrefix(s, "--"):
		return until(2, "\n")
	case strings.HasPrefix(s, "/*"):
		return until(2, "*/")
	case s[0] == '$':
		if i := strings.IndexByte(s[1:], '$'); i >= 0 && isTag(s[1:1+i]) {
			return until(i+2, s[:i+2])
		}
	}
	return 1
}

func isTag(s string) bool {
	for _, c := range s {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}
