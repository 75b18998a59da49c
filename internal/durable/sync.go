package durable

import (
	"errors"
	"fmt"
)

// ErrSync is in every error that comes from a failed fsync. What is on disk is
// then unknown, and trying again proves nothing: stop, start over, look.
var ErrSync = errors.New("fsync failed, the state on disk is unknown: stop and start again")

// SyncDir makes the names in a folder durable.
func SyncDir(fsys FS, path string) error {
	d, err := fsys.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(syncNames(d, path), d.Close())
}

func syncNames(d Dir, path string) error {
	if err := d.Sync(); err != nil {
		return fmt.Errorf("folder %s: %w: %w", path, ErrSync, err)
	}
	return nil
}

func syncFile(f File, path string) error {
	if err := f.Sync(); err != nil {
		return fmt.Errorf("file %s: %w: %w", path, ErrSync, err)
	}
	return nil
}
