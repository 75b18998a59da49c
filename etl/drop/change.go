package drop

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// renameFile moves a file between open drops. a.mu is held.
func (a *area) renameFile(from, to place, over bool) error {
	if err := errors.Join(a.openDrop(from.drop), a.openDrop(to.drop)); err != nil {
		return err
	}
	src, err := regular(a.in, from.in())
	if err != nil {
		return err
	}
	if src == nil {
		return errNoSuchFile
	}
	dst, err := regular(a.in, to.in())
	switch {
	case err != nil:
		return err
	case a.open[from.in()] != nil || a.open[to.in()] != nil:
		return errBusy
	case dst != nil && (!over || os.SameFile(src, dst)):
		return errExists
	case to.manifest() && src.Size() > maxManifest:
		return errFileQuota
	}
	if from.drop != to.drop {
		if err := a.fits(to.drop, src.Size(), 0); err != nil {
			return err
		}
	}
	if err := a.in.Rename(from.in(), to.in()); err != nil {
		return err
	}
	a.book(from.drop, -src.Size())
	a.book(to.drop, src.Size())
	if dst != nil {
		a.files--
		a.book(to.drop, -dst.Size())
	}
	if from.drop != to.drop {
		if err := syncFolder(a.in, from.drop); err != nil {
			return err
		}
	}
	if to.manifest() {
		return a.closeDrop(to.drop)
	}
	return syncFolder(a.in, to.drop)
}

// renameDrop gives an open drop another name. a.mu is held.
func (a *area) renameDrop(from, to place) error {
	if err := a.openDrop(from.drop); err != nil {
		return err
	}
	if _, err := a.in.Lstat(to.drop); !errors.Is(err, fs.ErrNotExist) {
		return errExists
	}
	for name := range a.open {
		if path.Dir(name) == from.drop {
			return errBusy
		}
	}
	if err := a.in.Rename(from.drop, to.drop); err != nil {
		return err
	}
	a.drops[to.drop] = a.drops[from.drop]
	delete(a.drops, from.drop)
	return syncFolder(a.in, ".")
}

// removeFile removes a file of an open drop. a.mu is held.
func (a *area) removeFile(at place) error {
	if err := a.openDrop(at.drop); err != nil {
		return err
	}
	info, err := regular(a.in, at.in())
	if err != nil {
		return err
	}
	if info == nil {
		return errNoSuchFile
	}
	size := info.Size()
	if u := a.open[at.in()]; u != nil {
		size = u.size
		u.dead = errTakenOver
		delete(a.open, at.in())
	}
	if err := a.in.Remove(at.in()); err != nil {
		return err
	}
	a.files--
	a.book(at.drop, -size)
	return syncFolder(a.in, at.drop)
}

// removeDrop removes an empty open drop. a.mu is held.
func (a *area) removeDrop(at place) error {
	if err := a.openDrop(at.drop); err != nil {
		return err
	}
	if err := a.in.Remove(at.drop); err != nil { // fails unless it is empty
		return err
	}
	a.files--
	delete(a.drops, at.drop)
	return syncFolder(a.in, ".")
}

// makeDrop makes a drop's folder. a.mu is held.
func (a *area) makeDrop(at place) error {
	if err := a.roomForFile(); err != nil {
		return err
	}
	if err := a.in.Mkdir(at.drop, 0o700); errors.Is(err, fs.ErrExist) {
		return errExists
	} else if err != nil {
		return err
	}
	a.files++
	return syncFolder(a.in, ".")
}

// shrinkFile cuts a file of an open drop; a size that it has already is fine.
// Clients do so at the end of a resumed upload. a.mu is held.
func (a *area) shrinkFile(at place, size uint64) error {
	if err := a.openDrop(at.drop); err != nil {
		return err
	}
	u := a.open[at.in()]
	if u == nil {
		info, err := regular(a.in, at.in())
		if err != nil {
			return err
		}
		if info == nil {
			return errNoSuchFile
		}
		f, err := a.in.OpenFile(at.in(), os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		u = &upload{a: a, at: at, f: f, size: info.Size(), high: info.Size()}
	}
	switch {
	case size == uint64(u.size):
		return nil
	case size > uint64(u.size):
		return errUnsupported
	case int64(size) > u.high:
		return errGap
	}
	return u.shrink(int64(size))
}
