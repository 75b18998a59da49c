package scorecard

import (
	"encoding/json"
	"strings"
	"testing"

	"heatwatch/etl/intake"
	"heatwatch/etl/partner"
	"heatwatch/models"
)

// taken is a drop made on a day, of which so many rows were accepted and put aside for one reason.
func taken(name string, made int, accepted, quarantined int64) intake.Drop {
	f := intake.FileResult{Name: "services.csv", Entity: "services", Rows: accepted + quarantined, Accepted: accepted, Quarantined: quarantined}
	if quarantined > 0 {
		f.Reasons = []intake.Reason{{Code: "duplicate_key", Column: "service_id", Count: quarantined}}
	}
	return intake.Drop{Partner: "shelter-a", Name: name, Created: day(made), Covers: intake.Covers{From: models.Date(made - 31), To: models.Date(made - 2)}, Mode: "snapshot",
		State: intake.Accepted, Files: []intake.DropFile{{FileResult: f}}}
}

func refused(name string, made int) intake.Drop {
	d := taken(name, made, 0, 0)
	d.State, d.Files = intake.Refused, nil
	d.Reasons = []intake.Reason{{Code: "wrong_partner", Count: 1}}
	return d
}

// What an operator must not confuse has names of its own.
func TestStates(t *testing.T) {
	suspended, over := partner.Default("shelter", 0), partner.Default("shelter", 0)
	suspended.State = partner.StateSuspended
	over.Ends, over.EndsOn = true, 399
	live := partner.Default("shelter", 0)
	for _, c := range []struct {
		name  string
		a     partner.Agreement
		drops []intake.Drop
		want  string
		says  string
	}{
		{"nothing came", live, nil, Never, "Nothing has come from you so far"},
		{"in time", live, []intake.Drop{taken("a", 400-38, 5, 0)}, OK, "up to date"},
		{"a day too late", live, []intake.Drop{taken("a", 400-39, 5, 0)}, Late, "You are late"},
		{"no rows", live, []intake.Drop{taken("a", 390, 0, 0)}, Empty, "holds not one row"},
		{"no rows and late", live, []intake.Drop{taken("a", 300, 0, 0)}, Late, "You are late"},
		{"all rows put aside", live, []intake.Drop{taken("a", 390, 0, 5)}, OK, "up to date"},
		{"only a refused one", live, []intake.Drop{refused("a", 390)}, Refused, "was refused"},
		{"the newest refused", live, []intake.Drop{refused("b", 391), taken("a", 390, 5, 0)}, Refused, "b, was refused"},
		{"refused, then right", live, []intake.Drop{refused("a", 390), taken("b", 391, 5, 0)}, OK, "up to date"},
		{"suspended", suspended, []intake.Drop{taken("a", 390, 5, 0)}, NotExpected, "Nothing is expected"},
		{"over", over, nil, NotExpected, "Nothing is expected"},
	} {
		s := Subject{Partner: "shelter-a", Agreement: c.a, Drops: c.drops, Today: 400}
		if got := s.standing().State; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if _, text, err := Files(s); err != nil || !strings.Contains(string(text), c.says) {
			t.Errorf("%s: %v\n%s", c.name, err, text)
		}
	}
}

// Fourteen drops: twelve count. One came late; one repeated keys, and so does the last.
func TestTheCardLooksAtTwelveDrops(t *testing.T) {
	var drops []intake.Drop
	for i := range 14 {
		made := 100 + 30*i
		if i >= 9 {
			made += 40
		}
		d := taken("d"+string(rune('a'+i)), made, 300, 0)
		if i == 1 || i == 5 || i == 13 {
			d = taken(d.Name, made, 270, 30)
		}
		drops = append(drops, d)
	}
	b, text, err := Files(Subject{Partner: "shelter-a", Agreement: partner.Default("shelter", 0), Drops: drops, Today: 540})
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		State      string
		Uniqueness float64
		Validity   float64
		Timeliness struct {
			In    int `json:"in_time"`
			Of    int
			Delay int `json:"median_delay_days"`
		}
		Consistency float64
		Drops       []struct{ Drop string }
		FixFirst    []Fix `json:"fix_first"`
	}
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	if f.State != OK || f.Uniqueness != 0.9 || f.Validity != 0.9 || f.Consistency != 0.9 || f.Timeliness.In != 11 || f.Timeliness.Of != 12 || f.Timeliness.Delay != 2 {
		t.Errorf("%s", b)
	}
	if len(f.Drops) != 12 || f.Drops[0].Drop != "dn" || f.Drops[11].Drop != "dc" {
		t.Errorf("drops: %+v", f.Drops)
	}
	if len(f.FixFirst) != 1 || f.FixFirst[0].Drops != 2 || f.FixFirst[0].Rows != 30 || f.FixFirst[0].Remedy == "" {
		t.Errorf("to fix: %+v", f.FixFirst)
	}
	if want := "1. duplicate_key in service_id, services.csv: 30 rows; in 2 of your last 12 drops\n     send each row once"; !strings.Contains(string(text), want) {
		t.Errorf("%q is missing in\n%s", want, text)
	}
}

// What costs most rows comes first, what refused the whole drop before everything.
func TestWhatToFixFirst(t *testing.T) {
	d := taken("a", 390, 1, 3)
	d.Files = append(d.Files, intake.DropFile{FileResult: intake.FileResult{Name: "placements.csv", Entity: "placements", Rows: 50, Quarantined: 50, Refused: true,
		Reasons: []intake.Reason{{Code: "missing_column", Column: "placement_id", Count: 1}}}})
	var got []string
	for _, f := range (Subject{Agreement: partner.Default("shelter", 0), Drops: []intake.Drop{d}, Today: 400}).standing().Fixes() {
		got = append(got, f.where(1))
	}
	if strings.Join(got, "|") != "missing_column in placement_id, placements.csv: the whole file was refused, 50 rows|duplicate_key in service_id, services.csv: 3 rows" {
		t.Errorf("%q", got)
	}
	last := refused("b", 391)
	got = nil
	for _, f := range (Subject{Agreement: partner.Default("shelter", 0), Drops: []intake.Drop{d, last}, Today: 400}).standing().Fixes() {
		got = append(got, f.where(1))
	}
	if strings.Join(got, "|") != "wrong_partner: concerns the whole drop" {
		t.Errorf("%q", got)
	}
}

// The usual is the median of drops of the same mode: one odd drop before, and deltas in between, change nothing.
func TestConsistentWithWhatIsUsual(t *testing.T) {
	var earlier []intake.Drop
	for i, rows := range []int64{100, 100, 7, 100, 5000} {
		earlier = append(earlier, taken("d", 100+i, rows, 0))
	}
	earlier[2].Mode = "delta"
	if got := consistent(taken("last", 200, 50, 0), earlier); !near(got, 0.5) {
		t.Errorf("half of the usual: %v", got)
	}
	delta := taken("last", 200, 14, 0)
	delta.Mode = "delta"
	if got := consistent(delta, earlier); !near(got, 0.5) {
		t.Errorf("a delta is compared with deltas: %v", got)
	}
	delta.Mode = "other"
	if got := consistent(delta, earlier); got != 1 {
		t.Errorf("a first drop of its mode: %v", got)
	}
}
