package lake

import (
	"strings"
	"testing"
)

const (
	personsHead    = "person_key,token_name_dob\n"
	placementsHead = "placement_id,person_key,placement_type,started_on,deleted\n"
)

// ids prints the keys that are loaded, with their place.
func (c *county) ids(q string) string {
	c.Helper()
	return strings.ReplaceAll(query(c, c.session(), q), "\n", "; ")
}

const placementIDs = "SELECT placement_id, label('placements.placement_type', placement_type) FROM placements ORDER BY 1"

func TestFold(t *testing.T) {
	persons := map[string]string{"persons": personsHead + "p1,\np2,\n"}
	type drop struct {
		name, created, mode string
		files               map[string]string
	}
	first := drop{"d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{"persons": persons["persons"],
		"placements": placementsHead + "s1,p1,group_home,2026-01-01,\ns2,p2,hospital,2026-01-02,\n"}}
	for _, tc := range []struct {
		name  string
		drops []drop
		want  string
	}{
		{"a snapshot replaces what it lists", []drop{first, {"d2", "2026-06-02T00:00:00Z", "snapshot", map[string]string{
			"placements": placementsHead + "s3,p1,detention,2026-01-01,\n"}}}, "s3 detention"},
		{"a snapshot leaves what it does not list", []drop{first, {"d2", "2026-06-02T00:00:00Z", "snapshot", persons}}, "s1 group_home; s2 hospital"},
		{"a delta inserts and replaces", []drop{first, {"d2", "2026-06-02T00:00:00Z", "delta", map[string]string{
			"placements": placementsHead + "s2,p2,other,2026-01-01,\ns3,p1,detention,2026-01-01,\n"}}}, "s1 group_home; s2 other; s3 detention"},
		{"deleted removes the key", []drop{first, {"d2", "2026-06-02T00:00:00Z", "delta", map[string]string{
			"placements": placementsHead + "s2,p2,other,2026-01-01,yes\n"}}}, "s1 group_home"},
		{"deleted in a snapshot", []drop{first, {"d2", "2026-06-02T00:00:00Z", "snapshot", map[string]string{
			"placements": placementsHead + "s2,p2,other,2026-01-01,yes\ns3,p2,other,2026-01-01,no\n"}}}, "s3 other"},
		{"a deleted key may come back", []drop{first,
			{"d2", "2026-06-02T00:00:00Z", "delta", map[string]string{"placements": placementsHead + "s2,p2,other,2026-01-01,yes\n"}},
			{"d3", "2026-06-03T00:00:00Z", "delta", map[string]string{"placements": placementsHead + "s2,p2,runaway,2026-01-01,\n"}}}, "s1 group_home; s2 runaway"},
		{"of one key in a file the first line stays", []drop{first, {"d2", "2026-06-02T00:00:00Z", "delta", map[string]string{
			"placements": placementsHead + "s2,p2,other,2026-01-01,\ns2,p2,runaway,2026-01-01,\n"}}}, "s1 group_home; s2 other"},
		{"order is by created, not by arrival", []drop{{"d2", "2026-06-02T00:00:00Z", "delta", map[string]string{
			"placements": placementsHead + "s2,p2,other,2026-01-01,\n"}}, first}, "s1 group_home; s2 other"},
		{"then by name", []drop{{"d3", "2026-06-02T00:00:00Z", "delta", map[string]string{"placements": placementsHead + "s2,p2,other,2026-01-01,\n"}},
			first, {"d2", "2026-06-02T00:00:00Z", "delta", map[string]string{"placements": placementsHead + "s2,p2,runaway,2026-01-01,\n"}}}, "s1 group_home; s2 other"},
		{"a delta before the snapshot is covered by it", []drop{first, {"d0", "2026-05-02T00:00:00Z", "delta", map[string]string{
			"placements": placementsHead + "s9,p2,other,2026-01-01,\n"}}}, "s1 group_home; s2 hospital"},
		{"an empty snapshot empties", []drop{first, {"d2", "2026-06-02T00:00:00Z", "snapshot", map[string]string{"placements": placementsHead}}}, ""},
		{"a held row hides no older one", []drop{first, {"d2", "2026-06-02T00:00:00Z", "delta", map[string]string{
			"placements": placementsHead + "s2,unknown,other,2026-01-01,\n"}}}, "s1 group_home; s2 hospital"},
		{"of one key in a file only the first line counts, held or not", []drop{first, {"d2", "2026-06-02T00:00:00Z", "snapshot", map[string]string{
			"placements": placementsHead + "s2,unknown,other,2026-01-01,\ns2,p2,runaway,2026-01-01,\n"}}}, ""},
		{"a person who is not restated takes the rows along", []drop{first, {"d2", "2026-06-02T00:00:00Z", "snapshot", map[string]string{
			"persons": personsHead + "p2,\n"}}}, "s2 hospital"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCounty(t)
			for _, d := range tc.drops {
				c.land("shelter-a", d.name, d.created, d.mode, d.files)
			}
			m := c.build()
			if got := c.ids(placementIDs); got != tc.want {
				t.Errorf("loaded: %s, want %s", got, tc.want)
			}
			// One night per drop gives the same lake as one night for all.
			n := newCounty(t)
			for _, d := range tc.drops {
				n.land("shelter-a", d.name, d.created, d.mode, d.files)
				n.build()
			}
			if last, err := ReadCurrent(n.home); err != nil || last.Content != m.Content {
				t.Errorf("drop by drop: content %s, at once %s (%v)", last.Content, m.Content, err)
			}
		})
	}
}

