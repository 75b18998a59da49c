package privacy

import (
	"context"
	"fmt"

	"heatwatch/models"
	"heatwatch/privacy/ledger"
)

// items are the draws as the ledger books them, each with its cost at the noise as it will be drawn.
func (r Releaser) items(period models.Period, draws []draw) ([]ledger.Item, error) {
	items := make([]ledger.Item, 0, len(draws))
	for _, d := range draws {
		it, err := d.item.booked(period.String(), d.noise.Sd())
		if err != nil {
			return nil, err
		}
		it.Cells, it.Draws = r.identity(d), int64(len(d.cells))
		items = append(items, it)
	}
	return items, nil
}

// booked is the item in a period with noise of that sd, as the ledger books it, with its cost; cells and draws are the caller's.
func (it Item) booked(period string, sd float64) (ledger.Item, error) {
	b := ledger.Item{ID: it.ID, Population: it.Population, Period: period, Series: series(it), Participations: it.Participations, L0: it.L0, Linf: it.Linf, Sd: sd}
	var err error
	b.Mu2, err = b.Cost()
	return b, err
}

// series is what a person's participations are counted in: the vector and its breakdown. It is not the item's name, so a new plan
// that renames an item does not begin to count again.
func series(it Item) string {
	if it.By == "" {
		return it.Vector
	}
	return it.Vector + "/" + it.By
}

// book appends the ledger entry. When it returns without error the entry is durable, and the noise may be drawn.
func (r Releaser) book(ctx context.Context, en entry, items []ledger.Item, commitments []ledger.Commitment) (ledger.Entry, error) {
	losses, err := r.Ledger.Losses(items)
	if err != nil {
		return ledger.Entry{}, err
	}
	e := ledger.Entry{Kind: ledger.KindRelease, Date: r.Today.String(), Commitments: commitments,
		Release: &ledger.Release{Period: en.period.String(), Due: en.due.String(), Plan: r.Ledger.Plan().Ref(), Attempt: en.attempt(), Items: items, Losses: losses}}
	if en.lost != 0 {
		e.Kind, e.Release.Repeats = ledger.KindRepeat, en.lost
	}
	return r.Ledger.Append(ctx, e)
}

// identity is what an item measures, whatever it is called: the vector by its definition, the breakdown, the cells.
func (r Releaser) identity(d draw) string {
	return identityOf(d, r.Schema.Measures[d.item.Measure].Definition)
}

func identityOf(d draw, definition int) string {
	parts := []string{d.item.Vector, fmt.Sprint(definition), d.item.By}
	for _, c := range d.cells {
		parts = append(parts, c.text(d.item.By))
	}
	return ledger.CellsHash(parts...)
}
