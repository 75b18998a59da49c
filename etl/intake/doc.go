// Package intake judges what partners send: it reads one complete drop, checks every row against the data dictionary,
// and lands the good rows as our own Parquet beside a list of the others.
//
// What it promises:
//   - Rows are judged one by one. A bad row never costs a good neighbour: a line end closes a record whatever its quotes
//     say, so an unclosed quote costs one row, and so does a line of any length. A file is refused whole only for a
//     reason that makes its rows meaningless.
//   - rows = accepted + quarantined + blank, for every file and always.
//   - No value of a row leaves this package except into the landing Parquet. A quarantine record says where a value
//     stands and what kind it is ("text, 11 characters"), an error not even that.
//   - The same bytes give the same rows in the same order, the same Parquet file and the same receipt, whatever the
//     number of workers.
//   - Memory is flat: it depends neither on the length of a file, nor on that of a line, nor on what a compressed file
//     claims to hold.
//   - A drop counts once drop.json stands; it is written last and once. Before that, whatever a crash left is removed
//     by the next run.
//
// Bytes of partners never reach DuckDB: it treats data files as trusted input. The fast path (row.go) accepts only what
// needs no thought; every other row goes to the careful path (judge.go), which alone gives verdicts.
package intake
