// Package render writes rows and released figures for people and for programs: as a table, CSV, JSON or Markdown.
//
// It promises that the four forms hold the same rows. CSV and JSON carry numbers in full precision; tables round them
// and always show the interval beside the value. A figure without a value is a dash with its reason, never a zero and
// never a blank.
//
// It refuses figures that no release recorded: the exported functions take privacy.Report only, and the zero
// privacy.Figure is an error with exit code 3. There is no way to pass in a number of one's own.
//
// Text that comes from outside (names of partners and files, notes) cannot act: control characters are replaced before
// they reach a terminal, Markdown markup is escaped, and a CSV cell that a spreadsheet would read as a formula gets an
// apostrophe in front. Numbers are never touched.
package render
