package privacy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"heatwatch/internal/nearest"
	"heatwatch/models"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/mechanism"
)

// yamlItem is an entry of the plan's list of items as it is written. What may be left out is a pointer where 0 would be
// something else than nothing.
type yamlItem struct {
	ID             string    `yaml:"id"`
	Vector         string    `yaml:"vector"`
	Levels         []string  `yaml:"levels"`
	Years          *int      `yaml:"years"`
	By             []string  `yaml:"by"`
	Due            dues      `yaml:"due"`
	DueYear        *int      `yaml:"due_year"`
	L0             *int64    `yaml:"l0"`
	Linf           *int64    `yaml:"linf"`
	Cells          []string  `yaml:"cells"`
	Edges          []float64 `yaml:"edges"`
	Participations *int      `yaml:"participations"`
	Sigma          float64   `yaml:"sigma"`
	Over           string    `yaml:"over"`
	With           string    `yaml:"with"`
	Publishes      []string  `yaml:"publishes"`
	Sums           []string  `yaml:"sums"`
	CellShare      *float64  `yaml:"cell_share"`
	Target         *float64  `yaml:"target"`
	Weight         *float64  `yaml:"weight"`
}

type yamlTotal struct {
	ID        string     `yaml:"id"`
	Level     string     `yaml:"level"`
	Parts     [][]string `yaml:"parts"`
	Publishes []string   `yaml:"publishes"`
	Eligible  float64    `yaml:"eligible"`
}

type yamlPlan struct {
	Schema      int              `yaml:"schema"`
	Plan        string           `yaml:"plan"`
	Version     int              `yaml:"version"`
	Design      Design           `yaml:"design"`
	Limits      Limits           `yaml:"limits"`
	Merge       []string         `yaml:"merge_small_classes"`
	Populations []PopulationPlan `yaml:"populations"`
	Items       []yamlItem       `yaml:"items"`
	Totals      []yamlTotal      `yaml:"totals"`
}

// dues is one number of days for all levels, or one per level.
type dues struct {
	all int
	per map[string]int
}

// UnmarshalYAML reads "44" or "{quarter: 44, year: 104}".
func (d *dues) UnmarshalYAML(unmarshal func(any) error) error {
	if err := unmarshal(&d.all); err == nil {
		return nil
	}
	return unmarshal(&d.per)
}

// totalBy is how a plan writes "no breakdown" in a list.
const totalBy = "total"

// maxPlanned bounds what a plan may ask for: sigmas, sizes and days beyond it are slips.
const maxPlanned = 1e6

// planReader turns a text into a Plan. The first thing that is wrong ends it, with its place.
type planReader struct {
	text planText
	s    Schema
	y    yamlPlan
	p    *Plan
}

// ParsePlan reads a plan, expands its families and checks that each published figure is named exactly once and that
// no person can lose more than the cap. source names the file in errors, which are one line with line and column.
// epsilon is the home's lifetime epsilon at delta: every sigma scales with it.
func ParsePlan(text []byte, source string, s Schema, epsilon, delta float64) (*Plan, error) {
	r := &planReader{text: planText{source: source}, s: s}
	if err := yaml.UnmarshalWithOptions(text, &r.y, yaml.Strict()); err != nil {
		return nil, unreadable(err, source)
	}
	r.text.read(text)
	sum := sha256.Sum256(text)
	r.p = &Plan{Name: r.y.Plan, Version: r.y.Version, Hash: hex.EncodeToString(sum[:]), Text: text, Designed: r.y.Design,
		Merge: r.y.Merge, Populations: r.y.Populations, Limits: r.y.Limits, Epsilon: epsilon, joints: &jointCache{}}
	if err := r.head(); err != nil {
		return nil, err
	}
	designMu, err := accountant.MuFor(r.y.Design.Epsilon, delta)
	if err != nil {
		return nil, r.wrong(err.Error(), "correct it", "design", "epsilon")
	}
	homeMu, err := accountant.MuFor(epsilon, delta)
	if err != nil {
		return nil, r.text.problem("privacy.lifetime_epsilon: "+err.Error(), "correct the setting")
	}
	r.p.factor = designMu / homeMu
	for _, step := range []func() error{r.populations, r.items, r.totals, r.figures, r.budgets} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if err := r.p.checkEntries(s); err != nil {
		return nil, r.text.problem("items: "+err.Error(), "give them due dates of their own, or correct the plan")
	}
	return r.p, nil
}

