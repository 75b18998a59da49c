package rules

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"heatwatch/internal/testdir"
)

const mod = "heatwatch"

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
	GoFiles    []string
	CgoFiles   []string
	Dir        string
}

// list asks the go tool about packages; tests are left out: they may look where the program may not.
func list(t *testing.T, env []string, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps,GoFiles,CgoFiles,Dir"}, args...)...)
	cmd.Dir = testdir.Root(t)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for dec := json.NewDecoder(out); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return all
}

// below reports whether a package lies in a folder of the module, or is it.
func below(path, folder string) bool {
	return path == mod+"/"+folder || strings.HasPrefix(path, mod+"/"+folder+"/")
}

// forbidden: no package below `from` may depend on anything below `to`, directly or through others.
var forbidden = []struct{ from, to, why string }{
	{"models", "etl", "the vocabulary knows no room"},
	{"models", "privacy", "the vocabulary knows no room"},
	{"models", "reports", "the vocabulary knows no room"},
	{"internal/durable", "models", "crash-safe files know nothing of ours"},
	{"internal/durable", "etl", "crash-safe files know nothing of ours"},
	{"internal/durable", "privacy", "crash-safe files know nothing of ours"},
	{"internal/durable", "reports", "crash-safe files know nothing of ours"},
	{"privacy", "etl", "the privacy layer knows vectors and budgets, not records"},
	{"privacy", "reports", "the privacy layer knows vectors and budgets, not shelters"},
	{"privacy", "fixtures", "no synthetic data reaches the privacy layer of the program"},
	{"etl", "reports", "data moves one way: what takes records in never sees figures"},
	{"etl", "privacy", "the only door between lake and releases is opened from the other side"},
	{"etl", "fixtures", "intake must not know what the synthetic county looks like"},
	{"fixtures", "etl", "the county is made without the code that it tests"},
	{"fixtures", "privacy", "the county is made without the code that it tests"},
	{"fixtures", "reports", "the oracle shares no code with the measures"},
	{"reports/render", "etl", "rendering sees released figures only"},
	{"reports/site", "etl", "the public page sees released figures only"},
	{"reports/measures", "etl", "a measure is SQL and a declaration; the session is handed in"},
	{"etl/deidentify", "etl/lake", "what runs at an agency has no database"},
}

// foreign: the same for packages of others.
var foreign = []struct{ from, to, why string }{
	{"reports/render", "github.com/duckdb/duckdb-go/v2", "rendering sees released figures only"},
	{"reports/site", "github.com/duckdb/duckdb-go/v2", "the public page sees released figures only"},
	{"privacy", "github.com/duckdb/duckdb-go/v2", "privacy runs its SQL through an interface with one method"},
	{"etl/intake", "github.com/duckdb/duckdb-go/v2", "partner files never reach DuckDB unparsed"},
	{"etl/deidentify", "github.com/duckdb/duckdb-go/v2", "what runs at an agency has no database"},
	{"internal/cli/agency", "github.com/duckdb/duckdb-go/v2", "what runs at an agency has no database"},
	{"cmd/heatwatch-partner", "github.com/duckdb/duckdb-go/v2", "what runs at an agency has no database"},
}

func TestLayers(t *testing.T) {
	all := list(t, nil, "./...")
	used := map[string]bool{}
	for _, p := range all {
		for _, d := range p.Deps {
			used[d] = true
		}
		if p.ImportPath != mod+"/cmd/heatwatch" && slices.ContainsFunc(p.Deps, func(d string) bool { return below(d, "cmd") }) {
			t.Errorf("%s depends on cmd: nothing imports the wiring", p.ImportPath)
		}
		for _, r := range forbidden {
			if !below(p.ImportPath, r.from) {
				continue
			}
			for _, d := range p.Deps {
				if below(d, r.to) {
					t.Errorf("%s depends on %s: %s", p.ImportPath, d, r.why)
				}
			}
		}
		for _, r := range foreign {
			reference := strings.Contains(p.ImportPath, "/internal/bench") // a benchmark runs the reference beside ours
			if below(p.ImportPath, r.from) && !reference && slices.Contains(p.Deps, r.to) {
				t.Errorf("%s depends on %s: %s", p.ImportPath, r.to, r.why)
			}
		}
	}
	for _, r := range slices.Concat(forbidden, foreign) {
		if !slices.ContainsFunc(all, func(p pkg) bool { return below(p.ImportPath, r.from) }) {
			t.Errorf("the rule about %s is about nothing: there is no such package", r.from)
		}
	}
	for _, r := range foreign {
		if !used[r.to] {
			t.Errorf("nobody uses %s any more: drop the rule about it", r.to)
		}
	}
}

