package privacy

import (
	"slices"

	"heatwatch/models"
)

// A calendar is an exact vector that says for each place (an area) on which day of a quarter its snapshot was taken: 1 is the
// quarter's first day, 0 says that there was none. Where it is measured beside figures of snapshots, these carry the date,
// a place without a snapshot has no figure, and a change is one against the snapshot of about a year earlier; where there was
// none it is null.

// snapshotKey is the dimension that a date stands in.
const snapshotKey = "snapshot"

// A change is against the snapshot nearest to so many days earlier, and at most so many days off.
const (
	changeDays   = 365
	changeWithin = 45
)

// calendarOf is the plan's item of the calendar that a formula names, at the level and breakdown of the formula's own item.
func (p *Plan) calendarOf(it Item, f Formula) (Item, bool) {
	i := slices.IndexFunc(p.Items, func(c Item) bool { return c.Vector == f.Calendar && c.Level == it.Level && c.By == it.By })
	if i < 0 {
		return Item{}, false
	}
	return p.Items[i], true
}

// snapshot is one of a calendar.
type snapshot struct {
	period models.Period
	on     models.Date
	said   cellKey // where the calendar says so
}

// snapshotIn is the snapshot of a place in a period; ok is false where there was none, or none is known.
func snapshotIn(r readings, calendar Item, dim string, period models.Period) (s snapshot, ok bool) {
	k := readingKey{calendar.ID, period}
	rd := r[k]
	i := slices.IndexFunc(rd.cells, func(c Cell) bool { return c.Dim == dim })
	if i < 0 || rd.est[i] < 1 || rd.est[i] > float64(period.Last()-period.First()+1) {
		return s, false
	}
	return snapshot{period, period.First().AddDays(int(rd.est[i]) - 1), cellKey{k, i}}, true
}

// snapshotBefore is the snapshot of the same place nearest to a year earlier; of two as near, the earlier.
func snapshotBefore(r readings, calendar Item, dim string, now snapshot) (best snapshot, ok bool) {
	target := now.on.AddDays(-changeDays)
	off := func(s snapshot) models.Date { return max(s.on-target, target-s.on) }
	for _, q := range quartersBetween(target.AddDays(-changeWithin), target.AddDays(changeWithin)) {
		if s, there := snapshotIn(r, calendar, dim, q); there && off(s) <= changeWithin && (!ok || off(s) < off(best)) {
			best, ok = s, true
		}
	}
	return best, ok
}

// quartersBetween are the quarters that hold days from first to last.
func quartersBetween(first, last models.Date) []models.Period {
	var all []models.Period
	for q := models.QuarterOf(first); q.First() <= last; q = q.Next() {
		all = append(all, q)
	}
	return all
}
