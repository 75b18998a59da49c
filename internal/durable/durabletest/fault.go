package durabletest

import (
	"fmt"
	"io/fs"
	"sync"
	"syscall"

	"heatwatch/internal/durable"
)

// Fault is a file system of which one operation fails, once.
type Fault struct {
	durable.FS
	mu    sync.Mutex
	n     int
	done  bool
	seen  int
	fired string
}

// FailAt returns a file system whose n-th operation (from 1) fails with EIO and
// is not done; of a write, half is.
func FailAt(n int) *Fault { return newFault(durable.OS(), n, false) }

// DoneAt returns a file system whose n-th operation is done and reported as
// failed, like a reply that got lost.
func DoneAt(n int) *Fault { return newFault(durable.OS(), n, true) }

// FailAtOver and DoneAtOver are for a file system other than the real one.
func FailAtOver(inner durable.FS, n int) *Fault { return newFault(inner, n, false) }

// DoneAtOver: see FailAtOver.
func DoneAtOver(inner durable.FS, n int) *Fault { return newFault(inner, n, true) }

func newFault(inner durable.FS, n int, done bool) *Fault {
	f := &Fault{n: n, done: done}
	f.FS = &wrapped{inner: inner, judge: f.judge}
	return f
}

func (f *Fault) judge(o op) verdict {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen++
	if f.seen != f.n {
		return verdict{}
	}
	f.fired = o.name
	err := &fs.PathError{Op: o.name, Path: o.path, Err: fmt.Errorf("%w (operation %d of the test)", syscall.EIO, f.n)}
	return verdict{err: err, done: f.done, part: len(o.data) / 2}
}

// Fired tells whether the n-th operation was reached.
func (f *Fault) Fired() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired != ""
}

// Op names the operation that failed ("write", "syncdir", ...); "" if none did.
func (f *Fault) Op() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired
}

// Seen is the number of operations so far.
func (f *Fault) Seen() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

// Full is a file system with room for some bytes only.
type Full struct {
	durable.FS
	mu    sync.Mutex
	left  int64
	fired bool
}

// FullAfter returns a file system that takes k more bytes. From then on
// everything that needs room (writing, new files, folders and links) fails with
// ENOSPC; removing still works, and gives nothing back.
func FullAfter(k int64) *Full {
	f := &Full{left: k}
	f.FS = &wrapped{inner: durable.OS(), judge: f.judge}
	return f
}

func (f *Full) judge(o op) verdict {
	f.mu.Lock()
	defer f.mu.Unlock()
	need := int64(len(o.data))
	switch o.name {
	case "create", "mkdir", "link":
		need = 1 // a folder entry needs room, and we count it as nothing unless there is none
	case "write":
	default:
		return verdict{}
	}
	if need <= f.left {
		if o.name == "write" {
			f.left -= need
		}
		return verdict{}
	}
	part := int(f.left)
	f.left, f.fired = 0, true
	if o.data == nil {
		part = 0
	}
	return verdict{err: &fs.PathError{Op: o.name, Path: o.path, Err: syscall.ENOSPC}, part: part}
}

// Fired tells whether anything was refused for want of room.
func (f *Full) Fired() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired
}
