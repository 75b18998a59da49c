package durabletest

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"heatwatch/internal/durable"
)

// ErrCrashed is what every operation returns after the crash.
var ErrCrashed = errors.New("the machine is off (crash of the test)")

// Crash is a file system over a real folder that knows what of it is certain:
// the content of a file as of its last fsync, the names of a folder as of its
// last fsync. Everything that was in the folder at the start is certain.
//
// It sees only what goes through it. A file that somebody wrote past it (a
// library that wants a path) is uncertain until it is fsynced through it; that
// is what durable.Publish does.
//
// A file is the same file under all its hard links: identity is the inode.
type Crash struct {
	durable.FS
	dir  string
	root *node

	mu    sync.Mutex
	stop  int // crash after so many operations; 0: never
	seen  int
	nodes map[uint64]*node // by inode; only live ones
}

// node is what is certain about one inode.
type node struct {
	dir     bool
	mode    fs.FileMode
	synced  bool
	content []byte           // of a file, as of its last fsync
	names   map[string]*node // of a folder, as of its last fsync
}

// NewCrash returns a file system over dir, all of whose present content is
// certain.
func NewCrash(dir string) (*Crash, error) {
	c := &Crash{dir: dir, nodes: map[uint64]*node{}}
	w := &wrapped{inner: durable.OS(), judge: c.judge, after: c.after}
	c.FS = &crashFS{wrapped: w, c: c}
	var err error
	c.root, err = c.scan(dir)
	return c, err
}

// StopAt makes the crash happen after operation n (from 1; 0 crashes before the
// first) and returns c. The (n+1)-th and everything after it fails and is not
// done.
func (c *Crash) StopAt(n int) *Crash {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stop = n + 1
	return c
}

// Crashed tells whether an operation was refused because of the crash.
func (c *Crash) Crashed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stop > 0 && c.seen >= c.stop
}

// Seen is the number of operations so far.
func (c *Crash) Seen() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}

func (c *Crash) judge(o op) verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen++
	if c.stop > 0 && c.seen >= c.stop {
		return verdict{err: &fs.PathError{Op: o.name, Path: o.path, Err: ErrCrashed}}
	}
	return verdict{}
}

// after notes what an operation made certain.
func (c *Crash) after(o op, err error) {
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch o.name {
	case "create", "mkdir":
		c.fresh(o.path, o.new)
	case "sync":
		c.syncFile(o.path, o.open)
	case "syncdir":
		c.syncDir(o.path)
	}
}

// fresh notes a new file or folder, of which nothing is certain. It forgets what
// an earlier one with the same inode number had: numbers are used again. A file
// that existed and was only opened stays known.
func (c *Crash) fresh(path string, isNew bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return
	}
	ino := inode(info)
	if _, known := c.nodes[ino]; !known || isNew {
		c.nodes[ino] = &node{dir: info.IsDir(), mode: info.Mode().Perm(), names: map[string]*node{}}
	}
}

func (c *Crash) lookup(path string) (*node, fs.FileInfo) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, nil
	}
	n := c.nodes[inode(info)]
	if n == nil {
		n = &node{dir: info.IsDir(), mode: info.Mode().Perm(), names: map[string]*node{}}
		c.nodes[inode(info)] = n
	}
	return n, info
}

func (c *Crash) syncFile(path string, open durable.File) {
	n, info := c.lookup(path)
	if n == nil {
		return // removed while open: certain content without a name
	}
	if now, err := open.Stat(); err != nil || !os.SameFile(now, info) {
		panic(fmt.Sprintf("durabletest: %s was renamed while it was open, then fsynced: this model cannot follow that", path))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		panic(fmt.Sprintf("durabletest: reading back %s: %v", path, err))
	}
	n.synced, n.content, n.mode = true, data, info.Mode().Perm()
}

func (c *Crash) syncDir(path string) {
	n, _ := c.lookup(path)
	if n == nil {
		return
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		panic(fmt.Sprintf("durabletest: reading back %s: %v", path, err))
	}
	n.names = map[string]*node{}
	for _, e := range entries {
		if child, _ := c.lookup(filepath.Join(path, e.Name())); child != nil {
			n.names[e.Name()] = child
		}
	}
}

