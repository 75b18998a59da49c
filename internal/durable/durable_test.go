package durable_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
)

// content is large enough that half of it is not all of it.
var (
	older = []byte(strings.Repeat("older ", 100))
	newer = []byte(strings.Repeat("newer, and longer ", 100))
)

// step is one durable operation with its two allowed states. A state is the
// tree as a map from path to content ("/" for folders), temporary files left out.
type step struct {
	name     string
	before   map[string]string
	do       func(fsys durable.FS, dir string) error
	after    map[string]string
	between  []map[string]string // allowed after a crash only, each with a reason at the step
	existing bool                // do returns fs.ErrExist
}

var steps = []step{
	{
		name:   "create",
		before: map[string]string{"other": "x"},
		do: func(fsys durable.FS, dir string) error {
			return durable.Create(fsys, filepath.Join(dir, "new"), newer, 0o444)
		},
		after: map[string]string{"other": "x", "new": string(newer)},
	}, {
		name:   "create over an existing name",
		before: map[string]string{"new": string(older)},
		do: func(fsys durable.FS, dir string) error {
			return durable.Create(fsys, filepath.Join(dir, "new"), newer, 0o444)
		},
		after:    map[string]string{"new": string(older)},
		existing: true,
	}, {
		name:   "create in many writes",
		before: map[string]string{},
		do: func(fsys durable.FS, dir string) error {
			return durable.CreateFrom(fsys, filepath.Join(dir, "new"), 0o600, func(w io.Writer) error {
				for part := range bytes.SplitSeq(newer, []byte(",")) {
					if _, err := w.Write(append(part, '\n')); err != nil {
						return err
					}
				}
				return nil
			})
		},
		after: map[string]string{"new": strings.ReplaceAll(string(newer), ",", "\n") + "\n"},
	}, {
		name:   "replace",
		before: map[string]string{"current": string(older)},
		do: func(fsys durable.FS, dir string) error {
			return durable.Replace(fsys, filepath.Join(dir, "current"), newer, 0o644)
		},
		after: map[string]string{"current": string(newer)},
	}, {
		name:   "replace what is not there",
		before: map[string]string{},
		do: func(fsys durable.FS, dir string) error {
			return durable.Replace(fsys, filepath.Join(dir, "current"), newer, 0o644)
		},
		after: map[string]string{"current": string(newer)},
	}, {
		name:   "publish",
		before: map[string]string{"staging": "/", "staging/s": string(newer), "live": "/"},
		do: func(fsys durable.FS, dir string) error {
			return durable.Publish(fsys, filepath.Join(dir, "staging/s"), filepath.Join(dir, "live/p"), 0o444)
		},
		after: map[string]string{"staging": "/", "live": "/", "live/p": string(newer)},
		between: []map[string]string{
			// the new name is certain before the staged one goes
			{"staging": "/", "staging/s": string(newer), "live": "/", "live/p": string(newer)},
		},
	}, {
		name:   "publish over an existing name",
		before: map[string]string{"s": string(newer), "p": string(older)},
		do: func(fsys durable.FS, dir string) error {
			return durable.Publish(fsys, filepath.Join(dir, "s"), filepath.Join(dir, "p"), 0o444)
		},
		after:    map[string]string{"s": string(newer), "p": string(older)},
		existing: true,
	}, {
		name:   "hard link",
		before: map[string]string{"a": string(older), "d": "/"},
		do: func(fsys durable.FS, dir string) error {
			return durable.Link(fsys, filepath.Join(dir, "a"), filepath.Join(dir, "d/b"))
		},
		after: map[string]string{"a": string(older), "d": "/", "d/b": string(older)},
	}, {
		name:   "mkdir with parents",
		before: map[string]string{},
		do: func(fsys durable.FS, dir string) error {
			return durable.MkdirAll(fsys, filepath.Join(dir, "a/b/c"), 0o755)
		},
		after:   map[string]string{"a": "/", "a/b": "/", "a/b/c": "/"},
		between: []map[string]string{{"a": "/"}, {"a": "/", "a/b": "/"}},
	}, {
		name:   "remove",
		before: map[string]string{"a": string(older)},
		do:     func(fsys durable.FS, dir string) error { return durable.Remove(fsys, filepath.Join(dir, "a")) },
		after:  map[string]string{},
	}, {
		name:   "rename a folder",
		before: map[string]string{"d": "/", "d/a": string(older)},
		do: func(fsys durable.FS, dir string) error {
			return durable.Rename(fsys, filepath.Join(dir, "d"), filepath.Join(dir, "e"))
		},
		after: map[string]string{"e": "/", "e/a": string(older)},
	}, {
		name:   "rename over a file",
		before: map[string]string{"a": string(newer), "b": string(older)},
		do: func(fsys durable.FS, dir string) error {
			return durable.Rename(fsys, filepath.Join(dir, "a"), filepath.Join(dir, "b"))
		},
		after: map[string]string{"b": string(newer)},
	},
}

