// Package tokens makes the linkage tokens of a person: what an agency knows about who somebody is, in; a constant number
// of keyed values, out.
//
// A token is HMAC-SHA256, cut to 128 bits, over the name of a domain and a few normalised parts: two names and a birth
// date, a name with one letter left out and a birth date, a number. No token stands for one name alone, and two records
// agree on a token only if they agree on all of its parts. Letters left out (deletion variants) let two spellings that
// differ by one letter inserted, left out, replaced or exchanged with its neighbour share a token (the symmetric deletion
// neighbourhood of FastSS; Bocek, Hunt, Stiller 2007).
//
// Every person has Count slots, each of one recipe: Leading for the name and the numbers that the record leads, the rest for further names
// (aliases, the halves of a double surname). Slots that a person has no value for hold random-looking padding, which
// nobody without the agency's own key can tell from a token, and the slots of a recipe are shuffled. So neither number nor
// order of tokens says how long a name is, or what is missing.
package tokens
