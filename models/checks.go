package models

import (
	"fmt"
	"slices"
)

// Value is one cell in the form that checks and Parquet use. V is the index into Column.Values for codes and flags, days
// since 1970-01-01 for dates, microseconds since the epoch (UTC) for datetimes, and the number itself for ints.
type Value struct {
	V  int64
	OK bool // false: the cell was empty
}

// Check is a rule across the cells of one row.
type Check struct {
	Name, Says string
	Columns    []string
	Fails      func(v []Value) bool // v is aligned with Columns
}

const (
	minute = 60_000_000 // microseconds
	day    = 24 * 60 * minute
)

// before fails when the second cell lies before the first.
func before(v []Value) bool { return v[0].OK && v[1].OK && v[1].V < v[0].V }

// rule is what the dictionary cannot say in data: the test behind a check's name.
type rule struct {
	columns []string
	fails   func(code codes, v []Value) bool
}

// codes gives the number of a code, so that rules read like the dictionary.
type codes func(column, value string) int64

func plain(f func(v []Value) bool) func(codes, []Value) bool {
	return func(_ codes, v []Value) bool { return f(v) }
}

var repealedOn, _ = ParseDate("2023-01-01")

// rules are the tests of the checks and warnings that look at one row; overlap and coverage look further and live in etl.
var rules = map[string]rule{
	"assessments.tool_domain": {[]string{"tool", "domain"}, func(c codes, v []Value) bool {
		return (v[0].V == c("tool", "cse_it")) != (v[1].V == c("domain", "screening"))
	}},
	"assessments.outcome_range": {[]string{"tool", "score"}, func(c codes, v []Value) bool {
		return v[0].V == c("tool", "outcome_scale") && (v[1].V < 1 || v[1].V > 5)
	}},
	"placements.order":   {[]string{"started_on", "ended_on"}, plain(before)},
	"services.order":     {[]string{"started_at", "ended_at"}, plain(before)},
	"prosecutions.order": {[]string{"filed_on", "disposed_on"}, plain(before)},
	"prosecutions.settled": {[]string{"disposed_on", "disposition"}, func(c codes, v []Value) bool {
		return v[0].OK && (!v[1].OK || v[1].V == c("disposition", "pending"))
	}},
	"purchaser_programs.order":          {[]string{"enrolled_on", "completed_on"}, plain(before)},
	"purchaser_programs.rearrest_order": {[]string{"enrolled_on", "rearrested_on"}, plain(before)},
	"trainings.passed": {[]string{"attendees", "certified"}, plain(func(v []Value) bool {
		return v[1].OK && v[1].V > v[0].V
	})},
	"arrests.minor_arrested": {[]string{"party_role", "offense"}, func(c codes, v []Value) bool {
		return v[0].V == c("party_role", "victim") && (v[1].V == c("offense", "solicitation") || v[1].V == c("offense", "loitering"))
	}},
	"arrests.repealed": {[]string{"offense", "arrested_at"}, func(c codes, v []Value) bool {
		return v[0].V == c("offense", "loitering") && v[1].V >= int64(repealedOn)*day
	}},
	"services.long": {[]string{"emergency", "started_at", "ended_at"}, func(c codes, v []Value) bool {
		return v[0].V == c("emergency", "yes") && v[2].OK && v[2].V-v[1].V > 90*day
	}},
}

// beyondRow are the rules that need more than one row, or the manifest: intake and the lake apply them.
var beyondRow = []string{"all.future", "placements.overlap", "all.coverage"}

func (d *Dict) attachRules(checks, warnings []yamlRule) error {
	seen := map[string]bool{}
	attach := func(list []yamlRule, warning bool) error {
		for _, y := range list {
			id := y.Entity + "." + y.Name
			d.Rules = append(d.Rules, Rule{Entity: y.Entity, Name: y.Name, Says: y.Says, Warning: warning})
			if seen[id] = true; slices.Contains(beyondRow, id) {
				continue
			}
			i := slices.IndexFunc(d.Entities, func(e Entity) bool { return e.Name == y.Entity })
			r, ok := rules[id]
			if i < 0 || !ok {
				return fmt.Errorf("rule %s has no test", id)
			}
			c := bind(d.Entities[i], y, r)
			if warning {
				d.Entities[i].warnings = append(d.Entities[i].warnings, c)
			} else {
				d.Entities[i].checks = append(d.Entities[i].checks, c)
			}
		}
		return nil
	}
	if err := attach(checks, false); err != nil {
		return err
	}
	if err := attach(warnings, true); err != nil {
		return err
	}
	for id := range rules {
		if !seen[id] {
			return fmt.Errorf("test %s has no rule in the dictionary", id)
		}
	}
	return nil
}

// bind turns names of codes into their numbers once, so that checking a row compares integers.
func bind(e Entity, y yamlRule, r rule) Check {
	numbers := map[[2]string]int64{}
	for _, name := range r.columns {
		c, _ := e.Column(name)
		for i, v := range c.Values {
			numbers[[2]string{name, v}] = int64(i)
		}
	}
	code := func(column, value string) int64 {
		n, ok := numbers[[2]string{column, value}]
		if !ok {
			panic(fmt.Sprintf("models: rule %s.%s: no code %s.%s", y.Entity, y.Name, column, value))
		}
		return n
	}
	return Check{Name: y.Name, Says: y.Says, Columns: r.columns, Fails: func(v []Value) bool { return r.fails(code, v) }}
}
