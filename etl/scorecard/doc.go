// Package scorecard says how good what a partner sends is: for the partner itself, beside its receipts, and for whoever
// operates the warehouse. One number of 0 to 100 judges the last drop:
//
//	score = 100 x (0.4 valid + 0.3 known + 0.2 on time + 0.1 consistent)
//
//	valid       accepted rows over all rows of the drop that are not blank
//	known       over the columns that feed a measure, may be sent by the agreement, belong to an entity of the drop and can
//	            be unknown: the mean of the share of rows that say something there, neither nothing nor the word unknown.
//	            Columns in which nothing is an answer do not count: the end of what goes on, a precision, the outcome of a
//	            case that is open. 1 where no column can be unknown
//	on time     1 where the drop is within the freshness that was agreed, a week of grace included; else 0
//	consistent  over the entities of this drop and the one before it: the mean of the smaller number of accepted rows for
//	            each day covered over the larger, against the median of the last drops of the same mode; 1 for a first
//	            drop. Half as many rows a day as usual give 0.5
//
// Beside the score stand what does not enter it: unique, the share of rows that do not repeat a key of their file, and
// timely, the share of the last drops that came within the promise after the one before.
//
// A card is a function of the partner's own drops, its agreement and the date. It does not change with what others send,
// nor with what became of a row after it was receipted: what a drop says in its columns is counted once, when it was
// taken, so that a person who was forgotten since leaves no trace here. It depends on records, so it never leaves the
// house but to the partner.
package scorecard
