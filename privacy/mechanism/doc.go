// Package mechanism adds Gaussian noise to integer sums, one draw per cell.
//
// The noise is that of github.com/google/differential-privacy/go/v3: a binomial sample on a fine grid, from the
// operating system's random source, rounded to an integer. The sum is an integer too, so the result is the sum plus a rounded Gaussian, and
// rounding is only post-processing. There is no seed, no hook, no source of randomness that a caller could pass in,
// no switch for tests: what is tested is the distribution.
//
// The library has no "draw with this sd": it takes an epsilon and a delta. [Prepare] turns that around. It searches the
// largest epsilon whose sd is still at least the wanted one, and keeps as sd what the library computes for the
// very arguments that are used in the draw. That sd is what is booked; the epsilon is a knob and means nothing.
//
// What is refused or raised before anything is drawn, because the library would draw too little noise without a word:
//
//   - l0 or linf below 1, or l0 * linf above 2^40 (their product wraps in the library);
//   - a sigma below 2^-5 of linf is raised to it: from an epsilon of about 710 on e^epsilon is infinite there, and the sd it
//     computes is zero;
//   - an sd above 2^30, or a sum beyond 2^52 (not exact as a float64 any more).
//
// The sampler's support ends near 8.8 sd and its search for a sample may be cut short: both with probability of at most
// 2^-45 per draw. [DeltaPerDraw] is booked in delta for each draw.
//
// The library buffers random bytes inside the process. A release therefore runs in a process of its own, that nothing
// clones or continues: two copies of one buffer would add the same noise to two tables, and the difference of the
// two would be exact.
package mechanism
