// Package nightly is the order of one night: what came in is judged, what was good is loaded, and the partners are told.
//
//  1. the home is locked; remote areas are pulled
//  2. complete drops that were not taken before are taken, in the order of created, then name (package intake)
//  3. what stands in landing becomes the next generation (package lake)
//  4. receipts are written for what the generation holds, and for what was refused
//  5. old generations that nobody reads go
//
// Each step asks only what is on disk, never what the step before remembers. So a run that was killed anywhere is ended
// by the next one: a drop that was landed and not loaded is loaded, one that was loaded and not answered is answered. A
// run that finds nothing new writes nothing.
//
// A drop is (partner, name, SHA-256 of its manifest). The same one again is passed over; the same name with other
// content is refused as drop_changed, each night that it lies there, and the first one stays as it is.
package nightly
