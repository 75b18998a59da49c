package lineage

import (
	"maps"
	"slices"
	"strings"
)

// Has tells whether an entity has a column of that name in the session; an empty column asks for the entity.
type Has func(entity, column string) bool

// Columns lists the "entity.column" that the queries rest on, sorted. Statements are those that make the relations which
// the queries read, directly or not, in any order. A relation among instead is taken as that query says, whatever
// statement makes it: for one whose columns have nothing to do with each other, though its statement turns them about.
func Columns(statements, queries []string, instead map[string]string, has Has) []string {
	p := &parser{has: has, instead: instead}
	for _, text := range statements {
		toks := tokens(text)
		for _, s := range split(toks, func(i int) bool { return toks[i] == ";" }) {
			p.statement(s)
		}
	}
	for _, q := range queries {
		p.query(&p.made, tokens(q), nil, "", true)
	}
	w := walk{asked: map[string]bool{}, refs: map[string]bool{}}
	for n := -1; n != len(w.asked)+len(w.refs); { // until nothing new is asked for
		n = len(w.asked) + len(w.refs)
		w.relations(p.made)
	}
	return slices.Sorted(maps.Keys(w.refs))
}

// relation is a SELECT: what always counts, and items that count where their name is asked for. One without a name is
// read by us.
type relation struct {
	name   string
	always region
	items  []item
}

type item struct {
	name string
	region
}

// region is a stretch of SQL: the names in it, the columns of entities among them, fields of structs that count by name,
// and queries in brackets.
type region struct {
	words, refs []string
	fields      []item
	inner       []relation
}

type walk struct{ asked, refs map[string]bool }

func (w walk) relations(all []relation) {
	for _, r := range all {
		if r.name != "" && !w.asked[r.name] {
			continue
		}
		w.region(r.always)
		w.items(r.items)
	}
}

func (w walk) items(all []item) {
	for _, i := range all {
		if i.name == "" || w.asked[i.name] {
			w.region(i.region)
		}
	}
}

func (w walk) region(r region) {
	for _, t := range r.words {
		w.asked[t] = true
	}
	for _, t := range r.refs {
		w.refs[t] = true
	}
	w.items(r.fields)
	w.relations(r.inner)
}

type parser struct {
	has     Has
	instead map[string]string
	made    []relation
}

// scope says which entity an alias stands for; "" for a relation of ours.
type scope struct {
	entity map[string]string
	outer  *scope
}

func (s *scope) find(alias string) string {
	for ; s != nil; s = s.outer {
		if e, ok := s.entity[alias]; ok {
			return e
		}
	}
	return ""
}

// statement reads CREATE ... NAME AS query; anything else counts as a whole.
func (p *parser) statement(toks []string) {
	as := find(toks, "as")
	if len(toks) == 0 {
		return
	}
	if toks[0] != "create" || as == len(toks) || as == 0 {
		p.query(&p.made, toks, nil, "", true)
		return
	}
	if i := slices.Index(toks[:as], "macro"); i >= 0 && i+1 < as { // name(arguments) AS expression, or AS TABLE query
		if as+1 < len(toks) && toks[as+1] == "table" {
			as++
		}
		p.query(&p.made, toks[min(as+1, len(toks)):], nil, toks[i+1], false)
		return
	}
	name, body := toks[as-1], toks[as+1:]
	if q, ok := p.instead[name]; ok {
		body = tokens(q)
	}
	p.query(&p.made, body, nil, name, false)
}

// query reads [WITH ...] SELECT ... [UNION ...] into relations. Where all is set, every item counts.
func (p *parser) query(into *[]relation, toks []string, outer *scope, name string, all bool) {
	for len(toks) > 0 && (toks[0] == "with" || toks[0] == "recursive" || toks[0] == ",") {
		toks = toks[1:]
		if len(toks) > 0 && toks[0] == "recursive" {
			toks = toks[1:]
		}
		as := find(toks, "as")
		if as == len(toks) {
			break
		}
		var columns []string
		if as > 1 && toks[1] == "(" {
			for _, c := range commas(toks[2 : as-1]) {
				columns = append(columns, strings.Join(c, ""))
			}
		}
		from := as + slices.Index(toks[as:], "(")
		if from < as {
			break
		}
		end := group(toks, from)
		p.branches(into, toks[from+1:max(from+1, end-1)], outer, toks[0], columns, false)
		toks = toks[end:]
	}
	p.branches(into, toks, outer, name, nil, all)
}

func (p *parser) branches(into *[]relation, toks []string, outer *scope, name string, columns []string, all bool) {
	if len(toks) > 0 && toks[0] == "with" {
		p.query(into, toks, outer, name, all)
		return
	}
	parts := split(toks, func(i int) bool { return slices.Contains([]string{"union", "except", "intersect"}, toks[i]) })
	for _, part := range parts {
		r := p.selects(part, outer, name, columns)
		if columns == nil { // the first branch names the columns of all
			for _, i := range r.items {
				columns = append(columns, i.name)
			}
		}
		if all {
			for i := range r.items {
				r.items[i].name = ""
			}
		}
		*into = append(*into, r)
	}
}

