package site

import (
	"strings"
	"testing"
)

// Where the definition of a measure changed, its chart has a gap with a marked line, and its tables a line that says so;
// where it did not, there is nothing of the kind.
func TestASeriesBreaksWhereItsDefinitionChanged(t *testing.T) {
	s, reports := sample(t, 17)
	for name, page := range pages(built(t, s, reports)) {
		if strings.Contains(page, `class="break"`) || strings.Contains(page, "definition changed") {
			t.Errorf("%s: a series of one definition has a break", name)
		}
	}
	id := "time-to-emergency-service"
	for i := range reports[id].figures {
		f := &reports[id].figures[i]
		f.definition = 1
		if f.period.Last().Year() >= 2031 {
			f.definition = 2
		}
	}
	files := built(t, s, reports)
	for name, words := range map[string]string{"measures/" + id + ".html": "definition changed", "es/measures/" + id + ".html": "cambió la definición"} {
		page := string(files[name])
		for what, want := range map[string]string{"a line in the chart": `<line class="break"`, "its words": `">` + words + "</text>", "a line in the table": `<tr class="break"><td colspan="3">` + words + ": ",
			"words in the description": words + ": "} {
			if !strings.Contains(page, want) {
				t.Errorf("%s has not %s (%s)", name, what, want)
			}
		}
		at := strings.Index(page, `<tr class="break">`)
		if next := page[at:]; at < 0 || !strings.HasPrefix(next[strings.Index(next, "\n")+1:], `<tr><th scope="row"><span>2031`) {
			t.Errorf("%s: the line of the table does not stand before 2031: %.200s", name, next)
		}
		parse(t, name, page)
	}
	if strings.Contains(string(files["measures/placement-stability.html"]), "definition changed") {
		t.Error("another measure has a break")
	}
}

// The gap is a place wide, and everything stays inside the picture.
func TestABreakIsAGap(t *testing.T) {
	figures := []figure{{definition: 1}, {definition: 1}, {definition: 2}, {definition: 2}}
	xs := alongAll(figures)
	if a, b := xs[1]-xs[0], xs[2]-xs[1]; b < 1.9*a || xs[3] > 92 || xs[0] < 15 {
		t.Errorf("places %v", xs)
	}
	for i, x := range alongAll(figures[:2]) {
		if x != along(i, 2) {
			t.Errorf("without a break the places are %v", x)
		}
	}
}
