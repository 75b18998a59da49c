package deidentify

import (
	"fmt"
	"slices"

	"heatwatch/etl/tokens"
	"heatwatch/models"
)

// outColumn is one column of the output: where its cells come from.
type outColumn struct {
	name    string
	col     models.Column
	from    int // index into the row, or -1
	kind    keyKind
	derive  func(*rowState) []byte
	isToken bool
}

// plan decides, from the header and the agreement, what becomes of every column.
func (t *translator) plan(e models.Entity, file string, head []string) *table {
	tb := &table{translator: t, e: e, file: file, head: head, rep: FileReport{Entity: e.Name, Empty: map[string]int{}},
		ident: map[int]int{}, personAt: slices.Index(head, "person_key"), roleAt: -1, engagedAt: -1, releaseAt: -1, untilAt: -1}
	if e.Population == "by_role" {
		tb.roleAt = slices.Index(head, "party_role")
	}
	if e.Name == "persons" {
		tb.releaseAt, tb.untilAt = slices.Index(head, "release"), slices.Index(head, "release_until")
	}
	if e.Name == "engagements" {
		tb.engagedAt = slices.Index(head, "engaged_at")
	}
	for i, name := range head {
		tb.planIdentity(i, name)
	}
	if e.Tokens {
		tb.rep.NoToken = map[string]int{}
		tb.planTokens()
	}
	for _, c := range e.Columns {
		tb.planColumn(c)
	}
	for _, o := range tb.out {
		tb.rep.Columns = append(tb.rep.Columns, o.name)
	}
	return tb
}

func (tb *table) planIdentity(i int, name string) {
	k := slices.Index(identifying, name)
	if tb.e.Tokens && k >= 0 {
		if tb.ident[i] = k; name != setAside {
			tb.rep.Dropped = append(tb.rep.Dropped, name)
		}
		return
	}
	if _, ok := tb.e.Column(name); !ok {
		if !plainName(name) {
			name = fmt.Sprintf("column %d (its name is not shown)", i+1)
		}
		tb.rep.Dropped = append(tb.rep.Dropped, name)
	}
}

func (tb *table) planTokens() {
	if len(tb.ident) == 0 {
		return
	}
	for _, k := range tb.linkage {
		name := tokens.Column(k.Epoch)
		if !tb.agreement.Allows(tb.e.Name, name) {
			tb.rep.NotAgreed = append(tb.rep.NotAgreed, name)
			continue
		}
		m := tokens.NewMaker(k.Key, tb.agency, tb.e.Population)
		tb.makers = append(tb.makers, m)
		tb.out = append(tb.out, outColumn{name: name, from: -1, isToken: true, derive: func(s *rowState) []byte { return tb.token(m, s) }})
	}
}

func (tb *table) planColumn(c models.Column) {
	from := slices.Index(tb.head, c.Name)
	o := outColumn{name: c.Name, col: c, from: from}
	switch {
	case c.Name == "birth_year" && tb.has("birth_date"):
		o.derive = tb.birthYear
	case c.Name == "age" && tb.engagedAt >= 0 && tb.birth:
		o.derive = tb.age
	case from < 0:
		return
	}
	if !tb.agreement.Allows(tb.e.Name, c.Name) {
		tb.rep.NotAgreed = append(tb.rep.NotAgreed, c.Name)
		return
	}
	if c.Type == models.TypeKey {
		o.kind = kindOfKey(tb.e, c)
	}
	tb.out = append(tb.out, o)
}

func (tb *table) has(columns ...string) bool {
	for _, c := range columns {
		if !slices.Contains(tb.head, c) {
			return false
		}
	}
	return true
}

func (tb *table) headerLine() []byte {
	var b []byte
	for i, o := range tb.out {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, o.name...)
	}
	return append(b, '\n')
}
