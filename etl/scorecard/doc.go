// Package scorecard says how good a partner's last drop was, in one number of 0 to 100 and the four parts that make it up:
//
//	score = 100 x (0.4 valid + 0.3 known + 0.2 on time + 0.1 consistent)
//
//	valid       accepted rows over all rows of the drop that are not blank
//	known       over the columns that feed a measure, may be sent by the agreement, belong to an entity of the drop and can
//	            be unknown: the mean of the share of rows that say something there, neither nothing nor the word unknown.
//	            Columns in which nothing is an answer do not count: the end of what goes on, a precision, the outcome of a
//	            case that is open. 1 where no column can be unknown
//	on time     1 where the drop came within the freshness that was agreed, a week of grace included; else 0
//	consistent  over the entities of this drop and the one before it: the mean of the smaller number of accepted rows for
//	            each day covered over the larger; 1 for a first drop. Half as many rows a day as last time give 0.5
//
// A score is for the partner and whoever operates the warehouse. It depends on records, so it never leaves the house.
package scorecard
