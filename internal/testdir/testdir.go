// Package testdir finds folders that tests need.
package testdir

import (
	"os"
	"path/filepath"
	"testing"
)

// Root is the folder that holds go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}

// Shared is a path below the shared folder beside the checkout; the test is skipped where it is absent.
func Shared(t testing.TB, parts ...string) string {
	t.Helper()
	p := filepath.Join(append([]string{Root(t), "..", "shared"}, parts...)...)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("no %s beside the checkout: this test compares with shared material", filepath.Join(append([]string{"shared"}, parts...)...))
	}
	return p
}
