package privacy

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"heatwatch/internal/problem"
	"heatwatch/models"
)

// Proposal is what the optimiser says of one entry of a plan's items: its sigma now and proposed, at the design epsilon,
// and of its figures the one that misses its target most, at the home's cap.
type Proposal struct {
	Item              string
	Population        string
	Measure           string
	Statistic         string
	By                string
	Sigma             float64
	ProposedSigma     float64
	HalfWidth         float64
	ProposedHalfWidth float64
	Target            float64
}

// Met reports whether every figure of the entry would meet its target.
func (x Proposal) Met() bool { return x.ProposedHalfWidth <= x.Target*(1+1e-9) }

// Allocation is another way to spend the same budget.
type Allocation struct {
	Proposals     []Proposal
	Now, Proposed float64 // root of the weighted mean square of half-width over target
	Text          []byte  // the plan with the proposed sigmas and the next version
}

// goal is one figure that the allocation is to serve: weight x (half-width / target)^2 is to be small.
type goal struct {
	d      derivation
	entry  int // -1 for a total
	target float64
	weight float64
	noise  form
	per    float64
}

// Optimise finds the sigmas that serve the targets best at the price of the plan's usable budget: cap less reserve, less
// what is held back. They minimise, in each population, the sum of weight x (half-width / target)^2 over its figures;
// with one figure an item the optimum is
//
//	sigma_j^2 proportional to sqrt(K_j l0_j / (w_j a_j)),  a_j = (d half-width_j / d sigma_j / target_j)^2
//
// (K participations). Figures share head counts, so a_j is what an item adds to all figures that read it, and the step is
// repeated until it stands still: it is the multiplicative algorithm for A-optimal designs (Silvey, Titterington and
// Torsney 1978), which never gets worse because the sum is convex in the prices 1/sigma^2.
//
// An item that no figure reads keeps its sigma. The result is rounded to few digits so that the budget holds. persons is
// the size of a figure's period; 0 takes the design's. Nothing but the plan is read.
func (p *Plan) Optimise(s Schema, source string, period models.Period, persons, epsilon, delta float64) (Allocation, error) {
	base, err := ParsePlan(p.Text, source, s, p.Designed.Epsilon, delta) // sigmas as written
	if err != nil {
		return Allocation{}, err
	}
	best := base.withSigmas(base.sigmas())
	last := math.Inf(1)
	for range optimiseRounds {
		goals, r, err := best.goals(s, period, persons)
		if err != nil {
			return Allocation{}, err
		}
		value, share := objective(goals, r, best)
		if value > last*(1-1e-7) {
			break
		}
		last = value
		best = best.withSigmas(best.step(share))
	}
	goals, r, err := best.goals(s, period, persons)
	if err != nil {
		return Allocation{}, err
	}
	_, share := objective(goals, r, best)
	rounded := base.withSigmas(best.roundSigmas(base, share))
	a := Allocation{}
	if a.Text, err = p.rewrite(source, base, rounded); err != nil {
		return a, err
	}
	next, err := ParsePlan(a.Text, source, s, epsilon, delta)
	if err != nil {
		return a, err
	}
	return a, a.compare(p, next, base, rounded, s, period, persons)
}

// optimiseRounds is more than the repetition needs: it stands still after about twenty.
const optimiseRounds = 60

// sigmas are those of the entries of the plan's list.
func (p *Plan) sigmas() []float64 {
	var all []float64
	for _, it := range p.Items {
		for len(all) <= it.entry {
			all = append(all, it.Sigma)
		}
		all[it.entry] = it.Sigma
	}
	return all
}

// withSigmas is the plan with other sigmas.
func (p *Plan) withSigmas(sigmas []float64) *Plan {
	q := *p
	q.Items = slices.Clone(p.Items)
	for i := range q.Items {
		q.Items[i].Sigma = sigmas[q.Items[i].entry]
	}
	return &q
}

// ownPeriod is the period of an item's or total's level that holds, or lies in, a period.
func ownPeriod(level string, years int, period models.Period) models.Period {
	first := period.First()
	switch level {
	case models.LevelQuarter, LevelSnapshot:
		return models.QuarterOf(first)
	case models.LevelSpan:
		from := (first.Year()-1)/years*years + 1
		return models.SpanOf(from, from+years-1)
	}
	return models.YearOf(first)
}

