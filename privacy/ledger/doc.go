// Package ledger is the only record of what has been spent on each population.
//
// # Promise
//
// An entry is on disk, fsynced under its final name, before [Ledger.Append] returns; noise is drawn only after that. A crash
// may waste budget; it never gives one truth two noises. Entries are never changed and never removed: a wrong one is
// followed by a correcting one. An append that reported an error may still have been done; whoever opens the ledger
// next counts it as spent. An item that was measured is not measured again: what it is called does not matter,
// what counts is its population, its cohort and its cells.
//
// # Format
//
// One file per entry, NNNNNN.json from 000001 on, made once and never written again. It is JSON with two spaces of
// indent, the fields in the order of [Entry], no field twice and none unknown, numbers in their shortest form, a line end at the
// end: there is exactly one way to write an entry, and [Parse] refuses the others. Losses are whole numbers of 1e-12 of
// mu^2 (package accountant). "prev" is the SHA-256 of the file before, in hex. "signature" is Ed25519, in hex, over the line "heatwatch
// ledger entry" and the file with an empty signature. The public key stands in the first entry, in the notation of
// golang.org/x/mod/sumdb/note.
//
// head.note is a signed note of four lines: "heatwatch ledger", home id, number of entries, hash of the last one. It is
// replaced after each append. It may lag behind after a crash; it can never be ahead of the entries unless entries were
// taken away.
//
// # What is noticed, and what is not
//
// Any changed byte, a missing, added, swapped or re-signed entry, an entry cut off the end: [Verify] and [Open]. A complete older copy
// of the whole home: not from inside; [Ledger.Compare] notices it against a head that was kept elsewhere. A home that was copied
// file by file, or restored from a backup, knows it by [Ledger.Place]. A date before that of the last entry is refused: the
// clock was set back. Whoever holds keys/ledger.key can write another history; only witnesses outside limit that.
//
// # Copies
//
// Two copies of a home that both release draw noise twice over the same persons. [Ledger.Missed] compares this ledger with
// another copy's: what follows the last entry here is taken over as it is ([Ledger.Extend]), what is of another history is
// charged in full by an import, and in both cases the cohorts that nobody can know any more are closed for good.
//
// # What is public
//
// All of it. Dates, never times of day. Hashes cover public content only; protected content (a generation, the
// register) enters as HMAC under keys/commitment.key, because a plain hash lets whoever knows all records
// but one test that one.
//
// # Who may call
//
// Append and Create want the home's lock held. If it is not, the file system still lets only one of two processes make entry
// n; the other gets an error and has spent nothing.
package ledger
