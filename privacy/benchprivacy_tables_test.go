package privacy_test

import "testing"

// benchTables is not there yet: it compares what package reconcile presents with unconstrained least squares over a year of the
// county plan.
func benchTables(*testing.T, bool) []line {
	return []line{{what: "reconciled tables: RMSE of presented numbers, additive, non-negative; sums over 20 quarters of an empty cell", ours: "-",
		reference: "unconstrained least squares", bar: "<= 1.05 x, no exception, unbiased", open: "open"}}
}
