package privacy

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"heatwatch/models"
)

// Engine runs one statement over the lake's session. Only aggregates cross it into Go, and the frozen cohort.
type Engine interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Encoding says how one person enters a vector (see the plan's documentation). Every encoding is a vector of whole
// numbers in which one person changes at most L0 cells by at most Linf each.
type Encoding string

// The encodings. A signed vector holds yes minus no; with unknown, those who cannot be asked stand in a cell of their
// own, with the value Linf; a centred sum holds the clamped value minus the middle of its range. Weights spread one
// person's events over the cells: whatever the rows say, their absolute values add up to Linf at most, so the vector
// costs like one cell. A sum is not centred: totals would inherit the error of the head count. Exact is about no person at
// all: a public fact, added up from (cell, value) and released as it is, for vectors of the population Nobody alone.
const (
	Count                Encoding = "count"
	Histogram            Encoding = "histogram"
	Signed               Encoding = "signed"
	SignedUnknown        Encoding = "signed+unknown"
	SignedHistogram      Encoding = "signed histogram"
	CentredSum           Encoding = "centred sum"
	CentredWeight        Encoding = "centred weight"
	CentredWeightUnknown Encoding = "centred weight+unknown"
	Weights              Encoding = "weights"
	Sum                  Encoding = "sum"
	Exact                Encoding = "exact"
)

// encodings lists them all.
var encodings = []Encoding{Count, Histogram, Signed, SignedUnknown, SignedHistogram, CentredSum, CentredWeight, CentredWeightUnknown, Weights, Sum, Exact}

// Vector is what a measure declares: a SELECT that yields (person, cell, value).
//
// With Each it is a vector of blocks ("9 x signed+unknown"): a block per value of Each, a person may be in all of them,
// and the SELECT names its cells "block:answer". With Activity it is about persons in the first periods of an activity,
// and the engine itself sees to it. With Events it is about events without identity: the SELECT yields (person, cell,
// value, times), where person is a row and the row stands for so many events of that value.
type Vector struct {
	Name       string // "time-to-emergency-service.curve"
	Encoding   Encoding
	Cells      []string // public domain, in published order: the answers of one block
	Linf       int64    // most that one person changes in one cell
	SQL        string   // SELECT person, cell, value ...
	Measure    string   // whose Build statements must have run
	Eligible   float64  // expected share of the cohort that the vector is about, for planning
	Each       string   // what the blocks are: domain, flag, form; "" for a vector without blocks
	EachValues []string // the public domain of Each, in published order
	Activity   string   // SELECT person, on_date ...: days, one or more, of each year in which a person was active
	First      int      // of an activity: persons are in their first so many years of it; 0: the plan says how many
	L0         int64    // how many cells, or blocks, one person may be in; 0: one cell, or every block
	Events     bool
	Population string // where it is not the measure's
	DueAfter   int    // where its window closes at another time than the measure's; 0: the measure's
	// By lists dimensions in which each person of the vector has exactly one value, so that sums over a breakdown are
	// the sums without. Only vectors of which a person has at most one row may list any.
	By []string
}

// Identity is an equality between answers that holds for every person by construction: the terms add up to zero. Release
// files name the identities that their estimates rest on, so a name keeps its meaning for ever.
type Identity struct {
	Name  string
	Terms []IdentityTerm
}

// IdentityTerm is Weight times the sum of a vector's named cells (all of them where none is named).
type IdentityTerm struct {
	Vector string
	Cells  []string
	Weight int64
}

// Dimension is a way to break a population down: one value per person.
type Dimension struct {
	Name   string
	Values []string // public domain, "unknown" included where a person may lack a value
	SQL    string   // SELECT person, value ...
	Labels func(value string) string
}

// Schema is everything that privacy needs to know of the measures: SQL, public domains and formulas.
type Schema struct {
	Entries    []string                         // statements that make the temporary relation entries
	EntriesOf  map[string][]string              // the same for a population that enters in another way
	Relations  func(measures []string) []string // statements that these measures need once cohort stands
	Build      map[string][]string              // per measure, the statements that make its answers
	Vectors    map[string]Vector
	Dimensions map[string]Dimension // by "name" or "measure/name"
	Formulas   []Formula
	Identities []Identity
	Measures   map[string]MeasureInfo
	Dictionary int // version of the data dictionary that the lists of values come from

	of string // "" for today's lists of values, else those that an earlier release knew
}

// MeasureInfo is what a figure carries of its measure.
type MeasureInfo struct {
	Definition int
	Population string
	DueAfter   int // days after a period's last day before which nothing of it may be measured
}

// population is whom a vector is about.
func (s Schema) population(v Vector) string {
	return cmp.Or(v.Population, s.Measures[v.Measure].Population, "minors")
}

// dueAfter is how many days after a period's last day a vector can be measured at the earliest.
func (s Schema) dueAfter(v Vector) int { return cmp.Or(v.DueAfter, s.Measures[v.Measure].DueAfter) }

// entries are the statements that make the relation entries of a population.
func (s Schema) entries(population string) []string {
	if own, ok := s.EntriesOf[population]; ok {
		return own
	}
	return s.Entries
}

// Dimension finds a dimension of a measure, or a shared one.
func (s Schema) Dimension(measure, name string) (Dimension, bool) {
	if d, ok := s.Dimensions[measure+"/"+name]; ok {
		return d, true
	}
	d, ok := s.Dimensions[name]
	return d, ok
}

// Formula says how one statistic follows from noisy cells. Exactly one of the forms below applies.
type Formula struct {
	Measure, Statistic string
	Unit               string
	Vector             string // of the item that publishes the statistic
	Form               Form
	Cells              []string  // Share: the cells above the line (the vector's total is below it)
	Mid, Step          float64   // Mean: value = Mid + Step x S/N;  Ratio: the same for the item above the line
	WithVector         string    // Ratio: the vector of the item below the line
	WithMid, WithStep  float64   // Ratio
	Scale              float64   // Ratio: published value = Scale x above / below; 0 means 1
	Edges              []float64 // Median: upper edges of the cells; a last cell without one is "never"
	Low, High          float64   // possible range; High 0 means no upper end
	Expect             Expect
	Note               string

	Of             []string // Share, Part: the cells below the line, where not all are (the unknown are left out)
	Left, Censored []string // Survival: per bin the cell of those who left in it, and of those last seen in it
	At             float64  // Survival: the upper edge of the bin (one of Edges) up to which leavings count
	Per            string   // one figure for each of Cells (none: all), by {Per: cell}; "role:offense" names both parts of the cell "purchaser:purchase"
	By             []Dim    // further dimensions of the figure, such as {attribute: home_area}
	Across         bool     // Share: one value of the item's breakdown over all known ones
	Unsampled      string   // why there is no interval with sampling, in words; "" where the form has one
	Calendar       string   // exact vector with the days of snapshots: see calendar.go
}

// Form is the shape of a formula.
type Form string

// The forms: T cells, N persons.
const (
	FormCount  Form = "count"  // the cell, or the sum of the vector
	FormShare  Form = "share"  // some cells of a histogram over all of them
	FormSigned Form = "signed" // 1/2 + D/(2N); with an unknown cell, N is less by U
	FormMean   Form = "mean"   // Mid + Step x S/N
	FormRatio  Form = "ratio"  // (Mid N + Step S) / (WithMid N + WithStep S')
	FormMedian Form = "median" // linear within the bin in which half is reached
	FormYes    Form = "yes"    // (N - U + D)/2 over N - U: like signed, the unknown left out below the line

	FormTotal    Form = "total"    // Mid N + Step S: a number, not a mean
	FormOver     Form = "over"     // some cells over N
	FormPart     Form = "part"     // some cells over themselves and those of a second item: two populations
	FormChange   Form = "change"   // T/T' - 1 against the period a year earlier; T is a count, or Mid N + Step S
	FormSurvival Form = "survival" // life table: who left and who was last seen, bin by bin
)

// overPersons tells whether the formula needs a number of persons beside its vector.
func (f Formula) overPersons() bool {
	switch f.Form {
	case FormSigned, FormMean, FormRatio, FormYes, FormOver:
		return true
	case FormTotal, FormChange:
		return f.Mid != 0
	}
	return false
}

// withItem tells whether the formula needs a second item.
func (f Formula) withItem() bool { return f.Form == FormRatio || f.Form == FormPart }

// dimension is what the figures are a breakdown by, in an item that is broken down by `by` (or not, where that is ""); ""
// for totals. Of two crossed dimensions it is the second.
func (f Formula) dimension(by string) string {
	switch {
	case by != "":
		return by
	case f.Per != "":
		return f.Per[strings.LastIndex(f.Per, crossed)+1:]
	case len(f.By) > 0:
		return f.By[0].Key
	}
	return ""
}

// keys are all dimensions by which the figures are placed, in an item that is broken down by `by`: those of Figure.By.
func (f Formula) keys(by string) []string {
	all := []string{by}
	for _, d := range f.By {
		all = append(all, d.Key)
	}
	all = append(all, strings.Split(f.Per, crossed)...)
	if f.Calendar != "" {
		all = append(all, snapshotKey)
	}
	return slices.DeleteFunc(all, func(k string) bool { return k == "" })
}

// crossed joins two dimensions in Per, and their values in the name of a cell.
const crossed = ":"

// place tells the figures of two formulas apart that share measure and statistic.
func (f Formula) place() string {
	s := f.Per
	for _, d := range f.By {
		s += ";" + d.Key + "=" + d.Value
	}
	return s
}

// Expect is what the plan assumes where it computes an interval before any data is read.
type Expect struct {
	Value float64   // of the statistic
	Below float64   // Ratio: expected value below the line per person of N
	Cells []float64 // Median: expected share of each cell
}

// Cell is one place of a vector: its coordinates in published order.
type Cell struct {
	Dim    string // value of the breakdown, "" for a total
	Answer string // the vector's own cell
}

func (c Cell) text(by string) string {
	if by == "" {
		return c.Answer
	}
	return c.Dim + ":" + c.Answer
}

// cells lists the public domain of an item.
func (s Schema) cells(it Item) ([]Cell, error) {
	v, ok := s.Vectors[it.Vector]
	if !ok {
		return nil, fmt.Errorf("no measure declares the vector %q", it.Vector)
	}
	if it.By == "" {
		return mapSlice(v.Cells, func(a string) Cell { return Cell{Answer: a} }), nil
	}
	values := v.EachValues
	if it.By != v.Each {
		d, ok := s.Dimension(v.Measure, it.By)
		if !ok {
			return nil, fmt.Errorf("%s has no dimension %q", v.Measure, it.By)
		}
		values = d.Values
	}
	var all []Cell
	for _, val := range values {
		for _, a := range v.Cells {
			all = append(all, Cell{Dim: val, Answer: a})
		}
	}
	return all, nil
}

func mapSlice[A, B any](in []A, f func(A) B) []B {
	out := make([]B, 0, len(in))
	for _, a := range in {
		out = append(out, f(a))
	}
	return out
}

// formula finds how a statistic follows from a vector.
func (s Schema) formula(vector, statistic, measure string) (Formula, bool) {
	i := slices.IndexFunc(s.Formulas, func(f Formula) bool {
		return f.Vector == vector && f.Statistic == statistic && (measure == "" || f.Measure == measure)
	})
	if i < 0 {
		return Formula{}, false
	}
	return s.Formulas[i], true
}

// sqlText quotes a constant of ours for SQL; nothing that came from a partner goes through it.
func sqlText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// DueDate is the first day on which an item of a period can be released: by the calendar alone.
func DueDate(p models.Period, days int) models.Date { return p.Last().AddDays(days) }
