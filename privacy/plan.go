package privacy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy/accountant"
)

// Plan is a release plan: what is measured, when, at which price. It is public, fixed before data is read, and known
// to the ledger by its hash.
type Plan struct {
	Name        string
	Version     int
	Hash        string // SHA-256 of the text, in hex
	Text        []byte
	Designed    Design
	Merge       []string // dimensions in which a class with fewer than two enrolled partners is measured under other
	Populations []PopulationPlan
	Items       []Item
	Totals      []Total
	Limits      Limits
	Epsilon     float64 // lifetime epsilon that the sigmas are scaled to
	factor      float64
}

// Design is the size that the usefulness limits are judged at.
type Design struct {
	PersonsAYear float64 `yaml:"persons_a_year"`
	Epsilon      float64 `yaml:"epsilon"` // the sigmas of the plan hold at this lifetime epsilon
}

// Limits say from which expected half-width on a figure is withheld: absolute for shares, relative otherwise.
type Limits struct {
	Share  float64 `yaml:"share"`
	Mean   float64 `yaml:"mean"`
	Counts float64 `yaml:"count"`
}

// PopulationPlan is the lifetime budget of one population.
type PopulationPlan struct {
	Name     string  `yaml:"name"`
	Unit     string  `yaml:"unit"`
	Mu       float64 `yaml:"mu"`        // cap on mu at the design epsilon
	Reserve  float64 `yaml:"reserve"`   // share of mu^2 kept for one repeat
	HeldBack float64 `yaml:"held_back"` // mu^2 kept for measures to come
	Lifetime bool    `yaml:"lifetime"`  // false where nobody is identified: the promise is per event
}

// Item is one vector that is measured once per period.
type Item struct {
	ID             string
	Population     string
	Measure        string // of the vector
	Vector         string
	Level          string
	By             string
	Due            int // days after the period's last day
	Encoding       Encoding
	L0             int64
	Linf           int64
	Participations int
	Sigma          float64 // in units of Linf, at the home's cap
	Over           string  // item or total that counts the persons below the line
	With           string  // second item of a ratio
	Publishes      []Publication
	Sums           []string // further levels that are sums of this one
	CellShare      float64  // expected share of persons in a cell of the breakdown
}

// Publication is a statistic that an item publishes for a measure.
type Publication struct{ Measure, Statistic string }

// Total is a number of persons estimated from several items, weighted by the inverse of their noise variance.
type Total struct {
	ID        string
	Level     string
	Parts     [][]string // each part is a sum of "item", "item:answer", "-item:answer" or "total"
	Publishes []Publication
	Eligible  float64
}

type yamlItem struct {
	ID             string   `yaml:"id"`
	Vector         string   `yaml:"vector"`
	Levels         []string `yaml:"levels"`
	By             []string `yaml:"by"`
	Due            int      `yaml:"due"`
	DueYear        int      `yaml:"due_year"`
	L0             int64    `yaml:"l0"`
	Participations int      `yaml:"participations"`
	Sigma          float64  `yaml:"sigma"`
	Over           string   `yaml:"over"`
	With           string   `yaml:"with"`
	Publishes      []string `yaml:"publishes"`
	Sums           []string `yaml:"sums"`
	CellShare      float64  `yaml:"cell_share"`
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
	Totals      []struct {
		ID        string     `yaml:"id"`
		Level     string     `yaml:"level"`
		Parts     [][]string `yaml:"parts"`
		Publishes []string   `yaml:"publishes"`
		Eligible  float64    `yaml:"eligible"`
	} `yaml:"totals"`
}

// totalBy is how a plan writes "no breakdown" in a list.
const totalBy = "total"

