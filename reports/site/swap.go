package site

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// mtime is the one time that all files and folders bear: the day of the newest release, so that neither the hour of
// publishing nor the duration of anything can be read from them.
func mtime(d models.Date) time.Time {
	if d == 0 {
		return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return d.Time()
}

// put writes the files into a new folder beside out and lets the two change places.
func put(ctx context.Context, fsys durable.FS, out string, files map[string][]byte, at time.Time) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	parent, base := filepath.Split(out)
	fresh := filepath.Join(parent, ".new-"+base)
	old := filepath.Join(parent, ".old-"+base)

	if err := durable.MkdirAll(fsys, filepath.Clean(parent), 0o755); err != nil {
		return err
	}
	if err := restore(fsys, out, fresh, old); err != nil {
		return err
	}
	there, err := ours(fsys, out)
	if err != nil {
		return err
	}
	if err := write(ctx, fsys, fresh, files, at); err != nil {
		return errors.Join(err, removeAll(fsys, fresh))
	}
	if there {
		if err := fsys.Rename(out, old); err != nil {
			return err
		}
	}
	if err := fsys.Rename(fresh, out); err != nil {
		if there { // the old site is better than none
			return errors.Join(err, fsys.Rename(old, out))
		}
		return err
	}
	if err := durable.SyncDir(fsys, filepath.Clean(parent)); err != nil {
		return err
	}
	if !there {
		return nil
	}
	return removeAll(fsys, old)
}

// restore ends a run that was cut short. Between the two renames there is no site: then the old one comes back first.
func restore(fsys durable.FS, out, fresh, old string) error {
	_, err := fsys.Lstat(out)
	if errors.Is(err, fs.ErrNotExist) {
		if _, lost := fsys.Lstat(old); lost == nil {
			err = fsys.Rename(old, out)
		} else {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	return errors.Join(removeAll(fsys, fresh), removeAll(fsys, old))
}

// ours tells whether out may be replaced: it is absent, empty, or a site that this package wrote and nobody added to.
func ours(fsys durable.FS, out string) (bool, error) {
	info, err := fsys.Lstat(out)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	refuse := func(what, do string) (bool, error) { return false, problem.New(problem.Usage, out, what, do) }
	const elsewhere = "name another folder with --out, or move it away"
	if !info.IsDir() {
		return refuse("the target is no folder", elsewhere)
	}
	names, err := walk(fsys, out, "")
	if err != nil {
		return false, err
	}
	if len(names) == 0 {
		return true, nil
	}
	if !slices.Contains(names, "head.note") || !slices.Contains(names, "SHA256SUMS") {
		return refuse("the folder holds something that is no site of ours", elsewhere)
	}
	listed, err := listed(fsys, filepath.Join(out, "SHA256SUMS"))
	if err != nil {
		return false, err
	}
	for _, n := range names {
		if !listed[n] {
			return refuse("the site holds "+n+", which publish did not write and would lose", "move it out of the folder first")
		}
	}
	return true, nil
}

// listed are the files that an earlier publish wrote.
func listed(fsys durable.FS, path string) (map[string]bool, error) {
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names := map[string]bool{"SHA256SUMS": true}
	lines := bufio.NewScanner(io.LimitReader(f, 64<<20))
	for lines.Scan() {
		if _, name, ok := strings.Cut(lines.Text(), "  "); ok {
			names[name] = true
		}
	}
	return names, lines.Err()
}

// walk names the files below a folder, with slashes.
func walk(fsys durable.FS, root, below string) ([]string, error) {
	entries, err := fsys.ReadDir(filepath.Join(root, filepath.FromSlash(below)))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name := below + e.Name()
		if !e.IsDir() {
			names = append(names, name)
			continue
		}
		more, err := walk(fsys, root, name+"/")
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	return names, nil
}

func write(ctx context.Context, fsys durable.FS, dir string, files map[string][]byte, at time.Time) error {
	var names []string
	dirs := map[string]bool{dir: true}
	for n := range files {
		names = append(names, n)
		for d := filepath.Dir(filepath.Join(dir, filepath.FromSlash(n))); d != dir; d = filepath.Dir(d) {
			dirs[d] = true
		}
	}
	slices.Sort(names)
	for _, n := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(n))
		if err := durable.MkdirAll(fsys, filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := durable.CreateFrom(fsys, path, 0o644, func(w io.Writer) error {
			_, err := io.Copy(w, bytes.NewReader(files[n]))
			return err
		}); err != nil {
			return err
		}
		if err := chtimes(fsys, path, at); err != nil {
			return err
		}
	}
	for d := range dirs {
		if err := chtimes(fsys, d, at); err != nil {
			return err
		}
	}
	return nil
}

// chtimes sets the file's times. A durable.FS need not know how: every one of them lies in the machine's file system.
func chtimes(fsys durable.FS, path string, at time.Time) error {
	if t, ok := fsys.(interface {
		Chtimes(name string, atime, mtime time.Time) error
	}); ok {
		return t.Chtimes(path, at, at)
	}
	return os.Chtimes(path, at, at)
}

// removeAll takes a folder of ours away; one that is not there is fine.
func removeAll(fsys durable.FS, dir string) error {
	entries, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() {
			err = removeAll(fsys, path)
		} else {
			err = fsys.Remove(path)
		}
		if err != nil {
			return err
		}
	}
	return fsys.Remove(dir)
}
