// Package chainlog keeps logs that show what was done to them afterwards: who
// looked at what, who came in and what they sent.
//
// A log is a file of JSON lines that only grows. Each line carries its number
// and the SHA-256 of the line before; beside the log a small file FILE.head
// holds number and SHA-256 of the last line. So Verify finds a line that was
// changed, taken out, put in or moved, and lines that were taken off the end.
//
// An entry that Append has returned nil for is on disk. A kill in the middle
// leaves half a line at the end, which the next Append cuts off and says so in
// its own line ("note":"torn"); it was never acknowledged. If the end of the
// log and its head do not fit, Append goes on all the same, and says that too
// ("note":"gap"): a log that can be stopped by damaging it would be no log, and
// the damage stays to be seen.
//
// What this cannot show: somebody who may write both files can make a whole new
// log, or remove both. Copies that others keep show that.
//
// Processes and goroutines may append at once; the kernel's lock on the file
// keeps their lines apart.
package chainlog