// leaving returns a function that forgets the file at path, to be called when
// its last name is gone: the number of its inode is free then.
func (c *Crash) leaving(path string) func() {
	info, err := os.Lstat(path)
	if err != nil {
		return func() {}
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || (!info.IsDir() && st.Nlink > 1) {
		return func() {}
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.nodes, st.Ino)
	}
}

// scan takes a tree as certain.
func (c *Crash) scan(path string) (*node, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if n, ok := c.nodes[inode(info)]; ok {
		return n, nil // a second hard link
	}
	n := &node{dir: info.IsDir(), mode: info.Mode().Perm(), synced: true, names: map[string]*node{}}
	c.nodes[inode(info)] = n
	if !n.dir {
		n.content, err = os.ReadFile(path)
		return n, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if n.names[e.Name()], err = c.scan(filepath.Join(path, e.Name())); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func inode(info fs.FileInfo) uint64 { return info.Sys().(*syscall.Stat_t).Ino }

// Outcome is how much of what was not fsynced a power cut took away.
type Outcome struct {
	name string
	keep func(names bool) bool
}

// String names the outcome.
func (o Outcome) String() string { return o.name }

// The outcomes. NothingMore is the worst that may happen to names, NamesOnly
// the worst that may happen to data: names are there, and the files behind them
// are empty. Everything is what kill -9 leaves.
var (
	NothingMore = Outcome{"only what was fsynced", func(bool) bool { return false }}
	NamesOnly   = Outcome{"all names, and of the data what was fsynced", func(names bool) bool { return names }}
	Everything  = Outcome{"everything", func(bool) bool { return true }}
)

// Mixed decides by lot, for each folder's names and each file's data.
func Mixed(r *rand.Rand) Outcome {
	return Outcome{"by lot", func(bool) bool { return r.IntN(2) == 0 }}
}

// Clone writes the folder into dst (which must exist and be empty) as it may
// look when the power is back.
func (c *Crash) Clone(dst string, o Outcome) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cloneDir(c.root, c.dir, dst, o, map[*node]string{})
}

// cloneDir writes one folder. src is "" where the folder has no living path any
// more (it was removed, and the removal is uncertain).
func (c *Crash) cloneDir(n *node, src, dst string, o Outcome, written map[*node]string) error {
	names := map[string]*node{}
	paths := map[string]string{}
	now := map[string]*node{}
	if src != "" {
		entries, err := os.ReadDir(src)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			p := filepath.Join(src, e.Name())
			if child, _ := c.lookup(p); child != nil {
				now[e.Name()] = child
				paths[e.Name()] = p
			}
		}
	}
	if src != "" && o.keep(true) {
		names = now
	} else {
		for name, child := range n.names {
			names[name] = child
			if now[name] != child {
				delete(paths, name)
			}
		}
	}
	for name, child := range names {
		to := filepath.Join(dst, name)
		if child.dir {
			if err := os.Mkdir(to, 0o700); err != nil {
				return err
			}
			if err := c.cloneDir(child, paths[name], to, o, written); err != nil {
				return err
			}
			continue
		}
		if first, ok := written[child]; ok {
			if err := os.Link(first, to); err != nil {
				return err
			}
			continue
		}
		if err := cloneFile(child, paths[name], to, o); err != nil {
			return err
		}
		written[child] = to
	}
	return nil
}

func cloneFile(n *node, src, dst string, o Outcome) error {
	data, mode := n.content, n.mode // never fsynced: an empty file
	if src != "" && o.keep(false) {
		var err error
		if data, err = os.ReadFile(src); err != nil {
			return err
		}
		if info, err := os.Lstat(src); err == nil {
			mode = info.Mode().Perm()
		}
	}
	if err := os.WriteFile(dst, data, 0o600); err != nil {
		return err
	}
	return os.Chmod(dst, mode)
}

// crashFS lets the record forget inodes before their numbers are free again.
type crashFS struct {
	*wrapped
	c *Crash
}

func (f *crashFS) Remove(name string) error {
	return f.act("remove", name, func() error {
		forget := f.c.leaving(name)
		err := f.inner.Remove(name)
		if err == nil {
			forget()
		}
		return err
	})
}

func (f *crashFS) Rename(oldname, newname string) error {
	return f.act("rename", newname, func() error {
		forget := f.c.leaving(newname)
		err := f.inner.Rename(oldname, newname)
		if err == nil {
			forget()
		}
		return err
	})
}
