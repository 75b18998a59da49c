package backup

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"heatwatch/internal/home"
	"heatwatch/internal/problem"
)

// viewPrefix begins the name of a view in the staging folder.
const viewPrefix = "backup-"

// linked are the folders whose files are written once and never changed: a second name keeps them as they are. The rest is
// copied: it is small, may be edited by hand or appended to, and ledger/place.mark must not get a second name, because that
// is how a home notices that it was copied.
var linked = []string{"keys", "lake", "landing", "quarantine", "register", "releases"}

const areaDir = "sftp"

// View is a home as it was at one moment.
type View struct {
	dir     string
	held    *os.File // its lock: a view that nobody holds is swept
	entries []entry
}

// entry is one folder or file of the home.
type entry struct {
	name string // path in the home
	from string // where it is read
	info fs.FileInfo
	live bool // in the area of the partners: it may be gone when it is to be read
}

// Take makes the view of a home. The caller holds the home's lock, and may give it back as soon as this returns.
func Take(h home.Home) (*View, error) {
	if err := sweep(h.Staging()); err != nil {
		return nil, failed(err, h)
	}
	if err := os.MkdirAll(h.Staging(), 0o700); err != nil {
		return nil, failed(err, h)
	}
	dir, err := os.MkdirTemp(h.Staging(), viewPrefix)
	if err != nil {
		return nil, failed(err, h)
	}
	v := &View{dir: dir}
	if v.held, err = lock(dir); err == nil && v.held == nil {
		err = fs.ErrExist
	}
	if err == nil {
		err = v.fill(h)
	}
	if err != nil {
		v.Close()
		return nil, failed(err, h)
	}
	return v, nil
}

func failed(err error, h home.Home) error {
	return problem.Wrap(err, problem.Failed, h.Dir, "the home could not be looked at", "check the disk (room, permissions), then run again: nothing was changed")
}

// Close gives the view's names back.
func (v *View) Close() error {
	err := os.RemoveAll(v.dir)
	if v.held != nil {
		err = errors.Join(err, v.held.Close())
	}
	return err
}

func (v *View) fill(h home.Home) error {
	top, err := os.ReadDir(h.Dir)
	if err != nil {
		return err
	}
	for _, e := range top {
		if hidden(e.Name()) {
			continue
		}
		from, err := filepath.EvalSymlinks(filepath.Join(h.Dir, e.Name())) // a folder may stand on another disk
		if err != nil {
			return err
		}
		if err := v.add(from, e.Name()); err != nil {
			return err
		}
	}
	slices.SortStableFunc(v.entries, func(a, b entry) int { // the version of the home before everything
		return cmp.Compare(rank(a, h), rank(b, h))
	})
	return nil
}

func rank(e entry, h home.Home) int {
	if e.name == filepath.Base(h.FormatFile()) {
		return 0
	}
	return 1
}

// hidden are files that are being written, folders that are being made, the lock and the staging folder.
func hidden(name string) bool { return strings.HasPrefix(name, ".") }

func (v *View) add(root, top string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && top == areaDir {
			return nil // partners may tidy up while we look
		}
		if err != nil {
			return err
		}
		if path != root && hidden(d.Name()) || top == areaDir && open(path, d) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		below, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return v.one(path, filepath.ToSlash(filepath.Join(top, below)), top, d)
	})
}

// open tells whether something of the area is a drop that can still change: one without its manifest.
func open(path string, d fs.DirEntry) bool {
	if !d.IsDir() || filepath.Base(filepath.Dir(path)) != "incoming" {
		return false
	}
	_, err := os.Lstat(filepath.Join(path, "manifest.json"))
	return err != nil
}

func (v *View) one(path, name, top string, d fs.DirEntry) error {
	info, err := d.Info()
	if errors.Is(err, fs.ErrNotExist) && top == areaDir {
		return nil
	}
	if err != nil {
		return err
	}
	e := entry{name: name, from: path, info: info}
	to := filepath.Join(v.dir, filepath.FromSlash(name))
	switch {
	case info.IsDir():
		err = os.MkdirAll(to, 0o700)
	case !info.Mode().IsRegular():
		return nil // a link or a pipe is nothing of ours
	case top == areaDir && !strings.Contains(name, "/receipts/"):
		e.live = true // a second name would make intake refuse the file
	case slices.Contains(linked, top), top == areaDir:
		e.from = to
		if err = os.Link(path, to); errors.Is(err, syscall.EXDEV) {
			err = copyFile(path, to)
		}
	default:
		e.from = to
		err = copyFile(path, to)
		if err == nil { // it may have grown since
			var now fs.FileInfo
			if now, err = os.Lstat(to); err == nil {
				e.info = sized{info, now.Size()}
			}
		}
	}
	v.entries = append(v.entries, e)
	return err
}

// sized is a file as it was copied.
type sized struct {
	fs.FileInfo
	size int64
}

func (s sized) Size() int64 { return s.size }
func (s sized) Sys() any    { return nil }

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// Size is how many files a view has and how many bytes are in them, files with several names counted once.
func (v *View) Size() (files int, bytes int64) {
	seen := map[string]string{}
	for _, e := range v.entries {
		files++
		if e.info.Mode().IsRegular() && sameAs(seen, e) == "" {
			bytes += e.info.Size()
		}
	}
	return files, bytes
}

// sameAs is the name under which a file has been seen already, or "".
func sameAs(seen map[string]string, e entry) string {
	st, ok := e.info.Sys().(*syscall.Stat_t)
	if !ok || !e.info.Mode().IsRegular() {
		return ""
	}
	id := fmt.Sprint(st.Dev, " ", st.Ino)
	if first, ok := seen[id]; ok {
		return first
	}
	seen[id] = e.name
	return ""
}

// sweep removes the views of runs that were killed.
func sweep(staging string) error {
	list, err := os.ReadDir(staging)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), viewPrefix) {
			continue
		}
		path := filepath.Join(staging, e.Name())
		l, err := lock(path)
		if err != nil {
			return err
		}
		if l == nil {
			continue // another backup is writing
		}
		if err := errors.Join(os.RemoveAll(path), l.Close()); err != nil {
			return err
		}
	}
	return nil
}

// lock takes the lock of a view; nil means that somebody else has it. It goes with the process.
func lock(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, err
}
