package accountant

import (
	"math"
	"math/big"
	"math/cmplx"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
)

// A numerical accountant that knows nothing of squares of mu. It composes privacy loss distributions (Sommer, Meiser and
// Mohammadi 2019; Koskela, Jaelkoe and Honkela 2020) cell by cell and period by period: the loss of each noisy cell is put on a
// grid, the grids are convolved by FFT, and epsilon is read off
//
//	delta(epsilon) = E max(0, 1 - e^(epsilon - L)),    L the sum of all losses.
//
// Two grids bound the truth. In both, mass under either of the two neighbours is kept, which is what makes them close:
//
//	above   the outcomes between two grid points are spread over these two (connecting the dots: Doroshenko, Ghazi, Kamath, Kumar
//	        and Manurangsi 2022): the true mechanism is a post-processing of this one
//	below   the outcomes of a class as wide as the grid are merged into one, which is a post-processing of the true mechanism, and the
//	        class stands at a grid point that is not above its loss

// cell is one cell of one item in one period: N(0, sd^2) against N(change, sd^2).
type cell struct{ change, sd float64 }

// loss at z = the noise in units of sd; (p, q) is the mass between two of them under the two neighbours.
func (c cell) loss(z float64) float64 { m := c.change / c.sd; return m*z + m*m/2 }
func (c cell) at(loss float64) float64 {
	m := c.change / c.sd
	return loss/m - m/2
}
func (c cell) mass(a, b float64) (p, q float64) {
	m := c.change / c.sd
	return between(a, b), between(a+m, b+m)
}

// between is the standard normal mass of (a, b), without cancellation in either tail.
func between(a, b float64) float64 {
	if a > 0 {
		a, b = -b, -a
	}
	return (math.Erfc(-b/math.Sqrt2) - math.Erfc(-a/math.Sqrt2)) / 2
}

// far is where tails are cut: 8e-24 of the mass lies beyond.
const far = 10

// above returns mass at grid points first, first+1, ... times h, and what has no bound.
func (c cell) above(h float64) (pmf []float64, first int, unbounded float64) {
	first = int(math.Floor(c.loss(-far) / h))
	last := int(math.Ceil(c.loss(far) / h))
	pmf = make([]float64, last-first+1)
	pmf[0], _ = c.mass(math.Inf(-1), c.at(float64(first)*h))
	for i := first; i < last; i++ {
		low, high := float64(i)*h, float64(i+1)*h
		p, q := c.mass(c.at(low), c.at(high))
		// x stays at low, p-x goes to high: x e^-low + (p-x) e^-high = q
		x := (q*math.Exp(low) - p*math.Exp(-h)) / -math.Expm1(-h)
		x = math.Min(math.Max(x, 0), p)
		pmf[i-first] += x
		pmf[i-first+1] += p - x
	}
	unbounded, _ = c.mass(c.at(float64(last)*h), math.Inf(1))
	return pmf, first, unbounded
}

// below returns mass at (first + i) h + shift; the tails are left out, which is as if they had no loss at all.
func (c cell) below(h float64) (pmf []float64, first int, shift float64) {
	first = int(math.Floor(c.loss(-far) / h))
	last := int(math.Ceil(c.loss(far) / h))
	p, own := make([]float64, last-first), make([]float64, last-first) // mass of each class, and its loss less that of its low end
	for i := range p {
		low := float64(first+i) * h
		var q float64
		p[i], q = c.mass(c.at(low), c.at(low+h))
		own[i] = h
		if q > 0 {
			own[i] = math.Min(math.Max(math.Log(p[i]/q)-low, 0), h)
		}
	}
	// All classes stand equally far above their low ends: as far as the lowest of those that matter. The others stand one grid
	// point lower.
	shift = h
	for i := range p {
		if p[i] > 1e-5 {
			shift = math.Min(shift, own[i])
		}
	}
	pmf = make([]float64, len(p)+1)
	for i := range p {
		if own[i] >= shift {
			pmf[i+1] += p[i]
		} else {
			pmf[i] += p[i]
		}
	}
	return pmf, first - 1, shift - 1e-12 // the logarithm above is good to far less
}

// pldItem is an item and how many periods of a lifetime it is measured in.
type pldItem struct {
	Item
	participations int64
}

