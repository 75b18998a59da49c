package declare

import "slices"

// Measure is one definition. A changed definition gets a new number.
type Measure struct {
	ID, Title  string
	Definition int
	Population string // minors, accused, profiles, attendees, pledgers or none: whom most of its figures are about
	Objective  string // the grant objective it serves
	Prong      string // the prong of the model
	Says       string // the definition in full
	Window     string // which time it looks at
	Due        string // when an item of it can be released, in words
	// DueAfter is the number of days from a period's last day to the due date of its items: the window and 14 days for
	// late data (44 for a window of 30 days). A plan may set a later date, never an earlier one.
	DueAfter    int
	WindowDays  int
	Bounds      string
	Denominator string // one sentence: who is in, who is left out
	Source      string
	Differences string // how it departs from the standard it resembles

	Statistics []Statistic
	Vectors    []Vector
	Dimensions []Dimension // of its own, beside the shared ones of a cohort
	Needs      []string    // relations of package measures' common SQL, in order
	SQL        string      // makes the temp table named after the id; run after the common SQL
	Table      string      // that table
}

// Statistic is a figure that a report may show.
type Statistic struct {
	Name, Unit, Says string
	By               []string // every dimension by which its figures may be placed, one at a time unless the measure says otherwise
	NoTotal          bool     // it is broken down always
	Level            string   // "" for every level, "year" for years (and spans of them) only, "snapshot" for one of each snapshot
	From             []string // vectors of the same measure (or entry.heads) from which it is derived
}

// HasTotal tells whether a statistic has a figure about all: not where every vector that it comes from is one of blocks.
func (m Measure) HasTotal(s Statistic) bool {
	return !s.NoTotal && slices.ContainsFunc(s.From, func(name string) bool {
		v, ok := m.Vector(name)
		return !ok || v.Each == "" // a vector of another measure is the head count
	})
}

// How a person enters a vector.
const (
	Count                = "count"                  // 1 in one cell
	Histogram            = "histogram"              // 1 in exactly one cell of a fixed list, or in L0 of them
	Signed               = "signed"                 // +1 or -1 in cell d
	SignedUnknown        = "signed+unknown"         // +1 or -1 in cell d, or 1 in cell u
	CentredSum           = "centred sum"            // Scale times the clamped amount, minus Mid, in cell s; or Linf in cell u, if there is one
	CentredWeight        = "centred weight"         // the person's own share, 0 to 1, as -Grid to Grid in cell s
	CentredWeightUnknown = "centred weight+unknown" // the same, or Grid in cell u where the person has no share
	Sum                  = "sum"                    // the clamped amount in cell s; of events: times their number
	Exact                = "exact"                  // public facts, about nobody: the SELECT yields (cell, value), any number of rows
)

// Grid is the number of steps of a person's own share in either direction: k of r events is (2k - r) x Grid / r, a whole
// number for every r up to 5.
const Grid = 60

// Vector is a named SELECT that yields (person, cell VARCHAR, value BIGINT): at most one row per person (or L0), its cell
// one of Cells, its value between -Linf and Linf. All cells are measured, also those that nobody falls in.
//
// With Each there is a block of Cells for each of EachValues, the SELECT names its cells "block:cell", and a person may be
// in L0 of the blocks, once in each. With Activity the vector is about all persons with these days in the year, engaged or
// not, in their first First years of it; the SELECT reads cohort, as always, and must itself look at the period
// (params.period_first to period_last). With Events nobody is identified: the SELECT yields (person, cell, value, times),
// where person is any text that tells rows apart and the row stands for so many events. An exact vector, of population
// none, has no bounds; its SELECT yields (cell, value) and reads nothing that is about persons.
type Vector struct {
	Name, Says string
	Encoding   string
	Cells      []string
	Linf       int64
	Unit       string // of one step of value, for a centred sum
	Scale, Mid int64  // centred sum: value = Scale x amount - Mid, so amount = (value + Mid) / Scale
	Low, High  int64  // centred sum: the range to which the amount is clamped
	SQL        string
	Dimensions []string // what it may be broken down by

	Each       string // what the blocks are: flag, form, service_type; "" for a vector without blocks
	EachValues []string
	L0         int64   // most cells (blocks, with Each) that one person is in; 0: one cell, or every block
	Activity   string  // SELECT person, on_date: at least one day of each year in which a person is in the yearly population
	First      int     // of an activity: the first so many calendar years (of a span: spans) of a person
	Events     bool    // no identity: the unit is one event
	Population string  // where it is not the measure's
	DueAfter   int     // where its window closes at another time than the measure's: days to the due date, 14 included
	Eligible   float64 // share of the cohort that the plan expects it to be about, for planned intervals; 0: all
}

// Populations are all that the measure's figures are about, its own first.
func (m Measure) Populations() []string {
	all := []string{m.Population}
	for _, v := range m.Vectors {
		if v.Population != "" && !slices.Contains(all, v.Population) {
			all = append(all, v.Population)
		}
	}
	return all
}

// UnknownSays is what unknown means in a breakdown that has a group of it beside a total.
const UnknownSays = "Whose value is unknown is in the total, and in a group of its own, unknown."

// Counted is the denominator sentence as it stands beside figures, with what unknown means where a breakdown has a group of
// it.
func (m Measure) Counted() string {
	if slices.ContainsFunc(m.Vectors, m.groupsUnknown) {
		return m.Denominator + " " + UnknownSays
	}
	return m.Denominator
}

// groupsUnknown tells whether a breakdown of the vector, or its blocks, have a value unknown.
func (m Measure) groupsUnknown(v Vector) bool {
	return slices.Contains(v.EachValues, "unknown") || slices.ContainsFunc(v.Dimensions, func(name string) bool {
		d, _ := m.Dimension(name)
		return slices.Contains(d.Values, "unknown")
	})
}

// Vector returns the vector of that name.
func (m Measure) Vector(name string) (Vector, bool) {
	for _, v := range m.Vectors {
		if v.Name == name {
			return v, true
		}
	}
	return Vector{}, false
}

// Statistic returns the statistic of that name.
func (m Measure) Statistic(name string) (Statistic, bool) {
	for _, s := range m.Statistics {
		if s.Name == name {
			return s, true
		}
	}
	return Statistic{}, false
}

// LateDays is how many days late data has after a window has closed, before a figure is due.
const LateDays = 14