// wrong is an error at a place of the plan.
func (r *planReader) wrong(what, do string, path ...any) error {
	return r.text.problem(what, do, path...)
}

// known proposes the nearest of the known names, or lists them if they are few.
func known(name string, names []string) string {
	slices.Sort(names)
	switch n := nearest.Name(name, names); {
	case n != "":
		return "did you mean " + n + "?"
	case len(names) == 0:
		return "leave it out"
	case len(names) <= 12:
		return "one of " + strings.Join(names, ", ")
	}
	return "`heatwatch measures` lists what there is"
}

// twice is the place of the first value that stands in a list before; -1 where there is none.
func twice[T comparable](list []T) int {
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			return i
		}
	}
	return -1
}

// positive reports a number that can stand for a size: above 0 and not absurd.
func positive(x float64) bool { return x > 0 && x <= maxPlanned }

func (r *planReader) head() error {
	y := r.y
	switch {
	case y.Schema != 1:
		return r.wrong(fmt.Sprintf("schema %d is not known", y.Schema), "write schema 1", "schema")
	case y.Plan == "":
		return r.wrong("the plan has no name", "write `plan: NAME`", "plan")
	case y.Version < 1:
		return r.wrong("the plan has no version from 1 on", "write `version: 1`", "version")
	case !(y.Design.PersonsAYear >= 1 && y.Design.PersonsAYear <= 1e9):
		return r.wrong("the plan has no design size: persons_a_year must be from 1 on", "write `design: {persons_a_year: 300, epsilon: 4}`", "design", "persons_a_year")
	case !(y.Design.Epsilon > 0):
		return r.wrong("the plan has no design size: its epsilon must be above 0", "write `design: {persons_a_year: 300, epsilon: 4}`", "design", "epsilon")
	}
	for _, l := range []struct {
		name  string
		limit float64
	}{{"share", y.Limits.Share}, {"mean", y.Limits.Mean}, {"count", y.Limits.Counts}} {
		if !positive(l.limit) {
			return r.wrong("the limit "+l.name+", from which half-width on a figure is withheld, is missing or not above 0",
				"write `limits: {share: 0.125, mean: 0.25, count: 0.16}`", "limits", l.name)
		}
	}
	if i := twice(y.Merge); i >= 0 {
		return r.wrong(fmt.Sprintf("%q stands twice", y.Merge[i]), "leave one out", "merge_small_classes", i)
	}
	var dimensions []string
	for name := range r.s.Dimensions {
		dimensions = append(dimensions, name[strings.LastIndexByte(name, '/')+1:])
	}
	for i, m := range y.Merge {
		if !slices.Contains(dimensions, m) {
			return r.wrong(fmt.Sprintf("no measure has the dimension %q", m), known(m, slices.Compact(slices.Sorted(slices.Values(dimensions)))), "merge_small_classes", i)
		}
	}
	return nil
}

