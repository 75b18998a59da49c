// Package census says which agencies a period's figures rest on: who was expected by agreement, who reported, for which
// days. It knows agreements and what manifests say of their drops, and no record: facts of the calendar, that may be public.
package census

import (
	"slices"
	"time"

	"heatwatch/etl/intake"
	"heatwatch/etl/partner"
	"heatwatch/models"
)

// How far an agency's persons are in the figures, by its sharing mode.
const (
	InFull = "in full"
	Partly = "partly: persons with a signed release only"
	NotIn  = "not in these figures by law: shares totals only"
)

// Row is one agency in one period.
type Row struct {
	Partner, Kind, Sharing, State string

	Expected  bool        // the agreement holds on a day of the period
	Reporting bool        // a drop that was taken covers a day of it
	From, To  models.Date // first and last day of the period that is covered, where it is reporting
	Days, Of  int         // days covered, of those of the period
	Entities  []string    // of the drops that cover it, in the order of the dictionary
	First     models.Period
	StartUp   bool   // the period holds the agency's first quarter: who was known before looks new
	Figures   string // InFull, Partly or NotIn
}

// Whole tells whether every day of the period is covered.
func (r Row) Whole() bool { return r.Days == r.Of }

// Of looks at one agency. Drops that were created after the local day asof do not count.
func Of(name string, a partner.Agreement, drops []intake.Drop, period models.Period, asof models.Date, zone *time.Location) Row {
	first, last := period.First(), period.Last()
	r := Row{Partner: name, Kind: a.Kind, Sharing: a.Sharing, State: a.State, Of: int(last-first) + 1, First: models.QuarterOf(a.StartsOn), Figures: InFull,
		Expected: a.State != partner.StateDraft && a.StartsOn <= last && !(a.Ends && a.EndsOn < first)}
	switch a.Sharing {
	case partner.SharingConsented:
		r.Figures = Partly
	case partner.SharingAggregate:
		r.Figures = NotIn
	}
	covered := make([]bool, r.Of)
	sent := map[string]bool{}
	begun, any := models.Date(0), false
	for _, d := range drops {
		if d.State == intake.Refused || models.DateOf(d.Created.In(zone)) > asof {
			continue
		}
		if !any || d.Covers.From < begun {
			begun, any = d.Covers.From, true
		}
		from, to := max(d.Covers.From, first), min(d.Covers.To, last)
		for day := from; day <= to; day++ {
			covered[day-first] = true
		}
		for _, f := range d.Files {
			sent[f.Entity] = sent[f.Entity] || from <= to && !f.Refused
		}
	}
	if any {
		r.First = models.QuarterOf(max(begun, a.StartsOn))
	}
	r.StartUp = first <= r.First.First() && r.First.Last() <= last
	for i, c := range covered {
		if !c {
			continue
		}
		if day := first.AddDays(i); !r.Reporting {
			r.Reporting, r.From = true, day
		}
		r.To = first.AddDays(i)
		r.Days++
	}
	for _, e := range models.Dictionary().Entities {
		if sent[e.Name] {
			r.Entities = append(r.Entities, e.Name)
		}
	}
	return r
}

// Kind is the agencies of one kind, counted.
type Kind struct {
	Kind                                               string
	Expected, Reporting, Whole, StartUp, Partly, NotIn int
}

// ByKind counts the agencies that were expected or reported, by kind in the order of the dictionary: what a public page
// may say. The name of a shelter can be its address.
func ByKind(rows []Row) []Kind {
	var all []Kind
	for _, kind := range models.Dictionary().List("agency_kind") {
		k := Kind{Kind: kind}
		for _, r := range rows {
			if r.Kind == kind && (r.Expected || r.Reporting) {
				k.add(r)
			}
		}
		if k.Expected+k.Reporting > 0 {
			all = append(all, k)
		}
	}
	return all
}

// Total counts all agencies that were expected or reported.
func Total(rows []Row) Kind {
	var k Kind
	for _, r := range slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return !r.Expected && !r.Reporting }) {
		k.add(r)
	}
	return k
}

func (k *Kind) add(r Row) {
	for _, x := range []struct {
		n  *int
		is bool
	}{{&k.Expected, r.Expected}, {&k.Reporting, r.Reporting}, {&k.Whole, r.Whole()}, {&k.StartUp, r.StartUp}, {&k.Partly, r.Figures == Partly}, {&k.NotIn, r.Figures == NotIn}} {
		if x.is {
			*x.n++
		}
	}
}
