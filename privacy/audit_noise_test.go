package privacy_test

import (
	"fmt"
	"math"
	rnd "math/rand/v2"
	"slices"
	"testing"

	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/mechanism"
	"heatwatch/reports/measures/schema"
)

// The audit of the noise: what is drawn for a table with a person and for the one without must be as hard to tell apart as
// the ledger says. Many copies of the person make a gap of as many mu, so that noise which is 5 % too small shows in 20,000
// draws a side.

const (
	copies = 25
	// alarm is in standard errors. A run has about 60 statistics, and one of them is beyond it in 30,000 runs.
	alarm = 5.0
)

// worst adds so many units, each of which moves every item about its kind by all that it declares.
func (w *warehouse) worst(u unit, n int) {
	for i := range n {
		w.person, w.pseudonym = uint32(1+i), pseudonymOf(1+i)
		switch u.population {
		case "minors":
			w.complete()
		case "accused":
			w.convicted()
		case "profiles":
			w.advertised()
		}
	}
	for i, entity := range eventTables {
		attended := 40
		if units[2+i] == u {
			attended += n
		}
		said := sayings{id: "t", at: 120 * day, number: fmt.Sprint(attended), code: func(models.Column) string { return "0" },
			set: map[string]string{"minutes": "1440", "certified": "20"}}
		w.row(entity, 1, said)
	}
}

// pairOfTables are the sums of a release with copies of a person and without, in the cells that differ and in two that do not.
type pairOfTables struct {
	st      step
	unit    unit
	noise   []privacy.Noise // per cell
	with    []int64
	without []int64
	mu      float64 // of one person by the accountant, from the sds that would be booked
}

// name of a pair in reports.
func (p pairOfTables) name() string { return p.st.String() + ", " + p.unit.name }

// worstPairs makes them for each due date of a quarter, a year and five years, and each unit that it is about.
func worstPairs(t *testing.T) []pairOfTables {
	t.Helper()
	p := plan(t, "county", 4)
	a := newAudit(t, p)
	var all []pairOfTables
	for _, st := range steps(p, period(t, "2023Q2"), period(t, "2023"), period(t, "2021-2025")) {
		sums := func(u unit, n int) map[string][]int64 {
			w := &warehouse{r: rnd.New(rnd.NewPCG(7, 7)), rows: map[string][]string{}}
			for i := range 25 {
				w.person, w.pseudonym = uint32(100+i), pseudonymOf(100+i)
				w.usual(1+w.r.IntN(3), 4)
			}
			w.worst(u, n)
			a.load(w)
			q, err := privacy.NewHouse(t, p, schema.Schema(), a.key).Sums(a.db, st.period, st.due, a.partners, false)
			if err != nil {
				t.Fatal(err)
			}
			return q
		}
		noise, err := privacy.NewHouse(t, p, schema.Schema(), a.key).Noise(st.period, st.due)
		if err != nil {
			t.Fatal(err)
		}
		q2 := sums(unit{}, 0)
		for _, u := range units {
			if u.declared(p, st) > 0 {
				all = append(all, pairOf(t, st, u, noise, sums(u, copies), q2))
			}
		}
	}
	return all
}

// pairOf compares the sums with copies of a unit and those without.
func pairOf(t *testing.T, st step, u unit, noise []privacy.Noise, q, q2 map[string][]int64) pairOfTables {
	t.Helper()
	pair := pairOfTables{st: st, unit: u}
	var items []accountant.Item
	same := 0
	for _, n := range noise {
		if u.has(n.Item) {
			items = append(items, accountant.Item{L0: n.Item.L0, Linf: n.Item.Linf, Sd: n.Sd})
		}
		for i := range q[n.Item.ID] {
			if q[n.Item.ID][i] == q2[n.Item.ID][i] {
				if same++; same > 2 {
					continue
				}
			}
			pair.noise, pair.with, pair.without = append(pair.noise, n), append(pair.with, q[n.Item.ID][i]), append(pair.without, q2[n.Item.ID][i])
		}
	}
	loss, err := accountant.ItemsLoss(items)
	if err != nil {
		t.Fatal(err)
	}
	pair.mu = loss.Mu()
	// The exact gap is what is declared: otherwise nothing that follows measures it.
	if gap, _ := pair.gap(); math.Abs(gap/copies/pair.mu-1) > 1e-6 {
		t.Fatalf("%s: %d copies move the tables by %.6f, as often the declared mu is %.6f", pair.name(), copies, gap, copies*pair.mu)
	}
	return pair
}