func (r *planReader) populations() error {
	if len(r.y.Populations) == 0 {
		return r.wrong("the plan has no population", "give each population a name, a unit and a cap mu", "populations")
	}
	for i, pop := range r.p.Populations {
		at := func(key string) []any { return []any{"populations", i, key} }
		switch {
		case pop.Name == "":
			return r.wrong("a population has no name", "write `name: minors`", at("name")...)
		case slices.ContainsFunc(r.p.Populations[:i], func(o PopulationPlan) bool { return o.Name == pop.Name }):
			return r.wrong("the population "+pop.Name+" stands twice", "leave one out", at("name")...)
		case !positive(pop.Mu):
			return r.wrong("population "+pop.Name+": the cap mu must be above 0", "0.8378 is epsilon 4 at delta 1e-6", at("mu")...)
		case !(pop.Reserve >= 0 && pop.Reserve < 1):
			return r.wrong("population "+pop.Name+": reserve is a share of the budget, from 0 to below 1", "0.054 pays for one repeat", at("reserve")...)
		case !(pop.HeldBack >= 0 && pop.HeldBack <= pop.Mu*pop.Mu*(1-pop.Reserve)):
			return r.wrong(fmt.Sprintf("population %s: held_back is mu^2 kept for later, from 0 to what the reserve leaves (%.4f)", pop.Name, pop.Mu*pop.Mu*(1-pop.Reserve)),
				"keep less back", at("held_back")...)
		case pop.PersonsAYear != 0 && !(pop.PersonsAYear >= 1 && pop.PersonsAYear <= 1e9):
			return r.wrong("population "+pop.Name+": persons_a_year must be from 1 on", "leave it out to take that of the design", at("persons_a_year")...)
		}
	}
	return nil
}

func (r *planReader) items() error {
	if len(r.y.Items) == 0 {
		return r.wrong("the plan measures nothing", "give it items", "items")
	}
	for i := range r.y.Items {
		if err := r.entry(i); err != nil {
			return err
		}
	}
	return nil
}

// entry turns an entry of the list of items, which may be a family, into its items: one per level and breakdown.
func (r *planReader) entry(i int) error {
	y := r.y.Items[i]
	at := func(path ...any) []any { return append([]any{"items", i}, path...) }
	if y.ID == "" || strings.ContainsAny(y.ID, ":|/ -") {
		return r.wrong("an item needs an id, without blanks and none of : | / -", "write `id: heads_q`", at("id")...)
	}
	v, ok := r.s.Vectors[y.Vector]
	if !ok {
		return r.wrong(fmt.Sprintf("item %s: no measure declares the vector %q", y.ID, y.Vector), known(y.Vector, keys(r.s.Vectors)), at("vector")...)
	}
	if what := v.check(); what != "" {
		return r.wrong(fmt.Sprintf("the declaration of %s is wrong: %s", y.Vector, what), "correct the measure", at("vector")...)
	}
	if err := r.numbers(i, v); err != nil {
		return err
	}
	for _, list := range []struct {
		key    string
		values []string
	}{{"levels", y.Levels}, {"by", y.By}, {"sums", y.Sums}, {"publishes", y.Publishes}} {
		if k := twice(list.values); k >= 0 {
			return r.wrong(fmt.Sprintf("item %s: %q stands twice", y.ID, list.values[k]), "leave one out", at(list.key, k)...)
		}
	}
	if len(y.Levels) == 0 {
		return r.wrong("item "+y.ID+" has no level", "write `levels: [year]`", at("levels")...)
	}
	by := y.By
	if len(by) == 0 {
		by = []string{totalBy}
	}
	if v.Each != "" && !slices.Equal(by, []string{totalBy}) {
		return r.wrong(fmt.Sprintf("item %s: %s is by %s already, and no two dimensions are crossed", y.ID, y.Vector, v.Each), "leave `by` out", at("by")...)
	}
	for _, level := range keys(y.Due.per) {
		if !slices.Contains(y.Levels, level) {
			return r.wrong(fmt.Sprintf("item %s: due names the level %q, which the item does not have", y.ID, level), known(level, slices.Clone(y.Levels)), at("due", level)...)
		}
	}
	family := len(by) > 1 || len(y.Levels) > 1
	for li, level := range y.Levels {
		if rank(level) < 0 {
			return r.wrong(fmt.Sprintf("item %s: level %q is none", y.ID, level), known(level, slices.Clone(levels)), at("levels", li)...)
		}
		for bi, b := range by {
			if b == totalBy {
				b = ""
			}
			it := Item{
				ID: name(y.ID, level, b, family), Population: r.s.Measures[v.Measure].Population, Measure: v.Measure, Vector: y.Vector,
				Level: level, By: b, Due: y.Due.of(level), Encoding: v.Encoding, L0: v.l0(y.L0), Linf: v.Linf, Participations: 1,
				Sigma: max(roundUp4(y.Sigma*r.p.factor), mechanism.MinSigma), Over: related(y.Over, level, b, family), With: related(y.With, level, b, family),
				Publishes: publications(y.Publishes, v.Measure), Sums: y.Sums, CellShare: 1, Weight: 1, entry: i,
			}
			if level == models.LevelYear && y.DueYear != nil {
				it.Due = *y.DueYear
			}
			if y.Participations != nil {
				it.Participations = *y.Participations
			}
			if v.Activity != "" {
				it.FirstPeriods = it.Participations
				if level == models.LevelQuarter {
					it.Participations *= 4 // years are counted, quarters are released
				}
			}
			if y.CellShare != nil {
				it.CellShare = *y.CellShare
			}
			if y.Target != nil {
				it.Target = *y.Target
			}
			if y.Weight != nil {
				it.Weight = *y.Weight
			}
			if it.Population == "" {
				it.Population = "minors"
			}
			switch {
			case v.Each != "":
				it.By, it.blocks = v.Each, true
				it.Encoding = Encoding(fmt.Sprintf("%d x %s", len(v.EachValues), v.Encoding))
			case b != "" && it.Encoding == Signed:
				it.Encoding = SignedHistogram
			}
			if err := r.item(it, at, li, bi); err != nil {
				return err
			}
			if level == models.LevelSpan {
				it.Years = *y.Years
			}
			r.p.Items = append(r.p.Items, it)
		}
	}
	return nil
}

