package deidentify

import (
	"context"
	"errors"
	"io"
	"strconv"

	"heatwatch/etl/tokens"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

func at(file string, line int) string { return file + ":" + strconv.Itoa(line) }

// translator turns clear records into rows that may leave. One serves a whole batch: persons come first.
type translator struct {
	setup   // what does not change
	mac     *mac
	people  map[digest]person // listed in persons.csv or accused_persons.csv; digests of the two never meet
	listed  map[string]bool   // which of the two there were
	birth   bool              // persons.csv had birth dates
	noted   map[digest]bool   // other keys that the keymap has already
	clear   *clearSet
	keymap  *keymap
	report  *Report
	cached  map[string]map[string]named // pseudonyms of persons by kind and own number
	seen    map[string]*survey          // by entity
	lenient bool                        // an event may fall on the person's day of birth (HMIS holds infants)
}

// rowState is the row in hand.
type rowState struct {
	cells            [][]byte
	who              identity
	own              short // pseudonym of the row's person
	key              digest
	born             models.Date
	local            models.Date // date of engaged_at in the home's zone, or noDate
	tokens, overflow int         // values of the row's set, and names that had no slot
	given            []byte      // the cell of the column being derived, if the agency gave one
	buf              []byte
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
	roleAt             int
	engagedAt          int
	releaseAt, untilAt int
	makers             []*tokens.Maker // one an epoch
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

// row appends the row as it leaves. A cell that may not leave is refused, and not written either.
func (tb *table) row(s *rowState, line int, b []byte) ([]byte, error) {
	if tb.engagedAt >= 0 {
		if us, ok := models.ParseDateTime(s.cells[tb.engagedAt]); ok {
			s.local = models.LocalDate(us, tb.loc)
		}
	}
	s.tokens, s.overflow = 0, 0
	for i, o := range tb.out {
		if i > 0 {
			b = append(b, ',')
		}
		cell, err := tb.cell(s, o, line)
		if err != nil {
			return nil, err
		}
		if o.col.Required && len(cell) == 0 && !o.isToken {
			tb.rep.Empty[o.name]++
		}
		b = append(b, cell...)
	}
	if s.overflow > 0 {
		tb.rep.Overflow++
	}
	if s.tokens > 0 {
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
