package nightly

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"heatwatch/etl/lake"
	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

func TestWholeNight(t *testing.T) {
	c := newCounty(t, storyPartners...)
	c.tell(c.home.SFTP())
	os.MkdirAll(filepath.Join(c.home.SFTP(), "stranger", "incoming", "x"), 0o755)
	s := c.run()
	if s.Generation != 1 || !s.Changed || s.Taken != 4 || s.Refused != 1 || s.Waiting != 0 || s.ExitCode() != problem.Quarantined || s.Receipts != 5 {
		t.Errorf("%+v", s)
	}
	if !slices.Equal(s.Unknown, []string{`"stranger"`}) {
		t.Errorf("unknown: %v", s.Unknown)
	}
	for q, want := range map[string]string{
		// a2 has not consented; e4 waited for ghost, who came with the delta of the same night
		"SELECT string_agg(person_key, ' ' ORDER BY person_key) FROM persons":                                                           "a1 a3 b1 b2 b3 ghost",
		"SELECT string_agg(engagement_id, ' ' ORDER BY agency, engagement_id) FROM engagements":                                         "e1 e3 e4 e1",
		"SELECT string_agg(placement_id, ' ' ORDER BY placement_id) FROM placements":                                                    "s1 s3",
		"SELECT label('placements.placement_type', placement_type) FROM placements WHERE placement_id = 's1'":                           "group_home",
		"SELECT count(DISTINCT person)::VARCHAR FROM persons WHERE person_key IN ('a1', 'b1')":                                          "1",
		"SELECT string_agg(person_key, ' ') FROM persons JOIN people USING (person) WHERE NOT measured":                                 "b2",
		"SELECT string_agg(DISTINCT population, ' ') FROM prosecutions JOIN people USING (person)":                                      "accused",
		"SELECT count(*)::VARCHAR FROM people WHERE engaged_seen = TIMESTAMP '2026-07-01 09:15:00'":                                     "3",
		"SELECT string_agg(name, ' ' ORDER BY agency) FROM agencies":                                                                    "court-c shelter-a shelter-b",
		"SELECT engaged_at_on::VARCHAR FROM engagements JOIN agencies USING (agency) WHERE name = 'shelter-a' AND engagement_id = 'e1'": "2026-05-02",
	} {
		if got := c.rows(q); got != want {
			t.Errorf("%s: %q, want %q", q, got, want)
		}
	}
	var receipt struct {
		State string
		Files []struct {
			Name                               string
			Rows, Accepted, Quarantined, Blank int64
			Reasons                            []struct {
				Code  string
				Lines []int64
			}
		}
	}
	if err := json.Unmarshal([]byte(receipts(t, c.home.SFTP())["shelter-a/receipts/june.json"]), &receipt); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, f := range receipt.Files {
		if f.Rows != f.Accepted+f.Quarantined+f.Blank {
			t.Errorf("%s: %d rows are not %d + %d + %d", f.Name, f.Rows, f.Accepted, f.Quarantined, f.Blank)
		}
		for _, r := range f.Reasons {
			said = append(said, f.Name+" "+r.Code)
		}
	}
	if receipt.State != "partial" || !slices.Equal(said, []string{"engagements.csv person_not_sent", "placements.csv duplicate_key"}) {
		t.Errorf("receipt: %s %v", receipt.State, said)
	}
}

func TestSecondRunChangesNothing(t *testing.T) {
	c := newCounty(t, storyPartners...)
	c.tell(c.home.SFTP())
	c.run()
	before := tree(t, c.home.Dir)
	c.now = c.now.Add(time.Hour)
	s := c.run()
	if s.Changed || s.News() || s.ExitCode() != 0 || s.String() != "nothing new; generation 1" {
		t.Errorf("%s; %+v", s, s)
	}
	if after := tree(t, c.home.Dir); after != before {
		t.Errorf("changed\n%s\nto\n%s", before, after)
	}
}

