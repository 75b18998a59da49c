package nightly

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"heatwatch/models"
)

// answers lists what a partner sees of its receipts: names, bytes and times of change, the folder's too.
func answers(t testing.TB, area, partner string) string {
	t.Helper()
	dir := filepath.Join(area, partner, receiptsDir)
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, path := range append([]string{dir}, paths(dir, list)...) {
		st, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, filepath.Base(path), st.ModTime().UTC())
		if !st.IsDir() {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(text)
		}
	}
	return b.String()
}

func paths(dir string, list []os.DirEntry) (all []string) {
	for _, e := range list {
		all = append(all, filepath.Join(dir, e.Name()))
	}
	return all
}

// A partner sees the same names, bytes and times whatever the others send, whoever of them knows its persons too, and
// however long their drops take.
func TestAPartnerIsAnsweredAsIfItWereAlone(t *testing.T) {
	seen := map[string]string{}
	for name, others := range map[string][]int{"alone": nil, "linked": {1, 3, 4}} {
		c := newCounty(t, storyPartners...)
		for night, sent := range [][]int{{0}, {2}, nil} {
			if night == 1 {
				sent = append(sent, others...)
			}
			c.tell(c.home.SFTP(), append([]int{}, sent...)...) // none is not all
			c.run()
			c.now = c.now.AddDate(0, 0, 1)
			if night == 0 {
				time.Sleep(20 * time.Millisecond) // so that real times would differ
			}
			seen[name] += answers(t, c.home.SFTP(), "shelter-a")
		}
	}
	if seen["alone"] != seen["linked"] {
		t.Errorf("alone:\n%s\nwith others:\n%s", seen["alone"], seen["linked"])
	}
	for _, want := range []string{"scorecard.json 2026-07-01 00:00:00", "june.json 2026-07-01 00:00:00", "june-delta.txt 2026-07-02 00:00:00", "scorecard.txt 2026-07-03 00:00:00", "receipts 2026-07-03 00:00:00"} {
		if !strings.Contains(seen["alone"], want) {
			t.Errorf("%q is missing in\n%s", want, seen["alone"])
		}
	}
}

// A card that says the same keeps its date; one that was lost or damaged is made again.
func TestScorecardsAreRenewedWithWhatTheySay(t *testing.T) {
	c := newCounty(t, "shelter-a", "shelter-b")
	c.tell(c.home.SFTP(), 0)
	if err := os.MkdirAll(filepath.Join(c.home.SFTP(), "shelter-b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if s := c.run(); s.Scorecards != 4 {
		t.Errorf("%d files of cards, want 4", s.Scorecards)
	}
	if s := c.run(); s.Scorecards != 0 {
		t.Errorf("%d files of cards were written again", s.Scorecards)
	}
	first := receipts(t, c.home.SFTP())
	if text := first["shelter-b/receipts/scorecard.txt"]; !strings.Contains(text, "Nothing has come from you so far") {
		t.Errorf("a partner that never sent reads\n%s", text)
	}
	card := filepath.Join(c.home.SFTP(), "shelter-a", receiptsDir, "scorecard.json")
	if err := os.Remove(card); err != nil {
		t.Fatal(err)
	}
	if s := c.run(); s.Scorecards != 1 {
		t.Errorf("%d files of cards, want the lost one", s.Scorecards)
	}
	if b, err := os.ReadFile(card); err != nil || string(b) != first["shelter-a/receipts/scorecard.json"] {
		t.Errorf("the lost card is another: %v", err)
	}
}

func TestFirstInstant(t *testing.T) {
	for _, c := range []struct{ zone, day, want string }{
		{"America/Los_Angeles", "2026-03-08", "2026-03-08T00:00:00-08:00"},
		{"America/Havana", "2026-03-08", "2026-03-08T01:00:00-04:00"}, // the clock goes from 0:00 to 1:00
	} {
		at, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		d, _ := models.ParseDate(c.day)
		if got := firstInstant(d, at).Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.day, c.zone, got, c.want)
		}
	}
}
