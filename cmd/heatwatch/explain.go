package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/internal/problem"
	"heatwatch/privacy"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
	"heatwatch/reports/measures/schema"
)

func (c *command) budgetExplain() *cobra.Command {
	return &cobra.Command{Example: "  heatwatch budget explain heads_q",
		Use: "explain ITEM", Short: "Say in words what an item costs and where it was measured", Args: cobra.ExactArgs(1),
		Long: `What one item of the release plan measures, how much noise its numbers have, what a person can lose by it, and the ledger
entries that measured it. Items of earlier plans are known as well.`,
		RunE: func(_ *cobra.Command, args []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			text, err := h.explain(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(c.Out, text)
			return err
		}}
}

// explain looks for an item in the plan, then in the plans before it, then among what was measured.
func (h *house) explain(id string) (string, error) {
	plan, _, err := h.plan()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if it, ok := plan.Item(id); ok {
		h.explainItem(&b, plan, it)
	} else if old, it, ok := h.earlier(id); ok {
		fmt.Fprintf(&b, "The plan of today has no item %s; the plan %s version %d had it.\n", id, old.Name, old.Version)
		h.explainItem(&b, old, it)
	} else if !h.measured(id) {
		return "", problem.New(problem.Usage, "ITEM", "no plan of this home has an item of that name", "`heatwatch plan PERIOD` lists those of today")
	}
	h.explainEntries(&b, id)
	return b.String(), nil
}

// earlier finds an item in the plans that were entered before, the newest first, at the caps of their time.
func (h *house) earlier(id string) (*privacy.Plan, privacy.Item, bool) {
	var epsilon float64
	var found *privacy.Plan
	text := ""
	for _, e := range h.ledger.Entries() {
		switch {
		case e.Init != nil:
			text = e.Init.Plan.Text
		case e.Amend != nil && e.Amend.Plan != nil:
			text = e.Amend.Plan.Text
		case e.Amend == nil:
			continue
		}
		for _, p := range h.ledger.CapsAt(e.Number) {
			if p.Name == scaledBy {
				epsilon = p.CapEpsilon
			}
		}
		p, err := privacy.ParsePlan([]byte(text), "an earlier plan", schema.Schema(), epsilon, h.ledger.Terms().Delta)
		if err != nil {
			continue // of an earlier program
		}
		if _, ok := p.Item(id); ok {
			found = p
		}
	}
	if found == nil {
		return nil, privacy.Item{}, false
	}
	it, ok := found.Item(id)
	return found, it, ok
}

func (h *house) measured(id string) bool {
	return slices.ContainsFunc(h.ledger.Entries(), func(e ledger.Entry) bool { return len(itemsOf(e, id)) > 0 })
}

// itemsOf are an entry's items of a name, measured by it or charged by it.
func itemsOf(e ledger.Entry, id string) []ledger.Item {
	var all []ledger.Item
	if e.Release != nil {
		all = e.Release.Items
	} else if e.Import != nil {
		all = e.Import.Items
	}
	return slices.DeleteFunc(slices.Clone(all), func(it ledger.Item) bool { return it.ID != id })
}

func (h *house) explainItem(b *strings.Builder, plan *privacy.Plan, it privacy.Item) {
	sd := it.Sigma * float64(it.Linf)
	fmt.Fprintf(b, "%s is a %s of %s in the population %s, measured once for each %s", it.ID, it.Encoding, it.Vector, it.Population, it.Level)
	if it.By != "" {
		fmt.Fprintf(b, ", by %s", it.By)
	}
	fmt.Fprintf(b, ", due %d days after its last day.\n", it.Due)
	if it.Population == privacy.Nobody {
		b.WriteString("It holds public facts, which are exact: its numbers carry no noise, and it costs no budget, for it is about no person.\n")
		return
	}
	fmt.Fprintf(b, "Every number of it carries random noise with a standard deviation of %s: two times in three it is off by less than that, nineteen\ntimes in twenty by less than %s.\n", number(sd, 4), number(1.96*sd, 2))
	fmt.Fprintf(b, "One %s changes at most %d of its numbers, by at most %d each.\n", h.unit(it.Population), it.L0, it.Linf)
	h.explainLoss(b, it.Mu2(), "by it once")
	if it.Participations > 1 {
		times := float64(it.Participations)
		fmt.Fprintf(b, "It may count the same person in up to %d %s.\n", it.Participations, plural(it.Participations, it.Level))
		h.explainLoss(b, it.Mu2()*times, "by it in a lifetime")
	}
	fmt.Fprintf(b, "Over a lifetime that is %.1f %% of what may be spent on a %s of this population (in mu^2, which adds up).\n", 100*it.Mu2()*float64(it.Participations)/plan.Cap(it.Population), h.unit(it.Population))
}

// explainLoss says a loss as odds. Under Gaussian noise a guess between two equally likely cases is right with probability
// Phi(mu/2) at best (Dong, Roth, Su 2019).
func (h *house) explainLoss(b *strings.Builder, mu2 float64, how string) {
	mu, delta := math.Sqrt(mu2), h.ledger.Terms().Delta
	right := 100 * 0.5 * math.Erfc(-mu/2/math.Sqrt2)
	fmt.Fprintf(b, "What can be learned %s: whoever knows everybody else's records and guesses whether a person is among these, right 50 times in 100\n"+
		"by tossing a coin, is right at most %.1f times in 100 after reading the numbers.", how, math.Ceil(right*10)/10)
	if eps, err := accountant.Epsilon(mu, delta); err == nil {
		fmt.Fprintf(b, " (mu %s, mu^2 %s; epsilon %s at delta %s: odds change by at most a factor of %s.)", number(mu, 4), number(mu2, 4), number(eps, 3), number(delta, 2), number(math.Exp(eps), 3))
	}
	b.WriteString("\n")
}

func (h *house) unit(population string) string {
	for _, p := range h.ledger.Populations() {
		if p.Name == population {
			return p.Unit
		}
	}
	return "person"
}

// explainEntries lists what was measured, from the ledger alone.
func (h *house) explainEntries(b *strings.Builder, id string) {
	none := true
	for _, e := range h.ledger.Entries() {
		for _, it := range itemsOf(e, id) {
			none = false
			how := "measured it"
			switch e.Kind {
			case ledger.KindRepeat:
				how = fmt.Sprintf("repeated it, because the figures of entry %d were lost,", e.Release.Repeats)
			case ledger.KindImport:
				how = "charged it, because another copy of this home had measured it,"
			}
			noise := fmt.Sprintf("numbers with a standard deviation of %s, mu^2 %s", number(it.Sd, 4), it.Mu2)
			if it.Population == privacy.Nobody {
				noise = "exact numbers"
			}
			fmt.Fprintf(b, "Entry %d of %s %s for %s: %d %s", e.Number, e.Date, how, it.Period, it.Draws, noise)
			if e.Release != nil {
				fmt.Fprintf(b, ", as of %s, under the plan %s version %d", e.Release.Due, e.Release.Plan.Name, e.Release.Plan.Version)
			}
			b.WriteString(".\n")
		}
	}
	if none {
		b.WriteString("It was not measured yet.\n")
	}
}
