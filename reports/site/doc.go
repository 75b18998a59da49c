// Package site writes the public pages: a folder of plain files that opens from a disk as well as from a server.
//
// It promises: every number on a page is in a figure of a recorded release, beside its interval; a figure without a
// value is a dash with its reason; the names of all files follow from the measures and the languages, never from the
// data; the same input gives the same bytes and the same file times; nothing is fetched from anywhere, no script is
// shipped, and the content policy of each page allows its own style sheet and nothing else.
//
// It refuses a target folder that it did not write itself, and one that holds files it did not write: a site is
// replaced as a whole, and nothing else may be lost with it. The mark of a folder of ours is head.note beside
// SHA256SUMS, which names every file.
//
// The new site is written and made durable beside the old one, then the two change places by two renames. A crash
// between them leaves no site at its place and the old one whole beside it (.old-NAME); publishing again brings it back
// and ends the work. A reader who copies the folder at that very moment may get a part of each.
//
// Only privacy.Report comes in: there is no way to put a number of one's own on a page.
package site
