package handbook

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/measures/example"
	"heatwatch/reports/render"
)

// levels say where a statistic is offered that is not offered at every level.
var levels = map[string]string{models.LevelYear: "of years and spans of years only", privacy.LevelSnapshot: "one for each snapshot"}

// Page is the sheet for reading.
func (s Sheet) Page() render.Page {
	var p render.Page
	s.on(&p, 1)
	return p
}

// on writes the sheet under a heading of that level.
func (s Sheet) on(p *render.Page, level int) {
	p.Heading(level, fmt.Sprintf("%s: %s (definition %d)", s.ID, s.Title, s.Definition))
	for _, x := range s.prose() {
		if x.says != "" {
			p.Heading(level+1, x.name)
			p.Say(x.says)
		}
	}
	p.Heading(level+1, "Statistics")
	t := render.Table{Columns: render.Cols("statistic", "unit", "what it says", "by", "due after days#")}
	for _, st := range s.Statistics {
		says := st.Says
		if st.Level != "" {
			says += " (" + levels[st.Level] + ")"
		}
		t.Rows = append(t.Rows, []string{st.Name, st.Unit, says, byText(st.By, st.Total), strconv.Itoa(st.DueAfter)})
	}
	p.Table(t)
	for _, d := range s.dues() {
		p.Item("Due " + d.says + ": " + d.name + ".")
	}
	p.Heading(level+1, "How the statistics follow from the noisy numbers")
	for _, st := range s.Statistics {
		p.Item(st.Name + ": " + orNone(st.Follows) + ".")
	}
	p.Heading(level+1, "Vectors: what each person gives")
	for _, v := range s.Vectors {
		cells := "Cells: " + strings.Join(v.Cells, ", ")
		if v.Each != "" {
			cells += fmt.Sprintf(", for each %s: %s", strings.ReplaceAll(v.Each, "_", " "), strings.Join(v.EachValues, ", "))
		}
		p.Item(fmt.Sprintf("%s (%s): %s. %s. %s. Bound: %s. Measured for %s; broken down: %s.", v.Name, v.Encoding, v.Says, upper(v.Enters), cells, v.Bound, v.Who, v.broken()))
	}
	if len(s.Planned) > 0 {
		p.Heading(level+1, "What the release plan publishes")
		t = render.Table{Columns: render.Cols("statistic", "population", "measured by", "also as sums by", "total and by", "due after days#", "sd of the noise on a cell#")}
		for _, x := range s.Planned {
			t.Rows = append(t.Rows, []string{x.Statistic, x.Population, x.Period, strings.Join(x.Sums, ", "), planBy(x.By), strconv.Itoa(x.DueAfter), strconv.FormatFloat(x.Noise, 'g', 4, 64)})
		}
		p.Table(t)
	}
	p.Heading(level+1, "Columns of the dictionary that feed it")
	p.Say(strings.Join(s.Columns, ", ") + ".")
	if s.Example != nil {
		p.Heading(level+1, "Worked example")
		exampleOn(p, *s.Example)
	}
}

type named struct{ name, says string }

func (s Sheet) prose() []named {
	return []named{
		{"Grant objective", s.Objective}, {"Prong", s.Prong}, {"Definition", s.Says}, {"Who is counted", s.Denominator},
		{"Population", s.who()}, {"Window", s.Window}, {"Due", s.Due}, {"Bounds", s.Bounds},
		{"Differences from the standard", s.Differences}, {"Source", s.Source},
	}
}

// who names the populations and what is protected of each; public facts are about nobody.
func (s Sheet) who() string {
	var all []string
	for name := range strings.SplitSeq(s.Population, populationsJoined) {
		if name == privacy.Nobody {
			all = append(all, "public facts, about nobody")
		} else {
			all = append(all, name+" (protected is each "+unit(name)+")")
		}
	}
	return strings.Join(all, populationsJoined)
}

