package scorecard

import (
	"cmp"
	"slices"
	"time"

	"heatwatch/etl/intake"
	"heatwatch/etl/partner"
	"heatwatch/models"
)

// The weights of the parts.
const (
	WeightValid      = 0.4
	WeightKnown      = 0.3
	WeightOnTime     = 0.2
	WeightConsistent = 0.1
)

// Recent is how many of the last drops a card looks at.
const Recent = 12

// Card is the parts of a score, each 0 to 1, and what stands beside them.
type Card struct {
	Standing
	Scored                           bool // false: nothing was taken yet, or the last drop had no rows
	Valid, Known, OnTime, Consistent float64
	Unique                           float64
	Columns                          []Column // what Known is the mean of, the least known first
}

// Column is how much one column says.
type Column struct {
	Name  string // "persons.gender"
	Known float64
}

// Score is 0 to 100.
func (c Card) Score() float64 {
	return 100 * (WeightValid*c.Valid + WeightKnown*c.Known + WeightOnTime*c.OnTime + WeightConsistent*c.Consistent)
}

// Subject is what a card is made of.
type Subject struct {
	Partner   string
	Agreement partner.Agreement
	Drops     []intake.Drop // all of the partner that were taken or refused, in any order
	Landing   string        // the home's, for what the last drop says in its columns
	Today     models.Date
	Zone      *time.Location
	Feeds     func(column string) bool // does a measure rest on "entity.column"; nil: on every one
}

// Of makes a partner's card. An error means that the checked rows of the last drop cannot be read; the standing holds all
// the same.
func Of(s Subject) (Card, error) {
	c := Card{Standing: s.standing()}
	if c.Last == nil || c.Accepted+c.Quarantined == 0 {
		return c, nil
	}
	rows := float64(c.Accepted + c.Quarantined)
	c.Valid = float64(c.Accepted) / rows
	c.Unique = 1 - float64(repeated(*c.Last))/rows
	if c.Fresh {
		c.OnTime = 1
	}
	c.Consistent = consistent(*c.Last, c.Taken[:len(c.Taken)-1])
	var err error
	if c.Columns, err = s.columns(*c.Last); err != nil {
		return c, err
	}
	c.Known = 1
	if n := len(c.Columns); n > 0 {
		c.Known = 0
		for _, x := range c.Columns {
			c.Known += x.Known / float64(n)
		}
	}
	c.Scored = true
	return c, nil
}

// rows of a drop that are not blank.
func rows(d intake.Drop) (accepted, quarantined int64) {
	for _, f := range d.Files {
		accepted, quarantined = accepted+f.Accepted, quarantined+f.Quarantined
	}
	return accepted, quarantined
}

// repeated counts the rows whose key an earlier line of their file has.
func repeated(d intake.Drop) (n int64) {
	for _, f := range d.Files {
		for _, r := range f.Reasons {
			if r.Code == "duplicate_key" {
				n += r.Count
			}
		}
	}
	return n
}

// columns looks at each column that counts, over all files of its entity.
func (s Subject) columns(last intake.Drop) ([]Column, error) {
	said, err := readSaid(s.Landing, last)
	if err != nil {
		return nil, err
	}
	var all []Column
	for _, f := range said.Files {
		e, ok := models.Dictionary().Entity(f.Entity)
		if !ok || f.Rows == 0 {
			continue
		}
		for _, col := range e.Columns {
			name := e.Name + "." + col.Name
			if Counts(e, col) && (s.Feeds == nil || s.Feeds(name)) && s.Agreement.Allows(e.Name, col.Name) {
				all = append(all, Column{name, float64(f.Said[col.Name]) / float64(f.Rows)})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Column) int { return cmp.Compare(a.Known, b.Known) })
	return all, nil
}

// saysNothing are columns in which an empty cell is an answer.
var saysNothing = []string{"services.started_precision", "placements.exit_reason", "prosecutions.disposition"}

// Counts tells whether a column can be unknown: no key, and empty or the word unknown where nobody knows.
func Counts(e models.Entity, c models.Column) bool {
	switch {
	case c.Type == models.TypeKey, c.Type == models.TypeToken, c.Name == "deleted", slices.Contains(saysNothing, e.Name+"."+c.Name):
		return false
	case c.Type == models.TypeDate, c.Type == models.TypeDateTime: // a date that is not required is the end of something
		return false
	}
	return !c.Required || slices.Contains(c.Values, unknown)
}

const unknown = "unknown"

// consistent compares rows for each day covered, entity by entity, with the median of the drops before it that are of the
// same mode: a delta has fewer rows than a snapshot, and nothing is wrong with it.
func consistent(last intake.Drop, earlier []intake.Drop) float64 {
	earlier = slices.DeleteFunc(slices.Clone(earlier), func(d intake.Drop) bool { return d.Mode != last.Mode })
	if len(earlier) == 0 {
		return 1
	}
	usual := map[string][]float64{}
	for _, d := range earlier {
		for e, perDay := range daily(d) {
			usual[e] = append(usual[e], perDay)
		}
	}
	now, before := daily(last), daily(earlier[len(earlier)-1])
	sum, n := 0.0, 0
	for _, e := range models.Dictionary().Entities {
		a, sent := now[e.Name]
		if _, was := before[e.Name]; !sent && !was {
			continue
		}
		n++
		b := median(usual[e.Name])
		if most := max(a, b); most > 0 {
			sum += min(a, b) / most
		} else {
			sum++
		}
	}
	if n == 0 {
		return 1
	}
	return sum / float64(n)
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// daily is the accepted rows of each entity for each day that the drop covers.
func daily(d intake.Drop) map[string]float64 {
	days := float64(d.Covers.To-d.Covers.From) + 1
	all := map[string]float64{}
	for _, f := range d.Files {
		if !f.Refused {
			all[f.Entity] += float64(f.Accepted) / max(1, days)
		}
	}
	return all
}
