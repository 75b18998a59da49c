package site

import (
	"bytes"
	"slices"
	"strings"

	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/render"
)

// figure is a released figure as the pages see it. It is made from a privacy.Figure and from nothing else; only the
// tests of this package fill one by hand.
type figure struct {
	period    models.Period
	statistic string
	by        []privacy.Dim
	value     float64
	low, high float64
	null      bool
	fact      bool // a public fact
	unit      string
	note      string
	items     []string
	entries   []int

	definition int // that its measurements followed
}

// exact tells a value that carries no noise.
func (f figure) exact() bool { return f.fact && !f.null }

// place is the dimensions of the breakdown, "gender" or "domain gender"; empty for a total.
func (f figure) place() string {
	var keys []string
	for _, d := range f.by {
		keys = append(keys, d.Key)
	}
	return strings.Join(keys, " ")
}

type report struct {
	figures   []figure
	privacy   []privacy.Statement
	csv, json []byte
}

// Mark stands in the downloads of a demonstration; pages say it in their own language.
const Mark = "demonstration, synthetic data"

// open turns the reports into what the pages need, and refuses whatever no release recorded.
func open(s Site) (map[string]report, error) {
	reports := map[string]report{}
	for _, r := range s.Reports {
		if _, twice := reports[r.Measure]; twice {
			return nil, problem.New(problem.Failed, r.Measure, "the measure has two reports", "")
		}
		out := report{privacy: r.Privacy}
		for _, f := range r.Figures {
			if !f.Valid() {
				return nil, problem.New(problem.Refused, r.Measure, "a figure that no release recorded cannot be published",
					"release it first; pages show recorded releases only")
			}
			v, ok := f.Value()
			out.figures = append(out.figures, figure{period: f.Period(), statistic: f.Statistic(), by: f.By(), value: v, low: f.Low(),
				high: f.High(), null: !ok, fact: f.PublicFact(), unit: f.Unit(), note: f.Note(), items: f.Items(), entries: f.Entries(), definition: f.Definition()})
		}
		var err error
		if out.csv, err = download(r, s, render.FormatCSV); err != nil {
			return nil, err
		}
		if out.json, err = download(r, s, render.FormatJSON); err != nil {
			return nil, err
		}
		reports[r.Measure] = out
	}
	known := func(id string) bool {
		return slices.ContainsFunc(s.Measures, func(m MeasureText) bool { return m.ID == id })
	}
	for id := range reports {
		if !known(id) {
			return nil, problem.New(problem.Failed, id, "the measure has a report and no text", "declare it in reports/measures")
		}
	}
	for _, m := range s.Measures { // a plan that has not released it yet has the same files
		if _, ok := reports[m.ID]; !ok {
			empty := privacy.Report{Schema: 1, Measure: m.ID, Definition: m.Definition, Population: m.Population}
			var out report
			out.csv, _ = download(empty, s, render.FormatCSV)
			out.json, _ = download(empty, s, render.FormatJSON)
			reports[m.ID] = out
		}
	}
	return reports, nil
}

func download(r privacy.Report, s Site, f render.Format) ([]byte, error) {
	var marks []string
	if s.Demo {
		marks = append(marks, Mark)
	}
	if s.NotPrivate {
		marks = append(marks, render.NotPrivate)
	}
	var b bytes.Buffer
	err := render.Report(&b, r, render.Text{Mark: strings.Join(marks, "; ")}, render.Options{Format: f})
	return b.Bytes(), err
}
