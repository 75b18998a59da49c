package handbook

import (
	"cmp"
	"fmt"
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
	Statistic string   `json:"statistic"`
	Period    string   `json:"period"` // level at which it is measured
	Sums      []string `json:"sums"`   // levels that are sums of it
	By        []string `json:"by"`     // "" is the total
	DueAfter  int      `json:"due_after_days"`
	Noise     float64  `json:"sd"` // of a cell, in its own unit
	Items     []string `json:"items"`
}

// Of gathers the sheet of a measure.
func Of(m measures.Measure, plan *privacy.Plan, sc privacy.Schema) Sheet {
	s := Sheet{Schema: 1, ID: m.ID, Title: m.Title, Definition: m.Definition, Objective: m.Objective, Prong: m.Prong, Population: strings.Join(m.Populations(), " and "),
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
	declare.CentredWeightUnknown: "the person's own share, from no to all, in cell d; whoever has none stands in cell u",
	declare.Sum:                  "the amount, clamped",
	"exact":                      "public facts, about nobody: stated without noise",
}

func vector(m measures.Measure, v measures.Vector) Vector {
	out := Vector{Name: v.Name, Says: v.Says, Encoding: v.Encoding, Enters: enters[v.Encoding], Each: v.Each, EachValues: v.EachValues, Cells: v.Cells,
		Linf: v.Linf, L0: cmp.Or(v.L0, 1), By: append([]string{}, v.Dimensions...), Population: cmp.Or(v.Population, m.Population), DueAfter: cmp.Or(v.DueAfter, m.DueAfter)}
	if v.Encoding == declare.CentredSum && v.Scale != 0 {
		out.Enters = fmt.Sprintf("%d x the amount, from %d to %d, minus %d, in %s", v.Scale, v.Low, v.High, v.Mid, v.Unit)
	}
	who := "person"
	if v.Events {
		who = "event"
	}
	place := "cell"
	if v.Each != "" {
		place = v.Each
		if v.L0 == 0 {
			out.L0 = int64(len(v.EachValues))
		}
	}
	out.Bound = fmt.Sprintf("one %s changes 1 %s by at most %d", who, place, v.Linf)
	if out.L0 > 1 {
		out.Bound = fmt.Sprintf("one %s changes at most %d %ss by at most %d each", who, out.L0, strings.ReplaceAll(place, "_", " "), v.Linf)
	}
	switch {
	case v.Events:
		out.Who = "every event of the period; nobody is identified"
	case v.Activity != "" && v.First == 1:
		out.Who = "persons in their first year of it, by their own records"
	case v.Activity != "":
		out.Who = fmt.Sprintf("persons in their first %d years of it, by their own records", v.First)
	default:
		out.Who = "persons who entered in the period; each enters once"
	}
	return out
}

// planned lists what a plan publishes of a measure, breakdowns that are alike in one line.
func planned(m measures.Measure, plan *privacy.Plan) []Planned {
	all := []Planned{}
	if plan == nil {
		return all
	}
	add := func(p Planned, by, item string) {
		for i, o := range all {
			if o.Statistic == p.Statistic && o.Period == p.Period && slices.Equal(o.Sums, p.Sums) && o.DueAfter == p.DueAfter && o.Noise == p.Noise {
				all[i].By, all[i].Items = append(o.By, by), append(o.Items, item)
				return
			}
		}
		p.By, p.Items = []string{by}, []string{item}
		all = append(all, p)
	}
	for _, it := range plan.Items {
		for _, pub := range it.Publishes {
			if pub.Measure == m.ID {
				add(Planned{Statistic: pub.Statistic, Period: it.Level, Sums: append([]string{}, it.Sums...), DueAfter: it.Due, Noise: it.Sigma * float64(it.Linf)}, pub.By, it.ID)
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
	_, vector, _ := strings.Cut(f.Vector, ".")
	if strings.HasPrefix(f.Vector, "entry.") {
		vector = f.Vector
	}
	_, with, _ := strings.Cut(f.WithVector, ".")
	line := func(mid, step float64, s, n string) string { return fmt.Sprintf("(%g %s + %g %s)", mid, n, step, s) }
	scale := cmp.Or(f.Scale, 1)
	switch f.Form {
	case privacy.FormCount:
		return "number in " + vector + some(f.Cells)
	case privacy.FormShare:
		return "cells " + strings.Join(f.Cells, ", ") + " of " + vector + " over " + below(f.Of)
	case privacy.FormSigned:
		return "1/2 + D / 2 N, where D is yes minus no in " + vector + " and N the number of persons asked"
	case privacy.FormYes:
		return "(N - U + D) / 2 over N - U, where D is yes minus no in " + vector + ", U the unknown, N all persons"
	case privacy.FormMean:
		return fmt.Sprintf("%g + %g S / N, where S is the sum in %s and N the number of persons", f.Mid, f.Step, vector)
	case privacy.FormRatio:
		return fmt.Sprintf("%g x ", scale) + line(f.Mid, f.Step, "S", "N") + " / " + line(f.WithMid, f.WithStep, "T", "N") +
			", where S is the sum in " + vector + ", T that in " + with + ", N the number of persons"
	case privacy.FormMedian:
		return "the bin of " + vector + " in which half is reached, linear within it"
	case privacy.FormTotal:
		if f.Mid == 0 {
			return fmt.Sprintf("%g x the sum in %s", f.Step, vector)
		}
		return fmt.Sprintf("%g N + %g S, where S is the sum in %s and N the number counted", f.Mid, f.Step, vector)
	case privacy.FormOver:
		return "number in " + vector + some(f.Cells) + " over the number of persons"
	case privacy.FormPart:
		return "number in " + vector + some(f.Cells) + " over itself and that in " + with
	case privacy.FormChange:
		return "the number in " + vector + " over that of the period a year earlier, minus 1"
	case privacy.FormSurvival:
		return fmt.Sprintf("life table over %s: the product, bin by bin up to %g, of one minus those who left over those at risk; who was last seen in a bin "+
			"is at risk for half of it", vector, f.At)
	}
	return string(f.Form) + " of " + vector
}

func some(cells []string) string {
	if len(cells) == 0 {
		return ""
	}
	return ", cells " + strings.Join(cells, ", ")
}

func below(of []string) string {
	if len(of) == 0 {
		return "all of its cells"
	}
	return "its cells " + strings.Join(of, ", ")
}
