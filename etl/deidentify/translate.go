package deidentify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"heatwatch/internal/problem"
	"heatwatch/models"
)

func at(file string, line int) string { return file + ":" + strconv.Itoa(line) }

// person is what is kept of somebody while a batch runs: 5 bytes beside the key.
type person struct {
	born    models.Date
	consent bool
}

// translator turns clear records into rows that may leave. One serves a whole batch: persons come first.
type translator struct {
	setup    // what does not change
	mac      *mac
	people   map[digest]person // listed in persons.csv or accused_persons.csv; digests of the two never meet
	listed   map[string]bool   // which of the two there were
	birth    bool              // persons.csv had birth dates
	noted    map[digest]bool   // other keys that the keymap has already
	clear    *clearSet
	keymap   *keymap
	report   *Report
	norm     normaliser
	tokenBuf []byte
	lenient  bool // an event may fall on the person's day of birth (HMIS holds infants)
}

// outColumn is one column of the output: where its cells come from.
type outColumn struct {
	name    string
	col     models.Column
	from    int // index into the row, or -1
	kind    keyKind
	derive  func(*rowState) []byte
	isToken bool
}

// rowState is the row in hand.
type rowState struct {
	cells [][]byte
	who   identity
	own   short // pseudonym of the row's person
	key   digest
	born  models.Date
	local models.Date // date of engaged_at in the home's zone, or noDate
	given []byte      // the cell of the column being derived, if the agency gave one
	buf   []byte
}