// goals are the figures of the plan at their own levels: one for each statistic of an item, and of a total. An entry's
// figures share its weight.
func (p *Plan) goals(s Schema, period models.Period, persons float64) ([]goal, readings, error) {
	var periods []models.Period
	for _, it := range p.Items {
		if own := ownPeriod(it.Level, it.Years, period); !slices.Contains(periods, own) {
			periods = append(periods, own)
		}
	}
	var all []goal
	noise := readings{}
	seen := map[string]bool{}
	entries := map[int]int{}
	for _, own := range periods {
		r, err := p.planned(s, own)
		if err != nil {
			return nil, nil, err
		}
		for k, v := range r {
			noise[k] = v
		}
		ds, err := p.derivations(s, r, own)
		if err != nil {
			return nil, nil, err
		}
		for _, d := range ds {
			if d.item.exact() {
				continue // no sigma moves it
			}
			key := strings.Join([]string{d.item.ID, d.formula.Measure, d.formula.Statistic}, "|")
			total := d.item.Vector == ""
			if seen[key] || !total && !d.item.In(own) || total && d.item.Level != own.Level() {
				continue
			}
			seen[key] = true
			size := p.sizeOf(d)
			g := goal{d: d, entry: d.item.entry, target: d.item.Target, weight: d.item.Weight}
			if g.target == 0 {
				g.target = p.judge(r, s, d, size).limit
			}
			if total {
				g.entry, g.weight = -1, 1
			}
			if persons > 0 {
				size = persons
			}
			g.noise, g.per = d.linear(s, size)
			if g.noise == nil || !(g.target > 0) {
				continue
			}
			entries[g.entry]++
			all = append(all, g)
		}
	}
	for i := range all {
		if n := entries[all[i].entry]; all[i].entry >= 0 {
			all[i].weight /= float64(n)
		}
	}
	return all, noise, nil
}

// objective is the weighted sum over all figures, and what each entry's noise adds to it: the rounding of the noisy cells
// is in the sum, but no sigma moves it.
func objective(goals []goal, r readings, p *Plan) (value float64, share []float64) {
	entry := map[string]int{}
	for _, it := range p.Items {
		entry[it.ID] = it.entry
	}
	share = make([]float64, len(p.sigmas()))
	for _, g := range goals {
		scale := z95 * g.per / g.target
		noise := g.noise.raw(r) // the share of each raw cell; how the weights move with sigma is of second order
		for _, k := range noise.keys() {
			x := g.weight * scale * scale * noise[k] * noise[k]
			rd := r[k.readingKey]
			share[entry[k.item]] += x * rd.sd * rd.sd
			value += x * rd.vars
		}
	}
	return value, share
}

// costs are K l0 of each entry: divided by sigma^2, what one person loses by it in a lifetime.
func (p *Plan) costs(population string) []float64 {
	all := make([]float64, len(p.sigmas()))
	for _, it := range p.Items {
		if it.Population == population {
			all[it.entry] += float64(it.L0) * float64(it.Participations)
		}
	}
	return all
}

// usable is what the items of a population may cost: the cap less its reserve, less what is held back.
func (p *Plan) usable(pop PopulationPlan) float64 {
	return p.Cap(pop.Name)*(1-pop.Reserve) - pop.HeldBack/(p.factor*p.factor)
}

// idle is the sigma of an item that is not worth its price: a count that others give better. It is for a person to drop.
const idle = 1000

// step is the closed form, with each entry's share of the objective as it stands.
// With share_j = w_j a_j sigma_j^2 it reads sigma_j^4 = c_j sigma_j^2 / share_j, scaled to the budget.
func (p *Plan) step(share []float64) []float64 {
	sigmas := p.sigmas()
	for _, pop := range p.Populations {
		left, want := p.usable(pop), 0.0
		costs := p.costs(pop.Name)
		for j, c := range costs {
			switch {
			case c == 0:
			case share[j] == 0: // nobody reads it
				left -= c / (sigmas[j] * sigmas[j])
			default:
				a := share[j] / (sigmas[j] * sigmas[j])
				sigmas[j] = math.Sqrt(math.Sqrt(c / a))
				want += c / (sigmas[j] * sigmas[j])
			}
		}
		for j, c := range costs {
			if c > 0 && share[j] > 0 {
				sigmas[j] = math.Min(sigmas[j]*math.Sqrt(want/left), idle)
			}
		}
	}
	return sigmas
}

// grid is the step of a sigma that is fit to print: half a unit of its second digit.
func grid(sigma float64) float64 { return math.Pow(10, math.Floor(math.Log10(sigma)+1e-9)-1) / 2 }

// roundSigmas rounds up to the grid, which can only lower what is spent, and then takes down, one step at a time, the
// sigma that serves the targets best for its price, as long as the budget holds.
func (p *Plan) roundSigmas(base *Plan, share []float64) []float64 {
	exact, out := p.sigmas(), base.sigmas()
	for _, pop := range p.Populations {
		costs, spent := p.costs(pop.Name), 0.0
		for j, c := range costs {
			if c > 0 && share[j] > 0 {
				g := grid(exact[j])
				out[j] = tidy(math.Ceil(exact[j]/g-1e-9) * g)
			}
			if c > 0 {
				spent += c / (out[j] * out[j])
			}
		}
		for {
			best, at, gain := 0.0, -1, 0.0
			for j, c := range costs {
				if c == 0 || share[j] == 0 {
					continue
				}
				lower := tidy(out[j] - grid(out[j]-1e-9))
				price := c/(lower*lower) - c/(out[j]*out[j])
				if lower <= 0 || spent+price > p.usable(pop) {
					continue
				}
				if gain = share[j] * (out[j]*out[j] - lower*lower) / (exact[j] * exact[j]) / price; gain > best {
					best, at = gain, j
				}
			}
			if at < 0 {
				break
			}
			lower := tidy(out[at] - grid(out[at]-1e-9))
			spent += costs[at]/(lower*lower) - costs[at]/(out[at]*out[at])
			out[at] = lower
		}
	}
	return out
}

