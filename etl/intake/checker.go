package intake

import (
	"bytes"
	"slices"
	"time"

	"heatwatch/etl/tokens"
	"heatwatch/models"
)

// rule is a check or warning of the dictionary with its cells found.
type rule struct {
	name   string
	column string // the last of its columns, which the reason points at
	slots  []int
	args   []models.Value
	fails  func([]models.Value) bool
}

// plan is what all checkers of one file share.
type plan struct {
	entity models.Entity
	fields []field
	opts   Options

	start     int         // slot of the column that says when a row begins, -1: none
	startKind models.Type // date or datetime
	latest    int64       // greatest start that is not in the future
	from, to  int64       // starts outside are worth the warning "coverage"
	covers    bool

	onlyText bool // every column is a key or a token
}

// coverageSlack is how many days outside covers a row may begin before it is worth a warning.
const coverageSlack = 400

func newPlan(e models.Entity, fields []field, o Options) *plan {
	p := &plan{entity: e, fields: fields, opts: o, start: -1,
		onlyText: !slices.ContainsFunc(fields, func(f field) bool { return f.kind != kindText })}
	if e.Start == "" || !slices.ContainsFunc(fields, func(f field) bool { return f.name == e.Start }) {
		return p
	}
	p.start = e.Index(e.Start)
	p.startKind = e.Columns[p.start].Type
	p.covers = o.Covers != Covers{}
	from, to := o.Covers.From.AddDays(-coverageSlack), o.Covers.To.AddDays(coverageSlack)
	created := models.DateOf(o.Created.In(o.Location))
	if p.startKind == models.TypeDateTime {
		p.latest = o.Created.UnixMicro()
		p.from, p.to = from.In(o.Location).UnixMicro(), to.AddDays(1).In(o.Location).Add(-time.Microsecond).UnixMicro()
	} else {
		p.latest, p.from, p.to = int64(created), int64(from), int64(to)
	}
	return p
}

// checker judges blocks of one file, one at a time; every worker has one.
type checker struct {
	*plan
	checks, warnings []rule

	batch     *batch
	values    []models.Value // of the row at hand, by slot; cells of columns that the file lacks stay empty
	broken    []bool         // the cell has a reason of its own
	anyBroken bool
	record    [][]byte
	faults    []fault
	warned    []int64 // per warning, coverage last
	rekey     *tokens.Rekey
	text      []byte
}

func newChecker(p *plan) *checker {
	c := &checker{plan: p, values: make([]models.Value, len(p.entity.Columns)), broken: make([]bool, len(p.entity.Columns))}
	bind := func(list []models.Check) (rules []rule) {
		for _, k := range list {
			r := rule{name: k.Name, column: k.Columns[len(k.Columns)-1], fails: k.Fails, args: make([]models.Value, len(k.Columns))}
			for _, name := range k.Columns {
				r.slots = append(r.slots, p.entity.Index(name))
			}
			rules = append(rules, r)
		}
		return rules
	}
	if p.entity.Tokens && p.opts.Vault.Known() {
		c.rekey = tokens.NewRekey(p.opts.Vault, p.entity.Population)
	}
	c.checks, c.warnings = bind(p.entity.Checks()), bind(p.entity.Warnings())
	c.warned = make([]int64, len(c.warnings)+1)
	return c
}

// verdict is what became of one block.
type verdict struct {
	batch  *batch
	faults []fault
	lines  int64 // physical lines
	blank  int64
	bad    int64 // quarantined rows
}

// check judges the rows of one block, which ends with a line end and has padding behind it.
func (c *checker) check(block []byte, b *batch, faults []fault) verdict {
	c.batch, c.faults = b, faults[:0]
	clear(c.warned)
	v := verdict{batch: b}
	buf := block[:len(block)+padding]
	line := int32(0)
	for i := 0; i < len(block); line++ {
		switch {
		case buf[i] == '\n':
			i++
			v.blank++
			continue
		case buf[i] == '\r':
			if i++; buf[i] == '\n' && i < len(block) {
				i++
			}
			v.blank++
			continue
		}
		start := i
		next, ok := i, false
		if !c.onlyText || !c.like(buf[i:]) {
			next, ok = c.quickRow(buf, i)
		}
		if !ok || next-start > c.opts.Limits.Line { // with its line end: what is near the limit is measured carefully
			var text []byte
			text, next = nextLine(block, start)
			c.takeBack()
			ok = c.judge(text, fault{line: line, offset: int32(start)})
		}
		if i = next; !c.across(ok, fault{line: line, offset: int32(start)}) {
			c.takeBack()
			v.bad++
			continue
		}
		b.rows++
		b.lines = append(b.lines, line)
	}
	v.lines, v.faults = int64(line), c.faults
	return v
}

// takeBack removes the cells of a row that was not accepted.
func (c *checker) takeBack() {
	for k := range c.batch.columns {
		c.batch.columns[k].truncate(c.batch.rows)
	}
}

// nextLine returns the line at block[from:] without its end, and where the next one begins.
func nextLine(block []byte, from int) (line []byte, next int) {
	rest := block[from:]
	end := bytes.IndexByte(rest, '\n')
	if end < 0 {
		end = len(rest)
	}
	if cr := bytes.IndexByte(rest[:end], '\r'); cr >= 0 {
		if cr+1 < len(rest) && rest[cr+1] == '\n' {
			return rest[:cr], from + cr + 2
		}
		return rest[:cr], from + cr + 1
	}
	return rest[:end], min(from+end+1, len(block))
}

// across applies the rules that look at more than one cell. A rule with a cell that already has a reason says nothing;
// nor does any rule about a line that could not be cut into cells. Warnings count accepted rows only.
func (c *checker) across(fine bool, at fault) bool {
	if !fine && !c.anyBroken { // the line as a whole
		if n := len(c.faults); n > 0 && c.faults[n-1].field < 0 {
			return false
		}
	}
	for k := range c.checks {
		r := &c.checks[k]
		if c.applies(r) && r.fails(r.args) {
			at.code, at.column = r.name, r.column
			c.faults = append(c.faults, at)
			fine = false
		}
	}
	if c.start >= 0 && c.values[c.start].OK {
		s := c.values[c.start].V
		if s > c.latest && !c.opts.Created.IsZero() {
			at.code, at.column = "future", c.entity.Start
			c.faults = append(c.faults, at)
			fine = false
		}
		if fine && c.covers && (s < c.from || s > c.to) {
			c.warned[len(c.warnings)]++
		}
	}
	if c.anyBroken {
		clear(c.broken)
		c.anyBroken = false
	}
	if !fine {
		return false
	}
	for k := range c.warnings {
		if r := &c.warnings[k]; c.applies(r) && r.fails(r.args) {
			c.warned[k]++
		}
	}
	return true
}

// applies fetches a rule's cells.
func (c *checker) applies(r *rule) bool {
	for i, slot := range r.slots {
		if c.anyBroken && c.broken[slot] {
			return false
		}
		r.args[i] = c.values[slot]
	}
	return true
}

// rekeyed puts a set that was judged already under the vault's key.
func (c *checker) rekeyed(text []byte) []byte {
	s, _ := tokens.ParseText(text)
	c.rekey.Apply(&s)
	c.text = s.AppendText(c.text[:0])
	return c.text
}
