package handbook

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/declare"
	"heatwatch/reports/measures/example"
)

// Sheet is everything that is said of one measure.
type Sheet struct {
	Schema      int              `json:"schema"`
	ID          string           `json:"measure"`
	Title       string           `json:"title"`
	Definition  int              `json:"definition"`
	Objective   string           `json:"objective"`
	Prong       string           `json:"prong"`
	Population  string           `json:"population"`
	Unit        string           `json:"unit"` // what is protected
	Says        string           `json:"says"`
	Window      string           `json:"window"`
	Due         string           `json:"due"`
	Bounds      string           `json:"bounds"`
	Denominator string           `json:"denominator"`
	Differences string           `json:"differences"`
	Source      string           `json:"source"`
	Statistics  []Statistic      `json:"statistics"`
	Vectors     []Vector         `json:"vectors"`
	Planned     []Planned        `json:"planned"`
	Columns     []string         `json:"columns"` // of the dictionary, that feed it
	Example     *example.Example `json:"example,omitempty"`
}

// Statistic is a figure: what it says, when it is due, how it follows from noisy numbers.
type Statistic struct {
	Name     string   `json:"name"`
	Unit     string   `json:"unit"`
	Says     string   `json:"says"`
	Total    bool     `json:"total"` // false: it is broken down always
	By       []string `json:"by"`
	Level    string   `json:"level,omitempty"` // where it is not offered at every level
	DueAfter int      `json:"due_after_days"`
	Due      string   `json:"due"`
	Follows  []string `json:"follows"` // one way for each vector that gives it
}

// Vector is what each person gives.
type Vector struct {
	Name       string   `json:"name"`
	Says       string   `json:"says"`
	Encoding   string   `json:"encoding"`
	Enters     string   `json:"enters"` // how a person enters it, in words
	Each       string   `json:"each,omitempty"`
	EachValues []string `json:"each_values,omitempty"`
	Cells      []string `json:"cells"`
	Linf       int64    `json:"linf"`
	L0         int64    `json:"l0"`
	Bound      string   `json:"bound"`
	By         []string `json:"by"`
	Population string   `json:"population"`
	Who        string   `json:"who"` // whose periods
	DueAfter   int      `json:"due_after_days"`
}

// Planned is what a release plan publishes of a statistic.
type Planned struct {
	Statistic  string   `json:"statistic"`
	Population string   `json:"population"`
	Period     string   `json:"period"` // level at which it is measured
	Sums       []string `json:"sums"`   // levels that are sums of it
	By         []string `json:"by"`     // "" is the total; crossed dimensions are joined by x
	DueAfter   int      `json:"due_after_days"`
	Noise      float64  `json:"sd"` // of a cell, in its own unit
	Items      []string `json:"items"`
}

const populationsJoined = " and "

// Of gathers the sheet of a measure.
func Of(m measures.Measure, plan *privacy.Plan, sc privacy.Schema) Sheet {
	s := Sheet{Schema: 1, ID: m.ID, Title: m.Title, Definition: m.Definition, Objective: m.Objective, Prong: m.Prong, Population: strings.Join(m.Populations(), populationsJoined),
		Unit: unit(m.Population), Says: m.Says, Window: m.Window, Due: m.Due, Bounds: m.Bounds, Denominator: m.Counted(), Differences: m.Differences,
		Source: m.Source, Columns: measures.Reads(m), Planned: planned(m, plan)}
	for _, st := range m.Statistics {
		after := dueAfter(m, st)
		s.Statistics = append(s.Statistics, Statistic{Name: st.Name, Unit: st.Unit, Says: st.Says, Total: m.HasTotal(st), By: append([]string{}, st.By...), Level: st.Level,
			DueAfter: after, Due: due(after), Follows: follows(m.ID, st.Name, sc)})
	}
	for _, v := range m.Vectors {
		s.Vectors = append(s.Vectors, vector(m, v))
	}
	for _, st := range m.Statistics { // vectors that it shares with others
		for _, from := range st.From {
			of, v, ok := resolve(m, from)
			if name := of.ID + "." + v.Name; ok && of.ID != m.ID && !slices.ContainsFunc(s.Vectors, func(o Vector) bool { return o.Name == name }) {
				v.Name = name
				s.Vectors = append(s.Vectors, vector(of, v))
			}
		}
	}
	if e, ok := measures.Example(m.ID); ok {
		s.Example = &e
	}
	return s
}

