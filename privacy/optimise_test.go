package privacy

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// optimised is a plan over the smallest schema: heads, three questions about them, and one that nobody reads.
const optimised = `# A comment that stays.
schema: 1
plan: tried
version: 7   # and one here
design: {persons_a_year: 400, epsilon: 4}
limits: {share: 0.1, mean: 0.25, count: 0.2}
populations:
  - {name: minors, unit: linked person, mu: 0.8378, reserve: 0.1, held_back: 0.05, lifetime: true}
items:
  - {id: heads, vector: m.heads, levels: [quarter], due: 44, sigma: 10, publishes: [persons], sums: [year, span]}
  - id: yes # block style
    vector: m.yes
    levels: [quarter]
    due: 44
    sigma: 10.0 # its noise
    over: heads
    target: 0.06
    publishes: [share_yes]
  - {id: kinds, vector: m.heads, levels: [year, quarter], by: [agency_kind], due: 104, sigma: 1e1, weight: 2, participations: 3, publishes: [persons]}
  - {id: late, vector: m.yes, levels: [year], due: 379, sigma: 12}
`

func optimisedPlan(t *testing.T, text string, epsilon float64) *Plan {
	t.Helper()
	p, err := ParsePlan([]byte(text), "tried.yaml", smallSchema(), epsilon, 1e-6)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func value(t *testing.T, p *Plan) float64 {
	t.Helper()
	goals, r, err := p.goals(smallSchema(), parse(t, "2024"), 0)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := objective(goals, r, p)
	return v
}

// spent is what a plan's population costs, with other sigmas.
func spent(p *Plan, sigmas []float64) (sum float64) {
	for j, c := range p.costs("minors") {
		sum += c / (sigmas[j] * sigmas[j])
	}
	return sum
}

// best repeats the step of the optimiser until it stands still, without rounding.
func best(t *testing.T, p *Plan) *Plan {
	t.Helper()
	for range optimiseRounds {
		goals, r, err := p.goals(smallSchema(), parse(t, "2024"), 0)
		if err != nil {
			t.Fatal(err)
		}
		_, share := objective(goals, r, p)
		p = p.withSigmas(p.step(share))
	}
	return p
}

// TestNoSmallChangeServesTheTargetsBetter: at equal budget, no exchange between two items lowers the weighted objective.
func TestNoSmallChangeServesTheTargetsBetter(t *testing.T) {
	p := best(t, optimisedPlan(t, optimised, 4))
	pop := p.Populations[0]
	if got, want := spent(p, p.sigmas()), p.usable(pop); math.Abs(got/want-1) > 1e-9 {
		t.Fatalf("the optimum spends %.9f of %.9f", got, want)
	}
	at := value(t, p)
	costs := p.costs("minors")
	const free = 3 // late: nobody reads it
	tried := 0
	for i := range costs {
		for j := range costs {
			for _, step := range []float64{1e-2, 1e-3, -1e-3} {
				if i == j || i == free || j == free {
					continue
				}
				sigmas := p.sigmas()
				moved := step * costs[i] / (sigmas[i] * sigmas[i])
				sigmas[i] = math.Sqrt(costs[i] / (costs[i]/(sigmas[i]*sigmas[i]) + moved))
				sigmas[j] = math.Sqrt(costs[j] / (costs[j]/(sigmas[j]*sigmas[j]) - moved))
				if math.Abs(spent(p, sigmas)/p.usable(pop)-1) > 1e-9 {
					t.Fatal("the exchange changed the budget")
				}
				tried++
				if v := value(t, p.withSigmas(sigmas)); v < at*(1-1e-9) {
					t.Errorf("moving %g of the price of %d to %d lowers the objective from %.9f to %.9f", step, j, i, at, v)
				}
			}
		}
	}
	if tried < 18 {
		t.Errorf("only %d exchanges were tried", tried)
	}
	if p.sigmas()[free] != 12 {
		t.Errorf("an item that no figure reads went from 12 to %v", p.sigmas()[free])
	}
	// The closed form holds at the optimum: sigma^2 proportional to sqrt(K l0 / (w a)).
	goals, r, err := p.goals(smallSchema(), parse(t, "2024"), 0)
	if err != nil {
		t.Fatal(err)
	}
	_, share := objective(goals, r, p)
	var ratios []float64
	for j, sigma := range p.sigmas() {
		if share[j] > 0 {
			a := share[j] / (sigma * sigma) // w a of the item
			ratios = append(ratios, sigma*sigma/math.Sqrt(costs[j]/a))
		}
	}
	if spread := slices.Max(ratios)/slices.Min(ratios) - 1; len(ratios) != 3 || spread > 1e-6 {
		t.Errorf("sigma^2 over sqrt(K l0 / (w a)) is %v: not the same for all", ratios)
	}
	// And it beats equal sigmas at the same price.
	equal := p.sigmas()
	var price float64
	for j, c := range costs {
		if j != free {
			price += c
		}
	}
	for j := range equal {
		if j != free {
			equal[j] = math.Sqrt(price / (p.usable(pop) - costs[free]/144))
		}
	}
	if r := math.Sqrt(at / value(t, p.withSigmas(equal))); !(r < 0.97) {
		t.Errorf("half-widths over targets are %.3f of those at equal sigmas: no gain", r)
	} else {
		t.Logf("x %.3f over equal sigmas", r)
	}
}

func TestTheProposalIsAPlan(t *testing.T) {
	for _, epsilon := range []float64{4, 1} {
		p := optimisedPlan(t, optimised, epsilon)
		a, err := p.Optimise(smallSchema(), "tried.yaml", parse(t, "2024Q3"), 0, epsilon, 1e-6)
		if err != nil {
			t.Fatal(err)
		}
		next := optimisedPlan(t, string(a.Text), epsilon)
		atDesign := optimisedPlan(t, string(a.Text), 4)
		if next.Version != 8 {
			t.Errorf("version %d, want 8", next.Version)
		}
		if !(a.Proposed < a.Now) {
			t.Errorf("epsilon %v: %.4f now, %.4f proposed", epsilon, a.Now, a.Proposed)
		}
		pop := atDesign.Populations[0]
		if got, room := spent(atDesign, atDesign.sigmas()), atDesign.usable(pop); got > room || got < 0.98*room {
			t.Errorf("the proposal spends %.5f of %.5f", got, room)
		}
		// Rounded: the optimum itself is at most a little better.
		if exact := value(t, best(t, optimisedPlan(t, optimised, 4))); value(t, atDesign) > 1.01*exact {
			t.Errorf("rounding costs %.2f %%", 100*(value(t, atDesign)/exact-1))
		}
		for _, x := range a.Proposals {
			if digits := strings.Trim(strings.ReplaceAll(fmt.Sprint(x.ProposedSigma), ".", ""), "0"); len(digits) > 3 {
				t.Errorf("%s: sigma %v is not fit to print", x.Item, x.ProposedSigma)
			}
			if it, ok := atDesign.Item(x.Item); !ok || it.Sigma != x.ProposedSigma {
				t.Errorf("%s: sigma %v in the plan, %v proposed", x.Item, it.Sigma, x.ProposedSigma)
			}
		}
		// Everything but the sigmas and the version stands as it was.
		old, now := strings.Split(optimised, "\n"), strings.Split(string(a.Text), "\n")
		if len(old) != len(now) {
			t.Fatalf("%d lines, before %d", len(now), len(old))
		}
		for i := range old {
			cut := func(s string) string {
				head, rest, ok := strings.Cut(s, "sigma: ")
				if !ok {
					return strings.NewReplacer("version: 7", "", "version: 8", "").Replace(s)
				}
				j := strings.IndexFunc(rest, func(r rune) bool { return !strings.ContainsRune("0123456789.e", r) })
				if j < 0 {
					j = len(rest)
				}
				return head + rest[j:]
			}
			if cut(old[i]) != cut(now[i]) {
				t.Errorf("line %d: %q became %q", i+1, old[i], now[i])
			}
		}
		// Optimised again, it stays within the rounding.
		again, err := next.Optimise(smallSchema(), "tried.yaml", parse(t, "2024"), 0, epsilon, 1e-6)
		if err != nil {
			t.Fatal(err)
		}
		if again.Proposed > a.Proposed*1.001 || again.Proposed < a.Proposed*0.99 {
			t.Errorf("optimised again: %.4f after %.4f", again.Proposed, a.Proposed)
		}
	}
	// The home's plan is not changed by any of it.
	p := optimisedPlan(t, optimised, 4)
	before := slices.Clone(p.Text)
	if _, err := p.Optimise(smallSchema(), "tried.yaml", parse(t, "2024"), 50, 4, 1e-6); err != nil || !bytes.Equal(p.Text, before) || p.Items[0].Sigma != 10 {
		t.Errorf("the plan itself was changed (%v)", err)
	}
}

// A target twice as strict, or a weight four times as high, is the same wish; both lower the item's sigma.
func TestTargetsAndWeightsSteer(t *testing.T) {
	sigma := func(old, new string) float64 {
		text := strings.Replace(optimised, old, new, 1)
		if text == optimised && old != new {
			t.Fatalf("no %q in the plan", old)
		}
		return best(t, optimisedPlan(t, text, 4)).sigmas()[1]
	}
	plain, strict, heavy := sigma("", ""), sigma("target: 0.06", "target: 0.03"), sigma("target: 0.06", "target: 0.06\n    weight: 4")
	if !(strict < plain) || math.Abs(strict/heavy-1) > 1e-6 {
		t.Errorf("sigma %.4f; with half the target %.4f, with four times the weight %.4f", plain, strict, heavy)
	}
	limit, same := sigma("target: 0.06\n    ", ""), sigma("target: 0.06", "target: 0.1")
	if math.Abs(limit/same-1) > 1e-9 {
		t.Errorf("without a target sigma is %.6f, with the plan's limit as the target %.6f", limit, same)
	}
}
