package durabletest

import (
	"io/fs"
	"os"

	"heatwatch/internal/durable"
)

// op is one counted operation, about to be done.
type op struct {
	name string // "create", "write", "sync", ...
	path string
	data []byte       // of a write
	new  bool         // of a create: the name was not there before
	open durable.File // of a sync: the file
}

// verdict says what becomes of an operation.
type verdict struct {
	err  error // nil: it goes through
	done bool  // with err: it is done all the same
	part int   // with err: so many bytes of a write are done
}

// wrapped is an FS that asks a judge before every counted operation.
type wrapped struct {
	inner durable.FS
	judge func(op) verdict
	after func(op, error) // called when an operation was really done or tried; may be nil
}

// act puts one operation other than a write before the judge.
func (w *wrapped) act(name, path string, do func() error) error {
	return w.actOn(op{name: name, path: path}, do)
}

func (w *wrapped) actOn(o op, do func() error) error {
	v := w.judge(o)
	if v.err != nil && !v.done {
		return v.err
	}
	err := do()
	if w.after != nil {
		w.after(o, err)
	}
	if v.err != nil {
		return v.err
	}
	return err
}

func (w *wrapped) OpenFile(name string, flag int, perm fs.FileMode) (durable.File, error) {
	writes := flag&(os.O_WRONLY|os.O_RDWR) != 0
	if flag&(os.O_CREATE|os.O_TRUNC) == 0 {
		f, err := w.inner.OpenFile(name, flag, perm)
		if err != nil {
			return nil, err
		}
		return &wrappedFile{File: f, w: w, path: name, writes: writes}, nil
	}
	var f durable.File
	o := op{name: "create", path: name, new: flag&os.O_EXCL != 0}
	err := w.actOn(o, func() (err error) {
		f, err = w.inner.OpenFile(name, flag, perm)
		return err
	})
	if err != nil {
		if f != nil {
			f.Close() // done, reported as failed: the caller has no handle to close
		}
		return nil, err
	}
	return &wrappedFile{File: f, w: w, path: name, writes: writes}, nil
}

func (w *wrapped) OpenDir(name string) (durable.Dir, error) {
	d, err := w.inner.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &wrappedDir{Dir: d, w: w, path: name}, nil
}

func (w *wrapped) Mkdir(name string, perm fs.FileMode) error {
	return w.actOn(op{name: "mkdir", path: name, new: true}, func() error { return w.inner.Mkdir(name, perm) })
}

func (w *wrapped) Link(oldname, newname string) error {
	return w.act("link", newname, func() error { return w.inner.Link(oldname, newname) })
}

func (w *wrapped) Rename(oldname, newname string) error {
	return w.act("rename", newname, func() error { return w.inner.Rename(oldname, newname) })
}

func (w *wrapped) Remove(name string) error {
	return w.act("remove", name, func() error { return w.inner.Remove(name) })
}

func (w *wrapped) Lstat(name string) (fs.FileInfo, error)     { return w.inner.Lstat(name) }
func (w *wrapped) ReadDir(name string) ([]fs.DirEntry, error) { return w.inner.ReadDir(name) }

type wrappedFile struct {
	durable.File
	w      *wrapped
	path   string
	writes bool
}

func (f *wrappedFile) Write(p []byte) (int, error) {
	o := op{name: "write", path: f.path, data: p}
	v := f.w.judge(o)
	if v.err != nil && !v.done {
		n, err := f.File.Write(p[:v.part])
		if err == nil {
			err = v.err
		}
		return n, err
	}
	n, err := f.File.Write(p)
	if v.err != nil {
		return 0, v.err
	}
	return n, err
}

func (f *wrappedFile) Truncate(size int64) error {
	return f.w.act("truncate", f.path, func() error { return f.File.Truncate(size) })
}

func (f *wrappedFile) Chmod(mode fs.FileMode) error {
	return f.w.act("chmod", f.path, func() error { return f.File.Chmod(mode) })
}

func (f *wrappedFile) Sync() error {
	return f.w.actOn(op{name: "sync", path: f.path, open: f.File}, f.File.Sync)
}

func (f *wrappedFile) Close() error {
	if !f.writes {
		return f.File.Close()
	}
	v := f.w.judge(op{name: "close", path: f.path})
	err := f.File.Close() // always: a test must not run out of descriptors
	if v.err != nil {
		return v.err
	}
	return err
}

type wrappedDir struct {
	durable.Dir
	w    *wrapped
	path string
}

func (d *wrappedDir) Sync() error {
	return d.w.act("syncdir", d.path, d.Dir.Sync)
}
