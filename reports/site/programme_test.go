package site

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"heatwatch/models"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/declare"
)

// The page about the programme shows the logic model with links to its measures, and counts agencies without names.
func TestProgramme(t *testing.T) {
	s, reports := sample(t, 11)
	files := built(t, s, reports)
	for name, wants := range map[string][]string{
		"programme.html": {declare.ObjectiveEmergency, `Time to the first service</span>: <a href="measures/time-to-emergency-service.html">`,
			"Emergency beds</span>: no measure (<span>not collected</span>)", `<th scope="row"><span>Shelter</span></th><td class="n">31</td><td class="n">29</td>`,
			`<th scope="row"><span>All</span></th><td class="n">37</td>`, "2031 Q2"},
		"es/programme.html": {"Servicios de emergencia en las primeras 24 horas", `<span lang="en">Time to the first service</span>: <a href="measures/`, "sin medida"},
	} {
		page := string(files[name])
		for _, w := range wants {
			if !strings.Contains(page, w) {
				t.Errorf("%s lacks %s", name, w)
			}
		}
		if strings.Contains(page, "no-such-measure") {
			t.Errorf("%s names a measure that has no page", name)
		}
	}
	s.Census, s.Logic = nil, nil
	if page := string(built(t, s, reports)["programme.html"]); !strings.Contains(page, "Nothing has been released yet") {
		t.Error("without a release, the census is not said to be empty")
	}
}

// Each page of a measure says who is counted, in both languages, and what unknown means where it has a group of that.
func TestEveryMeasureSaysWhoIsCounted(t *testing.T) {
	s, reports := sample(t, 12)
	files := built(t, s, reports)
	for _, m := range s.Measures {
		for _, dir := range []string{"", "es/"} {
			page := string(files[dir+"measures/"+m.ID+".html"])
			l, _ := catalogue(map[string]string{"": "en", "es/": "es"}[dir])
			if !strings.Contains(page, m.Denominator) {
				t.Errorf("%smeasures/%s.html does not say who is counted", dir, m.ID)
			}
			if grouped := m.ID == "time-to-emergency-service"; grouped != strings.Contains(page, l.must("measure.unknown")) {
				t.Errorf("%smeasures/%s.html: says what unknown means: %v", dir, m.ID, !grouped)
			}
		}
	}
}

// The closed lists of objectives and prongs have a name in each language, and the stages of the logic model too.
func TestTheListsOfTheModelHaveNames(t *testing.T) {
	en, _ := catalogue("en")
	for list, all := range map[string][]string{"objective": declare.Objectives(), "prong": declare.Prongs()} {
		for i, says := range all {
			if got := en.strings[fmt.Sprintf("%s.%d", list, i+1)]; got != says {
				t.Errorf("%s.%d is %q, the measures say %q", list, i+1, got, says)
			}
		}
		if en.must("measure.unknown") != declare.UnknownSays {
			t.Error("the page and the reports say different things of the unknown")
		}
		if en.has(fmt.Sprintf("%s.%d", list, len(all)+1)) {
			t.Errorf("there are more names than %ss", list)
		}
	}
	for _, st := range measures.Stages() {
		if !en.has("stage." + st) {
			t.Errorf("the stage %s has no name", st)
		}
	}
}

// The census names kinds of agencies only.
func TestCensusKindsAreThoseOfTheDictionary(t *testing.T) {
	en, _ := catalogue("en")
	name := regexp.MustCompile(`^[a-z_]+$`)
	for _, k := range models.Dictionary().List("agency_kind") {
		if !name.MatchString(k) || !en.has("value."+k) {
			t.Errorf("no name for %s", k)
		}
	}
}

// Where figures stand by group only, a page says so and not that nothing was released; a public fact says once that it is exact.
func TestFiguresByGroupOnly(t *testing.T) {
	s, reports := sample(t, 12)
	r := reports["placement-stability"]
	r.figures = slices.DeleteFunc(slices.Clone(r.figures), func(f figure) bool { return len(f.by) == 0 })
	r.figures[0].unit, r.figures[0].note, r.figures[0].null, r.figures[0].fact = "quantity", "a public fact, exact", false, true
	r.figures[0].low, r.figures[0].high = r.figures[0].value, r.figures[0].value
	reports["placement-stability"] = r
	files := built(t, s, reports)
	for name, want := range map[string]string{"measures/placement-stability.html": "There is no one figure for all", "index.html": "There is no one figure for all",
		"es/measures/placement-stability.html": "No hay una cifra para todo"} {
		page := string(files[name])
		if !strings.Contains(page, want) || strings.Contains(page, "Nothing has been released yet") {
			t.Errorf("%s does not say that figures stand by group", name)
		}
		if strings.Contains(page, "a public fact, exact") || strings.HasPrefix(name, "measures/") && !strings.Contains(page, "exact, a public fact") {
			t.Errorf("%s: a public fact is not said to be exact, or twice", name)
		}
	}
}
