package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Create makes path hold data, durably and at most once. If path exists it
// returns fs.ErrExist and changes nothing.
func Create(fsys FS, path string, data []byte, perm fs.FileMode) error {
	return CreateFrom(fsys, path, perm, bytesTo(data))
}

// CreateFrom is Create for content that is written as it comes. If write fails
// nothing is left.
func CreateFrom(fsys FS, path string, perm fs.FileMode, write func(io.Writer) error) error {
	dir := filepath.Dir(path)
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()

	// Only a shortcut, so that a repeated call does not write gigabytes to
	// learn that they are there: link below is what decides.
	if _, err := fsys.Lstat(path); err == nil {
		return exists(d, dir, path)
	}
	tmp, err := writeTemp(fsys, path, perm, write)
	if err != nil {
		return err
	}
	if err := fsys.Link(tmp, path); err != nil {
		err = errors.Join(err, fsys.Remove(tmp))
		if errors.Is(err, fs.ErrExist) {
			return errors.Join(err, syncNames(d, dir))
		}
		return err
	}
	// From here on the new state may be seen; it is certain after the sync.
	return errors.Join(fsys.Remove(tmp), syncNames(d, dir))
}

// Replace makes path hold data, whatever was there. A reader that opens path
// gets the old bytes or the new ones.
func Replace(fsys FS, path string, data []byte, perm fs.FileMode) error {
	dir := filepath.Dir(path)
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()

	tmp, err := writeTemp(fsys, path, perm, bytesTo(data))
	if err != nil {
		return err
	}
	if err := fsys.Rename(tmp, path); err != nil {
		// If the rename was done all the same, there is nothing to remove.
		return errors.Join(err, removeIfThere(fsys, tmp))
	}
	return syncNames(d, dir)
}

// Publish gives a finished file its final name, durably and at most once, and
// takes the staged name away. Both must lie in one file system. If path exists
// it returns fs.ErrExist and changes nothing, except where path is the staged
// file itself: then an earlier Publish was cut short, and this one ends it.
func Publish(fsys FS, staged, path string, perm fs.FileMode) error {
	dir := filepath.Dir(path)
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()

	same, err := sameFile(fsys, staged, path)
	if err != nil {
		return err
	}
	if !same {
		if _, err := fsys.Lstat(path); err == nil {
			return exists(d, dir, path)
		}
	}
	if err := finish(fsys, staged, perm); err != nil {
		return err
	}
	if !same {
		if err := fsys.Link(staged, path); errors.Is(err, fs.ErrExist) {
			return errors.Join(err, syncNames(d, dir))
		} else if err != nil {
			return err
		}
	}
	// First the new name, then the old one goes: between the two a crash may
	// leave both, never none.
	if err := syncNames(d, dir); err != nil {
		return err
	}
	if err := fsys.Remove(staged); err != nil {
		return err
	}
	return SyncDir(fsys, filepath.Dir(staged))
}

// Link gives a file a second name, durably; fs.ErrExist if the name is taken.
// The content is that of the old name and must have been made durable by
// whoever wrote it.
func Link(fsys FS, oldname, newname string) error {
	dir := filepath.Dir(newname)
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := fsys.Link(oldname, newname); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	} else if err != nil {
		return errors.Join(err, syncNames(d, dir))
	}
	return syncNames(d, dir)
}

// Remove takes a name away, durably.
func Remove(fsys FS, path string) error {
	dir := filepath.Dir(path)
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := fsys.Remove(path); err != nil {
		return err
	}
	return syncNames(d, dir)
}

// exists says that path is taken, after making sure that it stays so.
func exists(d Dir, dir, path string) error {
	return errors.Join(&fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}, syncNames(d, dir))
}

func bytesTo(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		n, err := w.Write(data)
		if err == nil && n < len(data) {
			err = io.ErrShortWrite
		}
		return err
	}
}

// writeTemp leaves a complete, fsynced file beside path, or nothing.
func writeTemp(fsys FS, path string, perm fs.FileMode, write func(io.Writer) error) (string, error) {
	tmp, f, err := openTemp(fsys, path)
	if err != nil {
		return "", err
	}
	err = write(f)
	if err == nil {
		err = f.Chmod(perm) // exactly what was asked for, whatever the umask
	}
	if err == nil {
		err = syncFile(f, path)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("writing %s: %w", path, err), fsys.Remove(tmp))
	}
	return tmp, nil
}

// finish sets the mode of a staged file and makes its content durable. Reading
// rights are enough to fsync, and a staged file may be 0444 already.
func finish(fsys FS, staged string, perm fs.FileMode) error {
	f, err := fsys.OpenFile(staged, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	err = f.Chmod(perm)
	if err == nil {
		err = syncFile(f, staged)
	}
	return errors.Join(err, f.Close())
}

func sameFile(fsys FS, a, b string) (bool, error) {
	ia, err := fsys.Lstat(a)
	if err != nil {
		return false, err
	}
	ib, err := fsys.Lstat(b)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return os.SameFile(ia, ib), nil
}

func removeIfThere(fsys FS, name string) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
