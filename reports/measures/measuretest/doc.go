// Package measuretest runs the SQL of package measures over a handful of rows in a DuckDB of its own, for tests.
//
// It makes the relations of the lake session (every entity of the dictionary, agencies, coverage, people, the macros code
// and label) from the dictionary itself, so a test of a measure needs no lake. A case is one txtar file: the rows of each
// table, and the exact cells that every listed vector must have. Cells that are not listed must be zero.
//
//	What this file is about.
//	-- case --
//	period 2026Q3            # asof 2026-11-13 may follow on a line of its own; default: the first due date of each wanted vector
//	-- agencies --
//	name,kind
//	-- coverage --           # optional; default: every agency covers every entity
//	agency,entity,covers_from,covers_to
//	-- engagements --        # any entity of the dictionary; person and agency are names; # starts the line of why
//	person,agency,engaged_at,channel
//	A,agency-police,2026-07-03T22:00-07:00,patrol_contact   # the first contact
//	-- want --
//	time-to-emergency-service.curve 4h 1                     # A
//
// Persons are numbered in the order of their names, agencies likewise. An absent key column is filled with row numbers.
// The table people (person,population,measured) is optional: who is in ad_snapshots is a measured profile, everybody else a
// measured minor. A row without a person (a snapshot that found nothing) leaves the cell empty.
package measuretest