// gap is the exact whitened distance of the two tables and its direction.
func (p pairOfTables) gap() (length float64, direction []float64) {
	direction = make([]float64, len(p.with))
	for i := range direction {
		direction[i] = float64(p.with[i]-p.without[i]) / p.noise[i].Sd
		length += direction[i] * direction[i]
	}
	length = math.Sqrt(length)
	for i := range direction {
		direction[i] /= length
	}
	return length, direction
}

// moments of a sample.
type moments struct{ n, sum, squares float64 }

func (m *moments) add(x float64) { m.n, m.sum, m.squares = m.n+1, m.sum+x, m.squares+x*x }
func (m moments) mean() float64  { return m.sum / m.n }
func (m moments) variance() float64 {
	return m.squares/m.n - m.mean()*m.mean()
}

// finding is one statistic of a run: what was measured, what is declared, both in the same unit, and the standard error.
type finding struct {
	what               string
	measured, declared float64
	se                 float64
}

func (f finding) sigmas() float64 { return (f.measured - f.declared) / f.se }

// measure draws both tables so many times. The first finding of a pair is mu itself: the gap of the projections on the
// true difference in units of their measured spread, by the number of copies. The others are the spread of each cell's
// noise, and the correlation of neighbouring cells.
func (p pairOfTables) measure(t *testing.T, runs int) []finding {
	t.Helper()
	_, direction := p.gap()
	cells := len(p.with)
	var sides [2]moments
	spread, products := make([]moments, cells), make([]moments, cells)
	for side, table := range [][]int64{p.with, p.without} {
		for range runs {
			var projection, before float64
			for i, x := range table {
				v, err := p.noise[i].Draw(x)
				if err != nil {
					t.Fatal(err)
				}
				e := float64(v-x) / p.noise[i].Sd
				spread[i].add(e)
				products[i].add(e * before)
				before = e
				projection += direction[i] * float64(v-p.without[i]) / p.noise[i].Sd
			}
			sides[side].add(projection)
		}
	}
	r := float64(runs)
	sd := math.Sqrt((sides[0].variance() + sides[1].variance()) / 2)
	gap := (sides[0].mean() - sides[1].mean()) / sd
	all := []finding{{what: p.name() + " mu", measured: gap / copies, declared: p.mu / math.Sqrt(p.rounding(direction)),
		se: math.Sqrt(2/r+gap*gap/(4*r)) / copies}}
	for i, m := range spread {
		name := fmt.Sprintf("%s %s cell %d", p.name(), p.noise[i].Item.ID, i)
		want := mechanism.VarRounded(p.noise[i].Sd) / (p.noise[i].Sd * p.noise[i].Sd)
		all = append(all, finding{what: name + " variance", measured: m.variance(), declared: want, se: want * math.Sqrt(1/r)}) // 2 r draws
		all = append(all, finding{what: name + " correlation with the cell before", measured: products[i].mean(), se: math.Sqrt(1 / (2 * r))})
	}
	return all
}

// rounding is the variance of a projection when each cell's noise is rounded to whole numbers.
func (p pairOfTables) rounding(direction []float64) (v float64) {
	for i, d := range direction {
		v += d * d * mechanism.VarRounded(p.noise[i].Sd) / (p.noise[i].Sd * p.noise[i].Sd)
	}
	return v
}

// TestMuIsWhatIsBooked measures mu of each due date's release from the noise that is drawn.
func TestMuIsWhatIsBooked(t *testing.T) {
	t.Parallel()
	runs, within := 20_000, 0.03
	if fullAudit {
		runs, within = 200_000, 0.01
	}
	for _, p := range worstPairs(t) {
		found := p.measure(t, runs)
		mu := found[0]
		t.Logf("%s: mu %.4f measured, %.4f booked (standard error %.4f)", p.name(), mu.measured, p.mu, mu.se)
		if math.Abs(mu.measured-p.mu) > within {
			t.Errorf("%s: mu is %.4f, booked is %.4f", p.name(), mu.measured, p.mu)
		}
		for _, f := range found {
			if math.Abs(f.sigmas()) > alarm {
				t.Errorf("%s: %.5f measured, %.5f declared: %.1f standard errors", f.what, f.measured, f.declared, f.sigmas())
			}
		}
		// The same run must not pass for what is booked where the noise is 5 % too small, in all cells or in one.
		if f := mu; 0.05*f.declared/f.se < alarm+3 {
			t.Errorf("%s: a mu that is 5 %% too large would be seen at %.1f standard errors only", f.what, 0.05*f.declared/f.se)
		}
		if f := found[1]; f.declared*(1-0.95*0.95)/f.se < alarm+3 {
			t.Errorf("%s: noise that is 5 %% too small would be seen at %.1f standard errors only", f.what, f.declared*(1-0.95*0.95)/f.se)
		}
	}
}

