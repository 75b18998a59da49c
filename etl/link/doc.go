// Package link decides which files are about one person.
//
// A file is what one agency holds about one person: population, partner and person_key. Assign is given the files that
// have no person yet and gives each one, once and for ever: no later file, and no change of its own tokens, moves it.
//
//   - Only tokens of founding files are matched. A file that joins a person adds none, so it can never bridge two
//     persons, whatever it carries.
//   - Two files match if the same token column holds the same value in both, within one population. There is no score
//     and nothing is learnt from the rest of the data: the verdict on two files depends on the two alone.
//   - One agency has at most one file of a person. A second one stays alone, founds nothing and is not measured; the
//     files that were there before keep their person. An agency that makes up twins of a child can only hide its twins.
//
// Files are taken in the order of created, partner, person_key. So the outcome is a function of what came before and of
// the new files; the pseudonyms are random, and drawn from the reader that is passed in.
package link