func exampleOn(p *render.Page, e example.Example) {
	p.Say(e.Says)
	when := "Period " + e.Period
	if e.Asof != "" {
		when += ", as of " + e.Asof
	}
	p.Say(when + ". Before any noise:")
	for _, x := range e.Tables {
		p.Say("Rows of " + x.Name + ":")
		t := render.Table{Columns: render.Cols(x.Columns...)}
		why := false
		for _, r := range x.Rows {
			why = why || r.Why != ""
		}
		if why {
			t.Columns = append(t.Columns, render.Column{Name: "why"})
		}
		for _, r := range x.Rows {
			cells := append([]string{}, r.Cells...)
			if why {
				cells = append(cells, r.Why)
			}
			t.Rows = append(t.Rows, cells)
		}
		p.Table(t)
	}
	p.Say("Cells that follow:")
	t := render.Table{Columns: render.Cols("vector", "cell", "value#", "why")}
	for _, c := range e.Cells {
		if c.Cell == "" {
			c.Cell = "none"
		}
		t.Rows = append(t.Rows, []string{c.Vector, c.Cell, c.Value, c.Why})
	}
	p.Table(t)
}

// broken is what a vector can be broken down by; its blocks are there always.
func (v Vector) broken() string {
	if v.Each != "" {
		return byText([]string{v.Each}, false)
	}
	return byText(v.By, true)
}

func byText(by []string, total bool) string {
	switch {
	case len(by) == 0:
		return "total only"
	case !total:
		return "always by " + strings.Join(by, ", ")
	}
	return "total; " + strings.Join(by, ", ")
}

func planBy(by []string) string {
	all := make([]string, len(by))
	for i, b := range by {
		if all[i] = b; b == "" {
			all[i] = "total"
		}
	}
	return strings.Join(all, ", ")
}

func orNone(follows []string) string {
	if len(follows) == 0 {
		return "stated as it is, without noise"
	}
	return strings.Join(follows, "; or ")
}

func upper(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// dues are the due dates of the statistics, those that are due together in one.
func (s Sheet) dues() []named {
	var all []named
	for _, st := range s.Statistics {
		i := slices.IndexFunc(all, func(n named) bool { return n.says == st.Due })
		if i < 0 {
			all = append(all, named{st.Name, st.Due})
			continue
		}
		all[i].name += ", " + st.Name
	}
	return all
}

// Table is the sheet as rows, for a spreadsheet: one for everything that is said.
func (s Sheet) Table() render.Table {
	t := render.Table{Columns: render.Cols("measure", "part", "name", "says")}
	add := func(part, name, says string) {
		if says != "" {
			t.Rows = append(t.Rows, []string{s.ID, part, name, says})
		}
	}
	add("title", "", s.Title)
	add("version", "", strconv.Itoa(s.Definition))
	for _, x := range s.prose() {
		add(strings.ReplaceAll(strings.ToLower(x.name), " ", "_"), "", x.says)
	}
	for _, st := range s.Statistics {
		add("statistic", st.Name, st.Says)
		add("statistic_unit", st.Name, st.Unit)
		add("statistic_by", st.Name, byText(st.By, st.Total))
		add("statistic_due", st.Name, st.Due)
		add("statistic_follows", st.Name, strings.Join(st.Follows, "; or "))
	}
	for _, v := range s.Vectors {
		add("vector", v.Name, v.Says)
		add("vector_encoding", v.Name, v.Encoding+": "+v.Enters)
		add("vector_cells", v.Name, strings.Join(v.Cells, ", "))
		add("vector_each", v.Name, strings.Join(v.EachValues, ", "))
		add("vector_bound", v.Name, v.Bound)
		add("vector_by", v.Name, v.broken())
		add("vector_who", v.Name, v.Who)
	}
	for _, x := range s.Planned {
		add("planned", x.Statistic, fmt.Sprintf("by %s: %s; due after %d days; sd %g", x.Period, planBy(x.By), x.DueAfter, x.Noise))
	}
	for _, c := range s.Columns {
		add("column", c, "feeds it")
	}
	if s.Example != nil {
		add("example", "", s.Example.Says)
		for _, x := range s.Example.Tables {
			for _, r := range x.Rows {
				add("example_row", x.Name, pairs(x.Columns, r.Cells)+why(r.Why))
			}
		}
		for _, c := range s.Example.Cells {
			add("example_cell", c.Vector, strings.TrimSpace(c.Cell+" "+c.Value)+why(c.Why))
		}
	}
	return t
}

func pairs(columns, cells []string) string {
	var all []string
	for i, c := range cells {
		if c != "" {
			all = append(all, columns[i]+"="+c)
		}
	}
	return strings.Join(all, ";")
}

func why(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}