func TestHeldRowsLoadByThemselves(t *testing.T) {
	c := newCounty(t)
	c.land("shelter-a", "d1", "2026-06-01T00:00:00Z", "delta", map[string]string{"placements": placementsHead + "s1,p1,group_home,2026-01-01,\n"})
	c.build()
	if got := c.ids(placementIDs); got != "" {
		t.Errorf("loaded before the person was known: %s", got)
	}
	c.land("shelter-a", "d2", "2026-06-02T00:00:00Z", "delta", map[string]string{"persons": personsHead + "p1,\n"})
	c.build()
	if got := c.ids(placementIDs); got != "s1 group_home" {
		t.Errorf("after the persons row: %q", got)
	}
}

func TestArrestsBelongToThePopulationOfTheirRole(t *testing.T) {
	c := newCounty(t)
	c.land("police-a", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{
		"persons":         personsHead + "k1,\n",
		"accused_persons": personsHead + "k1,\nk2,\n",
		"arrests": "arrest_id,person_key,arrested_at,party_role,offense\na1,k1,2026-01-01T00:00Z,victim,other\na2,k1,2026-01-01T00:00Z,purchaser,purchase\n" +
			"a3,k2,2026-01-01T00:00Z,victim,other\na4,k2,2026-01-01T00:00Z,exploiter,trafficking\n",
	})
	c.build()
	// k2 is no person, so a3 is held although an accused has the same key.
	if got := c.ids("SELECT arrest_id, population FROM arrests JOIN people USING (person) ORDER BY 1"); got != "a1 minors; a2 accused; a4 accused" {
		t.Errorf("arrests: %s", got)
	}
}

func TestConsent(t *testing.T) {
	c := newCounty(t)
	head := "person_key,token_name_dob,release,release_until\n"
	c.land("shelter-a", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{
		"persons": head + "p1,,none,\np2,,signed,2026-07-02\np3,,signed,2026-06-30\np4,,not_required,\np5,,,\np6,,signed,2026-07-01\n",
		"placements": placementsHead + "s1,p1,group_home,2026-01-01,\ns2,p2,group_home,2026-01-01,\ns3,p3,group_home,2026-01-01,\n" +
			"s4,p4,group_home,2026-01-01,\ns5,p5,group_home,2026-01-01,\n"})
	m := c.build() // on 1 July
	if got := c.ids("SELECT (SELECT string_agg(person_key, ' ' ORDER BY person_key) FROM persons), (SELECT string_agg(person_key, ' ' ORDER BY person_key) FROM placements)"); got != "p2 p4 p5 p6 p2 p4 p5" {
		t.Errorf("loaded: %s", got)
	}
	if m.ConsentNext == nil || m.ConsentNext.String() != "2026-07-02" {
		t.Errorf("next consent to run out: %v", m.ConsentNext)
	}
	person := c.ids("SELECT person, hex(pseudonym) FROM people JOIN persons USING (person) WHERE person_key = 'p2'")
	if _, changed, err := Build(ctx, c.config()); changed || err != nil {
		t.Errorf("nothing runs out on the same day, changed %v, %v", changed, err)
	}
	c.now = c.now.AddDate(0, 0, 1)
	c.build()
	if got := c.ids("SELECT string_agg(person_key, ' ' ORDER BY person_key) FROM persons"); got != "p2 p4 p5" {
		t.Errorf("on 2 July: %s", got)
	}
	c.now = c.now.AddDate(0, 0, 1)
	c.build()
	if got := c.ids("SELECT person_key FROM placements ORDER BY 1"); got != "p4; p5" {
		t.Errorf("on 3 July: %s", got)
	}
	c.land("shelter-a", "d2", "2026-07-03T00:00:00Z", "delta", map[string]string{"persons": head + "p2,,signed,2027-01-01\n"})
	c.build()
	if got := c.ids("SELECT person, hex(pseudonym) FROM people JOIN persons USING (person) WHERE person_key = 'p2'"); got != person {
		t.Errorf("new consent gave another person: %s, was %s", got, person)
	}
}

