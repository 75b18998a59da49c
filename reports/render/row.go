package render

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy"
)

// row is a figure as the writers see it. It is made from a privacy.Figure and from nothing else; only the tests of
// this package fill one by hand.
type row struct {
	period        models.Period
	statistic, by string
	value         float64
	low, high     float64
	null          bool
	fact          bool // a public fact, exact
	unit, note    string
	wide          [2]float64 // noise and sampling
	unsampled     string     // why there is no such interval
	items         []string
	entries       []int
	definition    int // that its measurements followed
	json          json.RawMessage
}

type report struct {
	measure    string
	definition int
	population string
	rows       []row
	privacy    []privacy.Statement
}

func open(r privacy.Report) (report, error) {
	out := report{measure: r.Measure, definition: r.Definition, population: r.Population, privacy: r.Privacy}
	for _, f := range r.Figures {
		if !f.Valid() {
			return report{}, problem.New(problem.Refused, r.Measure, "a figure that no release recorded cannot be written",
				"release it first; figures come from recorded releases only")
		}
		b, err := json.Marshal(f)
		if err != nil {
			return report{}, err
		}
		v, ok := f.Value()
		r := row{period: f.Period(), statistic: f.Statistic(), by: f.ByText(), value: v, low: f.Low(),
			high: f.High(), null: !ok, fact: f.PublicFact(), unit: f.Unit(), note: f.Note(), items: f.Items(), entries: f.Entries(), definition: f.Definition(), json: b}
		r.wide[0], r.wide[1], _ = f.Sampled()
		r.unsampled = f.Unsampled()
		out.rows = append(out.rows, r)
	}
	return out, nil
}

// byPeriod is the rows in the order of time, within a period as they came: the order of the plan.
func (r report) byPeriod() []row {
	rows := slices.Clone(r.rows)
	slices.SortStableFunc(rows, func(a, b row) int {
		switch {
		case a.period.Before(b.period):
			return -1
		case b.period.Before(a.period):
			return 1
		}
		return 0
	})
	return rows
}

// superseded tells that a figure follows an earlier definition than the report's.
func (r report) superseded(f row) bool { return f.definition != r.definition }

// entries are the ledger entries that the rows rest on, ascending.
func (r report) entries() []int {
	var all []int
	for _, row := range r.rows {
		all = append(all, row.entries...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func numbers(n []int, sep string) string {
	s := make([]string, len(n))
	for i, v := range n {
		s[i] = strconv.Itoa(v)
	}
	return strings.Join(s, sep)
}