func unit(population string) string {
	for _, p := range models.Dictionary().Populations {
		if p.Name == population {
			return p.Unit
		}
	}
	return "nobody: no figure about persons"
}

// dueAfter is when the last of the vectors that a statistic rests on can be measured.
func dueAfter(m measures.Measure, st measures.Statistic) int {
	last := 0
	for _, from := range st.From {
		of, v, ok := resolve(m, from)
		if ok {
			last = max(last, cmp.Or(v.DueAfter, of.DueAfter))
		}
	}
	return cmp.Or(last, m.DueAfter)
}

func resolve(m measures.Measure, from string) (measures.Measure, measures.Vector, bool) {
	if !strings.Contains(from, ".") {
		from = m.ID + "." + from
	}
	return measures.LookupVector(from)
}

func due(after int) string {
	if window := after - declare.LateDays; window > 0 {
		return fmt.Sprintf("%d days after the last day of the period: %d until the last window has closed, %d for late data", after, window, declare.LateDays)
	}
	return fmt.Sprintf("%d days after the last day of the period, for late data", after)
}

// enters says in words how one person enters a vector of an encoding. A new encoding needs words of its own: a test asks.
var enters = map[string]string{
	declare.Count:                "each counts 1",
	declare.Histogram:            "each counts 1 in the cell that applies",
	declare.Signed:               "+1 for yes, -1 for no",
	declare.SignedUnknown:        "+1 for yes, -1 for no in cell d; whoever cannot be asked counts 1 in cell u",
	declare.CentredSum:           "the amount, clamped, minus the middle of its range",
	declare.CentredWeight:        "the person's own share, from no to all",
	declare.CentredWeightUnknown: "the person's own share, from no to all, in cell s; whoever has none stands in cell u",
	declare.Sum:                  "the amount, clamped",
	declare.Exact:                "public facts, about nobody: stated without noise",
}

func vector(m measures.Measure, v measures.Vector) Vector {
	out := Vector{Name: v.Name, Says: v.Says, Encoding: v.Encoding, Enters: enters[v.Encoding], Each: v.Each, EachValues: v.EachValues, Cells: v.Cells,
		Linf: v.Linf, L0: cmp.Or(v.L0, 1), By: append([]string{}, v.Dimensions...), Population: cmp.Or(v.Population, m.Population), DueAfter: cmp.Or(v.DueAfter, m.DueAfter)}
	if v.Encoding == declare.CentredSum && v.Scale != 0 {
		out.Enters = centred(v)
	}
	if v.Encoding == declare.Histogram && out.L0 > 1 {
		out.Enters = "each counts 1 in each cell that applies"
	}
	if v.Encoding == declare.Exact {
		out.L0, out.Bound, out.Who = 0, "none, for no row is about a person", "every row sent, and about nobody"
		return out
	}
	place := "cell"
	if v.Each != "" {
		place = strings.ReplaceAll(v.Each, "_", " ")
		if v.L0 == 0 {
			out.L0 = int64(len(v.EachValues))
		}
	}
	one := unit(out.Population)
	out.Bound = fmt.Sprintf("one %s changes 1 %s by at most %d", one, place, v.Linf)
	if out.L0 > 1 {
		out.Bound = fmt.Sprintf("one %s changes at most %d %ss by at most %d each", one, out.L0, place, v.Linf)
	}
	out.Who = "persons who entered in the period; each enters once"
	if v.Events {
		out.Who = "every " + one + " of the period; nobody is identified"
	}
	if v.Activity != "" {
		period := "year"
		if bySnapshot(m, v) {
			period = "quarter"
		}
		first := "first " + period
		if v.First > 1 {
			first = fmt.Sprintf("first %d %ss", v.First, period)
		}
		out.Who = counted(out.Population) + " in their " + first + " of this activity, by their own records"
	}
	return out
}

