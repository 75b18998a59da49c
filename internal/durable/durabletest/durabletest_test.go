package durabletest_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
)

// Planted carelessness: the crashing file system has to catch each of these,
// or it proves nothing about code that passes.
func TestCrashCatchesCarelessWriting(t *testing.T) {
	careless := []struct {
		name    string
		do      func(fsys durable.FS, dir string) error
		outcome durabletest.Outcome
		want    string // what "current" holds after the power cut; "-" for not there
	}{
		{"rename without fsync of the file", func(fsys durable.FS, dir string) error {
			return errors.Join(
				write(fsys, filepath.Join(dir, "t"), "new", false),
				fsys.Rename(filepath.Join(dir, "t"), filepath.Join(dir, "current")),
				durable.SyncDir(fsys, dir))
		}, durabletest.NothingMore, ""},
		{"rename without fsync of the folder", func(fsys durable.FS, dir string) error {
			return errors.Join(
				write(fsys, filepath.Join(dir, "t"), "new", true),
				fsys.Rename(filepath.Join(dir, "t"), filepath.Join(dir, "current")))
		}, durabletest.NothingMore, "old"},
		{"written in place", func(fsys durable.FS, dir string) error {
			return write(fsys, filepath.Join(dir, "current"), "new", false)
		}, durabletest.NothingMore, "old"},
		{"no fsync at all, names kept", func(fsys durable.FS, dir string) error {
			return errors.Join(
				write(fsys, filepath.Join(dir, "t"), "new", false),
				fsys.Rename(filepath.Join(dir, "t"), filepath.Join(dir, "current")))
		}, durabletest.NamesOnly, ""},
		{"written past the file system, then published", func(fsys durable.FS, dir string) error {
			err := os.WriteFile(filepath.Join(dir, "t"), []byte("new"), 0o600)
			return errors.Join(err,
				durable.Remove(fsys, filepath.Join(dir, "current")),
				durable.Publish(fsys, filepath.Join(dir, "t"), filepath.Join(dir, "current"), 0o600))
		}, durabletest.NothingMore, "new"},
		{"a removed file comes back without fsync of the folder", func(fsys durable.FS, dir string) error {
			return fsys.Remove(filepath.Join(dir, "current"))
		}, durabletest.NothingMore, "old"},
		{"everything kept", func(fsys durable.FS, dir string) error {
			return write(fsys, filepath.Join(dir, "current"), "new", false)
		}, durabletest.Everything, "new"},
	}
	for _, c := range careless {
		t.Run(c.name, func(t *testing.T) {
			dir, after := t.TempDir(), t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "current"), []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			disk, err := durabletest.NewCrash(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.do(disk, dir); err != nil {
				t.Fatal(err)
			}
			if err := disk.Clone(after, c.outcome); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(after, "current"))
			if errors.Is(err, fs.ErrNotExist) {
				got = []byte("-")
			}
			if string(got) != c.want {
				t.Errorf("current holds %q, want %q", got, c.want)
			}
		})
	}
}

func TestNothingIsDoneAfterTheCrash(t *testing.T) {
	dir := t.TempDir()
	disk, err := durabletest.NewCrash(dir)
	if err != nil {
		t.Fatal(err)
	}
	disk.StopAt(1)
	if err := disk.Mkdir(filepath.Join(dir, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := disk.Mkdir(filepath.Join(dir, "b"), 0o700); !errors.Is(err, durabletest.ErrCrashed) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "b")); err == nil {
		t.Error("it was made all the same")
	}
}

func TestAFailedWriteIsHalfDone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	faulty := durabletest.FailAt(2) // 1: create, 2: write
	if err := write(faulty, path, "abcd", false); err == nil || faulty.Op() != "write" {
		t.Fatalf("%v at %q", err, faulty.Op())
	}
	if got, _ := os.ReadFile(path); string(got) != "ab" {
		t.Errorf("the file holds %q", got)
	}
}

func write(fsys durable.FS, path, text string, sync bool) error {
	f, err := fsys.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(text))
	if sync && err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
