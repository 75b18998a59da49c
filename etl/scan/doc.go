// Package scan looks for what must not be in a home any more: the keys and tokens of somebody who was forgotten.
//
// It reads every file below the home. What is packed is unpacked and what is sealed to the home is opened: gzip, zstd, the
// kept drops, and each column of a Parquet file, beside the file's own bytes, which hold the smallest and largest values of
// columns. First it plants one control in a container of each kind. A scan that does not find every control has looked at
// nothing, and says so.
//
// A long value is random and is looked for anywhere. A short one, as an agency may make up its keys itself, says something
// only within its agency: it is looked for as a whole field, in that agency's extracts and in the columns of keys.
package scan