// centred says how an amount enters a centred sum.
func centred(v measures.Vector) string {
	s := "the amount"
	if v.Scale != 1 {
		s = fmt.Sprintf("%d x the amount", v.Scale)
	}
	s += fmt.Sprintf(", from %d to %d", v.Low, v.High)
	if v.Mid != 0 {
		s += fmt.Sprintf(", minus %d", v.Mid)
	}
	s += ", in " + v.Unit
	if hasUnknown(v) {
		s += fmt.Sprintf("; whoever has none counts %d in cell u", v.Linf)
	}
	return s
}

// hasUnknown tells whether those who cannot be asked stand in a cell of their own.
func hasUnknown(v measures.Vector) bool { return slices.Contains(v.Cells, "u") }

// bySnapshot tells whether a vector is measured for snapshots, one in a quarter.
func bySnapshot(m measures.Measure, v measures.Vector) bool {
	return slices.ContainsFunc(m.Statistics, func(st measures.Statistic) bool {
		return st.Level == privacy.LevelSnapshot && slices.Contains(st.From, v.Name)
	})
}

// counted is what the sums of a population count.
func counted(population string) string {
	if population == "profiles" {
		return population
	}
	return "persons"
}

// planned lists what a plan publishes of a measure, breakdowns that are alike in one line.
func planned(m measures.Measure, plan *privacy.Plan) []Planned {
	all := []Planned{}
	if plan == nil {
		return all
	}
	add := func(p Planned, by, item string) {
		for i, o := range all {
			if o.Statistic == p.Statistic && o.Population == p.Population && o.Period == p.Period && slices.Equal(o.Sums, p.Sums) && o.DueAfter == p.DueAfter && o.Noise == p.Noise {
				if all[i].Items = append(o.Items, item); !slices.Contains(o.By, by) {
					all[i].By = append(o.By, by)
				}
				return
			}
		}
		p.By, p.Items = []string{by}, []string{item}
		all = append(all, p)
	}
	for _, it := range plan.Items {
		for _, pub := range it.Publishes {
			if pub.Measure == m.ID {
				add(Planned{Statistic: pub.Statistic, Population: it.Population, Period: it.Level, Sums: append([]string{}, it.Sums...), DueAfter: it.Due, Noise: it.Sigma * float64(it.Linf)},
					strings.Join(pub.Keys, " x "), it.ID)
			}
		}
	}
	order := map[string]int{}
	for i, st := range m.Statistics {
		order[st.Name] = i
	}
	slices.SortStableFunc(all, func(a, b Planned) int { return cmp.Compare(order[a.Statistic], order[b.Statistic]) })
	return all
}

