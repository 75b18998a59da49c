// Package privacy is the only door between the lake and what leaves the house.
//
// One way leads through it: a plan is declared before data is read; the SQL that bounds what one person can change is
// written here and runs on the lake's session; one Gaussian draw is added to every cell; figures are derived from the
// noisy cells alone; a ledger entry is durable before the first draw. Package accountant counts what a person can
// lose, package mechanism draws, package ledger records.
//
// The privacy unit is one linked person (one attendance, one pledge, one profile in the populations without
// identities). Neighbouring tables differ in all files of one linked person. A release with loss mu is mu-GDP (Dong,
// Roth, Su, "Gaussian differential privacy", 2019), and losses of releases add in squares.
//
// What it leaves behind after a crash: before the ledger entry, nothing but staged files that no entry names. After
// it, either a complete pending release, which the next run promotes, or a booked attempt without figures, which may
// be repeated once from the reserve with more noise. The same truth never gets two draws at one price.
package privacy
