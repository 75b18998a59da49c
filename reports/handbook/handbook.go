package handbook

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/privacy/accountant"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/declare"
	"heatwatch/reports/render"
)

// Handbook is the whole methodology: how to read, the common rules, privacy in short, a page for each measure, the logic
// model, and the columns of the dictionary. Delta is the one of the plan's epsilon.
func Handbook(plan *privacy.Plan, sc privacy.Schema, delta float64) (render.Page, error) {
	var p render.Page
	p.Heading(1, "Methodology of the figures")
	p.Say("For somebody who has to judge the figures without having made them. Everything here is written by the program from what it computes with: " +
		"declarations, release plan, dictionary, tests. `heatwatch measures NAME` prints one page of it.")
	reading(&p)
	common(&p)
	if err := private(&p, plan, delta); err != nil {
		return p, err
	}
	p.Heading(2, "The measures")
	t := render.Table{Columns: render.Cols("measure", "title", "population", "objective", "prong", "due after days#")}
	for _, m := range measures.All() {
		t.Rows = append(t.Rows, []string{m.ID, m.Title, m.Population, m.Objective, m.Prong, strconv.Itoa(m.DueAfter)})
	}
	p.Table(t)
	for _, m := range measures.All() {
		Of(m, plan, sc).on(&p, 2)
	}
	logic(&p)
	dictionary(&p)
	return p, nil
}

func reading(p *render.Page) {
	p.Heading(2, "How to read a figure")
	cases := fmt.Sprintf("%g %%", 100*privacy.Confidence)
	for _, s := range []string{
		"A figure belongs to a measure, a period, a statistic and, where it is broken down, one value of a dimension. Its definition has a number: a changed definition gets a new one.",
		"A figure stands with a " + cases + " interval of the first kind, " + privacy.NoiseOnly + ": " + privacy.NoiseOnlySays,
		"Many have a second one, " + privacy.NoiseAndSampling + ": " + privacy.NoiseAndSamplingSays,
		"Behind the figures stand vectors: lists of sums, their cells. Noise is drawn for each cell; its standard deviation, sd, is in the cell's own unit. " +
			"In a vector of yes and no, cell d is yes minus no; in one of amounts, cell s is their sum; cell u holds those of whom it is not known. " +
			"The vector entry.heads is the number of persons who entered.",
		"A dash is no zero: the release plan decided, before any data was read, that the noise would swamp the figure at this level, or its note gives another reason.",
		"Neither interval knows of records that are missing, wrong, or not recognised as one person's. Which agencies reported for a period is said by `heatwatch census PERIOD`.",
		"Ranges that overlap are not a finding. The figures describe; they do not say what caused a change.",
	} {
		p.Item(s)
	}
}

func common(p *render.Page) {
	p.Heading(2, "Common rules")
	t := render.Table{Columns: render.Cols("rule", "what it says")}
	for _, r := range measures.Rules() {
		t.Rows = append(t.Rows, []string{r.Name, r.Says})
	}
	p.Table(t)
}

func private(p *render.Page, plan *privacy.Plan, delta float64) error {
	p.Heading(2, "Privacy in short")
	p.Say("Every number that leaves is a sum over persons to which Gaussian noise was added once, before anybody saw it. A person changes each sum by at most its bound, " +
		"so the noise hides whether the person is in it. What one person can lose over a lifetime, by all releases together, is capped for each population; losses add as squares of mu. " +
		fmt.Sprintf("The plan is %s, version %d, at a lifetime epsilon of %g and delta %s. ", plan.Name, plan.Version, plan.Epsilon, render.Delta(delta)) +
		"The odds say in how many of 100 cases somebody is right who knows everything else and must tell, at even odds, whether one person is in the data.")
	t := render.Table{Columns: render.Cols("population", "protected unit", "who", "cap on mu#", "epsilon#", "odds of 100#", "promise")}
	for _, pop := range models.Dictionary().Populations {
		i := slices.IndexFunc(plan.Populations, func(x privacy.PopulationPlan) bool { return x.Name == pop.Name })
		if i < 0 {
			continue
		}
		mu := plan.Populations[i].Mu
		epsilon, err := accountant.Epsilon(mu, delta)
		if err != nil {
			return err
		}
		promise := "over a lifetime"
		if !plan.Populations[i].Lifetime {
			promise = "per event: nobody is identified"
		}
		t.Rows = append(t.Rows, []string{pop.Name, pop.Unit, pop.Says, render.Significant(mu), render.Significant(math.Round(epsilon*1e6) / 1e6), strconv.Itoa(render.Odds(mu)), promise})
	}
	p.Table(t)
	p.Say("Not protected: groups as a whole; persons whose records were not recognised as one, who lose more; what an agency or a person publishes.")
	return nil
}

// LogicTables are the logic model, line by line, and the prongs.
func LogicTables() (lines, prongs render.Table) {
	lines = render.Table{Columns: render.Cols("objective", "stage", "says", "measures", "why_none")}
	for _, l := range measures.LogicModel() {
		ids := strings.Join(l.Measures, ", ")
		if ids == "" {
			ids = "no measure"
		}
		lines.Rows = append(lines.Rows, []string{l.Objective, l.Stage, l.Says, ids, l.Why})
	}
	prongs = render.Table{Columns: render.Cols("prong", "measures")}
	for _, pr := range declare.Prongs() {
		var ids []string
		for _, m := range measures.All() {
			if m.Prong == pr {
				ids = append(ids, m.ID)
			}
		}
		if len(ids) == 0 {
			ids = []string{"no measure"}
		}
		prongs.Rows = append(prongs.Rows, []string{pr, strings.Join(ids, ", ")})
	}
	return lines, prongs
}

func logic(p *render.Page) {
	p.Heading(2, "Logic model")
	p.Say("What the programme puts in, does, delivers and changes, by objective of its grant, and which measure shows it.")
	for _, o := range declare.Objectives() {
		p.Heading(3, o)
		t := render.Table{Columns: render.Cols("stage", "what", "measures")}
		for _, l := range measures.LogicModel() {
			if l.Objective != o {
				continue
			}
			ids := strings.Join(l.Measures, ", ")
			if ids == "" {
				ids = "no measure: " + l.Why
			}
			t.Rows = append(t.Rows, []string{l.Stage, l.Says, ids})
		}
		p.Table(t)
	}
	_, prongs := LogicTables()
	p.Heading(3, "By prong of the model")
	p.Table(prongs)
}

func dictionary(p *render.Page) {
	p.Heading(2, "Columns of the data dictionary")
	p.Say(fmt.Sprintf("What agencies may send (dictionary version %d), and which measures rest on it. `heatwatch dictionary --format markdown` says what each column may hold.", models.Dictionary().Version))
	for _, e := range models.Dictionary().Entities {
		p.Heading(3, e.Name)
		p.Say(upper(e.Says) + ".")
		t := render.Table{Columns: render.Cols("column", "what it says", "feeds")}
		for _, c := range e.Columns {
			t.Rows = append(t.Rows, []string{c.Name, c.Says, measures.Use(e.Name + "." + c.Name)})
		}
		p.Table(t)
	}
}
