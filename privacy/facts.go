package privacy

import (
	"context"
	"fmt"

	"heatwatch/internal/problem"
	"heatwatch/privacy/ledger"
	"heatwatch/privacy/mechanism"
)

// Nobody is the population of public facts: numbers that are about no person, such as beds or the days of snapshots. They
// are the only ones that are released exactly, and they cost no budget.
const Nobody = ledger.Nobody

// exactSays is what a figure of a public fact says of its noise.
const exactSays = "a public fact, exact"

func (it Item) exact() bool { return it.Encoding == Exact }

func (m Measurement) exact() bool { return m.Encoding == Exact }

// noise is what stands between an exact sum and a release. Only noiseFor makes one that lets anything through.
type noise struct {
	gaussian mechanism.Prepared
	fact     bool
}

// noiseFor finds the noise of an item, relative to the plan's. None is for public facts alone: what the plan says does not
// matter, the declaration must say it, too.
func (s Schema) noiseFor(it Item, factor float64) (noise, error) {
	v := s.Vectors[it.Vector]
	if !it.exact() && v.Encoding != Exact {
		p, err := mechanism.Prepare(mechanism.Spec{L0: it.L0, Linf: it.Linf, Sigma: it.Sigma * factor})
		return noise{gaussian: p}, err
	}
	if !it.exact() || v.Encoding != Exact || it.Population != Nobody || s.population(v) != Nobody {
		return noise{}, fmt.Errorf("%s is about somebody: only public facts are released exactly", it.Vector)
	}
	return noise{fact: true}, nil
}

// Sd is the standard deviation of the noise as drawn: 0 for a public fact.
func (n noise) Sd() float64 { return n.gaussian.Sd() }

// Draw adds the noise. Its errors never hold x.
func (n noise) Draw(x int64) (int64, error) {
	if n.fact {
		return x, nil
	}
	return n.gaussian.Draw(x)
}

// variance is that of the rounded noise on a cell: 0 for a public fact.
func variance(sd float64) float64 {
	if sd == 0 {
		return 0
	}
	return mechanism.VarRounded(sd)
}

// facts fills in the numbers of draws that are about nobody. Neither entries nor a cohort nor a measure's own tables are
// made for them: their SELECTs read the lake and the period.
func (r Releaser) facts(ctx context.Context, house Warehouse, en entry, draws []draw) error {
	made := false
	for i := range draws {
		d := &draws[i]
		if d.item.Population != Nobody {
			continue
		}
		if !made {
			if err := run(ctx, house.Engine, params(en.period, en.due)); err != nil {
				return problem.Wrap(err, problem.Failed, en.period.String(), "release failed", "run `heatwatch verify`; nothing was spent")
			}
			made = true
		}
		var err error
		if d.sums, err = newBounder(r.Schema, house.Engine, nil).measure(ctx, d.item, d.cells, nil); err != nil {
			return err
		}
	}
	return nil
}

// factsSQL adds up a vector of public facts, which yields (cell, value), saturating: values may be negative.
func factsSQL(v Vector, domain string) string {
	on := "d.answer"
	if v.Each != "" {
		on = "d.cell"
	}
	return fmt.Sprintf(`WITH domain(dim, answer, cell, i) AS (VALUES %[1]s),
said AS (SELECT CAST(f.cell AS VARCHAR) AS cell, TRY_CAST(f.value AS BIGINT) AS value FROM (%[2]s) f)
SELECT d.i, greatest(-%[4]d, least(%[4]d, sum(s.value)))::BIGINT FROM said s JOIN domain d ON %[3]s = s.cell WHERE s.value IS NOT NULL GROUP BY d.i`,
		domain, v.SQL, on, maxSum)
}