// follows says how a statistic follows from the noisy numbers, one sentence for each vector that can give it.
func follows(measure, statistic string, sc privacy.Schema) []string {
	all := []string{}
	for _, f := range sc.Formulas {
		if f.Measure != measure || f.Statistic != statistic {
			continue
		}
		if s := how(f); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

func how(f privacy.Formula) string {
	vector, with := shortName(f.Vector), shortName(f.WithVector)
	m, v, _ := measures.LookupVector(f.Vector)
	who := counted(cmp.Or(v.Population, m.Population))
	n := "N the number of " + who
	if hasUnknown(v) {
		n += ", those in cell u left out"
	}
	switch f.Form {
	case privacy.FormCount:
		what := "the number in "
		if f.Scale != 0 {
			what = "the sum in "
		}
		if f.Per != "" {
			what += "each cell of "
		}
		what += vector + some(f.Cells)
		if f.Scale != 0 {
			what += fmt.Sprintf(", divided by %g", math.Round(1/f.Scale))
		}
		return what
	case privacy.FormShare:
		switch {
		case f.Across:
			return "of " + vector + " in a breakdown, the number at each known value over that at all known values"
		case f.Per != "" && slices.Equal(f.Cells, f.Of):
			return "each cell of " + vector + " over its cells " + strings.Join(f.Of, ", ") + " together"
		}
		return cells(f.Cells) + " of " + vector + " over " + below(f.Of)
	case privacy.FormSigned:
		return "1/2 + D / (2 N), where D is yes minus no in " + vector + " and " + n
	case privacy.FormYes:
		return "(N - U + D) / (2 (N - U)), where D is yes minus no in " + vector + ", U the unknown, N the number of " + who
	case privacy.FormMean:
		mean := term(f.Step, "S", " / ", "N")
		if f.Mid != 0 {
			mean = fmt.Sprintf("%g + ", f.Mid) + mean
		}
		return mean + ", where S is the sum in " + vector + " and " + n
	case privacy.FormRatio:
		return fmt.Sprintf("%g x (", f.Scale) + amount(f.Mid, f.Step, "S") + ") / (" + amount(f.WithMid, f.WithStep, "T") +
			"), where S is the sum in " + vector + ", T that in " + with + ", " + n
	case privacy.FormMedian:
		return "the bin of " + vector + " in which half is reached, linear within it"
	case privacy.FormTotal:
		return amount(f.Mid, f.Step, "S") + ", where S is the sum in " + vector + " and " + n
	case privacy.FormOver:
		return "the number in " + vector + some(f.Cells) + " over the number of " + who
	case privacy.FormPart:
		return "the number in " + vector + " over those in " + vector + " and in " + with + " together"
	case privacy.FormChange:
		what, before := "the number in "+vector, "the period a year earlier"
		if f.Mid != 0 {
			what = amount(f.Mid, f.Step, "S") + " (S the sum in " + vector + ", " + n + ")"
		}
		if f.Calendar != "" {
			before = "the snapshot of about a year earlier"
		}
		return what + " over the same of " + before + ", minus 1"
	case privacy.FormSurvival:
		return fmt.Sprintf("life table over %s: the product, bin by bin up to %g, of one minus those who left over those at risk; who was last seen in a bin "+
			"is at risk for half of it", vector, f.At)
	}
	return string(f.Form) + " of " + vector
}

// shortName leaves the measure's own name out; the head count is another's.
func shortName(vector string) string {
	if _, own, ok := strings.Cut(vector, "."); ok && !strings.HasPrefix(vector, "entry.") {
		return own
	}
	return vector
}

// amount is Mid N + Step S, as people write it.
func amount(mid, step float64, s string) string {
	sum := term(step, s, "", "")
	if mid != 0 {
		sum = fmt.Sprintf("%g N + ", mid) + sum
	}
	return sum
}

// term is a multiple of s over n, with a whole number above or below the line: S / (120 N), not 0.008333 S / N.
func term(step float64, s, over, n string) string {
	switch k := math.Round(1 / step); {
	case step == 1:
		return s + over + n
	case n != "" && k > 1 && math.Abs(k*step-1) < 1e-9:
		return fmt.Sprintf("%s%s(%g %s)", s, over, k, n)
	}
	return fmt.Sprintf("%.4g %s%s%s", step, s, over, n)
}

func cells(names []string) string {
	if len(names) == 1 {
		return "cell " + names[0]
	}
	return "cells " + strings.Join(names, ", ")
}

func some(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (" + cells(names) + ")"
}

func below(of []string) string {
	if len(of) == 0 {
		return "all of its cells"
	}
	return "its cells " + strings.Join(of, ", ")
}
