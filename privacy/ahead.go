package privacy

import (
	"heatwatch/models"
	"heatwatch/privacy/ledger"
)

// Ahead are the plan's items as the ledger will book them, each with a period that stands for its level: what
// [ledger.Ledger.Outlook] takes.
func (p *Plan) Ahead() ([]ledger.Item, error) {
	var all []ledger.Item
	for _, it := range p.Items {
		period := "9000Q1"
		switch it.Level {
		case models.LevelYear:
			period = "9000"
		case models.LevelSpan:
			period = "9000-9001"
		}
		b, err := it.booked(period, it.Sigma*float64(it.Linf))
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}