// ParsePlan reads a plan, expands its families and checks that each published figure is named exactly once and that
// no person can lose more than the cap. source names the file in errors. epsilon is the home's lifetime epsilon at
// delta: every sigma scales with it.
func ParsePlan(text []byte, source string, s Schema, epsilon, delta float64) (*Plan, error) {
	var y yamlPlan
	if err := yaml.UnmarshalWithOptions(text, &y, yaml.Strict()); err != nil {
		where, what := source, firstLine(err)
		if m := placed.FindStringSubmatch(what); m != nil {
			where, what = fmt.Sprintf("%s:%s:%s", source, m[1], m[2]), m[3]
		}
		return nil, problem.Wrap(err, problem.Usage, where, "the release plan cannot be read: "+what, "compare it with an embedded plan: `heatwatch init --plan county`")
	}
	bad := func(where, what string) error {
		return problem.New(problem.Usage, source+": "+where, what, "correct the plan")
	}
	if y.Schema != 1 || y.Plan == "" || y.Version < 1 || y.Design.PersonsAYear < 1 || y.Design.Epsilon <= 0 {
		return nil, bad("head", "a plan needs schema 1, a name, a version and a design size")
	}
	sum := sha256.Sum256(text)
	p := &Plan{Name: y.Plan, Version: y.Version, Hash: hex.EncodeToString(sum[:]), Text: text, Designed: y.Design, Merge: y.Merge, Populations: y.Populations, Limits: y.Limits, Epsilon: epsilon}
	designMu, err := accountant.MuFor(y.Design.Epsilon, delta)
	if err != nil {
		return nil, bad("design", err.Error())
	}
	homeMu, err := accountant.MuFor(epsilon, delta)
	if err != nil {
		return nil, bad("privacy.lifetime_epsilon", err.Error())
	}
	p.factor = designMu / homeMu
	for i, pop := range p.Populations {
		twice := slices.ContainsFunc(p.Populations[:i], func(o PopulationPlan) bool { return o.Name == pop.Name })
		if twice || !(pop.Mu > 0 && pop.Mu < math.Inf(1)) || !(pop.Reserve >= 0 && pop.Reserve < 1) || !(pop.HeldBack >= 0) {
			return nil, bad("population "+pop.Name, "it needs a name of its own, mu above 0, reserve from 0 to below 1, held_back from 0")
		}
	}
	for _, yi := range y.Items {
		if err := p.expand(yi, s); err != nil {
			return nil, bad("item "+yi.ID, err.Error())
		}
	}
	for _, yt := range y.Totals {
		_, isItem := p.Item(yt.ID)
		if _, isTotal := p.total(yt.ID); isItem || isTotal {
			return nil, bad("total "+yt.ID, "the id is used twice")
		}
		t := Total{ID: yt.ID, Level: yt.Level, Parts: yt.Parts, Eligible: yt.Eligible, Publishes: publications(yt.Publishes, "")}
		if len(t.Parts) == 0 {
			return nil, bad("total "+yt.ID, "it has no parts")
		}
		p.Totals = append(p.Totals, t)
	}
	if err := p.check(s); err != nil {
		return nil, bad("figures", err.Error())
	}
	for _, pop := range p.Populations {
		spent, limit := p.Worst(pop.Name), p.Cap(pop.Name)
		if room := limit * (1 - pop.Reserve); spent+pop.HeldBack/(p.factor*p.factor) > room*(1+1e-3) {
			return nil, bad("population "+pop.Name, fmt.Sprintf("one person could lose mu^2 %.4f of %.4f", spent, room))
		}
	}
	return p, nil
}

// placed is how the YAML reader begins an error.
var placed = regexp.MustCompile(`^\[(\d+):(\d+)\] (.*)`)

func firstLine(err error) string {
	l, _, _ := strings.Cut(err.Error(), "\n")
	return l
}

// publications reads "statistic" or "measure.statistic".
func publications(list []string, measure string) []Publication {
	return mapSlice(list, func(s string) Publication {
		if m, st, ok := strings.Cut(s, "."); ok {
			return Publication{m, st}
		}
		return Publication{measure, s}
	})
}

