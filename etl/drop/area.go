package drop

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"

	"heatwatch/internal/problem"
)

// area is one partner's folder while the partner has a session. All sessions of
// the partner share it: one lock covers names, quotas and writes, which costs
// nothing beside the encryption and makes every rule hold between sessions too.
type area struct {
	partner  string
	quota    Quota
	log      *slog.Logger
	in, out  *os.Root // incoming, receipts
	sessions int      // under Server.mu

	mu    sync.Mutex
	files int                // files and folders in incoming
	bytes int64              // their bytes; of open uploads, what is reserved
	drops map[string]int64   // the same, drop by drop
	open  map[string]*upload // by path below incoming
	temps int                // for names of staged manifests
}

// stagedPrefix begins the names of manifests on their way.
const stagedPrefix = ".tmp-upload-"

// openArea opens (and makes, the first time) the folders of a partner. A
// symbolic link in the place of one of them is an error: it may lead to the
// area of another partner, where os.Root would follow.
func openArea(root, partner string, quota Quota, log *slog.Logger) (*area, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	own, err := openFolder(r, partner)
	if err != nil {
		log.LogAttrs(context.Background(), slog.LevelError, "the partner's area is not a folder that can be used")
		return nil, err
	}
	defer own.Close()
	a := &area{partner: partner, quota: quota, log: log, open: map[string]*upload{}, drops: map[string]int64{}}
	if a.in, err = openFolder(own, incomingDir); err == nil {
		a.out, err = openFolder(own, receiptsDir)
	}
	if err == nil {
		err = a.sweep()
	}
	if err == nil {
		err = a.measure()
	}
	if err != nil {
		a.close()
		log.LogAttrs(context.Background(), slog.LevelError, "the partner's area is not a folder that can be used")
		return nil, err
	}
	return a, nil
}

// openFolder opens a real folder below r, and makes it if nothing has its name.
func openFolder(r *os.Root, name string) (*os.Root, error) {
	if err := r.Mkdir(name, 0o700); err == nil {
		if err := syncFolder(r, "."); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	before, err := r.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, problem.New(problem.Failed, "", "something in the SFTP area is not a folder", "look at it, and remove it if you did not put it there")
	}
	sub, err := r.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	now, err := sub.Stat(".")
	if err == nil && !os.SameFile(before, now) {
		err = errFailure
	}
	if err != nil {
		sub.Close()
		return nil, err
	}
	return sub, nil
}

func (a *area) close() {
	if a.in != nil {
		a.in.Close()
	}
	if a.out != nil {
		a.out.Close()
	}
}

// sweep removes staged manifests of a server that was killed. No session of the
// partner is open yet.
func (a *area) sweep() error {
	return a.walk(func(name string, info fs.FileInfo) error {
		if info.Mode().IsRegular() && strings.HasPrefix(path.Base(name), stagedPrefix) {
			return a.in.Remove(name)
		}
		return nil
	})
}

// measure counts what is in the incoming folder; the nightly run takes drops
// away without telling. It is called with a.mu held, or before anyone has a.
func (a *area) measure() error {
	files, bytes, drops := 0, int64(0), map[string]int64{}
	err := a.walk(func(name string, info fs.FileInfo) error {
		files++
		if info.Mode().IsRegular() {
			size := info.Size()
			if u := a.open[name]; u != nil {
				size = max(size, u.size)
			}
			bytes += size
			drops[path.Dir(name)] += size
		}
		return nil
	})
	if err == nil {
		a.files, a.bytes, a.drops = files, bytes, drops
	}
	return err
}

// walk visits drops and the files in them, no deeper and no links.
func (a *area) walk(visit func(name string, info fs.FileInfo) error) error {
	drops, err := readFolder(a.in, ".")
	if err != nil {
		return err
	}
	for _, d := range drops {
		if err := visit(d.Name(), d); err != nil {
			return err
		}
		if !d.IsDir() {
			continue
		}
		files, err := readFolder(a.in, d.Name())
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := visit(path.Join(d.Name(), f.Name()), f); err != nil {
				return err
			}
		}
	}
	return nil
}

// readFolder lists a folder with what Lstat says. A name that goes away in
// between is left out.
func readFolder(r *os.Root, name string) ([]fs.FileInfo, error) {
	d, err := r.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdir(-1) // Lstat, and names that vanish are left out
}

// roomForFile makes sure that one more file or folder may be made.
func (a *area) roomForFile() error {
	if a.files < a.quota.AreaFiles {
		return nil
	}
	if err := a.measure(); err != nil {
		return err
	}
	if a.files < a.quota.AreaFiles {
		return nil
	}
	a.logQuota(errCountQuota.code)
	return errCountQuota
}

// reserve books bytes of a drop.
func (a *area) reserve(drop string, more int64) error {
	if err := a.fits(drop, more, more); err != nil {
		return err
	}
	a.book(drop, more)
	return nil
}

// fits makes sure that there is room for more bytes in a drop, of which so many
// are new to the area.
func (a *area) fits(drop string, more, fresh int64) error {
	if a.room(drop, more, fresh) == nil {
		return nil
	}
	if err := a.measure(); err != nil {
		return err
	}
	if r := a.room(drop, more, fresh); r != nil {
		a.logQuota(r.code)
		return r
	}
	return nil
}

func (a *area) room(drop string, more, fresh int64) *refusal {
	switch {
	case a.bytes+fresh > a.quota.AreaBytes:
		return errAreaQuota
	case a.drops[drop]+more > a.quota.DropBytes:
		return errDropQuota
	}
	return nil
}

// book adds bytes to a drop, or takes some away.
func (a *area) book(drop string, more int64) {
	a.bytes += more
	a.drops[drop] += more
}

func (a *area) logQuota(what string) {
	a.log.LogAttrs(context.Background(), slog.LevelWarn, "quota of the area reached", slog.String("quota", what))
}

// openDrop makes sure that a drop is there and not closed.
func (a *area) openDrop(drop string) error {
	info, err := a.in.Lstat(drop)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errNoSuchFile
	}
	switch _, err := a.in.Lstat(path.Join(drop, manifestName)); {
	case err == nil:
		return errClosed
	case errors.Is(err, fs.ErrNotExist):
		return nil
	default:
		return err
	}
}

// regular returns what is at a place; nil if nothing is there. Links and special
// files are not served, and their names not given away.
func regular(r *os.Root, name string) (fs.FileInfo, error) {
	info, err := r.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errDenied
	}
	return info, nil
}

// endUploads makes every upload to a drop end with an error.
func (a *area) endUploads(drop string) {
	for name, u := range a.open {
		if path.Dir(name) == drop {
			u.dead = errClosed
			delete(a.open, name)
			if u.at.manifest() {
				u.discard()
			}
		}
	}
}

func (a *area) stagedName(drop string) string {
	a.temps++
	return path.Join(drop, stagedPrefix+strconv.Itoa(a.temps))
}

func syncFolder(r *os.Root, name string) error {
	d, err := r.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
