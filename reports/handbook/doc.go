// Package handbook writes what is measured for somebody who has to judge it from outside: a sheet for each measure, and
// the methodology handbook of all of them.
//
// It holds no number of its own. Definitions, bounds and windows come from the declarations, how figures follow from noisy
// numbers from the formulas, prices and dates from a release plan, columns from the dictionary and the SQL, examples from
// the tests.
package handbook
