package accountant

import (
	"fmt"
	"math"
	"math/big"
)

// The range in which Epsilon and MuFor keep their promise of 1e-9.
const (
	MinMu    = 1e-6
	MaxMu    = 2000.0
	MinDelta = 1e-100
	MaxDelta = 0.5
)

func checkDelta(delta float64) error {
	if !(delta >= MinDelta && delta <= MaxDelta) {
		return fmt.Errorf("accountant: delta is %v: it must be between %v and %v", delta, MinDelta, MaxDelta)
	}
	return nil
}

// Epsilon is the smallest epsilon for which Gaussian differential privacy with mu implies
// (epsilon, delta), rounded up: never below the true one, at most 1e-9 above it.
//
// With t = epsilon/mu - mu/2 the formula of Balle and Wang becomes
//
//	delta = Phi(-t) - phi(t) M(t + mu),    M(x) = Phi(-x) / phi(x),
//
// because e^epsilon phi(t + mu) = phi(t): the exponential, which overflows at epsilon 710, is gone, and t stays between -mu/2 and 22
// however large epsilon is. delta falls as t rises, so t is found by bisection.
func Epsilon(mu, delta float64) (float64, error) {
	if err := checkDelta(delta); err != nil {
		return 0, err
	}
	if mu == 0 {
		return 0, nil
	}
	if !(mu >= MinMu && mu <= MaxMu) {
		return 0, fmt.Errorf("accountant: mu is %v: it must be 0 or between %v and %v", mu, MinMu, MaxMu)
	}
	low, high := -mu/2, 22.0 // epsilon 0; Phi(-22) is below MinDelta
	if deltaAbove(low, mu) <= delta {
		return 0, nil
	}
	for {
		middle := low + (high-low)/2
		if middle <= low || middle >= high {
			break
		}
		if deltaAbove(middle, mu) > delta {
			low = middle
		} else {
			high = middle
		}
	}
	return epsilonAt(high, mu), nil
}

// deltaAbove is delta at t, and never below it: what the floating-point operations can be off by is added. Erfc and
// Exp are good to one unit in the last place, but rounding their arguments costs t^2 of them here and up
// to 16 in mills.
func deltaAbove(t, mu float64) float64 {
	p := math.Erfc(t/math.Sqrt2) / 2
	q := math.Exp(-t*t/2) / math.Sqrt(2*math.Pi) * mills(t+mu)
	return p - q + (p+q)*4e-16*(30+t*t)
}

// mills is Mills' ratio Phi(-x)/phi(x) for x > 0.
func mills(x float64) float64 {
	if x < 4 {
		return math.Sqrt(math.Pi/2) * math.Exp(x*x/2) * math.Erfc(x/math.Sqrt2)
	}
	// Laplace's continued fraction 1/(x + 1/(x + 2/(x + 3/(x + ...)))), from the far end; 80 levels are
	// enough for 1e-17 at x = 4 and the error falls fast from there.
	f := x
	for k := 80; k >= 1; k-- {
		f = x + float64(k)/f
	}
	return 1 / f
}

// epsilonAt is mu t + mu^2/2, exactly, rounded up to a float64.
func epsilonAt(t, mu float64) float64 {
	m := new(big.Float).SetPrec(300).SetFloat64(mu)
	e := new(big.Float).SetPrec(300).SetFloat64(t)
	e.Mul(e, m)
	m.Mul(m, m)
	e.Add(e, m.Quo(m, big.NewFloat(2)))
	eps, accuracy := e.Float64()
	if accuracy == big.Below {
		eps = math.Nextafter(eps, math.Inf(1))
	}
	return math.Max(eps, 0)
}

// MuFor is the largest mu whose Epsilon at delta is not above epsilon, rounded down.
func MuFor(epsilon, delta float64) (float64, error) {
	if err := checkDelta(delta); err != nil {
		return 0, err
	}
	if !(epsilon > 0 && epsilon <= 1e6) {
		return 0, fmt.Errorf("accountant: epsilon is %v: it must be above 0 and at most 1e6", epsilon)
	}
	fits := func(mu float64) bool {
		e, err := Epsilon(mu, delta)
		return err == nil && e <= epsilon
	}
	low, high := MinMu, MaxMu
	if !fits(low) {
		return 0, fmt.Errorf("accountant: epsilon %v at delta %v needs mu below %v: too strict to be counted", epsilon, delta, MinMu)
	}
	for {
		middle := low + (high-low)/2
		if middle <= low || middle >= high {
			return low, nil
		}
		if fits(middle) {
			low = middle
		} else {
			high = middle
		}
	}
}

// CapFor is the largest loss, in whole units, whose Epsilon at delta is not above epsilon: the cap that a
// promised epsilon allows.
func CapFor(epsilon, delta float64) (Mu2, error) {
	mu, err := MuFor(epsilon, delta)
	if err != nil {
		return 0, err
	}
	m, err := OfMu(mu)
	if err != nil {
		return 0, err
	}
	for ; m > 0; m-- { // OfMu rounds up, a cap is rounded down
		if e, err := m.Epsilon(delta); err != nil || e <= epsilon {
			return m, err
		}
	}
	return 0, nil
}