// selects reads one SELECT. Columns, where given, name its items.
func (p *parser) selects(toks []string, outer *scope, name string, columns []string) relation {
	r := relation{name: name}
	at := find(toks, "select")
	if at == len(toks) {
		r.always = p.region(toks, outer, "", 0)
		return r
	}
	list := toks[at+1:]
	from := find(list, "from")
	rest := list[from:]
	list = list[:from]
	if len(list) > 0 && list[0] == "distinct" {
		list = list[1:]
		if len(list) > 1 && list[0] == "on" {
			end := group(list, 1)
			rest = append(slices.Clone(list[:end]), rest...)
			list = list[end:]
		}
	}
	s := &scope{entity: map[string]string{}, outer: outer}
	p.tables(rest, s)
	r.always = p.region(rest, s, "", 0)
	for i, it := range commas(list) {
		n := nameOf(it)
		if i < len(columns) {
			n = columns[i]
		}
		r.items = append(r.items, item{n, p.region(it, s, "", 0)})
	}
	return r
}

// nameOf is the name of an item: behind AS, or its last name.
func nameOf(toks []string) string {
	if n := len(toks); n > 0 && isName(toks[n-1]) {
		return toks[n-1]
	}
	return "" // it has none, so nobody can ask for it by name: it counts always
}

// notAlias are the words that may follow a relation.
var notAlias = []string{"on", "using", "where", "group", "having", "window", "qualify", "order", "limit", "join", "left", "right", "full", "inner", "cross",
	"semi", "anti", "asof", "positional", "natural", "union", "except", "intersect"}

// tables fills a scope from FROM and JOIN.
func (p *parser) tables(toks []string, s *scope) {
	end := find(toks, "where", "group", "having", "window", "qualify", "order", "limit")
	depth := 0
	for i := 0; i+1 < end; i++ {
		switch toks[i] {
		case "(", "[", "{":
			depth++
			continue
		case ")", "]", "}":
			depth--
			continue
		}
		if depth > 0 || toks[i] != "from" && toks[i] != "join" && toks[i] != "," {
			continue
		}
		next := i + 1
		table := ""
		if toks[next] == "(" {
			next = group(toks, next) - 1
		} else if table = toks[next]; !isName(table) {
			continue
		}
		alias := table
		if next+1 < end && toks[next+1] == "as" {
			next++
		}
		if next+1 < end && isName(toks[next+1]) && !slices.Contains(notAlias, toks[next+1]) {
			alias = toks[next+1]
		}
		if !p.has(table, "") {
			table = ""
		}
		s.entity[alias] = table
	}
}

// inFirst are the functions whose first argument comes out as it went in; the others look into all of a struct.
var inFirst = []string{"", "arg_min", "arg_max", "any_value", "list", "first"}

// region reads a stretch of SQL. fn and arg say in which argument of which function it stands.
func (p *parser) region(toks []string, s *scope, fn string, arg int) region {
	var r region
	add := func(o region) {
		r.words, r.refs = append(r.words, o.words...), append(r.refs, o.refs...)
		r.fields, r.inner = append(r.fields, o.fields...), append(r.inner, o.inner...)
	}
	for i := 0; i < len(toks); i++ {
		t := toks[i]
		next := ""
		if i+1 < len(toks) {
			next = toks[i+1]
		}
		switch {
		case t == "(":
			end := group(toks, i)
			inside := toks[i+1 : max(i+1, end-1)]
			if len(inside) > 0 && (inside[0] == "select" || inside[0] == "with") {
				derived := i > 0 && slices.Contains([]string{"from", "join", "lateral"}, toks[i-1])
				p.query(&r.inner, inside, s, "", !derived)
			} else {
				add(p.region(inside, s, fn, arg))
			}
			i = end - 1
		case strings.HasPrefix(t, "'"):
			r.words = append(r.words, t[1:])
		case !isName(t):
		case next == "(":
			r.words = append(r.words, t)
			end := group(toks, i+1)
			inside := toks[i+2 : max(i+2, end-1)]
			if len(inside) > 0 && (inside[0] == "select" || inside[0] == "with") {
				p.query(&r.inner, inside, s, "", !slices.Contains([]string{"from", "join", "lateral"}, t))
				i = end - 1
				break
			}
			for n, part := range commas(inside) {
				if len(part) > 2 && part[1] == ":=" {
					o := p.region(part[2:], s, t, n)
					if slices.Contains(inFirst, fn) && arg == 0 {
						r.fields = append(r.fields, item{part[0], o})
					} else {
						r.words = append(r.words, part[0])
						add(o)
					}
					continue
				}
				add(p.region(part, s, t, n))
			}
			i = end - 1
		case next == ".":
			r.words = append(r.words, t)
			if e := s.find(t); e != "" && i+2 < len(toks) && p.has(e, toks[i+2]) {
				r.refs = append(r.refs, e+"."+toks[i+2])
			}
			for i+2 < len(toks) && toks[i+1] == "." {
				r.words = append(r.words, toks[i+2])
				i += 2
			}
		case i > 0 && toks[i-1] == "as": // its own name asks for nothing
		default:
			r.words = append(r.words, t)
			for o := s; o != nil; o = o.outer {
				for _, e := range o.entity {
					if e != "" && p.has(e, t) {
						r.refs = append(r.refs, e+"."+t)
					}
				}
			}
		}
	}
	return r
}
