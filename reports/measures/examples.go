package measures

import (
	"embed"

	"heatwatch/reports/measures/example"
)

//go:embed testdata/*.txtar
var cases embed.FS

// Example is the worked example of a measure: the test of that name, which the tests run.
func Example(id string) (example.Example, bool) {
	b, err := cases.ReadFile("testdata/" + id + ".txtar")
	if err != nil {
		return example.Example{}, false
	}
	e, err := example.Parse(b)
	if err != nil {
		panic("measures: the example of " + id + ": " + err.Error()) // a file of ours, checked by a test
	}
	return e, true
}
