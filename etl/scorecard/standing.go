package scorecard

import (
	"cmp"
	"slices"
	"time"

	"heatwatch/etl/intake"
	"heatwatch/etl/partner"
	"heatwatch/models"
)

// The states of a partner. Where several apply the first of this list counts.
const (
	NotExpected = "not_expected" // the agreement is a draft, suspended, or over: nothing is waited for
	Never       = "never"        // nothing has come since the partner was enrolled
	Refused     = "refused"      // the newest drop was refused: older data, if there is any, is what stands
	Late        = "late"         // the newest drop is older than promised, the grace included
	Empty       = "empty"        // the newest drop came in time and holds not one row
	OK          = "ok"           // the newest drop came in time and has rows
)

// States are all of them, in that order.
func States() []string { return []string{NotExpected, Never, Refused, Late, Empty, OK} }

// Grace is how many days a drop may be late before anybody says so.
const Grace = 7

// PromiseDays is how many days a freshness promise gives from one drop to the next.
func PromiseDays(freshness string) int {
	return map[string]int{"weekly": 7, "monthly": 31, "quarterly": 92}[freshness]
}

// Standing is where a partner stands with its promise.
type Standing struct {
	State       string
	Taken       []intake.Drop // the last ones that were not refused, at most Recent, the oldest first
	Last        *intake.Drop  // of those; nil: there is none
	RefusedLast *intake.Drop  // the newest drop, where it was refused
	Created     models.Date   // of Last, where the home stands
	Due         models.Date   // when the next drop is promised, where Last is there
	Fresh       bool
	Accepted    int64 // rows of Last
	Quarantined int64
	InTime      int // of Taken, came within promise and grace after the one before; a first one counts as in time
	Delay       int // median days from the end of what a drop of Taken covers to its creation
}

func (s Subject) standing() Standing {
	drops := slices.Clone(s.Drops)
	slices.SortStableFunc(drops, func(a, b intake.Drop) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name))
	})
	st := Standing{Taken: slices.DeleteFunc(slices.Clone(drops), func(d intake.Drop) bool { return d.State == intake.Refused })}
	first := max(0, len(st.Taken)-Recent)
	days := PromiseDays(s.Agreement.Freshness)
	var delays []float64
	for i := first; i < len(st.Taken); i++ {
		created := s.day(st.Taken[i].Created)
		if i == 0 || int(created-s.day(st.Taken[i-1].Created)) <= days+Grace {
			st.InTime++
		}
		delays = append(delays, float64(max(0, created-st.Taken[i].Covers.To)))
	}
	st.Delay = int(median(delays))
	st.Taken = st.Taken[first:]
	if n := len(st.Taken); n > 0 {
		st.Last = &st.Taken[n-1]
		st.Created = s.day(st.Last.Created)
		st.Due = st.Created.AddDays(days)
		st.Fresh = s.Today <= st.Due.AddDays(Grace)
		st.Accepted, st.Quarantined = rows(*st.Last)
	}
	if n := len(drops); n > 0 && drops[n-1].State == intake.Refused {
		st.RefusedLast = &drops[n-1]
	}
	st.State = st.state(s)
	return st
}

func (st Standing) state(s Subject) string {
	switch {
	case !s.Agreement.InForce(s.Today) || s.Agreement.State == partner.StateDraft:
		return NotExpected
	case st.Last == nil && st.RefusedLast == nil:
		return Never
	case st.RefusedLast != nil:
		return Refused
	case !st.Fresh:
		return Late
	case st.Accepted+st.Quarantined == 0:
		return Empty
	}
	return OK
}

// day is the calendar day of an instant where the home stands.
func (s Subject) day(t time.Time) models.Date {
	if s.Zone != nil {
		t = t.In(s.Zone)
	}
	return models.DateOf(t)
}
