package deidentify

import (
	"io"
	"os"
	"testing"
)

func copyOut(t *testing.T, a *archive, name, to string) {
	t.Helper()
	r, err := a.open[name]()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