func TestEveryOperationFailsOnceAndLeavesOldOrNew(t *testing.T) {
	modes := []struct {
		name string
		at   func(int) *durabletest.Fault
	}{{"failed, not done", durabletest.FailAt}, {"done, reported as failed", durabletest.DoneAt}}
	for _, s := range steps {
		for _, mode := range modes {
			t.Run(s.name+"/"+mode.name, func(t *testing.T) {
				for n := 1; ; n++ {
					dir := plant(t, s.before)
					faulty := mode.at(n)
					err := s.do(faulty, dir)
					if !faulty.Fired() {
						if n == 1 {
							t.Fatal("no operation was counted: the test tests nothing")
						}
						s.wantDone(t, err, dir)
						return
					}
					if err == nil {
						t.Errorf("operation %d (%s) failed and nobody noticed", n, faulty.Op())
					}
					if strings.HasPrefix(faulty.Op(), "sync") && !errors.Is(err, durable.ErrSync) {
						t.Errorf("operation %d (%s): a failed fsync must be told apart: %v", n, faulty.Op(), err)
					}
					s.wantOldOrNew(t, dir, fmt.Sprintf("operation %d (%s)", n, faulty.Op()))
					s.wantRepeatable(t, dir)
				}
			})
		}
	}
}

func TestPowerCutAfterEveryOperationLeavesOldOrNew(t *testing.T) {
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			for n := 0; ; n++ {
				dir := plant(t, s.before)
				disk, err := durabletest.NewCrash(dir)
				if err != nil {
					t.Fatal(err)
				}
				err = s.do(disk.StopAt(n), dir)
				outcomes := []durabletest.Outcome{durabletest.NothingMore, durabletest.NamesOnly, durabletest.Everything}
				for seed := range uint64(2) {
					outcomes = append(outcomes, durabletest.Mixed(rand.New(rand.NewPCG(seed, uint64(n)))))
				}
				for _, o := range outcomes {
					after := t.TempDir()
					if err := disk.Clone(after, o); err != nil {
						t.Fatal(err)
					}
					where := fmt.Sprintf("power cut after operation %d, left: %s", n, o)
					if !disk.Crashed() {
						// It said "done": then it is, whatever was not fsynced.
						s.wantDone(t, err, after)
						continue
					}
					s.wantOldOrNew(t, after, where)
					s.wantRepeatable(t, after)
				}
				if !disk.Crashed() {
					return
				}
			}
		})
	}
}

func TestDiskFullAtEveryByteLeavesOldOrNew(t *testing.T) {
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			for k := int64(0); ; k += 251 {
				dir := plant(t, s.before)
				full := durabletest.FullAfter(k)
				err := s.do(full, dir)
				if !full.Fired() {
					s.wantDone(t, err, dir)
					return
				}
				if err == nil {
					t.Errorf("disk full after %d bytes and nobody noticed", k)
				}
				s.wantOldOrNew(t, dir, fmt.Sprintf("full after %d bytes", k))
				if left := temps(t, dir); len(left) > 0 {
					t.Errorf("full after %d bytes: removing still works, yet these are left: %v", k, left)
				}
			}
		})
	}
}

func (s step) wantDone(t *testing.T, err error, dir string) {
	t.Helper()
	if s.existing != errors.Is(err, fs.ErrExist) || (!s.existing && err != nil) {
		t.Errorf("undisturbed: %v", err)
	}
	if got := tree(t, dir); !same(got, s.after) {
		t.Errorf("undisturbed: have %s, want %s", show(got), show(s.after))
	}
	if left := temps(t, dir); len(left) > 0 && err == nil {
		t.Errorf("undisturbed: left over %v", left)
	}
}

