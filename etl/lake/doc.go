// Package lake keeps what is current, person by person, in numbered generations of Parquet files.
//
// A generation is a folder, lake/generations/N. Build writes one from the checked rows of landing/ and swaps the pointer
// lake/current to it as the last step; until then nothing names the folder and a crash leaves only what the next Build
// sweeps away. No file of a generation is ever written again: each is read-only, created once, and hard-linked from the
// generation before where its inputs did not change. A reader holds a shared lock on the folder of its generation; Clean
// needs the exclusive one, so it never takes a generation from under a reader.
//
// The fold. For one partner and entity the current rows are those of the last snapshot that lists the entity, with every
// later delta inserted or replaced by key, drops taken in the order of created, then name; in one file the first line of a
// key wins, and deleted = yes removes it. A row whose person has no current persons row (accused_persons row) of that
// partner is held: it takes no part, and does so by itself once the persons row is there. It does not hide an older row
// of its key either. A person whose release is none or has run out on the night's local date is not loaded, nor is any
// row of that person from that partner.
//
// An entity of a partner is one file, sorted by person. From a million rows on a delta is laid beside it, and a list names by file and
// position the rows that no longer count; in the first night of a month the files become one (layers.go, increment.go).
//
// DuckDB does the fold, in memory, spilling into the staging folder. The architecture wants what lands in the lake to be
// written by parquet-go, because partner files must not reach DuckDB and because COPY is not atomic. Neither reason
// holds here: the only input is Parquet that our own checker wrote, and COPY points at the staging folder, from where
// durable.Publish links the finished file to its name. What is gained is a sort and a join whose memory is bounded
// however large a partner's history gets. Every file is read back with parquet-go, which is not the code that wrote it,
// before it is published: that pass counts the rows and computes the content hash.
//
// The content hash of a generation is the sum modulo 2^256 of the SHA-256 of each logical row: entity, partner and the
// values by column name, codes by their text; hidden rows are taken away. Neither order, nor person numbers, pseudonyms, line numbers, file
// boundaries or compression enter it, so two homes that took the same drops in any order of arrival have the same one.
//
// A Session reads one generation through an in-memory DuckDB that is locked down before the caller's first statement:
// it may open the entity files and people.parquet of that generation and nothing else (not even the crosswalk or the
// tokens), cannot write a file, load code or change a setting.
package lake
