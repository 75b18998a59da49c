package site

import (
	"strings"
	"unicode/utf8"

	"heatwatch/models"
)

// measureView is the page of one measure.
type measureView struct {
	answer
	M           MeasureText
	Population  text
	Who         *text   // who is in, who is left out
	Broken      bool    // a breakdown beside the totals has the value unknown, so what it means has to be said
	Prose       []prose // definition, window and so on
	OnlyEnglish bool
	Series      []seriesView
	Breakdowns  []breakdownView
	Sources     []sourceView
}

type prose struct {
	Heading string
	Text    text
}

// seriesView is one statistic over time: a chart of its finest level and one table of all.
type seriesView struct {
	ID, Caption string
	Name        text
	Charts      []chart
	Bodies      []body
}

// breakdownView is all statistics by one dimension.
type breakdownView struct {
	ID, Heading string
	Parts       []seriesView
}

// body is a group of rows under one heading.
type body struct {
	Heading string
	Rows    []rowView
	Later   bool // folded away
}

type rowView struct {
	Label                 text
	Value, Interval, Note string
	Null                  bool
	Break                 string // said in a line before it: the definition changed
}

type sourceView struct {
	Period  string
	Items   []string
	Entries []entry
}

func (b builder) measure(m MeasureText) measureView {
	r := b.reports[m.ID]
	v := measureView{answer: b.answer(m, r), M: m, Population: b.lang.label("population", m.Population)}
	for _, p := range []struct{ key, text string }{{"definition", m.Says}, {"window", m.Window},
		{"differences", m.Differences}, {"objective", m.Objective}, {"prong", m.Prong}} {
		if p.text != "" {
			t := b.lang.own("text."+m.ID+"."+p.key, p.text)
			switch p.key { // closed lists, named once for all measures
			case "objective":
				t = b.lang.own(b.lang.key("objective", p.text), p.text)
			case "prong":
				t = b.lang.own(b.lang.key("prong", p.text), p.text)
			}
			v.OnlyEnglish = v.OnlyEnglish || t.Lang != ""
			v.Prose = append(v.Prose, prose{b.lang.must("measure." + p.key), t})
		}
	}
	if m.Denominator != "" {
		t := b.lang.own("text."+m.ID+".denominator", m.Denominator)
		v.Who = &t
	}
	// The headline first, then the order of the declaration.
	names := statistics(m, r)
	first := headline(m, r)
	ordered := []string{}
	for _, pass := range []bool{true, false} {
		for _, n := range names {
			if (n == first) == pass {
				ordered = append(ordered, n)
			}
		}
	}
	for _, n := range ordered {
		if all := only(r.figures, n, ""); len(all) > 0 {
			v.Series = append(v.Series, b.overTime(m, n, all))
		}
	}
	v.Broken = groupsUnknown(r.figures)
	for _, p := range places(r.figures) {
		d := breakdownView{ID: "by-" + strings.ReplaceAll(p, " ", "-"), Heading: b.lang.must("measure.by", "dimension", b.dimension(p))}
		for _, n := range ordered {
			if all := only(r.figures, n, p); len(all) > 0 {
				d.Parts = append(d.Parts, b.byGroup(m, n, p, all))
			}
		}
		v.Breakdowns = append(v.Breakdowns, d)
	}
	v.Sources = b.sources(r, strings.Repeat("../", strings.Count(b.dir+"measures/x", "/")))
	return v
}

// dimension names the dimensions of a breakdown.
func (b builder) dimension(place string) string {
	var names []string
	for k := range strings.FieldsSeq(place) {
		t := b.lang.label("dimension", k)
		names = append(names, t.Text)
	}
	return strings.Join(names, " × ")
}

func (b builder) overTime(m MeasureText, name string, all []figure) seriesView {
	label := b.statistic(m, name)
	s := seriesView{ID: name, Name: label, Caption: b.lang.must("measure.table_over_time", "statistic", label.Text)}
	if drawn := b.drawn(all); len(drawn) > 1 {
		sub := b.lang.must("level." + drawn[0].period.Level())
		c := b.lang.series(name, b.lang.must("measure.chart_over_time", "statistic", label.Text, "level", sub), drawn)
		c.Sub = upper(sub)
		s.Charts = append(s.Charts, c)
	}
	for _, level := range []string{models.LevelYear, models.LevelSpan, models.LevelQuarter} {
		rows := inTime(ofLevel(all, level))
		early := max(0, len(rows)-openRows)
		b.addBody(&s, level, rows, early, len(rows), false)
		b.addBody(&s, level, rows, 0, early, true)
	}
	return s
}

