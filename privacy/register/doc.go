// Package register remembers who was measured: the members of each frozen cohort, and for each ledger entry the persons who
// were exposed to it and at what price. It holds protected data and nothing of it leaves: files are sealed (AES-256-GCM),
// [ID] and [Member] cannot be printed, and no function returns how many were left out.
//
// # Commit
//
// A file is staged before the ledger entry of its release. The entry carries the HMAC of the sealed bytes, and is the one
// point from which the file holds: [Register.Apply] then gives a staged file its name, after the entry as at the next start,
// and drops what no entry names. So a cohort that no entry names never froze, and an exposure that no entry names never
// happened. [Register.Load] refuses a file that is not the one the ledger names, and a named file that is missing:
// an older register, a deleted file and a changed byte are all noticed.
//
// Two files change between entries: who was merged or split (links) and who was forgotten (tombstones). Each says inside
// which committed version it follows. Taking back a version that an entry has named is noticed; taking back one that no entry
// has named yet is not.
//
// # Spending
//
// All in whole units of 1e-12 mu^2, from plan and ledger alone. A person who was eligible pays the full price of an item,
// whether or not the person fell into a cell. Who was n persons in one draw has n times its mu, which is n^2 times its price;
// independent draws add in squares (red team C2). [Book.Admit] leaves out whom the cap does not cover any more, and whom a series has had in as
// many periods as it may. By plan that never happens; merges, splits and imports can make it happen.
//
// # What is not promised
//
// Readers of the home who hold keys/register.key read everything. A copy of an older file in a backup stays readable to them
// also after [Register.Forget].
package register
