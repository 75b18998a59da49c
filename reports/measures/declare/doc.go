// Package declare holds the words in which a measure is declared: what it says, whom it is about, which statistics it
// has, and which vectors (person, cell, value) its SQL yields.
//
// A declaration is public and fixed before data is read: cells, bounds and value lists come from the dictionary and from
// the definition, never from records. Package privacy reads no more of a measure than this.
package declare
