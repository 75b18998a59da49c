package privacy

import (
	"fmt"
	"math"
	"slices"

	"heatwatch/models"
	"heatwatch/privacy/accountant"
)

// Share is a row of a population's lifetime budget: what a group of items, or a part that is kept, takes of the cap.
type Share struct {
	Population string
	Part       string
	Items      int
	Mu2        float64 // of one person, over a lifetime, at most
	OfCap      float64 // as a share
	Mu         float64
	Epsilon    float64
}

// The parts that are no items.
const (
	partWorst   = "worst case of the plan"
	partReserve = "reserve, for one repeat"
	partHeld    = "held back, for measures to come"
	partLeft    = "left"
	partCap     = "cap"
)

// group says in words which items of a lifetime an item belongs to.
func (it Item) group() string {
	switch {
	case it.Level == LevelSnapshot:
		return "snapshots"
	case it.Level == models.LevelSpan:
		return fmt.Sprintf("once in %d years", it.Years)
	case it.FirstPeriods > 0, it.Participations > 1:
		return "activity, first years"
	case it.Level == models.LevelQuarter:
		return "headline each quarter"
	case it.Due >= 365:
		return "twelve months later"
	}
	return "entry year"
}

// Budget splits each population's lifetime budget: by group of items, then the worst case, what is kept, and the cap.
// It follows from the plan alone.
func (p *Plan) Budget(delta float64) ([]Share, error) {
	var all []Share
	for _, pop := range p.Populations {
		limit := p.Cap(pop.Name)
		var rows []Share
		add := func(part string, items int, mu2 float64) {
			i := slices.IndexFunc(rows, func(s Share) bool { return s.Part == part })
			if i < 0 {
				i = len(rows)
				rows = append(rows, Share{Population: pop.Name, Part: part})
			}
			rows[i].Items += items
			rows[i].Mu2 += mu2
		}
		items := 0
		for _, it := range p.Items {
			if it.Population == pop.Name {
				add(it.group(), 1, it.Lifetime())
				items++
			}
		}
		worst, held := p.Worst(pop.Name), pop.HeldBack/(p.factor*p.factor)
		add(partWorst, items, worst)
		add(partReserve, 0, limit*pop.Reserve)
		add(partHeld, 0, held)
		add(partLeft, 0, math.Max(0, limit*(1-pop.Reserve)-worst-held))
		add(partCap, 0, limit)
		for i := range rows {
			rows[i].OfCap, rows[i].Mu = rows[i].Mu2/limit, math.Sqrt(rows[i].Mu2)
			if rows[i].Mu < accountant.MinMu { // nothing but rounding
				continue
			}
			var err error
			if rows[i].Epsilon, err = accountant.Epsilon(rows[i].Mu, delta); err != nil {
				return nil, err
			}
		}
		all = append(all, rows...)
	}
	return all, nil
}
