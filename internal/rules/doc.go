// Package rules holds tests about the shape of the module: what may import what and why, pinned versions, and the top
// of the tree. It has no code of its own.
package rules
