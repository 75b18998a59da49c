package intake

import (
	"archive/zip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heatwatch/internal/testdir"
)

// Exports of another system, many of them damaged on purpose: each has a verdict, as it is and under a name of ours, and
// none is taken.
func TestSamplesOfHMIS(t *testing.T) {
	if testing.Short() {
		t.Skip("some thousand checks, one after the other")
	}
	archives, err := filepath.Glob(filepath.Join(testdir.Shared(t, "data", "hmis"), "*.zip"))
	if err != nil || len(archives) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	dir := t.TempDir()
	files, folders := 0, 0
	for _, a := range archives {
		refusedWhole(t, a)
		unpack(t, a, filepath.Join(dir, filepath.Base(a)))
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			folders++
			refusedWhole(t, path)
			return nil
		}
		files++
		refusedWhole(t, path)
		ours := filepath.Join(t.TempDir(), "services.csv")
		if err := os.Rename(path, ours); err != nil {
			return err
		}
		refusedWhole(t, ours)
		return os.Rename(ours, path) // the folder's turn was before its files'
	})
	if err != nil || files < 100 || folders < 10 {
		t.Errorf("%d files in %d folders: %v", files, folders, err)
	}
}

func refusedWhole(t *testing.T, path string) {
	t.Helper()
	c, err := CheckPath(ctx, path, PathOptions{Workers: 2})
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	if c.State != Refused || len(reasonsOf(c.Drop)) == 0 {
		t.Errorf("%s: %s", path, says(c.Drop))
	}
	for _, f := range c.Files {
		if f.Rows != f.Accepted+f.Quarantined+f.Blank {
			t.Errorf("%s: %d rows are not %d + %d + %d", path, f.Rows, f.Accepted, f.Quarantined, f.Blank)
		}
	}
	if _, _, err := c.Receipt(); err != nil {
		t.Errorf("%s: %v", path, err)
	}
}

func unpack(t *testing.T, archive, to string) {
	t.Helper()
	z, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		if !filepath.IsLocal(f.Name) || strings.HasSuffix(f.Name, "/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(to, f.Name), string(b))
	}
}