// direct imports that are wrong wherever the promise depends on their absence.
func TestDirectImports(t *testing.T) {
	for _, p := range list(t, nil, "./...") {
		for _, r := range []struct{ from, to, why string }{
			{"privacy", "math/rand", "noise comes from the library's secure source only"},
			{"privacy", "math/rand/v2", "noise comes from the library's secure source only"},
			{"reports/render", "database/sql", "rendering sees released figures only"},
			{"reports/site", "database/sql", "the public page sees released figures only"},
			{"etl/link", "math/rand", "pseudonyms come from the reader that is passed in"},
			{"etl/link", "math/rand/v2", "pseudonyms come from the reader that is passed in"},
		} {
			if below(p.ImportPath, r.from) && slices.Contains(p.Imports, r.to) {
				t.Errorf("%s imports %s: %s", p.ImportPath, r.to, r.why)
			}
		}
	}
}

// One place writes CSV by rows, and there a text from outside cannot act in a spreadsheet. deidentify writes its drop, which
// holds pseudonyms and checked cells only, and the keymap by a writer of its own.
func TestOneWriterOfCSV(t *testing.T) {
	for _, p := range list(t, nil, "./...") {
		for _, name := range p.GoFiles {
			b, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(b), "csv.NewWriter(") && p.ImportPath != mod+"/reports/render" && !strings.Contains(p.ImportPath, "/internal/bench") {
				t.Errorf("%s/%s writes CSV: use reports/render, or internal/sheet on every text", p.ImportPath, name)
			}
		}
	}
}

// The agency's binary has no cgo, and builds where there is no C compiler.
func TestThePartnerBinaryHasNoCgo(t *testing.T) {
	for _, p := range list(t, []string{"CGO_ENABLED=0"}, "-deps", "./cmd/heatwatch-partner") {
		if len(p.CgoFiles) > 0 {
			t.Errorf("%s uses cgo", p.ImportPath)
		}
	}
}

// Versions that must not move: a newer duckdb-go pulls a library that cannot be fetched, and the noise is what was audited.
func TestPins(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(testdir.Root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pin := range []string{
		"github.com/duckdb/duckdb-go/v2 v2.10506.0",
		"github.com/google/differential-privacy/go/v3 v3.0.0",
		"github.com/parquet-go/parquet-go v0.32.0",
		"github.com/vbauerster/mpb/v8 v8.9.3",
	} {
		if !strings.Contains(string(b), "\t"+pin+"\n") {
			t.Errorf("go.mod does not pin %s", pin)
		}
	}
}

// The top of the tree is fixed by the project's owner.
func TestTop(t *testing.T) {
	entries, err := os.ReadDir(testdir.Root(t))
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"cmd", "etl", "models", "reports", "privacy", "fixtures", "docs", "internal", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE",
		"bin", "demo", "dist"} // the last three are made and ignored
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s does not belong at the top", e.Name())
		}
	}
}

// SQL and clocks: time and randomness are parameters.
func TestNoClockOrChanceInSQL(t *testing.T) {
	err := filepath.WalkDir(testdir.Root(t), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".sql") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := strings.ToLower(string(b))
		for _, bad := range []string{"now(", "current_date", "current_timestamp", "today(", "random(", "uuid(", "select *"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s: %s", filepath.Base(path), bad)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
