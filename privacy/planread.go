package privacy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"heatwatch/internal/nearest"
	"heatwatch/privacy/accountant"
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
		case pop.Name == Nobody:
			return r.wrong("public facts, the population "+Nobody+", have no budget", "leave it out", at("name")...)
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

// keys are the names of a map in order.
func keys[V any](m map[string]V) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}