func (s step) wantOldOrNew(t *testing.T, dir, where string) {
	t.Helper()
	got := tree(t, dir)
	for _, allowed := range append([]map[string]string{s.before, s.after}, s.between...) {
		if same(got, allowed) {
			return
		}
	}
	t.Errorf("%s: neither old nor new: %s", where, show(got))
}

// wantRepeatable runs the operation again on what is left: it must come to the
// new state, or say that it is there.
func (s step) wantRepeatable(t *testing.T, dir string) {
	t.Helper()
	err := s.do(durable.OS(), dir)
	if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("again: %v", err)
	}
	if got := tree(t, dir); !same(got, s.after) {
		t.Errorf("again: have %s, want %s", show(got), show(s.after))
	}
	for _, d := range []string{dir, filepath.Join(dir, "staging"), filepath.Join(dir, "live")} {
		if _, err := durable.Sweep(durable.OS(), d); err != nil {
			t.Errorf("sweep: %v", err)
		}
	}
	if left := temps(t, dir); len(left) > 0 {
		t.Errorf("sweep left %v", left)
	}
}

func TestCreateOverAnExistingNameChangesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "entry")
	if err := durable.Create(durable.OS(), path, older, 0o400); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := durable.Create(durable.OS(), path, newer, 0o644); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("got %v, want fs.ErrExist", err)
	}
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) || before.Mode() != after.Mode() || !before.ModTime().Equal(after.ModTime()) {
		t.Error("the file is another one now")
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, older) {
		t.Error("the content changed")
	}
}

func TestOfFiftyCreatorsOneWins(t *testing.T) {
	for _, pause := range []bool{false, true} {
		dir := t.TempDir()
		path := filepath.Join(dir, "13")
		var won atomic.Int64
		winner := make(chan string, 50)
		var wg sync.WaitGroup
		start := make(chan struct{})
		var ready sync.WaitGroup
		ready.Add(50)
		for i := range 50 {
			wg.Go(func() {
				text := fmt.Sprintf("entry of writer %d", i)
				<-start
				err := durable.CreateFrom(durable.OS(), path, 0o444, func(w io.Writer) error {
					if pause { // all are past the shortcut: the link alone decides
						ready.Done()
						ready.Wait()
					}
					_, err := io.WriteString(w, text)
					return err
				})
				switch {
				case err == nil:
					won.Add(1)
					winner <- text
				case !errors.Is(err, fs.ErrExist):
					t.Errorf("writer %d: %v", i, err)
				}
			})
		}
		close(start)
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d writers were told that they made the file", won.Load())
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if want := <-winner; string(got) != want {
			t.Errorf("the file holds %q, the winner wrote %q", got, want)
		}
		if left := temps(t, dir); len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
	}
}

func TestPublishEndsWhatWasCutShort(t *testing.T) {
	dir := plant(t, map[string]string{"s": string(newer)})
	staged, path := filepath.Join(dir, "s"), filepath.Join(dir, "p")
	if err := os.Link(staged, path); err != nil { // as after a crash between the two names
		t.Fatal(err)
	}
	if err := durable.Publish(durable.OS(), staged, path, 0o444); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); !same(got, map[string]string{"p": string(newer)}) {
		t.Errorf("have %s", show(got))
	}
}

// The staged file was written by something that fsyncs nothing (a Parquet
// writer, say). Under its final name it is whole or not there.
func TestPublishMakesTheContentCertain(t *testing.T) {
	for n := 0; ; n++ {
		dir := plant(t, map[string]string{"staging": "/", "live": "/"})
		disk, err := durabletest.NewCrash(dir)
		if err != nil {
			t.Fatal(err)
		}
		staged, path := filepath.Join(dir, "staging/s"), filepath.Join(dir, "live/p")
		if err := os.WriteFile(staged, newer, 0o600); err != nil {
			t.Fatal(err)
		}
		err = durable.Publish(disk.StopAt(n), staged, path, 0o444)
		for _, o := range []durabletest.Outcome{durabletest.NothingMore, durabletest.NamesOnly, durabletest.Everything} {
			after := t.TempDir()
			if err := disk.Clone(after, o); err != nil {
				t.Fatal(err)
			}
			got, there := tree(t, after)["live/p"]
			if there && got != string(newer) || !there && !disk.Crashed() {
				t.Errorf("power cut after operation %d, left: %s: live/p is there: %v, with %d bytes", n, o, there, len(got))
			}
		}
		if !disk.Crashed() {
			if err != nil {
				t.Error(err)
			}
			return
		}
	}
}

