package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/privacy"
	"heatwatch/privacy/ledger"
)

// A home that lies about a cap or a definition signs the lie with its own key. Every form of verify finds it.
func TestAFalseManifestUnderATrueSignature(t *testing.T) {
	for name, lie := range map[string]func(m *privacy.Manifest){
		"cap":        func(m *privacy.Manifest) { m.Populations[0].Mu2Cap -= 5 },
		"definition": func(m *privacy.Manifest) { m.Items[0].Definition, m.Items[0].LinfFrom = 2, "definition 2 of entry" },
		"none":       nil,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.run(0, "init", "--plan", "county")
			if err := os.Mkdir(filepath.Join(r.dir, "area"), 0o700); err != nil {
				t.Fatal(err)
			}
			r.run(0, "nightly", "--from", filepath.Join(r.dir, "area"))
			r.run(0, "release", "2024Q1")
			path, site := filepath.Join(r.home(), "releases", "2024Q1", "2.json"), filepath.Join(r.dir, "site")
			want := 0
			if lie != nil {
				want = 3
				r.resign(path, lie)
			}
			r.run(0, "publish", "--out", site, "--witness", "none")
			for _, args := range [][]string{{"verify"}, {"verify", "--release", path}, {"verify", "--release", filepath.Join(site, "releases", "2024Q1", "2.json")}, {"verify", "--site", site}} {
				if out := r.run(want, args...); want == 3 && !strings.Contains(out+r.lastErr, "2.json") {
					t.Errorf("%v does not name the file: %s%s", args, out, r.lastErr)
				}
			}
		})
	}
}

// resign changes the manifest of a release file and signs the file again.
func (r *rig) resign(path string, change func(m *privacy.Manifest)) {
	r.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	var f privacy.ReleaseFile
	if err := json.Unmarshal(b, &f); err != nil {
		r.t.Fatal(err)
	}
	change(f.Manifest)
	line := func() []byte {
		b, err := json.Marshal(f)
		if err != nil {
			r.t.Fatal(err)
		}
		return append(b, '\n')
	}
	l, err := ledger.Open(durable.OS(), filepath.Join(r.home(), "ledger"), filepath.Join(r.home(), "keys"))
	if err != nil {
		r.t.Fatal(err)
	}
	f.Signature = ""
	if f.Signature, err = l.Sign("release", line()); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, line(), 0o444); err != nil {
		r.t.Fatal(err)
	}
}
