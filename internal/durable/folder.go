package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// MkdirAll makes a folder and all missing ones above it. Every name that it
// makes is durable when it returns, and so is the last one where the folder
// was there already: whoever made it may have been killed before the fsync.
func MkdirAll(fsys FS, path string, perm fs.FileMode) error {
	path = filepath.Clean(path)
	info, err := fsys.Lstat(path)
	switch {
	case err == nil && !isFolder(fsys, path, info):
		return &fs.PathError{Op: "mkdir", Path: path, Err: fmt.Errorf("%w, and it is not a folder", fs.ErrExist)}
	case err == nil:
		// A folder above that we may not even read is nobody's crash of ours.
		if err := syncParent(fsys, path); !errors.Is(err, fs.ErrPermission) {
			return err
		}
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	parent := filepath.Dir(path)
	if parent != path {
		if _, err := fsys.Lstat(parent); errors.Is(err, fs.ErrNotExist) {
			if err := MkdirAll(fsys, parent, perm); err != nil {
				return err
			}
		} else if err != nil {
			return err
		}
	}
	if err := fsys.Mkdir(path, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncParent(fsys, path)
}

// isFolder follows a symbolic link: a home may be mounted or linked from
// elsewhere by the person who runs it.
func isFolder(fsys FS, path string, info fs.FileInfo) bool {
	if info.IsDir() {
		return true
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		return false
	}
	_, err := fsys.ReadDir(path)
	return err == nil
}

func syncParent(fsys FS, path string) error {
	parent := filepath.Dir(path)
	if parent == path {
		return nil
	}
	return SyncDir(fsys, parent)
}

// RemoveAll removes a folder with what is in it, files before folders, and
// makes it durable that its name is gone. What does not exist is no error. A
// crash on the way leaves a part of it: give a folder that somebody reads a
// name that nobody reads first (Rename).
func RemoveAll(fsys FS, path string) error {
	info, err := fsys.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		entries, err := fsys.ReadDir(path)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := removeTree(fsys, filepath.Join(path, e.Name()), e.IsDir()); err != nil {
				return err
			}
		}
	}
	return Remove(fsys, path)
}

func removeTree(fsys FS, path string, dir bool) error {
	if dir {
		entries, err := fsys.ReadDir(path)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := removeTree(fsys, filepath.Join(path, e.Name()), e.IsDir()); err != nil {
				return err
			}
		}
	}
	return fsys.Remove(path)
}

// Rename gives a file or folder a new name in the same folder, durably. A file
// that has the new name is replaced; a folder that is not empty is not. Across
// folders it refuses: two folders are fsynced one after the other, and a power
// cut in between may take both names. Publish is the way there.
func Rename(fsys FS, oldname, newname string) error {
	dir := filepath.Dir(newname)
	if filepath.Dir(oldname) != dir {
		return fmt.Errorf("renaming %s to %s: not in one folder, which cannot be made safe: publish it instead", oldname, newname)
	}
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := fsys.Rename(oldname, newname); err != nil {
		return err
	}
	return syncNames(d, dir)
}