// table is one entity on its way out.
type table struct {
	*translator
	e                  models.Entity
	file               string
	head               []string
	out                []outColumn
	rep                FileReport
	ident              map[int]int // index in the row: index in identifying
	personAt           int
	personOut          bool
	roleAt             int
	engagedAt          int
	releaseAt, untilAt int
	macs               []*mac // of recipes, nil where a recipe's columns are not there
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
		tb.ident[i] = k
		tb.rep.Dropped = append(tb.rep.Dropped, name)
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
	tb.macs = make([]*mac, len(recipes))
	for i, r := range recipes {
		name := "token_" + r.name
		if !tb.has(r.needs...) {
			continue
		}
		if !tb.agreement.Allows(tb.e.Name, name) {
			tb.rep.NotAgreed = append(tb.rep.NotAgreed, name)
			continue
		}
		tb.macs[i] = newMAC(tokenKey(tb.linkage, r, tb.e.Population))
		tb.out = append(tb.out, outColumn{name: name, from: -1, isToken: true, derive: func(s *rowState) []byte { return tb.token(i, s) }})
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

// run writes the header and every row that may leave.
func (tb *table) run(ctx context.Context, in records, w io.Writer) error {
	line := tb.headerLine()
	if _, err := w.Write(line); err != nil {
		return err
	}
	var s rowState
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		cells, at1, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return readProblem(tb.file, err)
		}
		if len(cells) != len(tb.head) {
			return problem.New(problem.Failed, at(tb.file, at1), "the line has more or fewer fields than the header", "look for a comma inside a value that is not quoted")
		}
		s.cells = cells
		keep, err := tb.begin(&s)
		if err != nil {
			return err
		}
		if !keep {
			continue
		}
		if line, err = tb.row(&s, at1, line[:0]); err != nil {
			return err
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
		tb.rep.Rows++
	}
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

// begin reads who the row is about, and says whether it may leave at all.
func (tb *table) begin(s *rowState) (keep bool, err error) {
	for i := range s.cells {
		s.cells[i] = trim(s.cells[i])
	}
	s.born, s.local = noDate, noDate
	if tb.e.Tokens {
		tb.readIdentity(s)
	}
	if tb.personAt < 0 {
		return !blank(s.cells), nil
	}
	own := s.cells[tb.personAt]
	if len(own) == 0 {
		return !blank(s.cells), nil
	}
	kind := tb.personKind(s)
	s.own, s.key = tb.mac.of(kind.prefix, own)
	if tb.e.Tokens {
		return tb.listPerson(s, kind, own)
	}
	p, known := tb.people[s.key]
	if known {
		s.born = p.born
	}
	if tb.consented && kind == minorKey && !p.consent {
		tb.rep.HeldBack++
		return false, nil
	}
	if !known && tb.listed[kind.listed] {
		tb.rep.Unsent++
	}
	return true, tb.note(s.key, kind, own, s.own)
}

// personKind is the role in which the row's person appears.
func (tb *table) personKind(s *rowState) keyKind {
	if tb.e.Population == "accused" || tb.e.Population == "by_role" && (tb.roleAt < 0 || string(s.cells[tb.roleAt]) != "victim") {
		return accusedKey
	}
	return minorKey
}

func (tb *table) readIdentity(s *rowState) {
	s.who = identity{born: noDate}
	for i, k := range tb.ident {
		*s.who.slot(identifying[k]) = s.cells[i]
	}
	if len(s.who.birth) > 0 {
		var ok bool
		if s.who.born, s.who.holder, ok = parseBirth(s.who.birth, tb.today); !ok {
			tb.rep.BadBirthDays++
		}
	}
	s.born = s.who.born
	tb.clear.addIdentity(&s.who)
}

// listPerson remembers a person for the files that refer to it. Of two rows with one number the first counts.
func (tb *table) listPerson(s *rowState, kind keyKind, own []byte) (bool, error) {
	p, twice := tb.people[s.key]
	if !twice {
		p = person{born: s.who.born, consent: kind == minorKey && tb.inForce(s)}
		tb.people[s.key] = p
	}
	if tb.consented && kind == minorKey && !p.consent {
		tb.rep.HeldBack++
		return false, nil
	}
	if twice {
		return true, nil
	}
	return true, tb.keymap.add(kind.listed, own, s.own)
}

// inForce reports whether the person's consent allows sharing today.
func (tb *table) inForce(s *rowState) bool {
	if tb.releaseAt < 0 {
		return false
	}
	if r := string(s.cells[tb.releaseAt]); r != "signed" && r != "not_required" {
		return false
	}
	if tb.untilAt < 0 || len(s.cells[tb.untilAt]) == 0 {
		return true
	}
	until, ok := models.ParseDate(s.cells[tb.untilAt])
	return ok && until >= tb.today
}

// note puts a key into the keymap once.
func (tb *table) note(k digest, kind keyKind, own []byte, s short) error {
	if _, ok := tb.people[k]; ok || tb.noted[k] {
		return nil
	}
	tb.noted[k] = true
	return tb.keymap.add(kind.listed, own, s)
}

// row appends the row as it leaves. A cell that may not leave is refused, and not written either.
func (tb *table) row(s *rowState, line int, b []byte) ([]byte, error) {
	if tb.engagedAt >= 0 {
		if us, ok := models.ParseDateTime(s.cells[tb.engagedAt]); ok {
			s.local = models.LocalDate(us, tb.loc)
		}
	}
	made := false
	for i, o := range tb.out {
		if i > 0 {
			b = append(b, ',')
		}
		cell, err := tb.cell(s, o, line)
		if err != nil {
			return nil, err
		}
		made = made || o.isToken && len(cell) > 0
		if o.col.Required && len(cell) == 0 && !o.isToken {
			tb.rep.Empty[o.name]++
		}
		b = append(b, cell...)
	}
	if made {
		tb.rep.Tokens++
	} else if tb.e.Tokens {
		tb.rep.NoToken[tb.whyNoToken(s)]++
	}
	return append(b, '\n'), nil
}

// cell returns one cell as it leaves.
func (tb *table) cell(s *rowState, o outColumn, line int) ([]byte, error) {
	var given []byte
	if o.from >= 0 {
		given = s.cells[o.from]
	}
	if o.col.Type == models.TypeKey && !o.isToken {
		return tb.key(s, o, given)
	}
	if !o.isToken {
		if rule := fault(o.col, given); rule != "" {
			tb.report.refuse(Finding{tb.file, line, o.name, rule})
			return nil, nil
		}
		if tb.onBirthday(s, o.col, given) {
			tb.report.refuse(Finding{tb.file, line, o.name, "birth_date"})
			return nil, nil
		}
	}
	if o.derive != nil {
		s.given = given
		return o.derive(s), nil
	}
	return given, nil
}

// onBirthday reports a date that is the person's day of birth: nothing that this programme records happens then.
func (tb *table) onBirthday(s *rowState, c models.Column, cell []byte) bool {
	if s.born == noDate || len(cell) == 0 || tb.lenient && c.Name != "release_until" {
		return false
	}
	switch c.Type {
	case models.TypeDate:
		d, _ := models.ParseDate(cell)
		return d == s.born
	case models.TypeDateTime:
		us, _ := models.ParseDateTime(cell)
		return models.LocalDate(us, tb.loc) == s.born
	}
	return false
}

func (tb *table) key(s *rowState, o outColumn, own []byte) ([]byte, error) {
	switch {
	case len(own) == 0:
		return nil, nil
	case o.name == "profile_key" && string(own) == "none":
		return own, nil
	case o.from == tb.personAt:
		s.buf = append(s.buf[:0], s.own[:]...)
		return s.buf, nil
	}
	p, k := tb.mac.of(o.kind.prefix, own)
	s.buf = append(s.buf[:0], p[:]...)
	if o.kind.listed == tb.e.Name { // a row's own key: as many as rows, each once
		return s.buf, tb.keymap.add(o.kind.listed, own, p)
	}
	return s.buf, tb.note(k, o.kind, own, p)
}

func (tb *table) token(recipe int, s *rowState) []byte {
	input, ok := recipes[recipe].input(&s.who, &tb.norm, tb.tokenBuf)
	if !ok {
		return nil
	}
	tb.tokenBuf = input
	t, _ := tb.macs[recipe].of("", input)
	s.buf = append(s.buf[:0], t[:]...)
	return s.buf
}

func (tb *table) whyNoToken(s *rowState) string {
	switch {
	case len(tb.macs) == 0 || !slices.ContainsFunc(tb.macs, func(m *mac) bool { return m != nil }):
		return "because the file or the agreement lacks what tokens are made of"
	case len(s.who.first) == 0 || len(s.who.last) == 0 || len(s.who.birth) == 0:
		return "because a name or the birth date is missing"
	case s.who.holder || s.who.born == noDate:
		return "because the birth date is a placeholder or cannot be read"
	}
	return "because a name is a placeholder"
}

// birthYear is derived from the birth date; the agency's own column stands in where there is no date.
func (tb *table) birthYear(s *rowState) []byte {
	if s.who.born == noDate {
		return s.given
	}
	c, _ := tb.e.Column("birth_year")
	if y := int64(s.who.born.Year()); y < c.Min || y > c.Max {
		return nil
	}
	s.buf = strconv.AppendInt(s.buf[:0], int64(s.who.born.Year()), 10)
	return s.buf
}

// age is completed years at engaged_at, where the birth date is known; else what the agency gave.
func (tb *table) age(s *rowState) []byte {
	if s.born == noDate {
		return s.given
	}
	if s.local == noDate {
		return nil
	}
	age := completedYears(s.born, s.local)
	if age < 0 || age > 99 {
		return nil
	}
	tb.rep.Ages++
	s.buf = strconv.AppendInt(s.buf[:0], int64(age), 10)
	return s.buf
}

func blank(cells [][]byte) bool {
	for _, c := range cells {
		if len(c) > 0 {
			return false
		}
	}
	return true
}