func TestUnchangedFilesAreLinkedAndNothingNewTouchesNothing(t *testing.T) {
	c := newCounty(t)
	c.land("shelter-a", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{"persons": personsHead + "p1,\n", "placements": placementsHead + "s1,p1,group_home,2026-01-01,\n"})
	c.land("shelter-b", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{"persons": personsHead + "p1,\n"})
	one := c.build()
	before := tree(t, c.home.Lake())
	if _, changed, err := Build(ctx, c.config()); changed || err != nil {
		t.Fatalf("changed %v, %v", changed, err)
	}
	if after := tree(t, c.home.Lake()); after != before {
		t.Errorf("a night without news changed\n%s\nto\n%s", before, after)
	}
	c.land("shelter-b", "d2", "2026-06-02T00:00:00Z", "delta", map[string]string{"placements": placementsHead + "s1,p1,hospital,2026-01-01,\n"})
	two := c.build()
	for path, linked := range map[string]bool{"persons/shelter-a.parquet": true, "placements/shelter-a.parquet": true, "persons/shelter-b.parquet": true,
		"crosswalk.parquet": true, "people.parquet": true} {
		if got := sameInode(t, generationPath(c.home, 1)+"/"+path, generationPath(c.home, 2)+"/"+path); got != linked {
			t.Errorf("%s linked: %v", path, got)
		}
	}
	if one.Content == two.Content {
		t.Error("another row, the same content hash")
	}
}

func TestContentIsThatOfTheRowsAlone(t *testing.T) {
	land := func(c *county, persons string) {
		c.land("shelter-a", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{"persons": persons})
	}
	content := func(f func(*county)) Content {
		c := newCounty(t)
		f(c)
		return c.build().Content
	}
	base := content(func(c *county) { land(c, "person_key,gender,birth_year\np1,female,2010\np2,male,\n") })
	for name, same := range map[string]string{"lines in another order": "person_key,gender,birth_year\np2,male,\np1,female,2010\n",
		"columns in another order": "birth_year,person_key,gender\n2010,p1,female\n,p2,male\n", "an empty column more": "person_key,gender,birth_year,home_area\np1,female,2010,\np2,male,,\n"} {
		if got := content(func(c *county) { land(c, same) }); got != base {
			t.Errorf("%s: another content hash", name)
		}
	}
	for name, other := range map[string]string{"a value": "person_key,gender,birth_year\np1,female,2011\np2,male,\n", "a value in another column": "person_key,gender,age_exploitation_began\np1,female,10\np2,male,\n",
		"values swapped between rows": "person_key,gender,birth_year\np1,male,2010\np2,female,\n", "a row less": "person_key,gender,birth_year\np1,female,2010\n"} {
		if got := content(func(c *county) { land(c, other) }); got == base {
			t.Errorf("%s: the same content hash", name)
		}
	}
	moved := content(func(c *county) {
		c.land("shelter-b", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{"persons": "person_key,gender,birth_year\np1,female,2010\np2,male,\n"})
	})
	if moved == base {
		t.Error("another partner: the same content hash")
	}
}
