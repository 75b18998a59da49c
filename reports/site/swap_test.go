package site

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// tree is what lies in a folder: content and time of each file.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		at := info.ModTime().UTC().Format("2006-01-02T15:04:05")
		if d.IsDir() {
			out[rel+"/"] = at + " " + info.Mode().String()
			return nil
		}
		if d.Type() == fs.ModeSymlink {
			out[rel], err = os.Readlink(p)
			return err
		}
		b, err := os.ReadFile(p)
		h := sha256.Sum256(b)
		out[rel] = at + " " + info.Mode().String() + " " + hex.EncodeToString(h[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func same(t *testing.T, a, b map[string]string) {
	t.Helper()
	for n := range a {
		if a[n] != b[n] {
			t.Errorf("%s: %s, then %s", n, a[n], b[n])
		}
	}
	if len(a) != len(b) {
		t.Errorf("%d and %d files", len(a), len(b))
	}
}

func TestPublishTwiceIsTheSameTree(t *testing.T) {
	s, reports := sample(t, 1)
	parent := t.TempDir()
	out := filepath.Join(parent, "public", "site")
	publish := func(s Site) map[string]string {
		if err := put(t.Context(), durable.OS(), out, built(t, s, reports), mtime(s.Updated)); err != nil {
			t.Fatal(err)
		}
		return tree(t, out)
	}
	first := publish(s)
	same(t, first, publish(s))
	for n, what := range first {
		if !strings.HasPrefix(what, s.Updated.String()+"T00:00:00") {
			t.Errorf("%s bears the time %s", n, what)
		}
	}
	// A later site with fewer languages leaves nothing of the earlier one.
	s.Languages, s.Updated = []string{"en"}, 0
	for n, what := range publish(s) {
		if strings.HasPrefix(n, "es") || !strings.HasPrefix(what, "1980-01-01T00:00:00") {
			t.Errorf("%s, %s is left", n, what)
		}
	}
	beside, err := os.ReadDir(filepath.Dir(out))
	if err != nil || len(beside) != 1 {
		t.Errorf("%d things lie beside the site: %v", len(beside), err)
	}
}

// Whatever is no site of ours stays as it is.
func TestForeignTargetsAreRefused(t *testing.T) {
	s, reports := sample(t, 1)
	files := built(t, s, reports)
	for _, c := range []struct {
		name string
		make func(t *testing.T, out string)
	}{
		{"a file", func(t *testing.T, out string) { write1(t, out, "x") }},
		{"a folder of somebody's", func(t *testing.T, out string) { write1(t, filepath.Join(out, "thesis.txt"), "x") }},
		{"a head without a list", func(t *testing.T, out string) { write1(t, filepath.Join(out, "head.note"), "x") }},
		{"a site with something added", func(t *testing.T, out string) {
			if err := put(t.Context(), durable.OS(), out, files, mtime(0)); err != nil {
				t.Fatal(err)
			}
			write1(t, filepath.Join(out, "measures", "notes.txt"), "x")
		}},
		{"a link", func(t *testing.T, out string) {
			if err := os.Symlink(t.TempDir(), out); err != nil {
				t.Skip(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			parent := t.TempDir()
			out := filepath.Join(parent, "site")
			c.make(t, out)
			before := tree(t, parent)
			err := put(t.Context(), durable.OS(), out, files, mtime(0))
			if problem.ExitCode(err) != problem.Usage {
				t.Errorf("published with %v", err)
			}
			same(t, before, tree(t, parent))
		})
	}
}

func TestAnEmptyFolderIsFine(t *testing.T) {
	s, reports := sample(t, 1)
	out := t.TempDir()
	if err := put(t.Context(), durable.OS(), out, built(t, s, reports), mtime(0)); err != nil {
		t.Error(err)
	}
}

func TestCancelledPublishLeavesTheOldSite(t *testing.T) {
	s, reports := sample(t, 1)
	out := filepath.Join(t.TempDir(), "site")
	if err := put(t.Context(), durable.OS(), out, built(t, s, reports), mtime(0)); err != nil {
		t.Fatal(err)
	}
	before := tree(t, filepath.Dir(out))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Updated = models.Date(22500)
	if err := put(ctx, durable.OS(), out, built(t, s, reports), mtime(s.Updated)); err == nil {
		t.Fatal("a cancelled publish says that it is done")
	}
	after := tree(t, filepath.Dir(out))
	delete(before, "./")
	delete(after, "./")
	same(t, before, after)
}

func write1(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
