package lineage

import (
	"regexp"
	"strings"
)

// lexeme finds comments and constants (dropped), names, the sign of a struct's field, and single signs.
var lexeme = regexp.MustCompile(`(?s)--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|[0-9][0-9_.eE]*|:=|"[^"]+"|[A-Za-z_][A-Za-z0-9_]*|[^\s]`)

// named is a constant that may be the name of a relation, as functions over relations take it.
var named = regexp.MustCompile(`^'[a-z_]+'$`)

// tokens are the names and signs of a statement, names in small letters. A constant is one empty token, or 'name without
// its closing mark where it may be the name of a relation.
func tokens(sql string) []string {
	var all []string
	for _, t := range lexeme.FindAllString(sql, -1) {
		switch {
		case strings.HasPrefix(t, "--"), strings.HasPrefix(t, "/*"):
		case named.MatchString(t):
			all = append(all, strings.TrimSuffix(t, "'"))
		case t[0] == '\'', t[0] >= '0' && t[0] <= '9':
			all = append(all, "")
		default:
			all = append(all, strings.ToLower(strings.Trim(t, `"`)))
		}
	}
	return all
}

func isName(t string) bool {
	return t != "" && (t[0] == '_' || t[0] >= 'a' && t[0] <= 'z')
}

// split cuts tokens where at says so, outside brackets.
func split(toks []string, at func(i int) bool) [][]string {
	var parts [][]string
	from, depth := 0, 0
	for i, t := range toks {
		switch t {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
		}
		if depth == 0 && at(i) {
			parts = append(parts, toks[from:i])
			from = i + 1
		}
	}
	return append(parts, toks[from:])
}

func commas(toks []string) [][]string {
	return split(toks, func(i int) bool { return toks[i] == "," })
}

// find returns the first position outside brackets at which a token is one of these, or the length.
func find(toks []string, words ...string) int {
	depth := 0
	for i, t := range toks {
		switch t {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
		}
		for _, w := range words {
			// a IS DISTINCT FROM b begins no clause
			if depth == 0 && t == w && !(t == "from" && i > 0 && toks[i-1] == "distinct") {
				return i
			}
		}
	}
	return len(toks)
}

// group returns the position behind the bracket that closes the one at i.
func group(toks []string, i int) int {
	depth := 0
	for ; i < len(toks); i++ {
		switch toks[i] {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(toks)
}
