package privacy_test

import (
	"fmt"
	"math"
	rnd "math/rand/v2"
	"slices"
	"testing"

	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/measures/schema"
)

// entrySim draws one ledger entry again and again.
type entrySim struct {
	p     *privacy.Plan
	s     privacy.Schema
	at    models.Period
	due   models.Date
	items []privacy.Item
	truth map[string][]int64
	sds   map[string]float64
}

func newEntrySim(t testing.TB, c county, at models.Period, due models.Date) *entrySim {
	e := &entrySim{p: c.plan, s: c.s, at: at, due: due, items: c.plan.DueOn(at, due), truth: map[string][]int64{}, sds: map[string]float64{}}
	truth := c.truth()
	for _, it := range e.items {
		for _, cell := range c.s.CellsOf(it) {
			e.truth[it.ID] = append(e.truth[it.ID], int64(math.Round(truth(it.ID, at, cell))))
		}
		sd, err := it.Sd()
		if err != nil {
			t.Fatal(err)
		}
		e.sds[it.ID] = sd
	}
	return e
}

func (e *entrySim) draw(t testing.TB, r *rnd.Rand) (estimates map[string][]float64, presented map[string][]int64) {
	raw := map[string][]int64{}
	for _, it := range e.items {
		for _, x := range e.truth[it.ID] {
			raw[it.ID] = append(raw[it.ID], x+int64(math.Round(e.sds[it.ID]*r.NormFloat64())))
		}
	}
	estimates, presented, err := e.p.Reconcile(e.s, e.at, e.due, raw)
	if err != nil {
		t.Fatal(err)
	}
	return estimates, presented
}

// ofPersons says that the cells of an item are numbers of persons.
func ofPersons(it privacy.Item) bool {
	return it.Encoding == privacy.Count || it.Encoding == privacy.Histogram
}

// broken counts presented numbers below zero, and breakdowns of the same persons whose numbers do not add up to the same.
func (e *entrySim) broken(presented map[string][]int64) (n int) {
	totals := map[string][]int64{} // by vector
	for _, it := range e.items {
		sum := map[string]int64{}
		for i, c := range e.s.CellsOf(it) {
			if presented[it.ID][i] < 0 {
				n++
			}
			sum[c.Answer] += presented[it.ID][i]
		}
		if !ofPersons(it) {
			continue
		}
		if it.Vector == "time-to-emergency-service.curve" { // everybody who entered is in one bin of it
			all := int64(0)
			for _, x := range sum {
				all += x
			}
			totals["entry.heads persons"] = append(totals["entry.heads persons"], all)
			continue
		}
		for answer, x := range sum {
			totals[it.Vector+" "+answer] = append(totals[it.Vector+" "+answer], x)
		}
	}
	for _, t := range totals {
		for _, x := range t[1:] {
			if x != t[0] {
				n++
			}
		}
	}
	return n
}

// benchTables: every entry of a year of the county plan. The county is such that halves and fifths of all its numbers are whole.
func benchTables(t *testing.T, quick bool) []line {
	draws := 1000
	if quick {
		draws = 5
	}
	p := plan(t, "county", 4)
	worst, exceptions, entries := 0.0, 0, 0
	for k, n := range []float64{300, 60, 0} {
		c := county{n: n, p: 0.5, in: 0.6, moves: 1.4, days: 210, bins: []float64{0.1, 0.1, 0.2, 0.1, 0.2, 0.1, 0.1, 0}, spread: []float64{0.5, 0.5}, plan: p, s: schema.Schema()}
		for _, name := range []string{"2024", "2024Q1"} {
			at := period(t, name)
			for _, due := range p.Due(at) {
				e := newEntrySim(t, c, at, due)
				entries++
				r := rnd.New(rnd.NewPCG(uint64(due), uint64(k)))
				var estimated, shown squares
				for range draws {
					estimates, presented := e.draw(t, r)
					exceptions += e.broken(presented)
					for _, it := range e.items {
						if !ofPersons(it) {
							continue
						}
						for i, x := range e.truth[it.ID] {
							estimated.add(estimates[it.ID][i] - float64(x))
							shown.add(float64(presented[it.ID][i] - x))
						}
					}
				}
				ratio := shown.root() / estimated.root()
				t.Logf("%s, due %s, %v persons: RMSE estimated %.2f, presented %.2f (%.3f x)", name, due, n, estimated.root(), shown.root(), ratio)
				worst = math.Max(worst, ratio)
			}
		}
	}
	mean, se, drift := emptyCell(t, p, draws)
	return []line{{
		what:      fmt.Sprintf("reconciled tables: presented numbers of %d entries, RMSE; exceptions to additive and non-negative; 20 quarters of an empty cell", entries),
		ours:      fmt.Sprintf("%.2f x; %d exceptions; %+.1f, standard error %.1f (presented numbers would add up to %.0f)", worst, exceptions, mean, se, drift),
		reference: "unconstrained least squares", bar: "<= 1.05 x, none, unbiased", met: worst <= 1.05 && exceptions == 0 && math.Abs(mean) <= 3*se,
	}}
}

// emptyCell adds the quarterly head count of a county without persons up over 20 quarters: by estimates and by what is shown.
func emptyCell(t testing.TB, p *privacy.Plan, draws int) (mean, se, drift float64) {
	c := county{bins: make([]float64, 8), spread: []float64{1}, plan: p, s: schema.Schema()}
	at := period(t, "2024Q1")
	due := p.Due(at)[0]
	e := newEntrySim(t, c, at, due)
	if i := slices.IndexFunc(e.items, func(it privacy.Item) bool { return it.ID == "heads_q" }); i < 0 {
		t.Fatal("no quarterly head count")
	}
	r := rnd.New(rnd.NewPCG(20, 20))
	var sums []float64
	for range draws {
		var sum float64
		for range 20 {
			estimates, presented := e.draw(t, r)
			sum += estimates["heads_q"][0]
			drift += float64(presented["heads_q"][0]) / float64(draws)
		}
		sums = append(sums, sum)
		mean += sum / float64(draws)
	}
	for _, x := range sums {
		se += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(se) / float64(draws), drift
}
