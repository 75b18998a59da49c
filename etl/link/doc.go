// Package link decides which files are about one person.
//
// A file is what one agency holds about one person: population, partner, person_key, and its tokens (one set of package tokens, or single
// token columns of an older form). Assign is given the files that have no person yet and gives each one, once and for ever: no later file, and
// no change of its own tokens, moves it. Only a steward's act does (merge, split).
//
//   - Candidates are the persons with whom a file shares a value; values that many files share name nobody (sieve).
//   - The score of a pair is a sum of frozen log-likelihood weights by field (Fellegi and Sunter 1969), one for each field at the level on
//     which the two agree or differ. It uses the two files alone, never counts of the rest of the data: what others send cannot move it.
//   - A file joins the person whose founder it agrees with by enough, and by a margin over the next best. Two that lead together are a
//     conflict: the file is held for the steward and is in no measure.
//   - A founder's agreement is needed always: a file that joins a person cannot bridge it to another one.
//   - One agency has at most one file of a person, where its agreement says so (Repeats: not). A second one stays alone, founds nothing and is
//     not measured. An agency that makes up twins of a child can only hide its twins.
//   - Twins share name or birth date with a sibling in one batch, which their agency marks; what they share does not count.
//
// Files are taken in the order of created, partner, person_key. So the outcome is a function of what came before and of
// the new files; the pseudonyms are random, and drawn from the reader that is passed in.
//
// Report estimates how many links are false and how many are missed without knowing the truth; Explain says why files are one person.
package link
