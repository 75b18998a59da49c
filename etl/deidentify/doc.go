// Package deidentify runs at the agency: raw exports in, one complete drop out, and nothing identifying leaves.
//
// What leaves is decided by what the dictionary and the agreement name; everything else stays. There is no column of
// free text. A cell leaves only if it is of its column's type: a code of the closed list, a number in its range, a
// date that exists. A cell that is not stops the run (problem.Refused): a name in a column of codes is a leak, not a
// typing error, and no rule can tell the two apart. The cell itself is never shown, only its file, line and column.
//
// Every key is replaced by HMAC-SHA256 under the agency's own key, over population, kind of key and own number: the
// same number gives the same pseudonym in every file and run of one agency, and nothing in common with another
// agency's, or with the same number in another role. Names, birth dates and numbers become a set of linkage tokens (package tokens) under the
// linkage key, in a domain for each population, birth_year, and the age at an engagement; then they are dropped. Persons and accused
// persons are sealed to the home: no token lies in clear on a disk or on SFTP.
//
// After the last file a gate with its own reading reads everything back, sealed files before they are sealed: shape of every cell, what
// package leak looks for, and no cell that holds a name, birth date or number of this batch, plain, encoded or hashed. Only then the manifest
// is written, last. A run that fails removes its drop; one that is killed leaves a drop without manifest, which counts nowhere.
//
// Input is the dictionary's own files, an agency's files by a mapping (package mapping), or an HMIS CSV export.
//
// In memory stay the persons of the batch (about 60 bytes each) and hashes of their clear values, never the rows.
package deidentify
