package partner

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"heatwatch/internal/problem"
	"heatwatch/models"
)

// field is one field of an agreement: how its YAML is read.
type field struct {
	name     string
	required bool
	read     func(*Agreement, ast.Node) error
}

func fields() []field {
	one := func(of *string, n ast.Node, allowed ...string) error {
		s, err := scalar(n)
		if err == nil && !slices.Contains(allowed, s) {
			return at(n, "is none of "+strings.Join(allowed, ", "), didYouMean(s, allowed))
		}
		*of = s
		return err
	}
	flag := func(of *bool, n ast.Node) error {
		var s string
		err := one(&s, n, "yes", "no")
		*of = s == "yes"
		return err
	}
	return []field{
		{"schema", true, func(a *Agreement, n ast.Node) error {
			s, err := scalar(n)
			if err == nil && s != "1" {
				return at(n, "is not 1, the only schema this program knows", "use the program that wrote the file")
			}
			a.Schema = 1
			return err
		}},
		{"kind", true, func(a *Agreement, n ast.Node) error {
			return one(&a.Kind, n, models.Dictionary().List("agency_kind")...)
		}},
		{"sharing", false, func(a *Agreement, n ast.Node) error {
			return one(&a.Sharing, n, SharingToken, SharingConsented, SharingAggregate)
		}},
		{"state", false, func(a *Agreement, n ast.Node) error {
			return one(&a.State, n, StateDraft, StateSample, StateLive, StateSuspended)
		}},
		{"starts_on", true, func(a *Agreement, n ast.Node) (err error) { a.StartsOn, err = day(n); return err }},
		{"ends_on", false, func(a *Agreement, n ast.Node) (err error) {
			if empty(n) {
				a.EndsOn, a.Ends = 0, false
				return nil
			}
			a.EndsOn, err = day(n)
			a.Ends = err == nil
			return err
		}},
		{"freshness", false, func(a *Agreement, n ast.Node) error {
			return one(&a.Freshness, n, "weekly", "monthly", "quarterly")
		}},
		{"distinct_persons", false, func(a *Agreement, n ast.Node) error { return flag(&a.DistinctPersons, n) }},
		{"on_end", false, func(a *Agreement, n ast.Node) error { return one(&a.OnEnd, n, OnEndKeep, OnEndErase) }},
		{"legal_hold", false, func(a *Agreement, n ast.Node) error { return flag(&a.LegalHold, n) }},
		{"authority", false, readAuthority},
		{"columns", false, readColumns},
	}
}

func fieldNames() []string {
	var names []string
	for _, f := range fields() {
		names = append(names, f.name)
	}
	return names
}

// ParseAgreement reads the YAML of an agreement. where is the name of the file, for errors. Fields that are left out
// take the values that `partner add` writes, but schema, kind and starts_on have none.
func ParseAgreement(where string, text []byte) (Agreement, error) {
	fail := func(err error) (Agreement, error) { return Agreement{}, placed(where, err) }
	if len(text) > 1<<20 {
		return fail(errors.New("the file is larger than a megabyte"))
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return fail(err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return fail(errors.New("the file holds no agreement"))
	}
	a := Default("", 0)
	pairs, err := pairsOf(file.Docs[0].Body)
	if err != nil {
		return fail(err)
	}
	all, seen := fields(), map[string]bool{}
	for _, p := range pairs {
		i := slices.IndexFunc(all, func(f field) bool { return f.name == p.key })
		if i < 0 {
			return fail(atToken(p.tok, "unknown field "+quote(p.key), hintOr(didYouMean(p.key, fieldNames()), "the fields are "+strings.Join(fieldNames(), ", "))))
		}
		if err := all[i].read(&a, p.value); err != nil {
			return fail(prefixed(p.key, err))
		}
		seen[p.key] = true
	}
	for _, f := range all {
		if f.required && !seen[f.name] {
			return fail(fmt.Errorf("the field %s is missing", f.name))
		}
	}
	if a.Ends && a.EndsOn < a.StartsOn {
		return fail(errors.New("ends_on is before starts_on"))
	}
	return a, nil
}

func readAuthority(a *Agreement, n ast.Node) error {
	a.Authority = map[string]string{}
	if empty(n) {
		return nil
	}
	pairs, err := pairsOf(n)
	for _, p := range pairs {
		if _, err := knownEntity(p); err != nil {
			return err
		}
		s, err := scalar(p.value)
		if err != nil {
			return prefixed(p.key, err)
		}
		if err := plain(s); err != nil {
			return at(p.value, err.Error(), "")
		}
		a.Authority[p.key] = s
	}
	return err
}

func readColumns(a *Agreement, n ast.Node) error {
	if s, err := scalar(n); err == nil && s == "all" {
		a.Columns = Default("", 0).Columns
		return nil
	}
	a.Columns = map[string]ColumnRule{}
	if empty(n) {
		return nil
	}
	pairs, err := pairsOf(n)
	for _, p := range pairs {
		r, err := readRule(p)
		if err != nil {
			return prefixed(p.key, err)
		}
		a.Columns[p.key] = r
	}
	return err
}

func readRule(p pair) (ColumnRule, error) {
	e, err := knownEntity(p)
	if err != nil {
		return ColumnRule{}, err
	}
	seq, ok := p.value.(*ast.SequenceNode)
	if !ok {
		if s, err := scalar(p.value); err != nil || s != "all" {
			return ColumnRule{}, at(p.value, "is neither `all` nor a list of columns", "write all, or [column, column]")
		}
		return ColumnRule{All: true}, nil
	}
	known := columnNames(e)
	var r ColumnRule
	for _, v := range seq.Values {
		s, err := scalar(v)
		if err != nil {
			return ColumnRule{}, err
		}
		if !slices.Contains(known, s) && !(e.Tokens && models.IsToken(s)) {
			return ColumnRule{}, at(v, "names a column that the dictionary does not have", didYouMean(s, known))
		}
		if slices.Contains(r.Names, s) {
			return ColumnRule{}, at(v, "names a column twice", "")
		}
		r.Names = append(r.Names, s)
	}
	return r, nil
}

func columnNames(e models.Entity) []string {
	var names []string
	for _, c := range e.Columns {
		names = append(names, c.Name)
	}
	if e.Tokens {
		names = append(names, "token_*")
	}
	return names
}

func knownEntity(p pair) (models.Entity, error) {
	e, ok := models.Dictionary().Entity(p.key)
	if !ok {
		var names []string
		for _, e := range models.Dictionary().Entities {
			names = append(names, e.Name)
		}
		return e, atToken(p.tok, "unknown entity "+quote(p.key), hintOr(didYouMean(p.key, names), "`heatwatch dictionary` lists the entities"))
	}
	return e, nil
}

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
