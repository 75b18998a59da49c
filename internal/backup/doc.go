// Package backup makes one sealed file of a whole home while others work on it, and a home of such a file.
//
// The file is tar, in zstd, in age: whoever has the key, age, zstd and tar can open it without this program. Its first
// entry, .backup.json, says what follows; then come the folders and files of the home by their paths, and an entry that says
// how much it was. A file that stands in several generations is in it once; its other names are hard links, to files of the archive only.
//
// Consistent means: as the home was at one moment, with nobody at work. View takes that picture under the home's lock, by
// hard links to what never changes and copies of the rest, so the lock is held for moments. The area of the partners is
// not under the lock; of it come the drops that were complete when the picture was taken, and they do not change any more.
//
// Age authenticates every piece and the end: a file that was cut or changed is refused. It does not say who sealed it:
// whoever knows the public key can, which is why a restored home is verified and its ledger's fingerprint shown.
package backup
