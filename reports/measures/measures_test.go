package measures_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"heatwatch/reports/measures"
	"heatwatch/reports/measures/measuretest"
)

// TestMain lets property tests make 20 checks of 40 persons each, unless -rapid.checks says otherwise: a check is a round
// of SQL statements.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "20"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

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

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }
