// Package measures says what is measured: for each measure one folder with its SQL and its declaration, and the relations
// that measures share in common/.
//
// The SQL runs over the session of package lake and a table params(asof DATE). In order: Entries makes the relation
// entries (who entered, and when); the caller makes cohort, with the same columns, from those of a period; Common makes
// dimensions and the relations that measures need; a measure's SQL makes one table with one row per person of the cohort;
// a vector selects (person, cell, value) from it. Tables are made once per cohort and as-of and replaced when made again.
//
// All statements are total: no value of a row makes them fail. They hold integers only, name their columns, and know
// neither the time of day nor chance: time comes in through params and cohort. What leaves a vector is still exact and
// about single persons; only package privacy may look at it.
package measures
