package measures_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"heatwatch/models"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/measuretest"
)

// TestReads holds the search against what a reader of the SQL finds.
func TestReads(t *testing.T) {
	entered := []string{"persons.person_key", "persons.birth_year", "persons.gender", "persons.race_ethnicity",
		"engagements.engagement_id", "engagements.person_key", "engagements.engaged_at", "engagements.age"}
	for id, want := range map[string][]string{
		// the setting is carried along with the entry, and nothing of this measure asks for it
		"time-to-emergency-service": slices.Concat(entered, []string{"engagements.channel", "services.person_key", "services.service_type",
			"services.emergency", "services.started_at", "services.started_precision"}),
		"placement-stability": slices.Concat(entered, []string{"placements.placement_id", "placements.person_key", "placements.placement_type",
			"placements.site_key", "placements.started_on", "placements.ended_on", "placements.exit_reason"}),
	} {
		if got := measures.Reads(measure(t, id)); !slices.Equal(got, want) {
			t.Errorf("%s reads %v, want %v", id, got, want)
		}
	}
}

// TestWhatIsNotReadChangesNothing empties every column that a measure is not said to read, in each of its examples: no
// cell may change. A column that the search missed would show here.
func TestWhatIsNotReadChangesNothing(t *testing.T) {
	for _, m := range append(measures.All(), measures.Entry()) {
		files, err := filepath.Glob("testdata/" + m.ID + "*.txtar")
		if err != nil || len(files) == 0 {
			t.Errorf("%s has no example", m.ID)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := sameWithout(t, m, text, measures.Reads(m)); err != nil {
				t.Errorf("%s: %v", filepath.Base(file), err)
			}
		}
	}
}

// A search that misses a column is found out.
func TestAMissedColumnIsFound(t *testing.T) {
	text, err := os.ReadFile("testdata/placement-stability.txtar")
	if err != nil {
		t.Fatal(err)
	}
	m := measure(t, "placement-stability")
	missed := slices.DeleteFunc(measures.Reads(m), func(c string) bool { return c == "placements.site_key" })
	if sameWithout(t, m, text, missed) == nil {
		t.Error("the sites were emptied, and nothing noticed")
	}
}

// sameWithout runs an example with all other columns emptied and compares the cells that it wants of a measure.
func sameWithout(t *testing.T, m measures.Measure, text []byte, reads []string) error {
	t.Helper()
	c, err := measuretest.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	d := measuretest.New(t)
	d.Load(t, c)
	for _, e := range models.Dictionary().Entities {
		for _, col := range e.Columns {
			if slices.Contains(reads, e.Name+"."+col.Name) {
				continue
			}
			d.Exec(t, "UPDATE "+e.Name+" SET "+col.Name+" = NULL")
			if col.Type == models.TypeDateTime {
				d.Exec(t, "UPDATE "+e.Name+" SET "+col.Name+"_on = NULL")
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Want)) {
		if !strings.HasPrefix(name, m.ID+".") {
			continue
		}
		asof := c.Asof
		if asof == 0 {
			_, v, _ := measures.LookupVector(name)
			asof = c.Period.Last().AddDays(cmp.Or(v.DueAfter, m.DueAfter))
		}
		d.PrepareFor(t, name, c.Period, asof)
		if got := d.Cells(t, name); !maps.Equal(got, c.Want[name]) {
			return fmt.Errorf("%s: cells %v, want %v", name, got, c.Want[name])
		}
	}
	return nil
}

// whole is how many measures the specification has. Until they are there, a column may wait for its measure.
const whole = 22

// TestEveryColumnFeedsOrSaysWhy: what is asked of agencies has a use that can be named.
func TestEveryColumnFeedsOrSaysWhy(t *testing.T) {
	for _, e := range models.Dictionary().Entities {
		for _, c := range e.Columns {
			name := e.Name + "." + c.Name
			why := measures.Unread(name)
			if fed := measures.Feeds(name); (len(fed) > 0) == (why != "") {
				t.Errorf("%s feeds %v, and %q", name, fed, why)
			}
			if len(measures.All()) >= whole && why == measures.NotYet {
				t.Errorf("%s feeds no measure, and nothing says why it is asked for: add it to unread", name)
			}
		}
	}
	for name, why := range measures.UnreadReasons {
		if fed := measures.Feeds(name); len(fed) > 0 {
			t.Errorf("%s feeds %v by now: take it out of unread (%s)", name, fed, why)
		}
		if e, c, _ := strings.Cut(name, "."); len(c) == 0 || !known(e, c) {
			t.Errorf("unread names %s, which the dictionary lacks", name)
		}
	}
}

func known(entity, column string) bool {
	e, _ := models.Dictionary().Entity(entity)
	_, ok := e.Column(column)
	return ok
}
