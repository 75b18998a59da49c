package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/internal/nearest"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/privacy/ledger"
	"heatwatch/reports/measures"
	"heatwatch/reports/render"
)

func (c *command) reportCommand() *cobra.Command {
	var periodFlag, by string
	cmd := &cobra.Command{Use: "report MEASURE", Short: "Print released figures of a measure, each with its interval", Args: cobra.ExactArgs(1),
		Long: "Prints the figures of a measure from recorded releases only, each with its interval. With --by DIMENSION it prints those that\n" +
			"stand at a value of the dimension, alone or crossed with another. `heatwatch measures MEASURE` says which dimensions a measure\n" +
			"has; those of all measures are\n" + everyDimension() + ".",
		Example: `  heatwatch report time-to-emergency-service
  heatwatch report placement-stability --period 2024 --by age_band --format json`,
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := lookup(args[0])
			if err != nil {
				return err
			}
			if known := dimensions(m); by != "" && !slices.Contains(known, by) {
				do := "use one of " + strings.Join(known, ", ")
				if len(known) == 0 {
					do = "it has totals only: leave --by out"
				}
				return problem.New(problem.Usage, "--by", m.ID+" has no dimension of that name", do)
			}
			var asked []models.Period
			if periodFlag != "" {
				p, err := period(periodFlag)
				if err != nil {
					return err
				}
				asked = []models.Period{p}
			}
			h, err := c.open()
			if err != nil {
				return err
			}
			if err := h.declared(m.ID, asked, by); err != nil {
				return err
			}
			r, err := h.report(m, asked)
			if err != nil {
				return err
			}
			if by != "" {
				r.Figures = slices.DeleteFunc(r.Figures, func(f privacy.Figure) bool { return !f.Placed(by) })
			}
			o, err := c.Options()
			if err != nil {
				return err
			}
			return render.Report(c.Out, r, h.text(m), o)
		}}
	cmd.Flags().StringVar(&periodFlag, "period", "", "one period only: 2025Q1, 2025, 2021-2025")
	cmd.Flags().StringVar(&by, "by", "", "the figures of one dimension only, such as age_band")
	return cmd
}

// declared refuses what the plan does not measure: a figure that nobody declared is never computed, whoever asks.
func (h *house) declared(measure string, asked []models.Period, by string) error {
	plan, _, err := h.plan()
	if err != nil {
		return err
	}
	level, where := "", measure
	if len(asked) > 0 {
		level, where = asked[0].Level(), measure+" "+asked[0].String()
	}
	ok := plan.Publishes(measure, level, by)
	if by == "" { // everything of the measure, broken down or not
		for _, m := range measures.All() {
			if m.ID == measure {
				ok = ok || slices.ContainsFunc(dimensions(m), func(d string) bool { return plan.Publishes(measure, level, d) })
			}
		}
	}
	if ok {
		return nil
	}
	what := "the release plan measures nothing of this"
	if by != "" {
		what += " by " + by
	}
	return problem.New(problem.Refused, where, what, "`heatwatch plan PERIOD` shows what it measures; another plan would spend more of everybody's budget")
}

// lookup finds a measure that has a page.
func lookup(id string) (measures.Measure, error) {
	var known []string
	for _, m := range measures.All() {
		if m.ID == id {
			return m, nil
		}
		known = append(known, m.ID)
	}
	do := "`heatwatch measures` lists them"
	if near := nearest.Name(id, known); near != "" {
		do = "did you mean " + near + "?"
	}
	return measures.Measure{}, problem.New(problem.Usage, "MEASURE", "there is no measure of that name", do)
}

// dimensions are all breakdowns of a measure's statistics.
func dimensions(m measures.Measure) []string {
	var all []string
	for _, s := range m.Statistics {
		for _, d := range s.By {
			if !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	return all
}

// everyDimension is what --by may name, whatever the measure, in the order of the alphabet and in lines of a help text.
func everyDimension() string {
	var all []string
	for _, m := range measures.All() {
		all = append(all, dimensions(m)...)
	}
	slices.Sort(all)
	var lines []string
	for line := range slices.Chunk(slices.Compact(all), 8) {
		lines = append(lines, strings.Join(line, ", "))
	}
	return strings.Join(lines, ",\n")
}

// releases reads the recorded releases and checks them against the ledger.
func (h *house) releases() ([]privacy.ReleaseFile, error) {
	files, err := privacy.ReadReleases(h.Releases())
	if err != nil {
		return nil, err
	}
	return files, privacy.Check(files, h.ledger)
}

// report derives what is known of one measure. It reads release files, plan and ledger, and nothing else.
func (h *house) report(m measures.Measure, asked []models.Period) (privacy.Report, error) {
	files, err := h.releases()
	if err != nil {
		return privacy.Report{}, err
	}
	plan, sc, err := h.plan()
	if err != nil {
		return privacy.Report{}, err
	}
	return reportOf(plan, sc, h.ledger, files, m, asked)
}

// reportOf derives the report of one measure from release files, plan and ledger, wherever they lie.
func reportOf(plan *privacy.Plan, sc privacy.Schema, l *ledger.Ledger, files []privacy.ReleaseFile, m measures.Measure, asked []models.Period) (privacy.Report, error) {
	r := privacy.Report{Schema: 1, Measure: m.ID, Definition: m.Definition, Population: m.Population, Figures: []privacy.Figure{}}
	figures, err := plan.Figures(sc, files, m.ID, asked)
	if err != nil {
		return r, err
	}
	r.Figures = append(r.Figures, figures...)
	var entries []int
	for _, f := range r.Figures {
		entries = append(entries, f.Entries()...)
	}
	for _, population := range m.Populations() {
		cost, err := privacy.Statements(l, population, entries)
		if err != nil {
			return r, err
		}
		r.Privacy = append(r.Privacy, cost...)
	}
	return r, nil
}

// demoMark stands in the files of a demonstration.
const demoMark = "demonstration: synthetic data"

// text is what a reader needs beside the figures.
func (h *house) text(m measures.Measure) render.Text {
	t := render.Text{Title: m.Title, Says: m.Says, Denominator: m.Counted(), Differences: m.Differences}
	for _, s := range m.Statistics {
		t.Statistics = append(t.Statistics, render.StatisticText{Name: s.Name, Says: s.Says})
	}
	if h.demo() {
		t.Notices = append(t.Notices, "DEMONSTRATION: these figures are about a synthetic county. No person in them exists.")
		t.Mark = demoMark
	}
	if e, _ := h.epsilon(); e > notPrivate {
		t.Notices = append(t.Notices, "NOT PRIVATE: the lifetime budget of this home is so large that its figures protect nobody.")
	}
	return t
}