// pldEpsilon bounds the epsilon of a lifetime from both sides by composition of single cells.
func pldEpsilon(items []pldItem, delta, h float64) (low, high float64) {
	var mean, variance float64 // only to choose the window
	for _, it := range items {
		m := float64(it.Linf) / it.Sd
		mean += float64(it.L0*it.participations) * m * m / 2
		variance += float64(it.L0*it.participations) * m * m
	}
	width := 2*(9*math.Sqrt(variance)+1) + 4*mean
	n := 1 << bitsFor(width/h)
	start := int(math.Round(mean/h)) - n/2
	up, down := newSpectrum(n), newSpectrum(n)
	var shift, lost float64
	for _, it := range items {
		c := cell{float64(it.Linf), it.Sd}
		times := it.L0 * it.participations
		pmf, first, unbounded := c.above(h)
		up.times(pmf, first, times)
		lost += float64(times) * unbounded
		pmf, first, s := c.below(h)
		down.times(pmf, first, times)
		shift += float64(times) * s
	}
	return readEpsilon(down.pmf(start), float64(start)*h+shift, h, delta), readEpsilon(up.pmf(start), float64(start)*h, h, delta-lost)
}

func bitsFor(x float64) int {
	bits := 0
	for float64(int(1)<<bits) < x {
		bits++
	}
	return bits
}

// readEpsilon solves delta(epsilon) = delta where mass i stands at a + i h.
func readEpsilon(pmf []float64, a, h, delta float64) float64 {
	var p, q float64 // of the losses above epsilon: mass, and mass times e^-loss
	for i := len(pmf) - 1; i >= 0; i-- {
		loss := a + float64(i)*h
		if loss <= 0 {
			break
		}
		m := math.Max(pmf[i], 0)
		if p-math.Exp(loss)*q > delta { // between this grid point and the one before
			return math.Log((p - delta) / q)
		}
		p += m
		q += m * math.Exp(-loss)
	}
	if p-q <= delta {
		return 0
	}
	return math.Log((p - delta) / q)
}

// spectrum is the transform of a distribution on a circle of n grid points.
type spectrum []complex128

func newSpectrum(n int) spectrum {
	s := make(spectrum, n)
	for i := range s {
		s[i] = 1
	}
	return s
}

// times convolves the distribution with a pmf that begins at grid point first, n times.
func (s spectrum) times(pmf []float64, first int, n int64) {
	f := make([]complex128, len(s))
	for i, p := range pmf {
		at := (first + i) % len(s)
		if at < 0 {
			at += len(s)
		}
		f[at] += complex(p, 0)
	}
	fft(f)
	for i, x := range f {
		s[i] *= power(x, n)
	}
}

func power(x complex128, n int64) complex128 {
	y := complex128(1)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			y *= x
		}
		x *= x
	}
	return y
}

// pmf is the distribution from grid point start on.
func (s spectrum) pmf(start int) []float64 {
	f := make([]complex128, len(s))
	for i, x := range s {
		f[i] = cmplx.Conj(x)
	}
	fft(f)
	out := make([]float64, len(s))
	for i := range out {
		at := (start + i) % len(s)
		if at < 0 {
			at += len(s)
		}
		out[i] = real(f[at]) / float64(len(s))
	}
	return out
}

// fft transforms in place; the length is a power of two.
func fft(f []complex128) {
	n := len(f)
	for i, j := 1, 0; i < n; i++ {
		bit := n >> 1
		for ; j&bit != 0; bit >>= 1 {
			j ^= bit
		}
		j ^= bit
		if i < j {
			f[i], f[j] = f[j], f[i]
		}
	}
	roots := make([]complex128, n/2)
	for i := range roots {
		roots[i] = cmplx.Rect(1, -2*math.Pi*float64(i)/float64(n))
	}
	for size := 2; size <= n; size *= 2 {
		for k := 0; k < n; k += size {
			for i := range size / 2 {
				a, b := f[k+i], f[k+i+size/2]*roots[i*(n/size)]
				f[k+i], f[k+i+size/2] = a+b, a-b
			}
		}
	}
}

// randomPlan makes a plan as somebody might write one: a few items of 1 to 20 cells in any unit, once or in several periods.
func randomPlan(r *rand.Rand) []pldItem {
	items := make([]pldItem, 1+r.IntN(12))
	loud := math.Exp(r.Float64() * math.Log(3)) // some plans spend much, some little
	for i := range items {
		linf := int64(1 + r.IntN(3)*r.IntN(200))
		l0 := int64(1)
		if r.IntN(3) == 0 {
			l0 = int64(1 + r.IntN(20))
		}
		sigma := math.Exp(math.Log(4)+r.Float64()*math.Log(8)) / loud * math.Sqrt(math.Sqrt(float64(l0)))
		items[i] = pldItem{Item{L0: l0, Linf: linf, Sd: sigma * float64(linf)}, int64(1 + r.IntN(4)*r.IntN(2))}
	}
	return items
}