// numbers checks what an entry says in numbers, and what it repeats of the vector's declaration.
func (r *planReader) numbers(i int, v Vector) error {
	y := r.y.Items[i]
	wrong := func(key, what, do string) error { return r.wrong("item "+y.ID+": "+what, do, "items", i, key) }
	blocks := int64(len(v.Cells))
	if v.Each != "" {
		blocks = int64(len(v.EachValues))
	}
	if v.Encoding == Weights && v.Each == "" {
		blocks = 1
	}
	switch {
	case !positive(y.Sigma):
		return wrong("sigma", "sigma must be above 0 and at most a million", "it is the noise in units of the most that one person changes a cell by")
	case y.L0 != nil && *y.L0 < 1:
		return wrong("l0", "the bound l0 must be above 0", "it is how many cells one person changes; leave it out to take the vector's own")
	case y.L0 != nil && *y.L0 > blocks:
		return wrong("l0", fmt.Sprintf("the bound l0 is above %d, which is all that a person of %s can change", blocks, y.Vector), "lower it")
	case y.Linf != nil && *y.Linf < 1:
		return wrong("linf", "the bound linf must be above 0", fmt.Sprintf("%s declares %d; leave it out", y.Vector, v.Linf))
	case y.Linf != nil && *y.Linf != v.Linf:
		return wrong("linf", fmt.Sprintf("the bound linf is %d in the declaration of %s", v.Linf, y.Vector), "repeat that, or leave it out")
	case v.l0(y.L0) > mechanism.MaxChange/v.Linf:
		return wrong("l0", "l0 times linf is above 2^40", "the measure needs a coarser grid")
	case y.Participations != nil && (*y.Participations < 1 || *y.Participations > 250):
		return wrong("participations", "participations must be from 1 to 250", "it is how many periods of a lifetime a person can be in")
	case y.Participations == nil && v.Activity != "":
		return wrong("participations", y.Vector+" is about an activity, and the plan does not say in how many of their years of it persons are measured", "write `participations: 3`")
	case y.CellShare != nil && !(*y.CellShare > 0 && *y.CellShare <= 1):
		return wrong("cell_share", "cell_share is a share of the persons, above 0 and at most 1", "leave it out for a figure about all")
	case y.Target != nil && !positive(*y.Target):
		return wrong("target", "target is a half-width in the figure's unit, above 0", "leave it out to take the plan's limit")
	case y.Weight != nil && !positive(*y.Weight):
		return wrong("weight", "weight must be above 0", "leave it out for 1")
	case y.DueYear != nil && *y.DueYear < 0:
		return wrong("due_year", "due_year is a number of days", "count them from the period's last day")
	case slices.Contains(y.Levels, models.LevelSpan) && (y.Years == nil || *y.Years < 2 || *y.Years > 100):
		return wrong("years", "a span needs its number of years, from 2 to 100", "write `years: 5`")
	case y.Years != nil && !slices.Contains(y.Levels, models.LevelSpan):
		return wrong("years", "years is for the level span", "leave it out")
	}
	return r.repeated(i, v)
}

