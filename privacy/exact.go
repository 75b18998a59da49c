package privacy

import (
	"context"
	"errors"
	"slices"

	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
	"heatwatch/privacy/register"
)

// sum runs the measures and the bounding SQL of one population as of the due date, and stages what the register has to know
// of the entry: the cohort, if this is the entry that freezes it, and who is exposed. items are the draws as they
// will be booked, limit is the population's cap.
func (r Releaser) sum(ctx context.Context, house Warehouse, g register.Register, stands register.Standing, population string, en entry, limit accountant.Mu2, draws []draw, items []ledger.Item) ([]ledger.Commitment, error) {
	failed := func(err error) error {
		var p *problem.Problem
		if errors.As(err, &p) {
			return err
		}
		return problem.Wrap(err, problem.Failed, en.period.String(), "release failed", "run `heatwatch verify`; nothing was spent")
	}
	book, err := g.Load(stands, population)
	if err != nil {
		return nil, failed(err)
	}
	eng := house.Engine
	statements := append([]string{params(en.period, en.due)}, r.Schema.entries(population)...)
	if err := run(ctx, eng, statements...); err != nil {
		return nil, failed(err)
	}
	if err := loadFrozen(ctx, eng, book); err != nil {
		return nil, failed(err)
	}
	p := persons{eng: eng, book: book, period: en.period}
	if err := r.imported(ctx, p, population, en.foreign); err != nil {
		return nil, failed(err)
	}
	groups := membershipsOf(r.Schema, draws, population)
	var commitments []ledger.Commitment
	var offers []register.Offer
	place := map[int]int{} // of a draw among the offers
	cohort := book.Members(en.period)
	for n, who := range groups {
		if err := p.gather(ctx, n, who); err != nil {
			return nil, failed(err)
		}
		if who.activity == "" && !book.Froze(en.period) {
			if cohort, err = p.members(ctx); err != nil {
				return nil, failed(err)
			}
			c, err := g.StageCohort(population, en.period, cohort)
			if err != nil {
				return nil, failed(err)
			}
			commitments = append(commitments, c)
		}
		eligible, err := p.pseudonyms(ctx)
		if err != nil {
			return nil, failed(err)
		}
		for _, i := range who.draws {
			place[i] = len(offers)
			offers = append(offers, register.Offer{ID: items[i].ID, Series: items[i].Series, Level: draws[i].item.Level, Participations: items[i].Participations, Price: items[i].Mu2, Eligible: eligible})
		}
	}
	// From here on some may be left out. How many is nobody's business: it is neither returned nor said.
	admitted := book.Admit(limit, en.period, offers)
	c, err := g.StageExposure(population, register.Entry{Period: en.period, Due: en.due, Attempt: en.before + 1}, offers, admitted, cohort)
	if err != nil {
		return nil, failed(err)
	}
	commitments = append(commitments, c)
	for n, who := range groups {
		for k, part := range parts(who, func(draw int) []register.ID { return admitted.Out(place[draw]) }) {
			if len(groups) > 1 || k > 0 { // another one stands, or one without others
				if err := p.regather(ctx, n); err != nil {
					return nil, failed(err)
				}
			}
			if err := p.leaveOut(ctx, part.out); err != nil {
				return nil, failed(err)
			}
			if err := r.sums(ctx, house, part.draws, draws); err != nil {
				return nil, failed(err)
			}
		}
	}
	return commitments, nil
}

// part are draws of a group that leave out the same persons.
type part struct {
	draws []int
	out   []register.ID
}

func parts(who membership, out func(draw int) []register.ID) []part {
	var all []part
	for _, i := range who.draws {
		k := slices.IndexFunc(all, func(p part) bool { return slices.Equal(p.out, out(i)) })
		if k < 0 {
			k, all = len(all), append(all, part{out: out(i)})
		}
		all[k].draws = append(all[k].draws, i)
	}
	return all
}

// sums fills in the exact sums of some draws, about the persons of the relation cohort.
func (r Releaser) sums(ctx context.Context, house Warehouse, places []int, draws []draw) error {
	eng := house.Engine
	var measures []string
	for _, i := range places {
		if m := draws[i].item.Measure; !slices.Contains(measures, m) {
			measures = append(measures, m)
		}
	}
	statements := append([]string{KeyedChoice(r.Selection)}, r.Schema.Relations(measures)...)
	for _, m := range measures {
		statements = append(statements, r.Schema.Build[m]...)
	}
	if err := run(ctx, eng, statements...); err != nil {
		return err
	}
	b := newBounder(r.Schema, eng, r.Selection)
	for _, i := range places {
		d := &draws[i]
		var err error
		if d.sums, err = b.measure(ctx, d.item, d.cells, r.small(d.item, house.Partners)); err != nil {
			return err
		}
	}
	return nil
}

// imported charges what was measured of persons nobody here can name, by another copy of this home or by an entry whose
// exposure is lost, at its full price: an item of entry to who entered in the period, any other to everybody, since an
// activity needs no entry.
func (r Releaser) imported(ctx context.Context, p persons, population string, items []ledger.Item) error {
	for _, it := range items {
		period, err := models.ParsePeriod(it.Period)
		if err != nil || it.Population != population {
			continue
		}
		level, who := period.Level(), func() ([]register.ID, error) { return p.everybody(ctx, population) }
		if planned, ok := r.Plan.Item(it.ID); ok {
			level = planned.Level
			if r.Schema.Vectors[planned.Vector].Activity == "" {
				who = func() ([]register.ID, error) { return p.enteredIn(ctx, period.First(), period.Last()) }
			}
		}
		ids, err := who()
		if err != nil {
			return err
		}
		p.book.Charge(period, register.Offer{ID: it.ID, Series: it.Series, Level: level, Participations: it.Participations, Price: it.Mu2, Eligible: ids})
	}
	return nil
}

// small are the classes with fewer than two enrolled partners, which a plan may measure under other: a class with one
// shelter is an address. It follows from the enrolment list, not from records.
func (r Releaser) small(it Item, partners map[string]int) map[string]bool {
	if !slices.Contains(r.Plan.Merge, it.By) {
		return nil
	}
	d, ok := r.Schema.Dimension(it.Measure, it.By)
	if !ok {
		return nil
	}
	all := map[string]bool{}
	for _, v := range d.Values {
		if v != "other" && partners[v] < 2 {
			all[v] = true
		}
	}
	return all
}
