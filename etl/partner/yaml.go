package partner

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"heatwatch/internal/problem"
	"heatwatch/models"
)

// pair is one line of a mapping.
type pair struct {
	key   string
	tok   *token.Token
	value ast.Node
}

// pairsOf returns the pairs of a mapping in order. Anchors, aliases and merge keys are not taken: an agreement says
// what it says where it stands.
func pairsOf(n ast.Node) ([]pair, error) {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		return nil, at(n, "is not a list of `name: value`", "")
	}
	var pairs []pair
	seen := map[string]bool{}
	for _, v := range values {
		key, ok := v.Key.(*ast.StringNode)
		if !ok {
			return nil, atToken(v.Key.GetToken(), "a name is expected here", "")
		}
		if seen[key.Value] {
			return nil, atToken(key.Token, "the field "+quote(key.Value)+" stands twice", "remove one")
		}
		seen[key.Value] = true
		pairs = append(pairs, pair{key.Value, key.Token, v.Value})
	}
	return pairs, nil
}

// scalar returns the text of a plain value as it was written: 2026-01-01 stays a text, yes stays yes.
func scalar(n ast.Node) (string, error) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, nil
	case *ast.LiteralNode:
		return strings.TrimSpace(v.Value.Value), nil
	case *ast.NullNode:
		return "", at(n, "is empty", "write a value")
	}
	return "", at(n, "is not a plain value", "")
}

func empty(n ast.Node) bool {
	if _, ok := n.(*ast.NullNode); ok || n == nil {
		return true
	}
	s, err := scalar(n)
	if m, ok := n.(*ast.MappingNode); ok {
		return len(m.Values) == 0
	}
	return err == nil && s == ""
}

func day(n ast.Node) (models.Date, error) {
	s, err := scalar(n)
	if err != nil {
		return 0, err
	}
	d, ok := models.ParseDate(s)
	if !ok {
		return 0, at(n, "is not a date", "write YYYY-MM-DD")
	}
	return d, nil
}

// plain refuses texts that could not stand on one line of a receipt or error.
func plain(s string) error {
	if len(s) > 1000 {
		return errors.New("is longer than 1000 characters")
	}
	for _, r := range s {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return errors.New("holds a character that cannot be printed")
		}
	}
	return nil
}

// placedError is a problem at a place in the text.
type placedError struct {
	line, column int
	what, do     string
}

func (e *placedError) Error() string { return e.what }

func at(n ast.Node, what, do string) error {
	if n == nil {
		return &placedError{0, 0, what, do}
	}
	return atToken(n.GetToken(), what, do)
}

func atToken(t *token.Token, what, do string) error {
	e := &placedError{what: what, do: do}
	if t != nil && t.Position != nil {
		e.line, e.column = t.Position.Line, t.Position.Column
	}
	return e
}

func prefixed(name string, err error) error {
	if p, ok := err.(*placedError); ok {
		if strings.HasPrefix(p.what, "unknown ") {
			return p
		}
		return &placedError{p.line, p.column, name + " " + p.what, p.do}
	}
	return fmt.Errorf("%s: %w", name, err)
}

func placed(where string, err error) error {
	if p, ok := err.(*placedError); ok {
		if p.line > 0 {
			where = fmt.Sprintf("%s:%d:%d", where, p.line, p.column)
		}
		return problem.Wrap(err, problem.Usage, where, p.what, p.do)
	}
	var y yaml.Error
	if errors.As(err, &y) {
		if t := y.GetToken(); t != nil && t.Position != nil {
			where = fmt.Sprintf("%s:%d:%d", where, t.Position.Line, t.Position.Column)
		}
		return problem.Wrap(err, problem.Usage, where, "this is not YAML: "+y.GetMessage(), "compare with a file that `heatwatch partner add` writes")
	}
	return problem.Wrap(err, problem.Usage, where, err.Error(), "compare with a file that `heatwatch partner add` writes")
}

func quote(s string) string {
	if len(s) > 40 {
		s = s[:40]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

func hintOr(hint, otherwise string) string {
	if hint != "" {
		return hint
	}
	return otherwise
}