// repeated checks the public domain where the plan writes it out for its readers: it must be the declared one.
func (r *planReader) repeated(i int, v Vector) error {
	y := r.y.Items[i]
	if k := twice(y.Cells); k >= 0 {
		return r.wrong(fmt.Sprintf("item %s: the cell %q stands twice", y.ID, y.Cells[k]), "leave one out", "items", i, "cells", k)
	}
	if y.Cells != nil && !slices.Equal(y.Cells, v.Cells) {
		return r.wrong(fmt.Sprintf("item %s: these are not the cells of %s", y.ID, y.Vector), "the measure declares "+strings.Join(v.Cells, ", "), "items", i, "cells")
	}
	for k := 1; k < len(y.Edges); k++ {
		if !(y.Edges[k] > y.Edges[k-1]) {
			return r.wrong(fmt.Sprintf("item %s: the buckets overlap: edge %g does not lie above %g", y.ID, y.Edges[k], y.Edges[k-1]), "write rising edges", "items", i, "edges", k)
		}
	}
	if y.Edges != nil && !slices.ContainsFunc(r.s.Formulas, func(f Formula) bool { return f.Vector == y.Vector && slices.Equal(f.Edges, y.Edges) }) {
		return r.wrong(fmt.Sprintf("item %s: these are not the edges of %s", y.ID, y.Vector), "repeat the measure's, or leave them out", "items", i, "edges")
	}
	return nil
}

// item checks one item of an entry.
func (r *planReader) item(it Item, at func(...any) []any, level, by int) error {
	due := at("due")
	if it.Level == models.LevelYear && r.y.Items[it.entry].DueYear != nil {
		due = at("due_year")
	} else if _, ok := r.y.Items[it.entry].Due.per[it.Level]; ok {
		due = at("due", it.Level)
	}
	if earliest := r.s.Measures[it.Measure].DueAfter; it.Due < earliest || it.Due < 0 || it.Due > maxPlanned {
		return r.wrong(fmt.Sprintf("item %s: due %d: the windows of %s close %d days after the period; a plan may wait longer, never less", it.ID, it.Due, it.Measure, earliest),
			fmt.Sprintf("write %d or more", earliest), due...)
	}
	if !slices.ContainsFunc(r.p.Populations, func(pop PopulationPlan) bool { return pop.Name == it.Population }) {
		return r.wrong(fmt.Sprintf("item %s: the plan has no population %q", it.ID, it.Population),
			"give "+it.Population+" a cap: "+known(it.Population, mapSlice(r.p.Populations, func(p PopulationPlan) string { return p.Name })), at("vector")...)
	}
	for k, sum := range it.Sums {
		if rank(sum) <= rank(it.Level) || it.Level == LevelSnapshot || sum == LevelSnapshot {
			return r.wrong(fmt.Sprintf("item %s: sums: %q is no level above %s", it.ID, sum, it.Level), "a quarter adds up to year and span, a year to span, a snapshot to nothing", at("sums", k)...)
		}
	}
	if d := it.By; d != "" && !it.blocks {
		dim, ok := r.s.Dimension(it.Measure, d)
		if !ok {
			return r.wrong(fmt.Sprintf("item %s: %s has no dimension %q", it.ID, it.Measure, d), known(d, r.s.dimensionsOf(it.Measure)), at("by", by)...)
		}
		if k := twice(dim.Values); k >= 0 {
			return r.wrong(fmt.Sprintf("the declaration of the dimension %s is wrong: %q stands twice", d, dim.Values[k]), "correct the measure", at("by", by)...)
		}
	}
	if it.Sigma*float64(it.Linf) > mechanism.MaxSd {
		return r.wrong(fmt.Sprintf("item %s: sigma times linf %d is above 2^30", it.ID, it.Linf), "ask for less noise, or the measure needs a coarser grid", at("sigma")...)
	}
	if j := slices.IndexFunc(r.p.Items, func(o Item) bool { return o.ID == it.ID }); j >= 0 {
		return r.wrong("the id "+it.ID+" is used twice, also by "+r.text.place("items", r.p.Items[j].entry, "id"), "give each item an id of its own", at("id")...)
	}
	return nil
}

