package main

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestEveryMutantFits(t *testing.T) {
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	point := regexp.MustCompile(`^C([1-9]|1[0-9]|2[0-7]) [^.]+$`)
	quick := 0
	for _, m := range mutants() {
		if seen[m.name] || !point.MatchString(m.name) {
			t.Errorf("%s: the name is there twice, or does not begin with a point of the threat list", m.name)
		}
		seen[m.name] = true
		if m.quick {
			quick++
		}
		if _, err := regexp.Compile(m.run); err != nil || m.run == "" || m.pkg == "" {
			t.Errorf("%s: it lacks a package or tests that must kill it (%v)", m.name, err)
		}
		changed, err := m.apply(dir)
		if err != nil {
			t.Errorf("%s: %v\naim it at the code as it is now (see doc.go)", m.name, err)
		}
		for file := range changed {
			if strings.HasSuffix(file, "_test.go") {
				t.Errorf("%s: it changes a test", m.name)
			}
		}
	}
	if len(seen) < 60 || quick < 3 {
		t.Errorf("%d mutants, %d of them quick: the audit promises at least 60 and 3", len(seen), quick)
	}
}

func TestQuickMutantsAreKilled(t *testing.T) {
	t.Parallel()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants() {
		if !m.quick {
			continue
		}
		killer, err := m.try(context.Background(), dir)
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		t.Logf("%s: killed by %s", m.name, killer)
	}
}

// A change that is no bug survives, one that does not build is broken, one that no test looks at is an error: none of them is a kill.
func TestOnlyAFailingTestIsAKill(t *testing.T) {
	t.Parallel()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	harmless := mutant{name: "harmless", pkg: "privacy/accountant", run: "TestString", edits: []edit{{"privacy/accountant/doc.go", "package accountant", "// A word more.\npackage accountant"}}}
	if _, err := harmless.try(context.Background(), dir); !errors.Is(err, errSurvived) {
		t.Errorf("a harmless change: %v", err)
	}
	broken := harmless
	broken.edits = []edit{{"privacy/accountant/doc.go", "package accountant", "package accountant\nvar x int = \"\""}}
	if _, err := broken.try(context.Background(), dir); !errors.Is(err, errBroken) {
		t.Errorf("a change that does not build: %v", err)
	}
	unseen := harmless
	unseen.run = "TestNobodyWrote"
	if _, err := unseen.try(context.Background(), dir); err == nil || errors.Is(err, errSurvived) {
		t.Errorf("a pattern that matches no test: %v", err)
	}
	moved := harmless
	moved.edits = []edit{{"privacy/accountant/doc.go", "no such text", ""}}
	if _, err := moved.try(context.Background(), dir); err == nil || !strings.Contains(err.Error(), "0 times") {
		t.Errorf("an edit that does not fit: %v", err)
	}
}

func TestFirstFailureIsTheInnermost(t *testing.T) {
	for out, want := range map[string]string{
		"--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/county (0.00s)\n        --- FAIL: TestA/county/0 (0.00s)\n--- FAIL: TestB (0.00s)\n": "TestA/county/0",
		"panic: runtime error\n": "a panic",
	} {
		if got := firstFailure([]byte(out)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
