package site

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
)

// small is a site of three files that says which one it is.
func small(which string) map[string][]byte {
	files := map[string][]byte{"head.note": []byte(which), "measures/a.html": []byte(which), "data/" + which + ".csv": []byte(which)}
	files["SHA256SUMS"] = sums(files)
	return files
}

// whole tells which of the sites lies in a folder, complete and alone; "" if none does.
func whole(dir string, sites ...string) string {
	for _, which := range sites {
		names, err := walk(durable.OS(), dir, "")
		want := small(which)
		ok := err == nil && len(names) == len(want)
		for n, b := range want {
			got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(n)))
			ok = ok && err == nil && bytes.Equal(got, b)
		}
		if ok {
			return which
		}
	}
	return ""
}

// Every step fails once, undone or done: a whole site is left at its place or beside it, and the next run ends the work.
func TestEveryStepFailsOnce(t *testing.T) {
	for _, done := range []bool{false, true} {
		for n := 1; ; n++ {
			out := filepath.Join(t.TempDir(), "site")
			if err := put(t.Context(), durable.OS(), out, small("old"), mtime(0)); err != nil {
				t.Fatal(err)
			}
			disk := durabletest.FailAt(n)
			if done {
				disk = durabletest.DoneAt(n)
			}
			err := put(t.Context(), disk, out, small("new"), mtime(0))
			if !disk.Fired() {
				if n < 20 {
					t.Errorf("only %d operations were tried", n)
				}
				break
			}
			if err == nil {
				t.Errorf("operation %d (%s) failed and nobody noticed", n, disk.Op())
			}
			if whole(out, "old", "new") == "" && whole(filepath.Join(filepath.Dir(out), ".old-site"), "old") == "" {
				t.Errorf("operation %d (%s, done %v): no whole site is left", n, disk.Op(), done)
			}
			again(t, out, "operation "+strconv.Itoa(n))
		}
	}
}

func again(t *testing.T, out, after string) {
	t.Helper()
	if err := put(t.Context(), durable.OS(), out, small("new"), mtime(0)); err != nil {
		t.Errorf("after %s publishing again says %v", after, err)
	}
	if whole(out, "new") == "" {
		t.Errorf("after %s and publishing again the new site is not there", after)
	}
	if beside, err := os.ReadDir(filepath.Dir(out)); err != nil || len(beside) != 1 {
		t.Errorf("after %s: %d things lie beside the site, %v", after, len(beside), err)
	}
}

// The power goes after every step, and takes what was not made durable with it.
func TestPowerCut(t *testing.T) {
	for n := 0; ; n++ {
		dir := t.TempDir()
		if err := put(t.Context(), durable.OS(), filepath.Join(dir, "site"), small("old"), mtime(0)); err != nil {
			t.Fatal(err)
		}
		disk, err := durabletest.NewCrash(dir)
		if err != nil {
			t.Fatal(err)
		}
		err = put(t.Context(), disk.StopAt(n), filepath.Join(dir, "site"), small("new"), mtime(0))
		if !disk.Crashed() {
			if n < 20 || err != nil {
				t.Errorf("%d operations, %v", n, err)
			}
			return
		}
		for _, o := range []durabletest.Outcome{durabletest.NothingMore, durabletest.NamesOnly, durabletest.Everything} {
			after := t.TempDir()
			if err := disk.Clone(after, o); err != nil {
				t.Fatal(err)
			}
			what := "a power cut after operation " + strconv.Itoa(n) + ", " + o.String()
			if whole(filepath.Join(after, "site"), "old", "new") == "" && whole(filepath.Join(after, ".old-site"), "old") == "" {
				t.Errorf("%s: no whole site is left", what)
			}
			again(t, filepath.Join(after, "site"), what)
		}
	}
}