// of is the number of days of a level.
func (d dues) of(level string) int {
	if days, ok := d.per[level]; ok {
		return days
	}
	return d.all
}

func (r *planReader) totals() error {
	for i, yt := range r.y.Totals {
		at := func(path ...any) []any { return append([]any{"totals", i}, path...) }
		_, isItem := r.p.Item(yt.ID)
		if _, isTotal := r.p.total(yt.ID); isItem || isTotal {
			return r.wrong("the id "+yt.ID+" is used twice", "give each total an id of its own", at("id")...)
		}
		if yt.ID == "" || strings.ContainsAny(yt.ID, ":|/ -") {
			return r.wrong("a total needs an id, without blanks and none of : | / -", "write `id: year_heads`", at("id")...)
		}
		if yt.Level != models.LevelQuarter && yt.Level != models.LevelYear {
			return r.wrong(fmt.Sprintf("total %s: level %q is not quarter or year", yt.ID, yt.Level), known(yt.Level, []string{models.LevelQuarter, models.LevelYear}), at("level")...)
		}
		if len(yt.Parts) == 0 {
			return r.wrong("total "+yt.ID+" has no parts", "name the items that count these persons", at("parts")...)
		}
		if !(yt.Eligible >= 0 && yt.Eligible <= maxPlanned) {
			return r.wrong("total "+yt.ID+": eligible is a share of the persons", "leave it out for all", at("eligible")...)
		}
		r.p.Totals = append(r.p.Totals, Total{ID: yt.ID, Level: yt.Level, Parts: yt.Parts, Eligible: yt.Eligible, Publishes: publications(yt.Publishes, "")})
	}
	for i, t := range r.p.Totals {
		for k, part := range t.Parts {
			if len(part) == 0 {
				return r.wrong("total "+t.ID+" has an empty part", "name its items", "totals", i, "parts", k)
			}
			for m, text := range part {
				if err := r.part(t, text, r.p.populationOf(t)); err != nil {
					return r.wrong(err.Error(), r.knownParts(t, text), "totals", i, "parts", k, m)
				}
			}
		}
	}
	return nil
}

// part checks an addend of a total.
func (r *planReader) part(t Total, text, population string) error {
	term, err := r.p.partTerm(t, text)
	if err != nil || term.item == nil {
		return err
	}
	if term.item.Population != population {
		return fmt.Errorf("total %s: %s is about %s, not %s", t.ID, term.item.ID, term.item.Population, population)
	}
	if term.answer == "" {
		return nil
	}
	if cells := r.s.Vectors[term.item.Vector].Cells; !slices.Contains(cells, term.answer) {
		return fmt.Errorf("total %s: %s has no cell %q", t.ID, term.item.ID, term.answer)
	}
	return nil
}

// knownParts proposes what a part may be.
func (r *planReader) knownParts(t Total, text string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(text, "-"), ":")
	var names []string
	for _, it := range r.p.Items {
		if it.Level == t.Level {
			names = append(names, it.ID)
		}
	}
	for _, o := range r.p.Totals {
		if o.ID == t.ID {
			break
		}
		names = append(names, o.ID)
	}
	if n := nearest.Name(id, names); n != "" && n != id {
		return "did you mean " + n + "?"
	}
	return "a part is an item of that level, one of its cells (ITEM:CELL), or a total that stands before"
}