// A command that was killed leaves files without a name; the next night takes them away, also if nothing came.
func TestWhatAKilledCommandLeavesGoes(t *testing.T) {
	c := newCounty(t, storyPartners...)
	c.tell(c.home.SFTP())
	c.run()
	for _, dir := range []string{c.home.Erasures(), c.home.Lake(), c.home.Staging(), c.home.SFTP() + "/shelter-a/receipts"} {
		left := filepath.Join(dir, ".tmp-name-0")
		if dir == c.home.Staging() {
			left = filepath.Join(dir, "scan-1")
		}
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(left, []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
		c.run()
		if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", left, err)
		}
	}
}

func TestFromAFolder(t *testing.T) {
	c := newCounty(t, storyPartners...)
	area := t.TempDir()
	c.tell(area)
	cfg := c.config()
	cfg.From = area
	if s, err := Run(ctx, cfg); err != nil || s.Taken != 4 || s.Receipts != 5 {
		t.Fatalf("%+v %v", s, err)
	}
	if len(receipts(t, area)) != 10+2*len(storyPartners) || // two forms of each receipt and scorecard
		len(receipts(t, c.home.SFTP())) != 0 {
		t.Error("receipts belong into the area that was read")
	}
	before := tree(t, area)
	if s, err := Run(ctx, cfg); err != nil || s.News() {
		t.Errorf("%+v %v", s, err)
	}
	if tree(t, area) != before {
		t.Error("a second run changed the area")
	}
	cfg.From = filepath.Join(area, "nowhere")
	if _, err := Run(ctx, cfg); problem.ExitCode(err) != problem.Usage {
		t.Errorf("a folder that does not exist: %v", err)
	}
}

func TestArrivalOrderAndNightsDoNotMatter(t *testing.T) {
	all := newCounty(t, storyPartners...)
	all.tell(all.home.SFTP())
	all.run()
	want := all.content()
	links := crosswalk(all)
	other := newCounty(t, storyPartners...)
	other.tell(other.home.SFTP())
	other.run()
	if other.content() != want {
		t.Error("two homes with the same drops have another content")
	}
	nights := newCounty(t, storyPartners...)
	for _, i := range []int{3, 0, 1, 2, 4} { // in the order of created
		nights.tell(nights.home.SFTP(), i)
		nights.run()
	}
	if nights.content() != want || !maps.Equal(crosswalk(nights), links) {
		t.Error("a night for each drop gives another lake")
	}
	back := newCounty(t, storyPartners...)
	for _, i := range []int{4, 2, 1, 3, 0} {
		back.tell(back.home.SFTP(), i)
		back.run()
	}
	if back.content() != want {
		t.Error("arrival in another order gives another content")
	}
}

// crosswalk maps each file to its person's number.
func crosswalk(c *county) map[string]uint32 {
	rows, err := lake.Crosswalk(c.home)
	if err != nil {
		c.Fatal(err)
	}
	m := map[string]uint32{}
	for _, r := range rows {
		m[r.Population+" "+r.Partner+" "+r.PersonKey] = r.Person
	}
	return m
}

func TestChangedDropIsRefusedAndTheFirstStays(t *testing.T) {
	c := newCounty(t, storyPartners...)
	c.tell(c.home.SFTP())
	c.run()
	content, first := c.content(), receipts(t, c.home.SFTP())
	d := story()[0]
	d.files = map[string]string{"persons": "person_key\nother\n"}
	os.RemoveAll(filepath.Join(c.home.SFTP(), "shelter-a", "incoming", "june"))
	c.put(c.home.SFTP(), d)
	for range 2 {
		s := c.run()
		if s.Refused != 1 || s.ExitCode() != problem.Quarantined || s.Changed || s.Drops[0].Reasons[0].Code != "drop_changed" {
			t.Errorf("%+v", s)
		}
	}
	if c.content() != content || !maps.Equal(receipts(t, c.home.SFTP()), first) {
		t.Error("the first drop was touched")
	}
}

