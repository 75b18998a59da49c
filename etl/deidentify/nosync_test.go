package deidentify

import (
	"io/fs"

	"heatwatch/internal/durable"
)

// quickFS is the real file system without the waiting: for tests that are not about power cuts.
type quickFS struct{ durable.FS }

func quick() durable.FS { return quickFS{durable.OS()} }

func (q quickFS) OpenFile(name string, flag int, perm fs.FileMode) (durable.File, error) {
	f, err := q.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return quickFile{f}, nil
}

func (q quickFS) OpenDir(name string) (durable.Dir, error) {
	d, err := q.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return quickDir{d}, nil
}

type quickFile struct{ durable.File }

func (quickFile) Sync() error { return nil }

type quickDir struct{ durable.Dir }

func (quickDir) Sync() error { return nil }