// lifetime is what a plan costs by the program's own accounting.
func lifetime(items []pldItem) (Mu2, error) {
	var total Mu2
	for _, it := range items {
		m, err := it.Loss()
		if err != nil {
			return 0, err
		}
		if m, err = m.Times(it.participations); err != nil {
			return 0, err
		}
		if total, err = total.Add(m); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// TestEpsilonAgainstComposedLosses: on random plans our epsilon lies between the two bounds of the numerical accountant, and at
// most 1 % above the upper one.
func TestEpsilonAgainstComposedLosses(t *testing.T) {
	t.Parallel()
	plans := 1000
	if testing.Short() {
		plans = 100
	}
	const h = 0.004
	var mu sync.Mutex
	var widest, most, least float64
	least = math.Inf(1)
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := range next {
				r := rand.New(rand.NewPCG(uint64(seed), 2019))
				items := randomPlan(r)
				delta := []float64{1e-6, 1e-6, 1e-5, 1e-8}[r.IntN(4)]
				loss, err := lifetime(items)
				if err != nil {
					t.Error(err)
					continue
				}
				ours, err := loss.Epsilon(delta)
				if err != nil {
					t.Error(err)
					continue
				}
				low, high := pldEpsilon(items, delta, h)
				if ours < low || ours > 1.01*high || low > high {
					t.Errorf("plan %d, %d items, mu %.3f, delta %v: ours %.6f, composed losses say [%.6f, %.6f]", seed, len(items), loss.Mu(), delta, ours, low, high)
				}
				mu.Lock()
				widest, most, least = max(widest, (high-low)/high), max(most, ours/high), min(least, ours/low)
				mu.Unlock()
			}
		})
	}
	for seed := range plans {
		next <- seed
	}
	close(next)
	wg.Wait()
	t.Logf("%d plans: ours is at most %.7f of the upper bound and at least %.7f of the lower one, which are at most %.2f %% apart", plans, most, least, 100*widest)
	if widest > 0.02 { // a reference that allows everything shows nothing
		t.Errorf("the two bounds are up to %.2f %% apart", 100*widest)
	}
}

// What the comparison must not let pass: mistakes of an accountant.
func TestComposedLossesTellMistakesApart(t *testing.T) {
	items := []pldItem{{Item{1, 1, 6}, 4}, {Item{4, 3, 36}, 1}, {Item{1, 60, 900}, 3}}
	low, high := pldEpsilon(items, 1e-6, 0.002)
	if low > high || high > 1.01*low {
		t.Fatalf("the bounds are [%v, %v]", low, high)
	}
	for name, wrong := range map[string][]pldItem{
		"l0 forgotten":             {{Item{1, 1, 6}, 4}, {Item{1, 3, 36}, 1}, {Item{1, 60, 900}, 3}},
		"participations forgotten": {{Item{1, 1, 6}, 4}, {Item{4, 3, 36}, 1}, {Item{1, 60, 900}, 1}},
		"an item forgotten":        {{Item{1, 1, 6}, 4}, {Item{4, 3, 36}, 1}},
		"noise said 1 % larger":    {{Item{1, 1, 6.06}, 4}, {Item{4, 3, 36.36}, 1}, {Item{1, 60, 909}, 3}},
	} {
		loss, err := lifetime(wrong)
		if err != nil {
			t.Fatal(err)
		}
		if eps, err := loss.Epsilon(1e-6); err != nil || eps >= low {
			t.Errorf("%s: epsilon %v passes, the lower bound is %v", name, eps, low)
		}
	}
	for name, wasteful := range map[string][]pldItem{
		"losses added, not their squares": {{Item{1, 1, 6 / math.Sqrt(3)}, 4}, {Item{4, 3, 36}, 1}, {Item{1, 60, 900}, 3}},
		"noise said 2 % smaller":          {{Item{1, 1, 5.88}, 4}, {Item{4, 3, 35.28}, 1}, {Item{1, 60, 882}, 3}},
	} {
		loss, err := lifetime(wasteful)
		if err != nil {
			t.Fatal(err)
		}
		if eps, err := loss.Epsilon(1e-6); err != nil || eps <= 1.01*high {
			t.Errorf("%s: epsilon %v passes, the upper bound is %v", name, eps, high)
		}
	}
	// One item alone against the printed formula: the numerical accountant is right where it can be checked.
	for _, mu := range []float64{0.05, 0.3, 0.8378, 2} {
		low, high := pldEpsilon([]pldItem{{Item{1, 1, 1 / mu}, 1}}, 1e-6, 0.002)
		want, _ := bigEpsilon(mu, 1e-6).Float64()
		if !(low <= want && want <= high && high <= want*1.005) {
			t.Errorf("mu %v: epsilon %v, the numerical accountant says [%v, %v]", mu, want, low, high)
		}
	}
}

