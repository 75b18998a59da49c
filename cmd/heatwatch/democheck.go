package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"heatwatch/fixtures"
	"heatwatch/internal/problem"
	"heatwatch/privacy"
	"heatwatch/reports/measures"
	"heatwatch/reports/render"
)

// truthFile is what is exactly so in the county of a demonstration. It lies with the raw exports, outside the home.
const truthFile = "raw/truth.json"

// checkDemo compares what a demonstration released with the county that it made. It is possible there only: of a real
// county nobody outside the agencies' own systems has the truth.
func (c *command) checkDemo(dir string) error {
	truth, err := readTruth(dir)
	if err != nil {
		return err
	}
	h, err := c.demoHome(dir)
	if err != nil {
		return err
	}
	o, err := c.Options()
	if err != nil {
		return err
	}
	var k demoCheck
	for _, m := range measures.All() {
		r, err := h.report(m, nil)
		if err != nil {
			return err
		}
		for _, f := range r.Figures {
			k.add(f, truth)
		}
	}
	k.whole = o.Format != render.FormatTable
	if err := render.Write(c.Out, k.table(), o); err != nil {
		return err
	}
	if k.whole { // what a program reads has rows only
		c.Say("%s", k.sum())
		return nil
	}
	_, err = fmt.Fprintf(c.Out, "\n%s\n", k.sum())
	return err
}

// demoHome opens the home of a demonstration, and no other.
func (c *command) demoHome(dir string) (*house, error) {
	in := &command{App: c.App, dir: filepath.Join(dir, "home")}
	h, err := in.open()
	if err != nil {
		return nil, err
	}
	if !h.demo() {
		return nil, notADemo(dir, "its home is a real one")
	}
	return h, nil
}

func notADemo(where, why string) error {
	return problem.New(problem.Refused, where, "this is no demonstration: "+why+"; figures are compared with the truth of a synthetic county only",
		"name the folder that `heatwatch demo --out` made")
}

func readTruth(dir string) (map[string]fixtures.Figure, error) {
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(truthFile)))
	if err != nil {
		return nil, notADemo(dir, "it has no "+truthFile)
	}
	var t fixtures.Truth
	if err := json.Unmarshal(b, &t); err != nil {
		return nil, problem.Wrap(err, problem.Failed, filepath.Join(dir, truthFile), "this is not the truth of a synthetic county", "make the demonstration again")
	}
	all := map[string]fixtures.Figure{}
	for _, f := range t.Figures {
		all[figureKey(f.Measure, f.Period, f.Statistic, f.By)] = f
	}
	return all, nil
}

// figureKey names a figure.
func figureKey(measure, period, statistic string, by map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, k+"="+by[k])
	}
	return strings.Join([]string{measure, period, statistic, strings.Join(parts, ";")}, "|")
}

// compared is one released figure beside its truth.
type compared struct {
	figure privacy.Figure
	truth  *float64
	state  string // yes or no: whether the interval holds the truth; else one of those below
}

// Public facts have no interval. Of the others, why a figure is beside no truth, or in no interval.
const (
	isExact    = "exact" // a public fact that is the truth
	isWrong    = "wrong" // and one that is not: there is no noise to blame
	isWithheld = "withheld"
	isSampled  = "sampled"  // a secret key chose which rows count
	isNobody   = "nobody"   // the truth is a share of nobody
	isUntold   = "no truth" // the truth file has no such row, as of prosecutions by role and charge group together
)

// demoCheck is the whole comparison.
type demoCheck struct {
	rows  []compared
	count map[string]int
	whole bool // breakdowns too
}

func (k *demoCheck) add(f privacy.Figure, truth map[string]fixtures.Figure) {
	by := map[string]string{}
	for _, d := range f.By() {
		by[d.Key] = d.Value
	}
	t, known := truth[figureKey(f.Measure(), f.Period().String(), f.Statistic(), by)]
	row := compared{figure: f, truth: t.Value}
	switch v, ok := f.Value(); {
	case !known:
		row.state = isUntold
	case !ok:
		row.state = isWithheld
	case t.Sampled:
		row.state = isSampled
	case t.Value == nil:
		row.state = isNobody
	case f.PublicFact():
		row.state = isWrong
		if v == *t.Value {
			row.state = isExact
		}
	default:
		const rounding = 1e-9
		row.state = "no"
		if *t.Value >= f.Low()-rounding && *t.Value <= f.High()+rounding {
			row.state = "yes"
		}
	}
	if k.count == nil {
		k.count = map[string]int{}
	}
	k.count[row.state]++
	k.rows = append(k.rows, row)
}

// table has the totals, or everything. A measure without a total, such as outcomes by domain, is there with all it has.
func (k *demoCheck) table() render.Table {
	totals := map[string]bool{}
	for _, r := range k.rows {
		totals[r.figure.Measure()] = totals[r.figure.Measure()] || r.figure.Dimension() == ""
	}
	t := render.Table{Columns: render.Cols("measure", "statistic", "period", "by", "released#", "truth#", "difference#", "low#", "high#", "in_interval")}
	for _, r := range k.rows {
		if m := r.figure.Measure(); !k.whole && (totals[m] && r.figure.Dimension() != "" || r.state == isUntold) {
			continue
		}
		v, ok := r.figure.Value()
		said, truth, difference, low, high := "", "", "", "", ""
		if ok {
			said, low, high = number(v, 5), number(r.figure.Low(), 5), number(r.figure.High(), 5)
		}
		if r.truth != nil {
			truth = number(*r.truth, 5)
		}
		if ok && r.truth != nil {
			difference = number(v-*r.truth, 3)
		}
		t.Rows = append(t.Rows, []string{r.figure.Measure(), r.figure.Statistic(), r.figure.Period().String(), r.figure.ByText(), said, truth, difference, low, high, r.state})
	}
	return t
}

// sum says in one line how often the intervals hold the truth, and what has none.
func (k *demoCheck) sum() string {
	yes, no := k.count["yes"], k.count["no"]
	share := ""
	if yes+no > 0 {
		share = fmt.Sprintf(" (%.1f %%; about 95 %% is promised)", 100*float64(yes)/float64(yes+no))
	}
	facts := fmt.Sprintf("%d are exact, being public facts", k.count[isExact])
	if wrong := k.count[isWrong]; wrong > 0 {
		facts += fmt.Sprintf(", %d are public facts and WRONG", wrong)
	}
	return fmt.Sprintf("%d figures: the intervals of %d of %d hold the truth%s, %s, %d are withheld, %d are not compared (%d sampled under a secret key, %d of nobody, %d without a row in the truth file%s)",
		len(k.rows), yes, yes+no, share, facts, k.count[isWithheld], k.count[isSampled]+k.count[isNobody]+k.count[isUntold], k.count[isSampled], k.count[isNobody], k.count[isUntold], k.untold())
}

// untold names what the truth file has no row for: measures and breakdowns, each once.
func (k *demoCheck) untold() string {
	var all []string
	for _, r := range k.rows {
		if r.state != isUntold {
			continue
		}
		name := r.figure.Measure()
		var keys []string
		for _, d := range r.figure.By() {
			keys = append(keys, d.Key)
		}
		if len(keys) > 0 {
			name += " by " + strings.Join(keys, " x ")
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return ": " + strings.Join(all, ", ")
}
