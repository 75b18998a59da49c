package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"heatwatch/internal/problem"
	"heatwatch/privacy/accountant"
)

// identity is what makes two measurements the same truth. The item's name is not in it.
type identity struct{ population, period, cells string }

func (it Item) identity() identity { return identity{it.Population, it.Period, it.Cells} }

// series is a group of periods that exclude each other for one person, but for participations of them.
type series struct{ name, level string }

type seriesSpend struct {
	participations int
	periods        map[string]accountant.Mu2
	sorted         []accountant.Mu2 // the same, dearest first
	bound          accountant.Mu2   // the dearest participations of them
}

// add books a loss in a period and returns by how much the bound has grown. Only this series is looked at: a ledger of
// thousands of entries is read before each append.
func (g *seriesSpend) add(period string, loss accountant.Mu2, participations int) (accountant.Mu2, error) {
	before := g.periods[period]
	after, err := before.Add(loss)
	if err != nil {
		return 0, err
	}
	dearestFirst := func(a, b accountant.Mu2) int { return cmp.Compare(b, a) }
	if i, ok := slices.BinarySearchFunc(g.sorted, before, dearestFirst); ok && before != 0 {
		g.sorted = slices.Delete(g.sorted, i, i+1)
	}
	if after != 0 {
		i, _ := slices.BinarySearchFunc(g.sorted, after, dearestFirst)
		g.sorted = slices.Insert(g.sorted, i, after)
	}
	g.periods[period] = after
	g.participations = max(g.participations, participations)
	sum, err := accountant.Sum(g.sorted[:min(g.participations, len(g.sorted))]...)
	grown := sum - g.bound
	g.bound = sum
	return grown, err
}

// state is everything that follows from the entries so far. Append and Verify run the same code over it.
type state struct {
	home        string
	terms       Terms
	plans       map[PlanRef]bool
	caps        map[string]Population
	measured    map[identity][]int // entries that measured it
	spent       map[string]map[series]*seriesSpend
	bounds      map[string]accountant.Mu2 // sums over the series of a population
	declared    map[string]accountant.Mu2 // largest lifetime loss that an entry stated
	draws       map[string]int64
	commitments map[Commitment]bool // that stand: an erasure replaces some
	imported    map[Head]bool       // heads of other copies that are charged here
	closed      map[Cohort]bool
	entries     []Entry
	hashes      []string
}

func newState() *state {
	return &state{
		plans: map[PlanRef]bool{}, caps: map[string]Population{}, measured: map[identity][]int{},
		spent: map[string]map[series]*seriesSpend{}, bounds: map[string]accountant.Mu2{}, declared: map[string]accountant.Mu2{}, draws: map[string]int64{}, commitments: map[Commitment]bool{},
		imported: map[Head]bool{}, closed: map[Cohort]bool{},
	}
}

func (s *state) head() string {
	if len(s.hashes) == 0 {
		return ""
	}
	return s.hashes[len(s.hashes)-1]
}

// add checks an entry against all before it and takes it in. On an error the state must not be used again.
func (s *state) add(e Entry) error {
	if e.Number != len(s.entries)+1 || e.Prev != s.head() || len(s.entries) > 0 && e.Home != s.home {
		return errors.New("the entry does not follow the one before it")
	}
	if last := s.date(); e.Date < last {
		return clockSetBack(e.Date, last, len(s.entries))
	}
	var err error
	switch e.Kind {
	case KindInit:
		s.home, s.terms = e.Home, *e.Init
		s.plans[e.Init.Plan.Ref()] = true
		err = s.setCaps(e.Init.Populations)
	case KindAmend:
		if e.Amend.Plan != nil {
			s.plans[e.Amend.Plan.Ref()] = true
		}
		err = s.setCaps(e.Amend.Populations)
	case KindRelease, KindRepeat:
		err = s.addRelease(e)
	case KindErasure:
		err = s.replace(e.Erasure.Replaced)
	case KindImport:
		err = s.takeIn(*e.Import, e.Number)
	}
	if err != nil {
		return err
	}
	for _, c := range e.Commitments {
		s.commitments[c] = true
	}
	s.entries, s.hashes = append(s.entries, e), append(s.hashes, e.Hash())
	return nil
}

// date of the last entry; empty if there is none.
func (s *state) date() string {
	if len(s.entries) == 0 {
		return ""
	}
	return s.entries[len(s.entries)-1].Date
}