// figures refuses a plan that names a figure twice, a statistic that no formula gives, or a count that is not there.
func (r *planReader) figures() error {
	seen := map[string]string{}
	claim := func(level, by, owner string, pub Publication, path ...any) error {
		if level == LevelSnapshot {
			level = models.LevelQuarter
		}
		key := strings.Join([]string{pub.Measure, pub.Statistic, level, by}, "|")
		if other, ok := seen[key]; ok {
			return r.wrong(fmt.Sprintf("%s of %s (%s, by %q) is published by %s and by %s", pub.Statistic, pub.Measure, level, by, other, owner), "each figure has one source: leave one out", path...)
		}
		seen[key] = owner
		return nil
	}
	for _, it := range r.p.Items {
		for k, pub := range it.Publishes {
			at := []any{"items", it.entry, "publishes", k}
			f, err := r.formula(it, pub, at)
			if err != nil {
				return err
			}
			if err := r.checkBelow(it, f); err != nil {
				return err
			}
			for _, level := range append([]string{it.Level}, it.Sums...) {
				if err := claim(level, it.By+f.place(), it.ID, pub, at...); err != nil {
					return err
				}
			}
		}
	}
	for i, t := range r.p.Totals {
		for k, pub := range t.Publishes {
			if _, ok := r.s.Measures[pub.Measure]; !ok {
				return r.wrong(fmt.Sprintf("total %s: there is no measure %q", t.ID, pub.Measure), known(pub.Measure, keys(r.s.Measures)), "totals", i, "publishes", k)
			}
			for _, level := range t.levels() {
				if err := claim(level, "", t.ID, pub, "totals", i, "publishes", k); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// formula finds how an item gives what it publishes.
func (r *planReader) formula(it Item, pub Publication, at []any) (Formula, error) {
	if _, ok := r.s.Measures[pub.Measure]; !ok {
		return Formula{}, r.wrong(fmt.Sprintf("item %s: there is no measure %q", it.ID, pub.Measure), known(pub.Measure, keys(r.s.Measures)), at...)
	}
	f, ok := r.s.formula(it.Vector, pub.Statistic, pub.Measure)
	if !ok {
		var statistics []string
		for _, f := range r.s.Formulas {
			if f.Vector == it.Vector && f.Measure == pub.Measure {
				statistics = append(statistics, f.Statistic)
			}
		}
		return f, r.wrong(fmt.Sprintf("item %s: no formula gives %s of %s from %s", it.ID, pub.Statistic, pub.Measure, it.Vector), known(pub.Statistic, statistics), at...)
	}
	for k := 1; k < len(f.Edges); k++ {
		if !(f.Edges[k] > f.Edges[k-1]) {
			return f, r.wrong(fmt.Sprintf("the declaration of %s is wrong: its buckets overlap at %g", f.Statistic, f.Edges[k]), "correct the measure", at...)
		}
	}
	return f, nil
}

func (r *planReader) checkBelow(it Item, f Formula) error {
	at := func(key string) []any { return []any{"items", it.entry, key} }
	if f.overPersons() {
		over, isItem := r.p.Item(it.Over)
		t, isTotal := r.p.total(it.Over)
		if !isItem && !isTotal {
			names := mapSlice(r.p.Items, func(o Item) string { return o.ID })
			names = append(names, mapSlice(r.p.Totals, func(o Total) string { return o.ID })...)
			do := "write `over: ITEM`"
			if n := nearest.Name(it.Over, names); it.Over != "" && n != "" {
				do = "did you mean " + n + "?"
			}
			return r.wrong(fmt.Sprintf("item %s: %s needs the count below the line; %q is no item or total", it.ID, f.Statistic, it.Over), do, at("over")...)
		}
		if isTotal {
			over = Item{Level: t.Level, Population: r.p.populationOf(t)}
		}
		switch {
		case over.By != it.By && !(it.blocks && over.By == ""):
			return r.wrong(fmt.Sprintf("item %s: the count below the line, %s, has another breakdown", it.ID, it.Over), "count the same persons in the same way", at("over")...)
		case over.Population != it.Population:
			return r.wrong(fmt.Sprintf("item %s: the count below the line, %s, is about %s, not %s", it.ID, it.Over, over.Population, it.Population), "a figure is about one population", at("over")...)
		case rank(over.Level) > rank(it.Level) || (over.Level == LevelSnapshot) != (it.Level == LevelSnapshot) || over.Level == models.LevelSpan && over.Years != it.Years:
			return r.wrong(fmt.Sprintf("item %s: the count below the line, %s, is measured by %s", it.ID, it.Over, over.Level), "it must be measured as often, or more", at("over")...)
		}
	}
	if f.withItem() {
		w, ok := r.p.Item(it.With)
		if !ok || w.Vector != f.WithVector || w.By != it.By || w.Level != it.Level || w.Years != it.Years {
			return r.wrong(fmt.Sprintf("item %s: %s needs an item of %s beside it", it.ID, f.Statistic, f.WithVector), "write `with: ITEM`, of the same level and breakdown", at("with")...)
		}
	}
	return nil
}

// budgets refuses a plan by which one person could lose more than the cap.
func (r *planReader) budgets() error {
	p := r.p
	for i, pop := range p.Populations {
		spent, limit := p.Worst(pop.Name), p.Cap(pop.Name)
		room := limit * (1 - pop.Reserve)
		held := pop.HeldBack / (p.factor * p.factor)
		switch {
		case spent > room:
			return r.wrong(fmt.Sprintf("population %s: one person could lose mu^2 %.4f of %.4f that the cap less its reserve leaves", pop.Name, spent, room),
				"raise sigmas, or measure less", "populations", i, "mu")
		case spent+held > room*(1+heldSlack):
			return r.wrong(fmt.Sprintf("population %s: one person could lose mu^2 %.4f, and with %.4f held back that is more than the %.4f that the cap less its reserve leaves", pop.Name, spent, held, room),
				"keep less back, or raise sigmas", "populations", i, "held_back")
		}
	}
	return nil
}

// heldSlack forgives the rounding of held_back, which nobody spends.
const heldSlack = 1e-3

// publications reads "statistic" or "measure.statistic".
func publications(list []string, measure string) []Publication {
	return mapSlice(list, func(s string) Publication {
		if m, st, ok := strings.Cut(s, "."); ok {
			return Publication{m, st}
		}
		return Publication{measure, s}
	})
}

// keys are the names of a map in order.
func keys[V any](m map[string]V) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// check says what is wrong with a declaration; "" where nothing is.
func (v Vector) check() string {
	switch {
	case !slices.Contains(encodings, v.Encoding):
		return fmt.Sprintf("there is no encoding %q", v.Encoding)
	case v.Linf < 1 || v.Linf > mechanism.MaxChange:
		return "the bound linf must be from 1 to 2^40"
	case len(v.Cells) == 0:
		return "it has no cells"
	case twice(v.Cells) >= 0:
		return fmt.Sprintf("the cell %q stands twice", v.Cells[twice(v.Cells)])
	case twice(v.EachValues) >= 0:
		return fmt.Sprintf("the value %q of %s stands twice", v.EachValues[twice(v.EachValues)], v.Each)
	case (v.Each == "") != (len(v.EachValues) == 0):
		return "blocks need a name and values"
	case v.Events && v.Activity != "":
		return "events have no identity, so nobody's first years can be told"
	case math.IsNaN(v.Eligible) || v.Eligible < 0:
		return "the eligible share is below 0"
	}
	return ""
}

// l0 is how many cells of Linf one person's vector amounts to: one, or one in each block, unless the plan says otherwise.
func (v Vector) l0(planned *int64) int64 {
	switch {
	case planned != nil:
		return *planned
	case v.Each != "":
		return int64(len(v.EachValues))
	}
	return 1
}

// dimensionsOf are the names of a measure's dimensions.
func (s Schema) dimensionsOf(measure string) []string {
	var all []string
	for name := range s.Dimensions {
		if m, d, own := strings.Cut(name, "/"); !own {
			all = append(all, name)
		} else if m == measure {
			all = append(all, d)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