// expand turns a family into its items: one per level and breakdown.
func (p *Plan) expand(y yamlItem, s Schema) error {
	v, ok := s.Vectors[y.Vector]
	if !ok {
		return fmt.Errorf("no measure declares the vector %q", y.Vector)
	}
	if !(y.Sigma > 0 && y.Sigma <= 1e6) {
		return fmt.Errorf("sigma must be above 0 and at most a million")
	}
	if y.L0 < 0 || y.Participations < 0 {
		return fmt.Errorf("a bound must be above 0")
	}
	by := y.By
	if len(by) == 0 {
		by = []string{totalBy}
	}
	family := len(by) > 1 || len(y.Levels) > 1
	for _, level := range y.Levels {
		if level != models.LevelQuarter && level != models.LevelYear {
			return fmt.Errorf("level %q is not quarter or year", level)
		}
		for _, b := range by {
			if b == totalBy {
				b = ""
			}
			due := y.Due
			if level == models.LevelYear && y.DueYear > 0 {
				due = y.DueYear
			}
			if earliest := s.Measures[v.Measure].DueAfter; due < earliest {
				return fmt.Errorf("due %d: the windows of %s close %d days after the period; a plan may wait longer, never less", due, v.Measure, earliest)
			}
			it := Item{
				ID: name(y.ID, level, b, family), Population: s.Measures[v.Measure].Population, Measure: v.Measure, Vector: y.Vector,
				Level: level, By: b, Due: due, Encoding: v.Encoding, L0: max(1, y.L0), Linf: v.Linf, Participations: max(1, y.Participations),
				Sigma: roundUp4(y.Sigma * p.factor), Over: related(y.Over, level, b, family), With: related(y.With, level, b, family),
				Publishes: publications(y.Publishes, v.Measure), Sums: y.Sums, CellShare: y.CellShare,
			}
			if it.Population == "" {
				it.Population = "minors"
			}
			if b != "" && it.Encoding == Signed {
				it.Encoding = SignedHistogram
			}
			if it.CellShare == 0 {
				it.CellShare = 1
			}
			if !slices.ContainsFunc(p.Populations, func(pop PopulationPlan) bool { return pop.Name == it.Population }) {
				return fmt.Errorf("the plan has no population %q", it.Population)
			}
			for _, sum := range it.Sums {
				if rank(sum) <= rank(level) {
					return fmt.Errorf("sums: %q is no level above %s", sum, level)
				}
			}
			if _, err := s.cells(it); err != nil {
				return err
			}
			if slices.ContainsFunc(p.Items, func(o Item) bool { return o.ID == it.ID }) {
				return fmt.Errorf("the id %s is used twice", it.ID)
			}
			p.Items = append(p.Items, it)
		}
	}
	return nil
}

// rank orders the levels; what is no level comes before all.
func rank(level string) int {
	return slices.Index([]string{models.LevelQuarter, models.LevelYear, models.LevelSpan}, level)
}

// name gives an item of a family its own id; a lone item keeps the one it has.
func name(id, level, by string, family bool) string {
	if !family {
		return id
	}
	if by != "" {
		id += "_by_" + by
	}
	return id + "_" + level[:1]
}

// related names the item of another family at the same level and breakdown.
func related(id, level, by string, family bool) string {
	if id == "" {
		return ""
	}
	return name(id, level, by, family)
}

// roundUp4 rounds up to four significant digits, so that a home's noise is never below the plan's.
func roundUp4(x float64) float64 {
	scale := math.Pow(10, 3-math.Floor(math.Log10(x)))
	return math.Ceil(x*scale-1e-9) / scale
}

// Item finds an item by id.
func (p *Plan) Item(id string) (Item, bool) {
	i := slices.IndexFunc(p.Items, func(it Item) bool { return it.ID == id })
	if i < 0 {
		return Item{}, false
	}
	return p.Items[i], true
}

func (p *Plan) total(id string) (Total, bool) {
	i := slices.IndexFunc(p.Totals, func(t Total) bool { return t.ID == id })
	if i < 0 {
		return Total{}, false
	}
	return p.Totals[i], true
}

