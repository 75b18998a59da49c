// Package durabletest has file systems that go wrong, for tests of everything
// that writes through package durable. All work on real temporary folders.
//
//	FailAt(n)       the n-th operation fails and was not done
//	DoneAt(n)       the n-th operation is done, and reported as failed
//	FullAfter(k)    the disk is full after k bytes
//	NewCrash(dir)   counts what was fsynced; StopAt(n) ends it after operation
//	                n, and Clone writes the folder as it may look after the
//	                power came back
//
// Operations are what changes something or makes it certain: making, opening
// for writing with truncation, every write, truncate, chmod, every sync (of
// file or folder), closing a file that can be written, mkdir, link, rename,
// remove. Reading is not counted and never fails.
//
// A write that fails was half done: half of its bytes are in the file. That is
// what a real disk does, and the harder case.
//
// The loop to use, so that no step is left out:
//
//	for n := 1; ; n++ {
//		faulty := durabletest.FailAt(n)
//		err := operation(faulty)
//		if !faulty.Fired() { break }  // there is no n-th operation
//		if err == nil { t.Errorf("operation %d failed and nobody noticed", n) }
//		// old state or new, never a third
//	}
package durabletest
