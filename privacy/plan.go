package privacy

import (
	"math"
	"slices"

	"heatwatch/models"
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
	joints      *jointCache
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
	Name         string  `yaml:"name"`
	Unit         string  `yaml:"unit"`
	Mu           float64 `yaml:"mu"`             // cap on mu at the design epsilon
	Reserve      float64 `yaml:"reserve"`        // share of mu^2 kept for one repeat
	HeldBack     float64 `yaml:"held_back"`      // mu^2 kept for measures to come
	Lifetime     bool    `yaml:"lifetime"`       // false where nobody is identified: the promise is per event
	PersonsAYear float64 `yaml:"persons_a_year"` // design size where it is not that of the plan; of a snapshot, four times its size
}

// LevelSnapshot is the level of what is seen in a calendar quarter: its period is that quarter, but the same unit is there
// in the next one, so that snapshots are never added up.
const LevelSnapshot = "snapshot"

// levels are all of them, in the order of rank.
var levels = []string{models.LevelQuarter, LevelSnapshot, models.LevelYear, models.LevelSpan}

// Item is one vector that is measured once per period.
type Item struct {
	ID             string
	Population     string
	Measure        string // of the vector
	Vector         string
	Level          string
	Years          int // of a span
	By             string
	Due            int // days after the period's last day
	Encoding       Encoding
	L0             int64
	Linf           int64
	Participations int     // how many of its periods a person can be in
	FirstPeriods   int     // of an activity: only persons in their first so many calendar years of it; 0 for a cohort
	Sigma          float64 // in units of Linf, at the home's cap
	Over           string  // item or total that counts the persons below the line
	With           string  // second item of a ratio
	Publishes      []Publication
	Sums           []string // further levels that are sums of this one
	CellShare      float64  // expected share of persons in a cell of the breakdown
	Target         float64  // half-width to aim at, in the figure's unit; 0: the usefulness limit
	Weight         float64  // of the target, among the others
	entry          int      // place in the plan's text: a family's items share it
	blocks         bool     // By names the blocks of the vector
}

// Publication is a statistic that an item publishes for a measure. By is the dimension that its figures are a breakdown
// by, whether it is the item's or the formula's; "" for totals. Keys are all dimensions that place them, By among them.
type Publication struct {
	Measure, Statistic, By string
	Keys                   []string
}

// Total is a number of persons estimated from several items, weighted by the inverse of their noise variance.
type Total struct {
	ID        string
	Level     string
	Parts     [][]string // each part is a sum of "item", "item:answer", "-item:answer" or "total"
	Publishes []Publication
	Eligible  float64
}

// In reports whether an item is measured for a period. Spans are aligned: those of five years are 2021-2025, 2026-2030, so
// that nobody is in two that overlap.
func (it Item) In(period models.Period) bool {
	switch it.Level {
	case LevelSnapshot:
		return period.Level() == models.LevelQuarter
	case models.LevelSpan:
		return period.Level() == models.LevelSpan && len(period.Years()) == it.Years && (period.First().Year()-1)%it.Years == 0
	}
	return period.Level() == it.Level
}

// Spans are the lengths in years of the spans that the plan measures, each once.
func (p *Plan) Spans() []int {
	var all []int
	for _, it := range p.Items {
		if it.Level == models.LevelSpan && !slices.Contains(all, it.Years) {
			all = append(all, it.Years)
		}
	}
	return all
}

// covers reports whether figures of an item stand at a period: its own, or a sum of its own.
func (it Item) covers(period models.Period) bool {
	return it.In(period) || slices.Contains(it.Sums, period.Level())
}

// rank orders the levels; what is no level comes before all.
func rank(level string) int { return slices.Index(levels, level) }

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

// populationOf is the population of a total: that of its first part. Items of a part are checked one by one.
func (p *Plan) populationOf(t Total) string {
	parts, err := p.totalParts(t)
	if err != nil || len(parts[0]) == 0 {
		return ""
	}
	first := parts[0][0]
	if first.total != nil {
		return p.populationOf(*first.total)
	}
	return first.item.Population
}

// levels are the levels that a total's figures stand at: a yearly one is also summed over a span.
func (t Total) levels() []string {
	if t.Level == models.LevelYear {
		return []string{models.LevelYear, models.LevelSpan}
	}
	return []string{t.Level}
}

// Mu2 is what one person loses by an item in one period, at the sigma that the plan asks for; nothing by a public fact.
func (it Item) Mu2() float64 {
	if it.exact() {
		return 0
	}
	return float64(it.L0) / (it.Sigma * it.Sigma)
}

// Lifetime is the most that one person loses by an item in a lifetime, as mu^2.
func (it Item) Lifetime() float64 { return it.Mu2() * float64(it.Participations) }

// Worst is the most that one person of a population loses by the plan in a lifetime, as mu^2.
func (p *Plan) Worst(population string) float64 {
	var sum float64
	for _, it := range p.Items {
		if it.Population == population {
			sum += it.Lifetime()
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
		if it.In(period) {
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
		if it.In(period) && DueDate(period, it.Due) == day {
			all = append(all, it)
		}
	}
	return all
}

// Publishes reports whether the plan publishes anything of a measure at a level ("" for any) and by a dimension, alone or
// with others ("" for totals). What no item measures is not there to be asked for.
func (p *Plan) Publishes(measure, level, by string) bool {
	of := func(pubs []Publication) bool {
		return slices.ContainsFunc(pubs, func(pub Publication) bool {
			return pub.Measure == measure && (pub.By == by || slices.Contains(pub.Keys, by))
		})
	}
	at := func(levels ...string) bool { return level == "" || slices.Contains(levels, level) }
	for _, it := range p.Items {
		own := it.Level
		if own == LevelSnapshot {
			own = models.LevelQuarter
		}
		if of(it.Publishes) && at(append([]string{own}, it.Sums...)...) {
			return true
		}
	}
	for _, t := range p.Totals {
		if of(t.Publishes) && at(t.Level, models.LevelSpan) {
			return true
		}
	}
	return false
}
