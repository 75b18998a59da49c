package scorecard

import (
	"cmp"
	"slices"

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

// Card is the parts of a score, each 0 to 1.
type Card struct {
	Valid, Known, OnTime, Consistent float64
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
	Agreement partner.Agreement
	Last      intake.Drop
	Before    *intake.Drop // the one taken before it; nil: none
	Folder    string       // of the last drop in landing
	OnTime    bool
	Feeds     func(column string) bool // does a measure rest on "entity.column"
}

// Of makes the card of a drop. ok is false where it had no rows: there is nothing to judge.
func Of(s Subject) (c Card, ok bool, err error) {
	var accepted, rows int64
	for _, f := range s.Last.Files {
		accepted, rows = accepted+f.Accepted, rows+f.Accepted+f.Quarantined
	}
	if rows == 0 {
		return c, false, nil
	}
	c.Valid = float64(accepted) / float64(rows)
	if s.OnTime {
		c.OnTime = 1
	}
	c.Consistent = consistent(s.Last, s.Before)
	if c.Columns, err = s.columns(); err != nil {
		return c, false, err
	}
	c.Known = 1
	if n := len(c.Columns); n > 0 {
		c.Known = 0
		for _, x := range c.Columns {
			c.Known += x.Known / float64(n)
		}
	}
	return c, true, nil
}

// columns looks at each column that counts, over all files of its entity.
func (s Subject) columns() ([]Column, error) {
	var all []Column
	for _, f := range s.Last.Files {
		e, ok := models.Dictionary().Entity(f.Entity)
		if !ok || f.Parquet == "" || f.ParquetRows == 0 {
			continue
		}
		var names []string
		for _, col := range e.Columns {
			if Counts(e, col) && s.Feeds(e.Name+"."+col.Name) && s.Agreement.Allows(e.Name, col.Name) {
				names = append(names, col.Name)
			}
		}
		shares, err := known(s.Folder, f, e, names)
		if err != nil {
			return nil, err
		}
		for i, n := range names {
			all = append(all, Column{e.Name + "." + n, shares[i]})
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

// consistent compares rows for each day covered, entity by entity.
func consistent(last intake.Drop, before *intake.Drop) float64 {
	if before == nil {
		return 1
	}
	now, then := daily(last), daily(*before)
	sum, n := 0.0, 0
	for _, e := range models.Dictionary().Entities {
		a, ok := now[e.Name]
		b, too := then[e.Name]
		if !ok && !too {
			continue
		}
		n++
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
