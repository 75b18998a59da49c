package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// TempPrefix begins the name of every temporary file. No other file of ours
// begins so.
const TempPrefix = ".tmp-"

// IsTemp tells whether a base name is one of a temporary file.
func IsTemp(name string) bool { return strings.HasPrefix(name, TempPrefix) }

// maxTemps bounds the search for a free temporary name: so many writers of one
// name at once, or left-over files of crashes that nobody swept.
const maxTemps = 10_000

// openTemp makes a temporary file beside path. The names are counted, not
// drawn: the same run makes the same names, so a failure can be replayed.
func openTemp(fsys FS, path string) (name string, f File, err error) {
	dir, base := filepath.Split(path)
	if len(base) > 200 {
		base = base[:200] // room for prefix and number within 255 bytes
	}
	for i := range maxTemps {
		name = filepath.Join(dir, TempPrefix+base+"-"+strconv.Itoa(i))
		f, err = fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return name, f, err
		}
	}
	return "", nil, fmt.Errorf("%s: %d temporary files are in the way: remove the files %s* beside it", path, maxTemps, TempPrefix)
}

// Sweep removes the temporary files in one folder that a crash left there, and
// returns how many it removed. It must not run while somebody writes into the
// folder: the caller holds the home's lock. A folder that does not exist holds
// none.
func Sweep(fsys FS, dir string) (int, error) {
	entries, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range entries {
		if !IsTemp(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		if err := fsys.Remove(filepath.Join(dir, e.Name())); err != nil {
			return n, err
		}
		n++
	}
	if n == 0 {
		return 0, nil
	}
	return n, SyncDir(fsys, dir)
}
