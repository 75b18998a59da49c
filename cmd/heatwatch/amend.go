package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/internal/problem"
	"heatwatch/privacy"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
	"heatwatch/reports/measures/schema"
)

func (c *command) budgetAmend() *cobra.Command {
	var reason, plan string
	var epsilon float64
	cmd := &cobra.Command{Example: `  heatwatch budget amend --reason 'decided by the board on 3 March' --epsilon 5
  heatwatch budget amend --reason 'age bands are merged' --plan county-2.yaml`,
		Use: "amend --reason TEXT", Short: "Change cap or plan by a signed public entry", Args: cobra.NoArgs,
		Long: `The lifetime budget and the release plan are promises to everybody in the records. They change only by an entry of the
ledger, which is signed, public and says why. --epsilon is the new lifetime epsilon; the caps of all populations scale with it,
as at init. --plan is county, full, or a file. A cap below what has been spent is refused. What was measured is not measured
again under a new plan, whatever it is called there.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if strings.TrimSpace(reason) == "" {
				return problem.New(problem.Usage, "--reason", "an amendment needs a reason", "say why, in words for the public")
			}
			set := cmd.Flags().Changed("epsilon")
			if !set && plan == "" {
				return problem.New(problem.Usage, "budget amend", "there is nothing to change", "give --epsilon, --plan or both")
			}
			if set && !(epsilon > 0 && epsilon <= 1e6) {
				return problem.New(problem.Usage, "--epsilon", "it must be above 0 and at most 1000000", "4 is the default of a new home")
			}
			return c.locked("budget amend", func(h *house) error { return c.amend(cmd.Context(), h, reason, epsilon, plan) })
		}}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in words for the public")
	cmd.Flags().Float64Var(&epsilon, "epsilon", 0, "new lifetime epsilon")
	cmd.Flags().StringVar(&plan, "plan", "", "new release plan: county, full, or a file")
	return cmd
}

// amend enters a new cap or plan. The entry is what counts; the home's copy of the plan follows.
func (c *command) amend(ctx context.Context, h *house, reason string, epsilon float64, planName string) error {
	if err := h.unlocked(); err != nil {
		return err
	}
	if err := h.ledger.CheckDate(h.today().String()); err != nil {
		return err
	}
	before, delta := h.epsilon()
	if epsilon == 0 {
		epsilon = before
	}
	source := h.planFile()
	var text []byte
	var err error
	if planName != "" {
		text, source, err = planText(planName)
	} else {
		text, err = h.planText()
	}
	if err != nil {
		return err
	}
	p, err := privacy.ParsePlan(text, source, schema.Schema(), epsilon, delta)
	if err != nil {
		return err
	}
	body := ledger.Amend{Reason: strings.TrimSpace(reason)}
	if p.Hash != h.ledger.Plan().Hash {
		plan := entered(p)
		body.Plan = &plan
	}
	if body.Populations, err = h.changed(p, before, epsilon); err != nil {
		return err
	}
	if body.Plan == nil && len(body.Populations) == 0 {
		return problem.New(problem.Usage, "budget amend", "cap and plan are these already", "nothing was changed")
	}
	for _, pop := range body.Populations {
		if err := h.covers(pop); err != nil {
			return err
		}
	}
	e, err := h.ledger.Append(ctx, ledger.Entry{Kind: ledger.KindAmend, Date: h.today().String(), Amend: &body})
	if err != nil {
		return err
	}
	if err := h.writePlan(); err != nil {
		return err
	}
	c.warn(h)
	c.Say("%s", h.amendment(e))
	return c.sayOutlook(h, p)
}

// changed are the caps that the plan and the lifetime epsilon change. Populations that the plan does not name any more
// keep theirs, scaled like the others.
func (h *house) changed(p *privacy.Plan, before, after float64) ([]ledger.Population, error) {
	delta := h.ledger.Terms().Delta
	all, err := caps(p, after, delta)
	if err != nil {
		return nil, err
	}
	old := h.ledger.Populations()
	if before != after {
		for _, pop := range old {
			if slices.ContainsFunc(all, func(q ledger.Population) bool { return q.Name == pop.Name }) {
				continue
			}
			from, err := accountant.MuFor(before, delta)
			if err != nil {
				return nil, err
			}
			to, err := accountant.MuFor(after, delta)
			if err != nil {
				return nil, err
			}
			pop.CapMu2 = accountant.Mu2(float64(pop.CapMu2) * (to / from) * (to / from) * (1 - 1e-12)) // rounded down: against us
			if pop.CapEpsilon, err = pop.CapMu2.Epsilon(delta); err != nil {
				return nil, err
			}
			all = append(all, pop)
		}
	}
	return slices.DeleteFunc(all, func(pop ledger.Population) bool { return slices.Contains(old, pop) }), nil
}

// covers refuses a cap below what has been spent: a promise cannot be tightened after the fact.
func (h *house) covers(pop ledger.Population) error {
	if !slices.ContainsFunc(h.ledger.Populations(), func(q ledger.Population) bool { return q.Name == pop.Name }) {
		return nil // new
	}
	spent, err := h.ledger.Spent(pop.Name)
	if err != nil {
		return err
	}
	if spent <= pop.CapMu2 {
		return nil
	}
	eps, err := spent.Epsilon(h.ledger.Terms().Delta)
	if err != nil {
		return err
	}
	return problem.New(problem.Refused, "budget amend", fmt.Sprintf("%s: one %s can have lost epsilon %.4g already, and the new cap would be %.4g", pop.Name, pop.Unit, eps, pop.CapEpsilon),
		"what was released cannot be taken back; choose a cap that covers it")
}

// amendment says in one line what an entry has changed.
func (h *house) amendment(e ledger.Entry) string {
	var parts []string
	if p := e.Amend.Plan; p != nil {
		parts = append(parts, fmt.Sprintf("plan %s version %d (%s)", p.Name, p.Version, short(p.Hash)))
	}
	before := h.ledger.CapsAt(e.Number - 1)
	for _, p := range e.Amend.Populations {
		from := "new"
		if i := slices.IndexFunc(before, func(q ledger.Population) bool { return q.Name == p.Name }); i >= 0 {
			from = number(before[i].CapEpsilon, 4)
		}
		parts = append(parts, fmt.Sprintf("cap of %s: epsilon %s, now %s", p.Name, from, number(p.CapEpsilon, 4)))
	}
	return fmt.Sprintf("entry %d, %s, amended: %s; because: %s", e.Number, e.Date, strings.Join(parts, "; "), strings.Join(strings.Fields(e.Amend.Reason), " "))
}

func (c *command) sayAmended(h *house) {
	for _, e := range h.ledger.Entries() {
		if e.Amend != nil {
			c.Say("%s", h.amendment(e))
		}
	}
}

// sayOutlook warns where a plan, on top of what was spent, would come to a cap: releases are refused from there on.
func (c *command) sayOutlook(h *house, p *privacy.Plan) error {
	planned, err := p.Ahead()
	if err != nil {
		return err
	}
	for _, pop := range h.ledger.Populations() {
		would, err := h.ledger.Outlook(pop.Name, planned)
		if err != nil {
			return err
		}
		if would > pop.CapMu2 {
			c.Say("heatwatch: %s: with what was spent this plan would come to mu %.4f, and the cap is mu %.4f: releases will be refused when it is reached", pop.Name, would.Mu(), pop.CapMu2.Mu())
		}
	}
	return nil
}