// openRows is how many periods of one length stand open; earlier ones are folded away, in the chart and in the files.
const openRows = 8

// addBody adds the rows from one figure up to another.
func (b builder) addBody(s *seriesView, level string, figures []figure, from, to int, later bool) {
	if from == to {
		return
	}
	g := body{Heading: b.lang.must("levels." + level), Later: later}
	for i := from; i < to; i++ {
		r := b.row(text{Text: b.lang.period(figures[i].period)}, figures[i])
		if changedAt(figures, i) {
			r.Break = b.lang.must("measure.changed_row", "n", figures[i].definition)
		}
		g.Rows = append(g.Rows, r)
	}
	s.Bodies = append(s.Bodies, g)
}

func (b builder) byGroup(m MeasureText, name, place string, all []figure) seriesView {
	label := b.statistic(m, name)
	dim := b.dimension(place)
	id := name + "-by-" + strings.ReplaceAll(place, " ", "-")
	s := seriesView{ID: id, Name: label, Caption: b.lang.must("measure.table_by", "statistic", label.Text, "dimension", dim)}
	best, _ := bestPeriod(all)
	var periods []models.Period
	for _, f := range inTime(all) {
		if len(periods) == 0 || periods[len(periods)-1] != f.period {
			periods = append(periods, f.period)
		}
	}
	for i := len(periods) - 1; i >= 0; i-- {
		p := periods[i]
		g := body{Heading: b.lang.period(p), Later: p != best}
		if older := before(all, p); older != 0 && older != definitionIn(all, p) {
			g.Heading += " · " + b.lang.must("measure.changed_row", "n", definitionIn(all, p))
		}
		var drawn []figure
		anything := false
		for _, f := range all {
			if f.period != p {
				continue
			}
			anything = anything || !f.null
			drawn = append(drawn, f)
			g.Rows = append(g.Rows, b.row(b.lang.group(f), f))
		}
		if p == best && anything {
			c := b.lang.groups(id, b.lang.must("measure.chart_by", "statistic", label.Text, "dimension", dim, "period", b.lang.period(p)), drawn)
			c.Sub = b.lang.period(p)
			s.Charts = append(s.Charts, c)
		}
		s.Bodies = append(s.Bodies, g)
	}
	return s
}

// definitionIn is the definition that the figures of a period follow, 0 where there are none.
func definitionIn(all []figure, p models.Period) int {
	n := 0
	for _, f := range all {
		if f.period == p {
			n = max(n, f.definition)
		}
	}
	return n
}

// before is the definition of the period of the same length that comes before among the figures.
func before(all []figure, p models.Period) int {
	n := 0
	for _, f := range inTime(all) {
		if f.period.Level() == p.Level() && f.period.Before(p) {
			n = f.definition
		}
	}
	return n
}

// First and Rest part what stands open from what is folded away.
func (s seriesView) First() []body { return s.part(false) }
func (s seriesView) Rest() []body  { return s.part(true) }

func (s seriesView) part(later bool) []body {
	var out []body
	for _, g := range s.Bodies {
		if g.Later == later {
			out = append(out, g)
		}
	}
	return out
}

func (b builder) row(label text, f figure) rowView {
	r := rowView{Label: label, Value: b.lang.value(f), Interval: b.lang.interval(f), Null: f.null}
	if !f.null && !f.exact() { // of a public fact the interval says it
		r.Note = b.lang.note(f.note)
	}
	return r
}

// sources says for each period which items and entries its figures rest on.
func (b builder) sources(r report, root string) []sourceView {
	var out []sourceView
	all := inTime(r.figures)
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].period == all[i].period {
			j++
		}
		out = append(out, sourceView{Period: b.lang.period(all[i].period),
			Items:   union(all[i:j], func(f figure) []string { return f.items }),
			Entries: b.entries(union(all[i:j], func(f figure) []int { return f.entries }), root)})
		i = j
	}
	return out
}

// upper writes the first letter large.
func upper(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return strings.ToUpper(string(r)) + s[n:]
}
