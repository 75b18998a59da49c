package privacy

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"heatwatch/internal/nearest"
	"heatwatch/internal/problem"
)

// planText finds the place of what is wrong: YAML's own reader forgets it once the values are read.
type planText struct {
	source string
	root   ast.Node
}

// read parses a text that the YAML reader has accepted.
func (t *planText) read(text []byte) {
	if f, err := parser.ParseBytes(text, 0); err == nil && len(f.Docs) > 0 {
		t.root = f.Docs[0].Body
	}
}

// find walks down names of keys and places in lists; where the text ends, the nearest thing above it stands.
func (t planText) find(path ...any) ast.Node {
	at := t.root
	for _, step := range path {
		next := child(at, step)
		if next == nil {
			break
		}
		at = next
	}
	return at
}

// child is the value of a key, or an element of a list; nil where there is none.
func child(n ast.Node, step any) ast.Node {
	switch n := n.(type) {
	case *ast.AnchorNode:
		return child(n.Value, step)
	case *ast.MappingNode:
		for _, v := range n.Values {
			if found := child(v, step); found != nil {
				return found
			}
		}
	case *ast.MappingValueNode:
		if key, ok := step.(string); ok && n.Key.GetToken().Value == key {
			return n.Value
		}
	case *ast.SequenceNode:
		if i, ok := step.(int); ok && i < len(n.Values) {
			return n.Values[i]
		}
	}
	return nil
}

// place is "file:line:column" of a path.
func (t planText) place(path ...any) string {
	n := t.find(path...)
	for {
		switch m := n.(type) {
		case *ast.MappingNode:
			if len(m.Values) > 0 && !m.IsFlowStyle {
				n = m.Values[0]
				continue
			}
		case *ast.MappingValueNode:
			n = m.Key
			continue
		case *ast.SequenceNode:
			if len(m.Values) > 0 && !m.IsFlowStyle {
				n = m.Values[0]
				continue
			}
		}
		break
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return t.source
	}
	pos := n.GetToken().Position
	return fmt.Sprintf("%s:%d:%d", t.source, pos.Line, pos.Column)
}

// problem is one line: what is wrong, where, and what to do.
func (t planText) problem(what, do string, path ...any) error {
	where := t.source
	if len(path) > 0 {
		where = t.place(path...)
	}
	return problem.New(problem.Usage, where, what, do)
}

// What the YAML reader says, with its place; an unknown key; a value of another kind.
var (
	placed     = regexp.MustCompile(`^\[(\d+):(\d+)\] (.*)`)
	unknownKey = regexp.MustCompile(`^unknown field "(.*)"$`)
	otherKind  = regexp.MustCompile(`cannot unmarshal (.+) into Go (?:struct field \S+\.(\S+)|value) of type (\S+)`)
)

// unreadable turns what the YAML reader says into one line in the plan's own words.
func unreadable(err error, source string) error {
	where := source
	what, _, _ := strings.Cut(err.Error(), "\n")
	if m := placed.FindStringSubmatch(what); m != nil {
		where, what = fmt.Sprintf("%s:%s:%s", source, m[1], m[2]), m[3]
	}
	if m := unknownKey.FindStringSubmatch(what); m != nil {
		do := "docs/plans.md lists the keys"
		if n := nearest.Name(m[1], planKeys()); n != "" {
			do = "did you mean " + n + "?"
		}
		return problem.Wrap(err, problem.Usage, where, "unknown key "+m[1], do)
	}
	if m := otherKind.FindStringSubmatch(what); m != nil {
		kind := "a list"
		switch {
		case strings.HasPrefix(m[3], "int"), strings.HasPrefix(m[3], "uint"):
			kind = "a whole number"
		case strings.HasPrefix(m[3], "float"):
			kind = "a number"
		case m[3] == "bool":
			kind = "true or false"
		case m[3] == "string":
			kind = "a text"
		case strings.HasPrefix(m[3], "map"), strings.HasPrefix(m[3], "privacy."):
			kind = "a list of keys and values"
		}
		return problem.Wrap(err, problem.Usage, where, "the release plan cannot be read: "+kind+" is needed here", "docs/plans.md says what each key holds")
	}
	return problem.Wrap(err, problem.Usage, where, "the release plan cannot be read: "+what, "compare it with an embedded plan: `heatwatch init --plan county`")
}

// planKeys are all keys that a plan knows, by the types that it is read into.
func planKeys() []string {
	var all []string
	for _, v := range []any{yamlPlan{}, yamlItem{}, yamlTotal{}, PopulationPlan{}, Design{}, Limits{}} {
		for f := range reflect.TypeOf(v).Fields() {
			all = append(all, f.Tag.Get("yaml"))
		}
	}
	return all
}