// TestNoFalseAlarmInAHundredCleanRuns repeats the measurement of CI with fresh noise.
func TestNoFalseAlarmInAHundredCleanRuns(t *testing.T) {
	if !fullAudit {
		t.Skip("make audit runs it")
	}
	pairs := worstPairs(t)
	for half := range 2 {
		t.Run(fmt.Sprint(half), func(t *testing.T) {
			t.Parallel()
			statistics, largest := 0, 0.0
			for run := range 50 {
				for _, p := range pairs {
					for _, f := range p.measure(t, 20_000) {
						statistics++
						largest = max(largest, math.Abs(f.sigmas()))
						if math.Abs(f.sigmas()) > alarm {
							t.Errorf("run %d raises a false alarm: %s: %.5f measured, %.5f declared", run, f.what, f.measured, f.declared)
						}
					}
				}
			}
			t.Logf("50 runs, %d statistics, the largest %.2f standard errors away", statistics, largest)
		})
	}
}

// TestDrawnNoiseIsThatOfThePlan compares draws of each sd of the county plan with the rounded Gaussian that is declared.
func TestDrawnNoiseIsThatOfThePlan(t *testing.T) {
	t.Parallel()
	draws := 20_000
	if fullAudit {
		draws = 1_000_000
	}
	p := plan(t, "county", 4)
	h := privacy.NewHouse(t, p, schema.Schema(), commitmentKey(t))
	done := map[float64]bool{}
	for _, st := range steps(p, period(t, "2023Q2"), period(t, "2023")) {
		noise, err := h.Noise(st.period, st.due)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range noise {
			if n.Sd < n.Item.Sigma*float64(n.Item.Linf) || n.Sd > n.Item.Sigma*float64(n.Item.Linf)*1.002 {
				t.Errorf("%s: sd %v is not sigma %v times %d", n.Item.ID, n.Sd, n.Item.Sigma, n.Item.Linf)
			}
			if done[n.Sd] {
				continue
			}
			done[n.Sd] = true
			sample := make([]int64, draws)
			var m moments
			for i := range sample {
				v, err := n.Draw(1000)
				if err != nil {
					t.Fatal(err)
				}
				sample[i] = v - 1000
				m.add(float64(sample[i]))
			}
			want := mechanism.VarRounded(n.Sd)
			if d := m.variance()/want - 1; math.Abs(d) > alarm*math.Sqrt(2/float64(draws)) {
				t.Errorf("sd %v: the variance is off by %.4f of what is declared", n.Sd, d)
			}
			// Massart: 2 exp(-2 n e^2), here 1e-6, also where the distribution has atoms.
			if d, limit := distance(sample, n.Sd), math.Sqrt(math.Log(2e6)/(2*float64(draws))); d > limit {
				t.Errorf("sd %v: Kolmogorov-Smirnov distance %.5f is above %.5f", n.Sd, d, limit)
			}
		}
	}
	t.Logf("%d sds, %d draws each", len(done), draws)
}

// distance is the largest one of the sample's distribution from that of a rounded Gaussian.
func distance(sample []int64, sd float64) (worst float64) {
	slices.Sort(sample)
	cdf := func(k float64) float64 { return math.Erfc(-(k+0.5)/(sd*math.Sqrt2)) / 2 }
	for i := 0; i < len(sample); {
		j := i
		for j < len(sample) && sample[j] == sample[i] {
			j++
		}
		k, n := float64(sample[i]), float64(len(sample))
		worst = max(worst, math.Abs(float64(j)/n-cdf(k)), math.Abs(float64(i)/n-cdf(k-1)))
		i = j
	}
	return worst
}
