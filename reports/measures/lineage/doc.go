// Package lineage finds which columns of the dictionary a measure's SQL rests on, from the text of the statements alone.
//
// It follows names, not types: a statement of ours makes a relation, each item of its SELECT list has a name, and an item
// counts only where somebody asks for that name. FROM, WHERE, GROUP BY and ORDER BY count wherever the relation is read:
// they decide which rows there are. Two things of one name are taken for one, so it may find a column too many, never
// one too few; a test empties every column that it does not find and sees that no figure of a worked example changes.
package lineage
