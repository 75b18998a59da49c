package measures_test

import (
	"os"
	"path/filepath"
	"testing"

	"heatwatch/reports/measures"
	"heatwatch/reports/measures/measuretest"
)

// TestCases runs every txtar file of testdata: rows in, exact cells out.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases in testdata", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			measuretest.Run(t, text)
		})
	}
}

func sqlOf(t testing.TB, name string) string {
	t.Helper()
	_, v, ok := measures.LookupVector(name)
	if !ok {
		t.Fatalf("no vector %s", name)
	}
	return v.SQL
}

func measure(t testing.TB, id string) measures.Measure {
	t.Helper()
	m, ok := measures.Lookup(id)
	if !ok {
		t.Fatalf("no measure %s", id)
	}
	return m
}
