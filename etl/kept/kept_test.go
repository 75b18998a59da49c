package kept

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
)

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// upload makes an upload with files, a folder and a link in it, and the drop's folder in landing.
func upload(t testing.TB) (up, landed string, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	up, landed = filepath.Join(dir, "incoming", "june"), filepath.Join(dir, "landing", "june")
	must(t, os.MkdirAll(filepath.Join(up, "below"), 0o700), os.MkdirAll(landed, 0o700))
	files = map[string]string{"manifest.json": "{}", "persons.csv": strings.Repeat("a line\n", 50_000), "empty.csv": ""}
	for name, text := range files {
		must(t, os.WriteFile(filepath.Join(up, name), []byte(text), 0o600))
	}
	must(t, os.Symlink("/etc/hostname", filepath.Join(up, "link.csv")))
	return up, landed, files
}

func contents(t testing.TB, k Key, landed string) map[string]string {
	t.Helper()
	got := map[string]string{}
	must(t, Open(k, landed, func(name string, r io.Reader) error {
		b, err := io.ReadAll(r)
		got[name] = string(b)
		return err
	}))
	return got
}

func TestAnUploadIsSealedAndGoes(t *testing.T) {
	keys := t.TempDir()
	k, err := HomeKey(durable.OS(), keys)
	must(t, err)
	up, landed, files := upload(t)
	must(t, os.WriteFile(filepath.Join(up, "persons.csv.age"), []byte("tokens as they were sent"), 0o600)) // is not kept
	must(t, Seal(durable.OS(), k, up, landed))
	if _, err := os.Lstat(up); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the upload is still there: %v", err)
	}
	again, err := HomeKey(durable.OS(), keys) // as the next process reads it
	must(t, err)
	if got := contents(t, again, landed); !maps.Equal(got, files) {
		t.Errorf("%d files are kept, not the %d plain ones as they were", len(got), len(files))
	}
	raw, err := os.ReadFile(filepath.Join(landed, RawName))
	must(t, err)
	if bytes.Contains(raw, []byte("a line")) {
		t.Error("it lies in clear")
	}
	other, err := HomeKey(durable.OS(), t.TempDir())
	must(t, err)
	if err := Open(other, landed, func(string, io.Reader) error { return nil }); err == nil {
		t.Error("another home's key opens it")
	}
	if s := fmt.Sprintf("%v %+v %s %#v", k, k, k, k); strings.Contains(s, "SECRET") || !strings.Contains(s, "[key of drops]") {
		t.Error("the key can be printed")
	}

	// The next upload of that name finds the drop kept: what came first stands.
	must(t, os.MkdirAll(up, 0o700), os.WriteFile(filepath.Join(up, "persons.csv"), []byte("other"), 0o600), Seal(durable.OS(), k, up, landed))
	if got := contents(t, k, landed); !maps.Equal(got, files) {
		t.Error("what was kept was replaced")
	}
	must(t, Shred(durable.OS(), landed), Shred(durable.OS(), landed))
	if has, err := Has(landed); has || err != nil {
		t.Errorf("after the key was destroyed: %v %v", has, err)
	}
	if err := Open(k, landed, func(string, io.Reader) error { return nil }); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was destroyed opens: %v", err)
	}
}

func TestAKeyThatOthersReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	_, err := HomeKey(durable.OS(), dir)
	must(t, err, os.Chmod(filepath.Join(dir, "drops.key"), 0o644))
	if _, err := HomeKey(durable.OS(), dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("%v", err)
	}
}

// Whenever a step fails or the process ends, the upload is there whole or the kept files are, and the next try comes to the
// same end.
func TestSealSurvivesEveryCrash(t *testing.T) {
	keys := t.TempDir()
	k, err := HomeKey(durable.OS(), keys)
	must(t, err)
	for _, failing := range []func(int) *durabletest.Fault{durabletest.FailAt, durabletest.DoneAt} {
		n := 1
		for ; ; n++ {
			up, landed, files := upload(t)
			fsys := failing(n)
			err := Seal(fsys, k, up, landed)
			if !fsys.Fired() {
				break
			}
			if has, _ := Has(landed); err != nil && !has {
				for name, text := range files {
					if b, err := os.ReadFile(filepath.Join(up, name)); err != nil || string(b) != text {
						t.Fatalf("step %d: %s is neither kept nor uploaded", n, name)
					}
				}
			}
			must(t, Sweep(durable.OS(), filepath.Dir(up)))
			if _, err := os.Lstat(up); err == nil {
				must(t, Seal(durable.OS(), k, up, landed))
			}
			if got := contents(t, k, landed); !maps.Equal(got, files) {
				t.Fatalf("step %d: kept %d of %d files after the second try", n, len(got), len(files))
			}
			if left, _ := os.ReadDir(filepath.Dir(up)); len(left) > 0 {
				t.Fatalf("step %d leaves %v", n, left)
			}
		}
		if n < 20 {
			t.Fatalf("only %d steps", n)
		}
	}
}