// clone is a state that add may change.
func (s *state) clone() *state {
	c := *s
	c.plans, c.caps, c.draws, c.declared = maps.Clone(s.plans), maps.Clone(s.caps), maps.Clone(s.draws), maps.Clone(s.declared)
	c.commitments, c.imported, c.closed = maps.Clone(s.commitments), maps.Clone(s.imported), maps.Clone(s.closed)
	c.entries, c.hashes = slices.Clip(s.entries), slices.Clip(s.hashes)
	c.bounds = maps.Clone(s.bounds)
	c.measured = make(map[identity][]int, len(s.measured))
	for id, numbers := range s.measured {
		c.measured[id] = slices.Clip(numbers)
	}
	c.spent = make(map[string]map[series]*seriesSpend, len(s.spent))
	for population, group := range s.spent {
		c.spent[population] = make(map[series]*seriesSpend, len(group))
		for key, g := range group {
			c.spent[population][key] = &seriesSpend{g.participations, maps.Clone(g.periods), slices.Clone(g.sorted), g.bound}
		}
	}
	return &c
}

// takeIn charges an import in full.
func (s *state) takeIn(i Import, number int) error {
	if i.Home != s.home {
		return errors.New("the import is of another home")
	}
	s.imported[Head{i.Home, i.Entries, i.Head}] = true
	for _, c := range i.Closed {
		s.closed[c] = true
	}
	return s.spend(i.Items, number)
}

// replace follows an erasure: what it replaces must have stood.
func (s *state) replace(list []Replaced) error {
	for _, r := range list {
		old := Commitment{Of: r.Of, HMAC: r.Old}
		if !s.commitments[old] {
			return errors.New("the erasure replaces a commitment that no entry has made")
		}
		delete(s.commitments, old)
		s.commitments[Commitment{Of: r.Of, HMAC: r.New}] = true
	}
	return nil
}

func (s *state) setCaps(list []Population) error {
	if err := capsCover(list, s.terms.Delta); err != nil {
		return err
	}
	for _, p := range list {
		s.caps[p.Name] = p
	}
	return nil
}

func (s *state) addRelease(e Entry) error {
	r := e.Release
	if !s.plans[r.Plan] {
		return problem.New(problem.Refused, "", "its plan is not in the ledger", "enter the plan first: heatwatch budget amend --reason TEXT")
	}
	for _, it := range r.Items {
		if err := s.mayMeasure(it, r.Repeats); err != nil {
			return err
		}
	}
	if err := s.spend(r.Items, e.Number); err != nil {
		return err
	}
	for _, l := range r.Losses {
		if err := s.checkCap(l); err != nil {
			return err
		}
		s.declared[l.Population] = max(s.declared[l.Population], l.Lifetime)
	}
	return nil
}

// mayMeasure enforces: once, and once more only as the repeat of the very entry that measured it first.
func (s *state) mayMeasure(it Item, repeats int) error {
	if _, ok := s.caps[it.Population]; !ok && it.Population != Nobody {
		return problem.New(problem.Refused, "", fmt.Sprintf("%s: the population %s has no cap", it.ID, it.Population), "enter it first: heatwatch budget amend --reason TEXT")
	}
	before := s.measured[it.identity()]
	switch {
	case repeats == 0 && len(before) == 0, repeats != 0 && len(before) == 1 && before[0] == repeats:
		return nil
	case len(before) == 0:
		return problem.New(problem.Refused, "", fmt.Sprintf("%s of %s was not measured by entry %d, so it cannot be repeated", it.ID, it.Period, repeats), "release it")
	}
	return &AlreadyMeasured{Item: it.ID, Population: it.Population, Period: it.Period, Entry: before[0]}
}

// spend books items.
func (s *state) spend(items []Item, number int) error {
	for _, it := range items {
		s.measured[it.identity()] = append(s.measured[it.identity()], number)
		if it.Population == Nobody { // a public fact: nothing is drawn, nothing spent
			continue
		}
		if s.draws[it.Population] += it.Draws; s.draws[it.Population] < 0 {
			return accountant.ErrOverflow
		}
		group := s.spent[it.Population]
		if group == nil {
			group = map[series]*seriesSpend{}
			s.spent[it.Population] = group
		}
		key := series{it.Series, level(it.Period)}
		if group[key] == nil {
			group[key] = &seriesSpend{periods: map[string]accountant.Mu2{}}
		}
		grown, err := group[key].add(it.Period, it.Mu2, it.Participations)
		if err == nil {
			s.bounds[it.Population], err = s.bounds[it.Population].Add(grown)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lifetime is what counts as spent. The most that one person can have lost by the recorded items is the sum over the
// series, in each the dearest periods, as many as a person can be in; an entry may have stated more.
func (s *state) lifetime(population string) accountant.Mu2 {
	return max(s.bounds[population], s.declared[population])
}

func (s *state) checkCap(l Loss) error {
	bound := s.lifetime(l.Population)
	if l.Lifetime < bound {
		return fmt.Errorf("%s: the stated lifetime loss %s is below %s, which follows from the entries", l.Population, l.Lifetime, bound)
	}
	limit := s.caps[l.Population]
	if l.Lifetime > limit.CapMu2 {
		return &OverCap{Population: l.Population, Would: l.Lifetime, Cap: limit.CapMu2, CapEpsilon: limit.CapEpsilon}
	}
	return nil
}
