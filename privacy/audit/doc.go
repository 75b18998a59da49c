// Command audit plants bugs in the privacy engine, one after the other, and shows that the tests kill each.
//
//	go run ./privacy/audit                 every mutant; exit 1 if one survives, is broken, or no longer fits the code
//	go run ./privacy/audit -only 'C4|C13'  those whose name matches
//	go run ./privacy/audit -list           names and files
//
// The audit has three parts, and `make audit` runs them all (docs/audit.md says what they show):
//
//   - Deterministic: privacy/audit_test.go and privacy/adversary_test.go remove adversarial persons from small warehouses, run the
//     real statements of a release with and without each, and compare the sums, whitened, with what is declared.
//   - Statistical: privacy/audit_noise_test.go measures mu from drawn noise, with ten copies of the worst person.
//   - Mutants: this folder. If a planted bug passes, the other two prove nothing.
//
// # Adding a mutant
//
// A mutant is an entry of the table in mutants.go: a name, the folder of the package whose tests must kill it, a pattern for
// those tests, and edits. An edit is a file (from the root of the repository), a text that occurs in it exactly once,
// and what stands in its place. Nothing in the program knows of mutants: the changed file is handed to the
// compiler by go test -overlay.
//
//  1. Begin the name with the point of the threat list (C1 to C27) and say the bug in a few words: "C4 arrival order
//     instead of a keyed hash".
//  2. Take as old text the shortest line that is the guard, so that unrelated changes do not move it.
//  3. The new text must compile: a mutant that does not build is an error, not a kill. If a name becomes unused, use it.
//  4. Name the tests that ought to notice, not all of the package: that keeps a run short, and says who guards what.
//  5. go run ./privacy/audit -only 'words of the name'. A survivor means that a test is missing. Write it in the package
//     where the guard is, see it pass, and see it kill the mutant.
//
// When code moves, TestEveryMutantFits fails and names the edit: aim it at the new text, or, where the guard itself has gone, find out
// why before the mutant goes too. Mutants marked quick are run by the ordinary tests as well; they must be of packages that
// build without DuckDB.
package main
