// Package durable writes files that are there after a crash, or not there at
// all: never half.
//
// Three ways to write, by meaning:
//
//	Create, CreateFrom   a new name, once; fs.ErrExist if something has it
//	Replace              a pointer file; readers see the old or the new bytes
//	Publish              a file that others staged gets its final name, once
//
// All of them write beside the target, into a name that begins with TempPrefix,
// fsync the file, give it its name by link (new names) or rename (pointers),
// and fsync the folder, which is held open from before the first write: a
// write error that the kernel met in between is then reported to us and not to
// nobody. Temporary names beside the target matter twice: link and rename work
// only inside one file system, and rows of persons must not lie in the
// system's temporary folder after a crash. Sweep removes left-over ones.
//
// An error means: the old state or the new one, and no third. Which of the two
// is known only if the error is fs.ErrExist (nothing was changed). An fsync
// that failed is final: a kernel may have dropped the pages and would call the
// next fsync a success, so nothing here ever tries again; errors.Is(err,
// ErrSync) tells such a failure, and the only safe answer is to stop the
// program and let the next start look at what is there.
//
// Create that finds the name taken still fsyncs the folder before it says so:
// the one who made it may have been killed between link and fsync, and "it is
// recorded already" has to hold after the next power cut too.
//
// What is promised holds on local Linux file systems (ext4, xfs, btrfs). Over
// NFS link and fsync mean less; on a disk that lies about its cache, nothing.
// Hard links are needed: FAT will not do.
//
// The functions take an FS. OS is the real one; durabletest has the failing,
// the full and the crashing ones.
package durable
