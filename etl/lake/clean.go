package lake

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"heatwatch/internal/durable"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// Folders of ours: of builds and sessions in the staging folder, of removed generations beside the others.
const (
	stagedPrefix  = "lake-"
	sessionPrefix = "session-"
	gonePrefix    = "gone-"
)

// sweep removes what interrupted runs left: generations that never became current, staged files, and the spill folders of
// sessions whose process is gone. The caller holds the home's lock.
func sweep(cfg BuildConfig, current int) error {
	all, err := Generations(cfg.Home)
	if err != nil {
		return err
	}
	if err := pointerHolds(cfg, current, all); err != nil {
		return err
	}
	for _, n := range all {
		if n > current {
			if _, err := remove(cfg.Home, cfg.FS, n); err != nil {
				return err
			}
		}
	}
	if err := sweepGone(cfg.Home, cfg.FS); err != nil {
		return err
	}
	if _, err := durable.Sweep(cfg.FS, cfg.Home.Lake()); err != nil {
		return err
	}
	return sweepStaging(cfg.Home)
}

// pointerHolds refuses to go on where the pointer was lost or set back: what looks unfinished then is the lake itself, and
// its pseudonyms cannot be made again. A crash leaves at most the generation after the current one; before the first
// generation is begun the pointer says 0.
func pointerHolds(cfg BuildConfig, current int, all []int) error {
	ok, err := exists(currentPath(cfg.Home))
	switch {
	case err != nil:
		return err
	case !ok && len(all) == 0:
		if len(cfg.Drops) == 0 {
			return nil // nothing will be begun
		}
		return durable.Replace(cfg.FS, currentPath(cfg.Home), []byte("0\n"), 0o600)
	case !ok || len(all) > 0 && all[len(all)-1] > current+1:
		return problem.New(problem.Failed, currentPath(cfg.Home), "the lake's pointer was lost or set back, and newer generations exist",
			fmt.Sprintf("write %d into it, then run `heatwatch verify`", all[len(all)-1]))
	}
	return nil
}

func sweepStaging(h home.Home) error {
	list, err := os.ReadDir(h.Staging())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range list {
		path := filepath.Join(h.Staging(), e.Name())
		switch {
		case strings.HasPrefix(e.Name(), stagedPrefix):
			err = os.RemoveAll(path)
		case strings.HasPrefix(e.Name(), sessionPrefix):
			err = removeUnused(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeUnused removes a folder unless somebody holds its lock.
func removeUnused(path string) error {
	l, err := lockFolder(path, syscall.LOCK_EX)
	if err != nil || l == nil {
		return err
	}
	defer l.Close()
	return os.RemoveAll(path)
}

// Keep says which generations stay: the newest Nights, and of the Months before this one the last of each.
type Keep struct{ Nights, Months int }

// made is when a generation was made.
type made struct {
	number int
	on     models.Date
}

// expired are the generations that nobody needs, the oldest first. all is in order.
func (k Keep) expired(all []made, current int, today models.Date) (gone []int) {
	month := func(d models.Date) int { return 12*d.Year() + int(d.Time().Month()) }
	for i, g := range all {
		next := i + 1
		last := next < len(all) && month(all[next].on) > month(g.on) // of its month
		switch {
		case g.number > current-max(k.Nights, 1):
		case last && month(today)-month(g.on) <= k.Months:
		default:
			gone = append(gone, g.number)
		}
	}
	return gone
}

// Expired are the generations that a clean-up would remove, the oldest first.
func Expired(h home.Home, keep Keep, today models.Date) ([]int, error) {
	current, err := Current(h)
	if err != nil {
		return nil, err
	}
	numbers, err := Generations(h)
	if err != nil {
		return nil, err
	}
	var all []made
	for _, n := range numbers {
		if n > current {
			break
		}
		m, err := ReadManifest(h, n)
		if err != nil && n > current-max(keep.Nights, 1) {
			return nil, err
		}
		all = append(all, made{n, m.MadeOn}) // one that cannot be read is no end of a month
	}
	return keep.expired(all, current, today), nil
}

// Clean removes the generations that have expired. One that a reader holds stays until the next time. The caller holds the home's
// lock. It returns the numbers of those that went.
func Clean(h home.Home, fs durable.FS, keep Keep, today models.Date) (gone []int, err error) {
	list, err := Expired(h, keep, today)
	if err != nil {
		return nil, err
	}
	for _, n := range list {
		ok, err := remove(h, fs, n)
		if err != nil {
			return gone, err
		}
		if ok {
			gone = append(gone, n)
		}
	}
	return gone, nil
}

// remove takes a generation out of lake/generations in one step, then deletes it. It reports false if a reader holds it.
func remove(h home.Home, fsys durable.FS, n int) (bool, error) {
	path := generationPath(h, n)
	l, err := lockFolder(path, syscall.LOCK_EX)
	if err != nil || l == nil {
		return false, err
	}
	defer l.Close()
	gone := filepath.Join(generationsPath(h), gonePrefix+filepath.Base(path))
	if err := durable.RemoveAll(fsys, gone); err != nil {
		return false, err
	}
	if err := durable.Rename(fsys, path, gone); err != nil {
		return false, err
	}
	return true, durable.RemoveAll(fsys, gone)
}

// sweepGone ends removals that were interrupted.
func sweepGone(h home.Home, fsys durable.FS) error {
	list, err := os.ReadDir(generationsPath(h))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range list {
		if strings.HasPrefix(e.Name(), gonePrefix) {
			if err := durable.RemoveAll(fsys, filepath.Join(generationsPath(h), e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// lockFolder takes a lock on an open folder without waiting; nil means that somebody else has it. The lock goes with the
// process, so a crash leaves none behind.
func lockFolder(path string, how int) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, err
}
