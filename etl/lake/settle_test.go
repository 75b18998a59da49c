package lake

import (
	"fmt"
	"strings"
	"testing"

	"heatwatch/models"
)

func (c *county) settle() string {
	c.Helper()
	n := len(c.drops) - 1
	var out []string
	st := Settling{Home: c.home, Earlier: c.drops[:n], This: c.drops[n], Today: models.DateOf(c.now), Consented: c.consented}
	err := st.Settle(ctx, func(u Unsettled) error {
		out = append(out, fmt.Sprintf("%s:%d %s", u.Entity, u.Line, u.Code))
		return nil
	})
	if err != nil {
		c.Fatal(err)
	}
	return strings.Join(out, "; ")
}

func TestSettle(t *testing.T) {
	persons := map[string]string{"persons": personsHead + "p1,\np2,\n"}
	rows := func(lines string) map[string]string { return map[string]string{"placements": placementsHead + lines} }
	type drop struct {
		created, mode string
		files         map[string]string
	}
	for _, tc := range []struct {
		name  string
		drops []drop // the last one is settled
		want  string
	}{
		{"nothing to say", []drop{{"01", "snapshot", map[string]string{"persons": persons["persons"], "placements": placementsHead + "s1,p1,other,2026-01-01,\n"}}}, ""},
		{"later lines of a key", []drop{{"01", "snapshot", persons}, {"02", "snapshot", rows("s1,p1,other,2026-01-01,\ns2,p1,other,2026-01-01,\ns1,p2,other,2026-01-01,\ns1,p1,other,2026-01-01,yes\n")}},
			"placements:4 duplicate_key; placements:5 duplicate_key"},
		{"later lines of a key of two columns", []drop{{"01", "snapshot", map[string]string{"pledges": "pledged_on,language,pledges\n2026-01-01,english,4\n2026-01-01,spanish,4\n2026-01-01,english,5\n"}}}, "pledges:4 duplicate_key"},
		{"duplicate persons", []drop{{"01", "snapshot", map[string]string{"persons": personsHead + "p1,\np1,\n"}}}, "persons:3 duplicate_key"},
		{"no persons row", []drop{{"01", "snapshot", persons}, {"02", "delta", rows("s1,p3,other,2026-01-01,\ns2,p2,other,2026-01-01,\n")}}, "placements:2 person_not_sent"},
		{"the persons row is in the same drop", []drop{{"01", "snapshot", persons}, {"02", "delta", map[string]string{"persons": personsHead + "p3,\n", "placements": placementsHead + "s1,p3,other,2026-01-01,\ns2,p2,other,2026-01-01,\n"}}}, ""},
		{"the drop's own snapshot leaves a person out", []drop{{"01", "snapshot", persons}, {"02", "snapshot", map[string]string{"persons": personsHead + "p1,\n", "placements": placementsHead + "s1,p1,other,2026-01-01,\ns2,p2,other,2026-01-01,\n"}}}, "placements:3 person_not_sent"},
		{"a deleted person", []drop{{"01", "snapshot", persons}, {"02", "delta", map[string]string{"persons": "person_key,deleted\np1,yes\n", "placements": placementsHead + "s1,p1,other,2026-01-01,\n"}}}, "placements:2 person_not_sent"},
		{"a duplicate of an unknown person is a duplicate", []drop{{"01", "snapshot", rows("s1,p1,other,2026-01-01,\ns1,p1,other,2026-01-01,\n")}}, "placements:2 person_not_sent; placements:3 duplicate_key"},
		{"a late drop is settled in its place", []drop{{"05", "snapshot", map[string]string{"persons": personsHead + "p1,\n"}}, {"02", "snapshot", map[string]string{"persons": personsHead + "p2,\n", "placements": placementsHead + "s1,p1,other,2026-01-01,\ns2,p2,other,2026-01-01,\n"}}}, "placements:3 person_not_sent"},
		{"roles look into their own list", []drop{{"01", "snapshot", map[string]string{"persons": personsHead + "p1,\n", "accused_persons": personsHead + "p2,\n",
			"arrests": "arrest_id,person_key,arrested_at,party_role,offense\na1,p1,2026-01-01T00:00Z,victim,other\na2,p1,2026-01-01T00:00Z,purchaser,purchase\na3,p2,2026-01-01T00:00Z,victim,other\na4,p2,2026-01-01T00:00Z,exploiter,other\n"}}},
			"arrests:3 person_not_sent; arrests:4 person_not_sent"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCounty(t)
			for i, d := range tc.drops {
				c.land("shelter-a", fmt.Sprint("d", i), "2026-06-"+d.created+"T00:00:00Z", d.mode, d.files)
			}
			if got := c.settle(); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// Where the agreement asks for consent, a row without it is quarantined and nothing of the person is loaded until it comes.
func TestConsentThatTheAgreementAsksFor(t *testing.T) {
	c := newCounty(t)
	c.consented = true
	c.land("shelter-a", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{
		"persons":    "person_key,release,release_until\np1,signed,\np2,,\np3,not_required,\np4,signed,2026-06-30\np5,none,\np1,signed,\n",
		"placements": placementsHead + "s1,p1,other,2026-01-01,\ns2,p2,other,2026-01-01,\ns4,p4,other,2026-01-01,\n"})
	want := "persons:3 no_consent; persons:4 no_consent; persons:5 no_consent; persons:6 no_consent; persons:7 duplicate_key; placements:3 person_not_sent; placements:4 person_not_sent"
	if got := c.settle(); got != want {
		t.Errorf("settled:\n%s\nwant\n%s", got, want)
	}
	c.build()
	if got := c.ids("SELECT placement_id FROM placements"); got != "s1" {
		t.Errorf("loaded: %s", got)
	}
	c.consented = false // the agreement was changed
	c.build()
	if got := c.ids("SELECT placement_id FROM placements ORDER BY 1"); got != "s1; s2" {
		t.Errorf("loaded under the other agreement: %s", got)
	}
}