func TestModesAreWhatWasAskedFor(t *testing.T) {
	dir := t.TempDir()
	for _, perm := range []fs.FileMode{0o600, 0o444, 0o666} {
		path := filepath.Join(dir, perm.String())
		if err := durable.Create(durable.OS(), path, newer, perm); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != perm {
			t.Errorf("asked for %v, got %v", perm, info.Mode())
		}
	}
}

func TestFailedContentLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	want := errors.New("the source broke")
	err := durable.CreateFrom(durable.OS(), filepath.Join(dir, "a"), 0o600, func(w io.Writer) error {
		io.WriteString(w, "half")
		return want
	})
	if !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("left %v", entries)
	}
}

func TestSweepTakesTempsAndNothingElse(t *testing.T) {
	dir := plant(t, map[string]string{"a": "x", ".hidden": "y", "sub": "/"})
	for _, name := range []string{".tmp-a-0", ".tmp-b-17"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n, err := durable.Sweep(durable.OS(), dir)
	if n != 2 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if got := tree(t, dir); !same(got, map[string]string{"a": "x", ".hidden": "y", "sub": "/"}) {
		t.Errorf("have %s", show(got))
	}
	if n, err := durable.Sweep(durable.OS(), filepath.Join(dir, "none")); n != 0 || err != nil {
		t.Errorf("no folder: %d, %v", n, err)
	}
}

func TestRemoveAll(t *testing.T) {
	dir := plant(t, map[string]string{"g": "/", "g/a": "x", "g/sub": "/", "g/sub/b": "y", "keep": "z"})
	if err := durable.RemoveAll(durable.OS(), filepath.Join(dir, "g")); err != nil {
		t.Fatal(err)
	}
	if err := durable.RemoveAll(durable.OS(), filepath.Join(dir, "g")); err != nil {
		t.Errorf("what is gone already: %v", err)
	}
	if got := tree(t, dir); !same(got, map[string]string{"keep": "z"}) {
		t.Errorf("have %s", show(got))
	}
}

func TestRenameAcrossFoldersIsRefused(t *testing.T) {
	dir := plant(t, map[string]string{"d": "/", "a": "x"})
	if err := durable.Rename(durable.OS(), filepath.Join(dir, "a"), filepath.Join(dir, "d/a")); err == nil {
		t.Error("not refused")
	}
	if got := tree(t, dir); !same(got, map[string]string{"d": "/", "a": "x"}) {
		t.Errorf("have %s", show(got))
	}
}

// A symbolic link with the target's name must not be written through.
func TestReplaceTakesTheNameNotTheTarget(t *testing.T) {
	dir := plant(t, map[string]string{"elsewhere": string(older)})
	if err := os.Symlink("elsewhere", filepath.Join(dir, "current")); err != nil {
		t.Fatal(err)
	}
	if err := durable.Replace(durable.OS(), filepath.Join(dir, "current"), newer, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); !same(got, map[string]string{"elsewhere": string(older), "current": string(newer)}) {
		t.Errorf("have %s", show(got))
	}
	if err := os.Symlink("nothing", filepath.Join(dir, "dangling")); err != nil {
		t.Fatal(err)
	}
	if err := durable.Create(durable.OS(), filepath.Join(dir, "dangling"), newer, 0o644); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create over a dangling link: %v", err)
	}
}

func plant(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range sorted(files) { // folders before what is in them
		path := filepath.Join(dir, name)
		var err error
		if files[name] == "/" {
			err = os.Mkdir(path, 0o755)
		} else {
			err = os.WriteFile(path, []byte(files[name]), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir || durable.IsTemp(e.Name()) {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if e.IsDir() {
			got[name] = "/"
			return nil
		}
		data, err := os.ReadFile(path)
		got[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func temps(t *testing.T, dir string) (left []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && durable.IsTemp(e.Name()) {
			left = append(left, e.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func same(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

func show(files map[string]string) string {
	var out []string
	for _, name := range sorted(files) {
		text := files[name]
		if len(text) > 12 {
			text = fmt.Sprintf("%s...(%d bytes)", text[:12], len(text))
		}
		out = append(out, name+"="+text)
	}
	return "{" + strings.Join(out, ", ") + "}"
}

func sorted(files map[string]string) []string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