func TestWaiting(t *testing.T) {
	c := newCounty(t, "shelter-a")
	list := story()
	t.Run("for the manifest", func(t *testing.T) {
		c.put(c.home.SFTP(), list[0])
		os.Remove(filepath.Join(c.home.SFTP(), "shelter-a/incoming/june/manifest.json"))
		if s := c.run(); s.Waiting != 1 || s.Changed || s.ExitCode() != 0 {
			t.Errorf("%+v", s)
		}
		os.RemoveAll(filepath.Join(c.home.SFTP(), "shelter-a/incoming/june"))
	})
	t.Run("for the predecessor", func(t *testing.T) {
		c.put(c.home.SFTP(), list[2])
		if s := c.run(); s.Waiting != 1 || s.Changed {
			t.Errorf("%+v", s)
		}
		c.put(c.home.SFTP(), list[0])
		if s := c.run(); s.Taken != 2 || s.Waiting != 0 || s.Drops[0].Drop != "june" {
			t.Errorf("%+v", s)
		}
	})
	t.Run("for a file, then no longer", func(t *testing.T) {
		d := drop{partner: "shelter-a", name: "july", created: "2026-06-30T20:00:00Z", files: map[string]string{"persons": "person_key\nz\n", "trainings": "training_id,held_on,audience,attendees\nt1,2026-01-01,educators,4\n"}}
		c.put(c.home.SFTP(), d)
		os.Remove(filepath.Join(c.home.SFTP(), "shelter-a/incoming/july/trainings.csv"))
		if s := c.run(); s.Waiting != 1 || s.Changed {
			t.Errorf("%+v", s)
		}
		c.now = c.now.Add(24 * time.Hour)
		if s := c.run(); s.Waiting != 0 || s.Taken != 1 || s.ExitCode() != problem.Quarantined {
			t.Errorf("%+v", s)
		}
		if r := receipts(t, c.home.SFTP())["shelter-a/receipts/july.json"]; !strings.Contains(r, "missing_file") {
			t.Error(r)
		}
	})
}

func TestAgreementNotInForce(t *testing.T) {
	for _, change := range []string{"state=suspended", "state=draft", "ends_on=2026-06-30"} {
		t.Run(change, func(t *testing.T) {
			c := newCounty(t, "shelter-a")
			p := filepath.Join(c.home.Partners(), "shelter-a.yaml")
			a := partner.Default("shelter", 20000)
			switch change {
			case "state=suspended":
				a.State = partner.StateSuspended
			case "state=draft":
				a.State = partner.StateDraft
			default:
				a.Ends, a.EndsOn = true, 20634 // 2026-06-30
			}
			os.Remove(p)
			if err := partner.Add(durable.OS(), c.home.Partners(), "shelter-a", a); err != nil {
				t.Fatal(err)
			}
			c.put(c.home.SFTP(), story()[0])
			s := c.run()
			if s.Refused != 1 || s.Changed || s.ExitCode() != problem.Quarantined {
				t.Errorf("%+v", s)
			}
			if r := receipts(t, c.home.SFTP())["shelter-a/receipts/june.json"]; !strings.Contains(r, "not_enrolled") || !strings.Contains(r, "refused") {
				t.Errorf("receipt: %s", r)
			}
			if s = c.run(); s.News() || s.ExitCode() != 0 {
				t.Errorf("again: %+v", s)
			}
		})
	}
}

