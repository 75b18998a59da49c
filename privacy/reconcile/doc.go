// Package reconcile makes noisy numbers agree that are about the same persons. It is pure numerics: it knows cells,
// variances and equalities, and nothing of plans, periods or records.
//
// A System lists homogeneous linear equalities with small whole coefficients between cells, and between cells and hidden
// numbers that nobody measured. From it follow two things.
//
// Project gives the unconstrained least-squares estimate: the linear map P = I - V A' (A V A')^-1 A, where A holds the
// independent equalities among measured cells and V the variances (best linear unbiased under linear constraints; C. R.
// Rao, "Linear Statistical Inference and Its Applications", 2nd ed., 4a.9). P follows from variances and equalities
// alone, so P x is unbiased, and its covariance is P V P' = P V. Which equalities are independent is found in whole
// numbers, never by a threshold.
//
// Present gives what may be shown: whole numbers, none below zero, that fulfil the equalities exactly. It goes top down:
// totals first, then lists that add up to a total, then tables whose two margins stand. A list or table is the nearest
// one to the estimates, in least squares, among those with the margins given: real numbers first, then whole ones (by
// largest remainder in a list; by shortest augmenting paths in a table, a flow with convex costs, of which whole solutions
// exist for all whole margins). Systems for which the way down could end in nothing are refused when the Presenter is made,
// before there is any number. The presented numbers are biased (an empty cell cannot err downwards): sums over time, shares
// and means must come from the estimates.
package reconcile