// check refuses a plan that names a figure twice, a statistic that no formula gives, or a count that is not there.
func (p *Plan) check(s Schema) error {
	seen := map[string]string{}
	claim := func(level, by, owner string, pub Publication) error {
		key := strings.Join([]string{pub.Measure, pub.Statistic, level, by}, "|")
		if other, ok := seen[key]; ok {
			return fmt.Errorf("%s of %s (%s, by %q) is published by %s and by %s", pub.Statistic, pub.Measure, level, by, other, owner)
		}
		seen[key] = owner
		return nil
	}
	for _, it := range p.Items {
		for _, pub := range it.Publishes {
			f, ok := s.formula(it.Vector, pub.Statistic, pub.Measure)
			if !ok {
				return fmt.Errorf("item %s: no formula gives %s of %s from %s", it.ID, pub.Statistic, pub.Measure, it.Vector)
			}
			if err := p.checkBelow(it, f); err != nil {
				return err
			}
			for _, level := range append([]string{it.Level}, it.Sums...) {
				if err := claim(level, it.By, it.ID, pub); err != nil {
					return err
				}
			}
		}
	}
	for _, t := range p.Totals {
		if t.Level != models.LevelQuarter && t.Level != models.LevelYear {
			return fmt.Errorf("total %s: level %q is not quarter or year", t.ID, t.Level)
		}
		for _, pub := range t.Publishes {
			for _, level := range t.levels() {
				if err := claim(level, "", t.ID, pub); err != nil {
					return err
				}
			}
		}
		if _, err := p.totalParts(t); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) checkBelow(it Item, f Formula) error {
	switch f.Form {
	case FormSigned, FormMean, FormRatio, FormYes:
		over, isItem := p.Item(it.Over)
		t, isTotal := p.total(it.Over)
		if !isItem && !isTotal {
			return fmt.Errorf("item %s: %s needs the count below the line; %q is no item or total", it.ID, f.Statistic, it.Over)
		}
		if isTotal {
			over.Level = t.Level
		}
		if over.By != it.By {
			return fmt.Errorf("item %s: the count below the line, %s, has another breakdown", it.ID, it.Over)
		}
		if rank(over.Level) > rank(it.Level) {
			return fmt.Errorf("item %s: the count below the line, %s, is measured by %s", it.ID, it.Over, over.Level)
		}
	}
	if f.Form == FormRatio {
		if w, ok := p.Item(it.With); !ok || w.Vector != f.WithVector || w.By != it.By || w.Level != it.Level {
			return fmt.Errorf("item %s: %s needs an item of %s beside it", it.ID, f.Statistic, f.WithVector)
		}
	}
	return nil
}

// levels are the levels that a total's figures stand at: a yearly one is also summed over a span.
func (t Total) levels() []string {
	if t.Level == models.LevelYear {
		return []string{models.LevelYear, models.LevelSpan}
	}
	return []string{t.Level}
}

// Mu2 is what one person loses by an item in one period, at the sigma that the plan asks for.
func (it Item) Mu2() float64 { return float64(it.L0) / (it.Sigma * it.Sigma) }

// Worst is the most that one person of a population loses by the plan in a lifetime, as mu^2.
func (p *Plan) Worst(population string) float64 {
	var sum float64
	for _, it := range p.Items {
		if it.Population == population {
			sum += it.Mu2() * float64(it.Participations)
		}
	}
	return sum
}

// Cap is the home's lifetime cap of a population as mu^2.
func (p *Plan) Cap(population string) float64 {
	for _, pop := range p.Populations {
		if pop.Name == population {
			mu := pop.Mu / p.factor
			return mu * mu
		}
	}
	return 0
}

// Due lists the due dates of a period's items in order, each once.
func (p *Plan) Due(period models.Period) []models.Date {
	var all []models.Date
	for _, it := range p.Items {
		if it.Level == period.Level() {
			all = append(all, DueDate(period, it.Due))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// DueOn lists the items of a period that are due on a day.
func (p *Plan) DueOn(period models.Period, day models.Date) []Item {
	var all []Item
	for _, it := range p.Items {
		if it.Level == period.Level() && DueDate(period, it.Due) == day {
			all = append(all, it)
		}
	}
	return all
}

// Publishes reports whether the plan publishes anything of a measure at a level ("" for any) and by a dimension ("" for
// totals). What no item measures is not there to be asked for.
func (p *Plan) Publishes(measure, level, by string) bool {
	of := func(pubs []Publication) bool {
		return slices.ContainsFunc(pubs, func(pub Publication) bool { return pub.Measure == measure })
	}
	at := func(levels ...string) bool { return level == "" || slices.Contains(levels, level) }
	for _, it := range p.Items {
		if it.By == by && of(it.Publishes) && at(append([]string{it.Level}, it.Sums...)...) {
			return true
		}
	}
	for _, t := range p.Totals {
		if by == "" && of(t.Publishes) && at(t.Level, models.LevelSpan) {
			return true
		}
	}
	return false
}