// What an agreement does not list is not taken, public facts and counts without persons included; what it lists is.
func TestEntitiesThatTheAgreementDoesNotList(t *testing.T) {
	sent := map[string]string{
		"resources":       "resource_id,resource_type,unit,effective_on,quantity\nr1,residential_beds,beds,2026-01-01,6\n",
		"ad_snapshots":    "snapshot_id,profile_key,window_start,area,ads\ns1,u1,2026-06-01T00:00:00Z,oakland,3\n",
		"pledges":         "pledged_on,language,pledges\n2026-05-01,english,7\n",
		"outreach_events": "event_id,held_on,event_type,attendees\nv1,2026-05-01,heat_talk,9\n",
		"trainings":       "training_id,held_on,audience,attendees\nt1,2026-05-01,educators,4\n",
		"persons":         "person_key\na1\n",
		"engagements":     "engagement_id,person_key,engaged_at,channel\ne1,a1,2026-05-01T22:00:00Z,hotline\n",
	}
	for left := range sent {
		t.Run(left, func(t *testing.T) {
			c := newCounty(t)
			a := partner.Default("shelter", models.DateOf(c.now))
			delete(a.Columns, left)
			if err := partner.Add(durable.OS(), c.home.Partners(), "shelter-a", a); err != nil {
				t.Fatal(err)
			}
			c.put(c.home.SFTP(), drop{partner: "shelter-a", name: "june", created: "2026-06-01T08:00:00Z", files: sent})
			if s := c.run(); s.Taken != 1 || s.ExitCode() != problem.Quarantined {
				t.Errorf("%+v", s)
			}
			var receipt struct {
				State string
				Files []struct {
					Entity   string
					Accepted int64
					Reasons  []struct{ Code string }
				}
			}
			if err := json.Unmarshal([]byte(receipts(t, c.home.SFTP())["shelter-a/receipts/june.json"]), &receipt); err != nil {
				t.Fatal(err)
			}
			if receipt.State != "partial" || len(receipt.Files) != len(sent) {
				t.Errorf("%+v", receipt)
			}
			for _, f := range receipt.Files {
				refused := len(f.Reasons) > 0 && !slices.ContainsFunc(f.Reasons, func(r struct{ Code string }) bool { return r.Code != "unlisted_column" })
				waits := left == "persons" && f.Entity == "engagements" // of a person who was not sent
				if refused != (f.Entity == left) || !waits && f.Accepted > 0 != (f.Entity != left) {
					t.Errorf("%s: %+v", f.Entity, f)
				}
			}
			if got := c.rows("SELECT count(*)::VARCHAR FROM " + left); got != "0" {
				t.Errorf("%s of %s are in the lake", got, left)
			}
		})
	}
}

func TestTwoNightsAtOnce(t *testing.T) {
	c := newCounty(t, storyPartners...)
	c.tell(c.home.SFTP())
	lock, err := c.home.Lock("nightly", c.now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(ctx, c.config()); problem.ExitCode(err) != problem.Failed || !strings.Contains(err.Error(), "locked by heatwatch nightly") {
		t.Errorf("the second run: %v", err)
	}
	lock.Unlock()
	results := make(chan error, 8)
	for range cap(results) {
		go func() { _, err := Run(ctx, c.config()); results <- err }()
	}
	won := 0
	for range cap(results) {
		if err := <-results; err == nil {
			won++
		} else if !strings.Contains(err.Error(), "locked") {
			t.Error(err)
		}
	}
	if won == 0 {
		t.Error("nobody ran")
	}
	want := newCounty(t, storyPartners...)
	want.tell(want.home.SFTP())
	want.run()
	if c.content() != want.content() {
		t.Error("another content")
	}
}

func TestOldGenerationsGo(t *testing.T) {
	c := newCounty(t, "shelter-a")
	for i := range 4 {
		c.put(c.home.SFTP(), drop{partner: "shelter-a", name: string(rune('a' + i)), created: "2026-06-0" + string(rune('1'+i)) + "T00:00:00Z", mode: "delta",
			files: map[string]string{"persons": "person_key\n" + string(rune('p'+i)) + "\n"}})
		cfg := c.config()
		cfg.Keep.Nights = 2
		if _, err := Run(ctx, cfg); err != nil {
			t.Fatal(err)
		}
	}
	if all, _ := lake.Generations(c.home); !slices.Equal(all, []int{3, 4}) {
		t.Errorf("generations %v", all)
	}
}
