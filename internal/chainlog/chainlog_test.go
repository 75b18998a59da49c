package chainlog_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"heatwatch/internal/chainlog"
	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
)

type entry struct {
	What string `json:"what"`
	I    int    `json:"i"`
}

func add(t *testing.T, path string, i int) {
	t.Helper()
	if err := chainlog.Append(durable.OS(), path, entry{"seen", i}); err != nil {
		t.Fatal(err)
	}
}

// written makes a log of n entries.
func written(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.jsonl")
	for i := range n {
		add(t, path, i+1)
	}
	return path
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")
}

func write(t *testing.T, path string, lines []string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.TrimSuffix(strings.Join(lines, ""), "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func verify(t *testing.T, path string) string {
	t.Helper()
	found, err := chainlog.Verify(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(found)
}

func TestAnUntouchedLogHolds(t *testing.T) {
	path := written(t, 5)
	if got := verify(t, path); got != "[]" {
		t.Error(got)
	}
	all := lines(t, path)
	if len(all) != 5 || !strings.HasPrefix(all[0], `{"n":1,"prev":"0000`) || !strings.HasSuffix(all[4], `,"what":"seen","i":5}`) {
		t.Errorf("%q", all)
	}
	for _, name := range []string{path, path + chainlog.HeadSuffix} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	if got := verify(t, filepath.Join(t.TempDir(), "none")); got != "[]" {
		t.Errorf("no log at all: %s", got)
	}
}

// Whatever is done to a log, Verify names the place, and still does after somebody has gone on writing.
func TestDamageIsFound(t *testing.T) {
	edit := func(i int, from, to string) func([]string) []string {
		return func(l []string) []string { l[i] = strings.Replace(l[i], from, to, 1); return l }
	}
	for name, c := range map[string]struct {
		do   func([]string) []string
		want string
	}{
		"a line is changed":            {edit(1, `"i":2`, `"i":9`), "line 3: the line before it was changed"},
		"the last line is changed":     {edit(4, `"i":5`, `"i":9`), "line 5: it is not the line that the head knows"},
		"the first line is taken out":  {func(l []string) []string { return l[1:] }, "line 1: number 2 follows number 0"},
		"a line is taken out":          {func(l []string) []string { return slices.Delete(l, 2, 3) }, "line 3: number 4 follows number 2"},
		"the last line is taken off":   {func(l []string) []string { return l[:4] }, "5 lines were written and the last one here is number 4"},
		"all lines are taken off":      {func(l []string) []string { return nil }, ""},
		"two lines change places":      {func(l []string) []string { l[1], l[2] = l[2], l[1]; return l }, "line 2: number 3 follows number 1"},
		"a line stands twice":          {func(l []string) []string { return slices.Insert(l, 2, l[1]) }, "line 3: number 2 follows number 2"},
		"a line is put in":             {func(l []string) []string { return slices.Insert(l, 2, "{}\n") }, "line 3: it is no line of a log"},
		"a number is changed":          {edit(2, `{"n":3,`, `{"n":7,`), "line 3: its number was changed"},
		"the form is changed":          {edit(2, `{"n":3,`, `{"n": 3,`), "line 3: it is no line of a log"},
		"a line beyond what a line is": {func(l []string) []string { l[1] = strings.Repeat("x", 5000) + "\n"; return l }, "line 2: it is longer than a line can be"},
	} {
		t.Run(name, func(t *testing.T) {
			path := written(t, 5)
			write(t, path, c.do(lines(t, path)))
			if got := verify(t, path); got == "[]" || !strings.Contains(got, c.want) {
				t.Errorf("found %s, want %q", got, c.want)
			}
			add(t, path, 6)
			add(t, path, 7)
			if got := verify(t, path); got == "[]" {
				t.Error("after two more lines nothing is found")
			}
		})
	}
}

func TestALostHeadIsFound(t *testing.T) {
	path := written(t, 3)
	if err := os.Remove(path + chainlog.HeadSuffix); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := verify(t, path); got == "[]" {
			t.Error("nothing is found")
		}
		add(t, path, 4)
	}
	if !strings.Contains(verify(t, path), "line 4: its writer found") {
		t.Error(verify(t, path))
	}
	other := written(t, 3)
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	if got := verify(t, other); !strings.Contains(got, "the log is gone") {
		t.Error(got)
	}
	add(t, other, 4)
	if verify(t, other) == "[]" {
		t.Error("a log that began anew hides the one before")
	}
}

func TestHalfALineIsCutOff(t *testing.T) {
	path := written(t, 2)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	torn := append(bytes.Clone(whole), `{"n":3,"prev":"`+strings.Repeat("ab", 300)...)
	if err := os.WriteFile(path, torn, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := verify(t, path); got != "[]" {
		t.Errorf("half a line is taken for damage: %s", got)
	}
	add(t, path, 3)
	if got := verify(t, path); got != "[]" || len(lines(t, path)) != 3 || !strings.Contains(lines(t, path)[2], `"note":"torn"`) {
		t.Errorf("%s\n%q", got, lines(t, path))
	}
	// Half of a line that had been acknowledged is damage.
	path = written(t, 2)
	if err := os.Truncate(path, int64(len(whole)-5)); err != nil {
		t.Fatal(err)
	}
	if verify(t, path) == "[]" {
		t.Error("half of an acknowledged line is taken for a kill")
	}
}

// Each operation fails once. What was acknowledged stays, and the log holds after going on.
func TestEveryStepFailsOnce(t *testing.T) {
	for name, at := range map[string]func(int) *durabletest.Fault{"not done": durabletest.FailAt, "done": durabletest.DoneAt} {
		for n := 1; ; n++ {
			path := written(t, 2)
			f := at(n)
			err := chainlog.Append(f, path, entry{"seen", 3})
			if !f.Fired() {
				break
			}
			if err == nil {
				t.Errorf("%s: %s failed and nobody noticed", name, f.Op())
			}
			again := at(n) // a disk that stays full
			chainlog.Append(again, path, entry{"seen", 3})
			add(t, path, 4)
			if got := verify(t, path); got != "[]" {
				t.Errorf("%s: after %s: %s", name, f.Op(), got)
			}
			all := strings.Join(lines(t, path), "")
			for _, want := range []string{`"i":1}`, `"i":2}`, `"i":4}`} {
				if !strings.Contains(all, want) {
					t.Errorf("%s: after %s the log lacks %s", name, f.Op(), want)
				}
			}
		}
	}
}

// What was acknowledged is there after a power cut that keeps nothing but what was fsynced.
func TestAPowerCutKeepsWhatWasAcknowledged(t *testing.T) {
	dir, after := t.TempDir(), t.TempDir()
	disk, err := durabletest.NewCrash(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := chainlog.Append(disk, filepath.Join(dir, "a.jsonl"), entry{"seen", i}); err != nil {
			t.Fatal(err)
		}
	}
	if err := disk.Clone(after, durabletest.NothingMore); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(after, "a.jsonl")
	if got := verify(t, path); got != "[]" || len(lines(t, path)) != 3 {
		t.Errorf("%q, %s", lines(t, path), got)
	}
}

func TestManyWritersAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 10 {
				if err := chainlog.Append(durable.OS(), path, entry{"seen", 100*w + i}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := verify(t, path); got != "[]" || len(lines(t, path)) != 80 {
		t.Errorf("%d lines, %s", len(lines(t, path)), got)
	}
}

func TestWhatIsNoEntryIsRefused(t *testing.T) {
	path := written(t, 1)
	for _, e := range []any{"text", []int{1}, nil, func() {}, entry{What: strings.Repeat("x", chainlog.MaxLine)}} {
		if chainlog.Append(durable.OS(), path, e) == nil {
			t.Errorf("%T was taken", e)
		}
	}
	if got := verify(t, path); got != "[]" || len(lines(t, path)) != 1 {
		t.Error(got)
	}
	link := path + ".link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if chainlog.Append(durable.OS(), link, entry{}) == nil {
		t.Error("a symbolic link was followed")
	}
}
