package privacy_test

import (
	"context"
	"database/sql"
	"fmt"
	rnd "math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"heatwatch/privacy"
	"heatwatch/reports/measures/schema"
)

// The audit of the exact part of a release (see privacy/audit for the whole of it). HEATWATCH_AUDIT=1 runs it at full
// size, as `make audit` does; without it the sizes are those of CI.
var fullAudit = os.Getenv("HEATWATCH_AUDIT") != ""

// recorder notes the statements that a release runs: its control flow, as far as anything outside Go can see it.
type recorder struct {
	privacy.Engine
	statements []string
}

func (r *recorder) QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	if len(args) > 0 {
		q += fmt.Sprint(args...)
	}
	r.statements = append(r.statements, q)
	return r.Engine.QueryContext(ctx, q, args...)
}

// attained is how far the neighbours of an audit have gone.
type attained struct {
	mu         sync.Mutex
	neighbours int
	moved      int                // neighbours that moved anything
	most       map[string]float64 // by due date: largest loss by the declared one
	items      map[string]float64 // the same by item
}

// TestOnePersonCannotMoveARelease forgets one linked person after the other in small warehouses of adversarial persons, and
// single attendances and pledges among them. The whitened difference of each release is never above what its items about
// that unit declare, the statements are the same, nothing of another population moves, and somebody attains what is declared.
func TestOnePersonCannotMoveARelease(t *testing.T) {
	for _, c := range []struct {
		plan             string
		neighbours, full int
		workers          int
	}{{"county", 240, 10_000, 2}, {"full", 24, 300, 1}} {
		t.Run(c.plan, func(t *testing.T) {
			p := plan(t, c.plan, 4)
			all := steps(p, period(t, "2023Q2"), period(t, "2023"), period(t, "2021-2025"))
			want := c.neighbours
			if fullAudit {
				want = c.full
			}
			got := attained{most: map[string]float64{}, items: map[string]float64{}}
			began := time.Now()
			t.Run("neighbours", func(t *testing.T) {
				for w := range c.workers {
					t.Run(fmt.Sprint(w), func(t *testing.T) {
						t.Parallel()
						got.work(t, p, all, uint64(w), (want+c.workers-1)/c.workers)
					})
				}
			})
			took := time.Since(began)
			t.Logf("%d neighbours in %.0f s (%.1f a second), %d of them moved something; the largest loss by the declared one:", got.neighbours, took.Seconds(),
				float64(got.neighbours)/took.Seconds(), got.moved)
			for _, st := range all {
				for _, u := range units {
					if u.declared(p, st) == 0 {
						continue
					}
					most := got.most[st.String()+" "+u.name]
					t.Logf("  %s due %s, one %s: %.4f", st.period, st.due, u.name, most)
					if !(most > 0.99) && c.plan == "county" {
						t.Errorf("%s due %s: no %s attains what is declared (%.4f): the rows are too tame to prove anything", st.period, st.due, u.name, most)
					}
				}
			}
			for _, it := range p.Items {
				if x := got.items[it.ID]; !(x > 0.99) && c.plan == "county" && it.Population != privacy.Nobody {
					t.Errorf("no neighbour attains what %s declares (%.4f)", it.ID, x)
				}
			}
		})
	}
}

func (st step) String() string { return st.period.String() + " " + st.due.String() }

// work goes through warehouses of 5 to 60 persons until there were enough neighbours.
func (at *attained) work(t *testing.T, p *privacy.Plan, all []step, worker uint64, want int) {
	s := schema.Schema()
	a := newAudit(t, p)
	done := 0
	for seed := uint64(0); done < want; seed++ {
		r := rnd.New(rnd.NewPCG(seed, worker))
		st := all[int(seed+worker)%len(all)]
		n := 5 + r.IntN(4)
		if seed%8 == 7 {
			n = 5 + r.IntN(56)
		}
		leaving := a.adversarial(r, n)
		var before, now []string
		sums := func() (map[string][]int64, error) {
			rec := &recorder{Engine: a.db}
			q, err := privacy.NewHouse(t, p, s, a.key).Sums(rec, st.period, st.due, a.partners, false)
			before, now = now, rec.statements
			return q, err
		}
		a.leave(leaving, sums, func(n neighbour, q, q2 map[string][]int64) {
			lost, by := a.loss(q, q2)
			limit := n.unit.declared(p, st)
			if lost > limit*(1+1e-9) {
				t.Errorf("seed %d/%d, %s: %s moves mu^2 by %.6f, declared is %.6f: %v", seed, worker, st, n.name, lost, limit, by)
			}
			for _, it := range p.DueOn(st.period, st.due) {
				most := it.Mu2()
				if !n.unit.has(it) {
					most = 0
				}
				if by[it.ID] > most*(1+1e-9) {
					t.Errorf("seed %d/%d, %s: %s moves %s by %.6f, declared is %.6f", seed, worker, st, n.name, it.ID, by[it.ID], most)
				}
			}
			if !slices.Equal(before, now) {
				t.Errorf("seed %d/%d, %s: with and without %s other statements run: %s", seed, worker, st, n.name, firstDifference(before, now))
			}
			done++
			at.note(p, st, n.unit, lost, by)
		})
		if t.Failed() {
			return
		}
	}
}

func (at *attained) note(p *privacy.Plan, st step, u unit, lost float64, by map[string]float64) {
	at.mu.Lock()
	defer at.mu.Unlock()
	at.neighbours++
	if lost > 0 {
		at.moved++
		key := st.String() + " " + u.name
		at.most[key] = max(at.most[key], lost/u.declared(p, st))
	}
	for _, it := range p.DueOn(st.period, st.due) {
		if it.Population != privacy.Nobody {
			at.items[it.ID] = max(at.items[it.ID], by[it.ID]/it.Mu2())
		}
	}
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("%.200q and %.200q", a[i], b[i])
		}
	}
	return fmt.Sprintf("%d and %d of them", len(a), len(b))
}
