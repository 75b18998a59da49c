package accountant

import (
	"errors"
	"fmt"
	"math"
	"math/big"
)

// Mu2 is a squared mu in units of 1e-12. One unit is mu = 1e-6, the largest value is mu = 3037, which is
// epsilon 4.6 million: more than any cap that this program accepts.
type Mu2 int64

// Unit is how many units make mu = 1.
const Unit Mu2 = 1_000_000_000_000

// ErrOverflow says that a loss does not fit into a Mu2. Nothing may be spent on it.
var ErrOverflow = errors.New("accountant: the loss is larger than can be counted: plan fewer items or more noise")

// Add is the composition of two losses.
func (m Mu2) Add(other Mu2) (Mu2, error) {
	if m < 0 || other < 0 {
		return 0, errors.New("accountant: a loss below zero was added: losses are never given back")
	}
	if m > math.MaxInt64-other {
		return 0, ErrOverflow
	}
	return m + other, nil
}

// Times is the loss of n participations that cost m each.
func (m Mu2) Times(n int64) (Mu2, error) {
	if m < 0 || n < 0 {
		return 0, errors.New("accountant: a loss below zero was multiplied: losses are never given back")
	}
	if n != 0 && int64(m) > math.MaxInt64/n {
		return 0, ErrOverflow
	}
	return m * Mu2(n), nil
}

// Sum composes any number of losses.
func Sum(losses ...Mu2) (Mu2, error) {
	var total Mu2
	for _, m := range losses {
		var err error
		if total, err = total.Add(m); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// Mu is the smallest float64 that is not below the root of m.
func (m Mu2) Mu() float64 {
	if m <= 0 {
		return 0
	}
	mu := math.Sqrt(float64(m) / float64(Unit))
	for squareAtLeast(mu, m) {
		mu = math.Nextafter(mu, 0)
	}
	for !squareAtLeast(mu, m) {
		mu = math.Nextafter(mu, math.Inf(1))
	}
	return mu
}

// squareAtLeast compares mu^2 with m exactly.
func squareAtLeast(mu float64, m Mu2) bool {
	f := new(big.Float).SetPrec(200).SetFloat64(mu)
	f.Mul(f, f).Mul(f, new(big.Float).SetInt64(int64(Unit)))
	return f.Cmp(new(big.Float).SetInt64(int64(m))) >= 0
}

// Epsilon is the epsilon of this loss at delta, never below the true one.
func (m Mu2) Epsilon(delta float64) (float64, error) {
	if m == 0 {
		return 0, checkDelta(delta)
	}
	return Epsilon(m.Mu(), delta)
}

// String prints mu^2 as a decimal fraction without loss.
func (m Mu2) String() string {
	sign, u := "", uint64(m)
	if m < 0 {
		sign, u = "-", -uint64(m)
	}
	return fmt.Sprintf("%s%d.%012d", sign, u/uint64(Unit), u%uint64(Unit))
}

// OfMu is the smallest loss that covers mu: mu^2 rounded up to the next unit.
func OfMu(mu float64) (Mu2, error) {
	if !(mu >= 0) || math.IsInf(mu, 0) {
		return 0, fmt.Errorf("accountant: mu is %v: it must be a number from 0 on", mu)
	}
	f := new(big.Rat).SetFloat64(mu)
	return ceil(f.Mul(f, f))
}

// ceil rounds a squared mu up to whole units.
func ceil(r *big.Rat) (Mu2, error) {
	r = new(big.Rat).Mul(r, new(big.Rat).SetInt64(int64(Unit)))
	q, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		q.Add(q, big.NewInt(1))
	}
	if !q.IsInt64() {
		return 0, ErrOverflow
	}
	return Mu2(q.Int64()), nil
}