// tidy takes off what binary fractions leave behind the digits of the grid.
func tidy(x float64) float64 {
	v, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 6, 64), 64)
	if err != nil {
		return x
	}
	return v
}

// compare fills the proposals: half-widths as they are at the home's cap, and as they would be.
func (a *Allocation) compare(now, next, base, rounded *Plan, s Schema, period models.Period, persons float64) error {
	before, rBefore, err := now.goals(s, period, persons)
	if err != nil {
		return err
	}
	after, rAfter, err := next.goals(s, period, persons)
	if err != nil {
		return err
	}
	var weights float64
	for _, g := range before {
		weights += g.weight
	}
	v, _ := objective(before, rBefore, now)
	a.Now = math.Sqrt(v / weights)
	v, _ = objective(after, rAfter, next)
	a.Proposed = math.Sqrt(v / weights)
	old, proposed := base.sigmas(), rounded.sigmas()
	width := func(g goal, r readings) float64 { return z95 * g.per * math.Sqrt(cov(g.noise, g.noise, r)) }
	at := map[int]int{}
	for i, g := range after {
		if g.entry < 0 {
			continue
		}
		it := g.d.item
		row := Proposal{Item: it.ID, Population: it.Population, Measure: g.d.formula.Measure, Statistic: g.d.formula.Statistic, By: it.By,
			Sigma: old[g.entry], ProposedSigma: proposed[g.entry], HalfWidth: width(before[i], rBefore), ProposedHalfWidth: width(g, rAfter), Target: g.target}
		j, ok := at[g.entry]
		switch {
		case !ok:
			at[g.entry] = len(a.Proposals)
			a.Proposals = append(a.Proposals, row)
		case row.ProposedHalfWidth/row.Target > a.Proposals[j].ProposedHalfWidth/a.Proposals[j].Target:
			a.Proposals[j] = row
		}
	}
	for _, it := range base.Items { // entries without a figure of their own
		if _, ok := at[it.entry]; !ok {
			at[it.entry] = len(a.Proposals)
			a.Proposals = append(a.Proposals, Proposal{Item: it.ID, Population: it.Population, Measure: it.Measure, By: it.By, Sigma: old[it.entry], ProposedSigma: proposed[it.entry]})
		}
	}
	place := func(x Proposal) int {
		return slices.IndexFunc(base.Items, func(it Item) bool { return it.ID == x.Item })
	}
	slices.SortStableFunc(a.Proposals, func(x, y Proposal) int { return place(x) - place(y) })
	return nil
}

// rewrite puts other sigmas into the plan's own text, and the next version; every comment stays.
func (p *Plan) rewrite(source string, base, next *Plan) ([]byte, error) {
	t := planText{source: source}
	t.read(p.Text)
	lines := strings.SplitAfter(string(p.Text), "\n")
	type edit struct {
		line, column int
		old, new     string
	}
	var edits []edit
	add := func(value string, path ...any) error {
		n := t.find(path...)
		if n == nil || n.GetToken() == nil {
			return problem.New(problem.Failed, source, "the text of the plan cannot be followed", "write the proposed sigmas by hand")
		}
		tok := n.GetToken()
		edits = append(edits, edit{tok.Position.Line - 1, tok.Position.Column - 1, tok.Value, value})
		return nil
	}
	if err := add(strconv.Itoa(p.Version+1), "version"); err != nil {
		return nil, err
	}
	was, will := base.sigmas(), next.sigmas()
	for j := range will {
		if was[j] == will[j] {
			continue
		}
		if err := add(strconv.FormatFloat(will[j], 'f', -1, 64), "items", j, "sigma"); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(edits, func(a, b edit) int { // from the end, so that places before stay right
		if a.line != b.line {
			return b.line - a.line
		}
		return b.column - a.column
	})
	for _, e := range edits {
		if e.line < 0 || e.line >= len(lines) {
			return nil, problem.New(problem.Failed, source, "the text of the plan cannot be followed", "write the proposed sigmas by hand")
		}
		l := []rune(lines[e.line])
		if e.column < 0 || e.column > len(l) || !strings.HasPrefix(string(l[e.column:]), e.old) {
			return nil, problem.New(problem.Failed, fmt.Sprintf("%s:%d", source, e.line+1), "the text of the plan cannot be followed", "write the proposed sigmas by hand")
		}
		lines[e.line] = string(l[:e.column]) + e.new + strings.TrimPrefix(string(l[e.column:]), e.old)
	}
	return []byte(strings.Join(lines, "")), nil
}
