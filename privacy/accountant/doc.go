// Package accountant says what a person can lose by a set of Gaussian measurements,
// as an integer that can be hashed, and as the epsilon that readers know.
//
// The unit of account is [Mu2]: the square of mu of Gaussian differential privacy
// (Dong, Roth and Su 2019), in steps of 1e-12, as an int64. Squares of mu add, and integers
// add in any order to the same sum, which sums of floats do not. Every rounding goes
// against us: a cost is rounded up, a cap is rounded down, and a sum that does not fit is an
// error, never a wrap.
//
// [Epsilon] converts by theorem 8 of Balle and Wang 2018,
//
//	delta(epsilon) = Phi(-epsilon/mu + mu/2) - e^epsilon Phi(-epsilon/mu - mu/2),
//
// which is exact for the Gaussian mechanism. The result is never below the true epsilon and at
// most 1e-9 above it, for mu in [1e-6, 2000] and delta in [1e-100, 1/2]. [MuFor] is its inverse and is
// never above the true mu. No other accountant (Renyi, zCDP, moments, advanced composition) is used anywhere
// in this program, and none may be mixed in: their deltas mean other things.
//
// What a plan costs is computed twice, by functions that share no arithmetic: [ItemsLoss]
// from the declared bounds in exact rationals, and [VectorsLoss] from explicit worst-case
// differences of two tables in floating point. A caller that spends compares both.
//
// What is not here: the 2^-45 per draw by which the sampler may differ from a Gaussian. It is a probability
// and is booked in delta (see package mechanism), not in mu.
package accountant
