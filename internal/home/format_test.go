package home

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
	"heatwatch/internal/problem"
)

func homeWith(t *testing.T, format string) Home {
	t.Helper()
	h := Home{Dir: t.TempDir()}
	for name, text := range map[string]string{"heatwatch.yaml": "\n", formatName: format} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(h.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func TestVersions(t *testing.T) {
	if len(steps) != Format-1 {
		t.Fatalf("%d steps lead to version %d", len(steps), Format)
	}
	for _, c := range []struct{ text, says string }{
		{"", ""},
		{"heatwatch home 1\n", ""},
		{formatText(Format), ""},
		{formatText(Format + 1), "use the newer version"},
		{"heatwatch home 0\n", "no version of a home"},
		{"heatwatch home\n", "no version of a home"},
		{"2\n", "no version of a home"},
	} {
		h := homeWith(t, c.text)
		err := h.Check()
		if c.says == "" && err != nil || c.says != "" && (problem.ExitCode(err) != problem.Usage || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%q: %v, want %q", c.text, err, c.says)
		}
		if err := h.Migrate(durable.OS()); (err == nil) != (c.says == "") {
			t.Errorf("%q: migrating: %v", c.text, err)
		}
		if c.says != "" {
			if b, _ := os.ReadFile(h.FormatFile()); string(b) != c.text {
				t.Errorf("%q was changed to %q", c.text, b)
			}
			continue
		}
		if n, err := h.Version(); n != Format || err != nil {
			t.Errorf("%q: version %d after migrating, %v", c.text, n, err)
		}
	}
}

// A migration that is cut off anywhere leaves an older home, and the next one ends it.
func TestAMigrationIsCutOff(t *testing.T) {
	for n := 1; ; n++ {
		h := homeWith(t, "")
		faulty := durabletest.FailAt(n)
		err := h.Migrate(faulty)
		if !faulty.Fired() {
			return
		}
		if err == nil {
			t.Errorf("operation %d failed and nobody noticed", n)
		}
		if err := h.Check(); err != nil {
			t.Errorf("after operation %d: %v", n, err)
		}
		if err := h.Migrate(durable.OS()); err != nil {
			t.Errorf("after operation %d: %v", n, err)
		}
		for _, dir := range h.Folders() {
			if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
				t.Errorf("after operation %d: %s: %v", n, dir, err)
			}
		}
	}
}