// TestEpsilonOfLossesAgainstBisection: from a loss as the ledger holds it to the epsilon that is printed, against the
// formula in 500 bits, for the losses that plans have.
func TestEpsilonOfLossesAgainstBisection(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2018))
	runs := 20
	if testing.Short() {
		runs = 8
	}
	for range runs {
		m := Mu2(math.Exp(r.Float64()*math.Log(4e14)) + 1)
		delta := math.Pow(10, -3-9*r.Float64())
		got, err := m.Epsilon(delta)
		if err != nil {
			t.Fatal(err)
		}
		over, _ := sub(num(got), bigEpsilonOf(m, delta)).Float64()
		if over < -1e-12 || over > 2e-9 { // 1e-9 of Epsilon, and the root of the loss rounded up; the bisection ends above the truth, by 1e-16
			t.Errorf("mu^2 %v, delta %v: epsilon %v is %v above the bisection in 500 bits", m, delta, got, over)
		}
	}
}

// bigEpsilonOf bisects the formula for the exact root of a loss.
func bigEpsilonOf(m Mu2, delta float64) *big.Float {
	mu := new(big.Float).SetPrec(prec).Sqrt(quo(num(float64(m)), num(float64(Unit))))
	low, high := num(0), num(1)
	for bigDelta(high, mu).Cmp(num(delta)) > 0 {
		high = mul(high, num(2))
	}
	for range 55 {
		middle := quo(add(low, high), num(2))
		if bigDelta(middle, mu).Cmp(num(delta)) > 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// TestASpendIsNeverTooSmallToCount: however small a loss is, it is booked, and a large sum does not swallow it. (With floats, a
// budget of 1 never noticed spends below 1e-16; subnormal ones were zero.)
func TestASpendIsNeverTooSmallToCount(t *testing.T) {
	const subnormal = 5e-324
	for _, it := range []Item{{1, 1, 1 << 30}, {1, 1, 1e18}, {1, 1, 1e200}, {1, 1, math.MaxFloat64}, {3, 7, 1e300}} {
		m, err := it.Loss()
		if err != nil || m != 1 {
			t.Errorf("%+v costs %v, %v; want one unit", it, m, err)
		}
	}
	for _, mu := range []float64{subnormal, 1e-308, 1e-160, 1e-9} {
		if m, err := OfMu(mu); err != nil || m != 1 {
			t.Errorf("mu %v costs %v, %v; want one unit", mu, m, err)
		}
	}
	if m, err := (Item{1, 1, subnormal}).Loss(); err == nil {
		t.Errorf("an item with next to no noise costs %v", m)
	}
	limit, err := CapFor(4, 1e-6)
	if err != nil {
		t.Fatal(err)
	}
	spent := limit - 1000
	for range 1000 {
		m, _ := Item{1, 1, math.MaxFloat64}.Loss()
		if spent, err = spent.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	if spent != limit {
		t.Errorf("a thousand spends beside %v come to %v", limit-1000, spent)
	}
	if e, err := (limit + 1).Epsilon(1e-6); err != nil || e < 4-1e-9 {
		t.Errorf("one unit above the cap is epsilon %v, %v", e, err)
	}
	// The sum of many is the same in any order and grouping; that of floats is not.
	r := rand.New(rand.NewPCG(3, 2457))
	items := make([]Item, 5000)
	for i := range items {
		items[i] = Item{1, 1, math.Exp(r.Float64() * 40)}
	}
	want, err := ItemsLoss(items)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		r.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		cut := r.IntN(len(items))
		a, errA := ItemsLoss(items[:cut])
		b, errB := ItemsLoss(items[cut:])
		if sum, err := Sum(b, a); err != nil || errA != nil || errB != nil || sum != want {
			t.Errorf("%v in one order, %v in another (%v, %v, %v)", want, sum, err, errA, errB)
		}
	}
}
