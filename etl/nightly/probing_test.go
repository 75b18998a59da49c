package nightly

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/models"
)

// probed is a home in which a shelter knows some children, and an agency sends their tokens as its own.
func probed(t *testing.T, most int, mode string, known ...string) (c *county, s Summary, told string) {
	c = newCounty(t, "shelter-a")
	a := partner.Default("law_enforcement", models.DateOf(c.now))
	a.MostPersons = most
	if err := partner.Add(durable.OS(), c.home.Partners(), "police-a", a); err != nil {
		t.Fatal(err)
	}
	const head = "person_key,token_name_dob\n"
	text := head
	for i, k := range known {
		text += fmt.Sprintf("s%d,%s\n", i, token(k))
	}
	c.put(c.home.SFTP(), drop{partner: "shelter-a", name: "june", created: "2026-06-01T08:00:00Z", files: map[string]string{"persons": text}})
	c.run()
	c.put(c.home.SFTP(), drop{partner: "police-a", name: "guesses", created: "2026-06-02T08:00:00Z", mode: mode, files: map[string]string{"persons": head + "p1," + token("T1") + "\np2," + token("T2") + "\np3," + token("T3") + "\n"}})
	s = c.run()
	all := receipts(t, c.home.SFTP())
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if strings.HasPrefix(name, "police-a/") {
			told += name + "\n" + all[name] + "\n"
		}
	}
	return c, s, told
}

// Who sends tokens of others' children learns from no receipt whether one of them is known.
func TestProbingLearnsNothing(t *testing.T) {
	_, _, none := probed(t, 0, "snapshot", "T8", "T9")
	_, _, all := probed(t, 0, "snapshot", "T1", "T2", "T3")
	if none != all || !strings.Contains(all, "guesses.json") {
		t.Errorf("what it is told differs by whom others know:\n%s\n%s", none, all)
	}
}

// A drop that lists more persons than were agreed is refused before a row of it is read; one at the limit is taken.
func TestMorePersonsThanWereAgreed(t *testing.T) {
	if _, s, receipt := probed(t, 2, "snapshot", "T1"); s.Refused != 1 || !strings.Contains(receipt, "too_many_persons") {
		t.Errorf("%+v %s", s, receipt)
	}
	c, s, receipt := probed(t, 3, "snapshot", "T1")
	if s.Refused != 0 || strings.Contains(receipt, "too_many") {
		t.Errorf("at the limit: %+v %s", s, receipt)
	}
	delta := func(name, created, rows string) Summary {
		c.put(c.home.SFTP(), drop{partner: "police-a", name: name, created: created, mode: "delta", files: map[string]string{"persons": "person_key,token_name_dob\n" + rows}})
		return c.run()
	}
	if s := delta("again", "2026-06-03T08:00:00Z", "p1,"+token("T1")+"\np4,"+token("T4")+"\n"); s.Refused != 0 {
		t.Errorf("a delta that restates somebody: %+v", s)
	}
	if s := delta("more", "2026-06-04T08:00:00Z", "p5,"+token("T5")+"\n"); s.Refused != 1 {
		t.Errorf("a delta of an agency of which too many are known already: %+v", s)
	}
}
