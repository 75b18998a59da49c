package intake

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

const (
	placementHeader = "placement_id,person_key,placement_type,started_on\n"
	arrestHeader    = "arrest_id,person_key,arrested_at,party_role,offense\n"
)

func TestCheckPath(t *testing.T) {
	placements := placementHeader + "a,p1,group_home,2026-07-01\na,p1,group_home,2026-07-02\nb,p9,group_home,2026-07-01\nb,p9,group_home,2026-07-01\nc,p8,group_home,2026-07-01\n"
	settled := "placements.csv: 5 = 2 + 3 + 0; duplicate_key placement_id 2 [3 5]; person_not_sent person_key 2 [4 6]"
	settled = strings.Replace(settled, "5 = 2 + 3", "5 = 1 + 4", 1)
	for _, c := range []struct {
		name   string
		files  []file
		change func(m map[string]any)
		path   string // below the drop folder
		bare   bool   // without manifest
		want   string
		missed string
		exit   int
	}{
		{name: "a drop that restates its persons", files: []file{{name: "placements.csv", text: placements}, {name: "persons.csv", text: personsText}}, want: "partial\n" + settled + "\npersons.csv: 2 = 2 + 0 + 0", missed: "clock_ahead wrong_partner", exit: 4},
		{name: "only the warehouse knows the persons of a delta", files: []file{{name: "placements.csv", text: placements}, {name: "persons.csv", text: personsText}}, change: func(m map[string]any) { m["mode"] = "delta" },
			want: "partial\nplacements.csv: 5 = 3 + 2 + 0; duplicate_key placement_id 2 [3 5]\npersons.csv: 2 = 2 + 0 + 0", missed: "clock_ahead person_not_sent wrong_partner", exit: 4},
		{name: "victims are persons, others are accused", files: []file{{name: "persons.csv", text: personsText}, {name: "accused_persons.csv", text: "person_key\nx1\n"},
			{name: "arrests.csv", text: arrestHeader + "a,p1,2026-07-01T00:00Z,victim,other\nb,p1,2026-07-01T00:00Z,purchaser,other\nc,x1,2026-07-01T00:00Z,exploiter,other\nd,x1,2026-07-01T00:00Z,victim,other\n"}},
			want: "partial\npersons.csv: 2 = 2 + 0 + 0\naccused_persons.csv: 1 = 1 + 0 + 0\narrests.csv: 4 = 2 + 2 + 0; person_not_sent person_key 2 [3 5]", missed: "clock_ahead wrong_partner", exit: 4},
		{name: "a person who is deleted is not there", files: []file{{name: "persons.csv", text: "person_key,deleted\np1,yes\np2,no\n"}, {name: "placements.csv", text: placementHeader + "a,p1,group_home,2026-07-01\nb,p2,group_home,2026-07-01\n"}},
			want: "partial\npersons.csv: 2 = 2 + 0 + 0\nplacements.csv: 2 = 1 + 1 + 0; person_not_sent person_key 1 [2]", missed: "clock_ahead wrong_partner", exit: 4},
		{name: "keys of two columns", files: []file{{name: "pledges.csv", text: "pledged_on,language,pledges\n2026-07-01,english,1\n2026-07-01,spanish,1\n2026-07-02,english,1\n2026-07-01,english,2\n"}}, want: "partial\npledges.csv: 4 = 3 + 1 + 0; duplicate_key 1 [5]", missed: "clock_ahead wrong_partner", exit: 4},
		{name: "one file", files: []file{{name: "services.csv", text: servicesText}}, path: "services.csv", want: "accepted\nservices.csv: 2 = 2 + 0 + 0",
			missed: "coverage future hash_mismatch missing_file person_not_sent row_count_mismatch unlisted_file"},
		{name: "one packed file", files: []file{{name: "trainings.csv.gz", text: string(gz(t, "training_id,held_on,audience,attendees\na,2026-07-01,other,3\n"))}}, path: "trainings.csv.gz", want: "accepted\ntrainings.csv.gz: 1 = 1 + 0 + 0",
			missed: "coverage future hash_mismatch missing_file row_count_mismatch unlisted_file"},
		{name: "one file that is refused", files: []file{{name: "services.csv", text: "x"}}, path: "services.csv", want: "refused\nservices.csv: refused; no_header", exit: 4,
			missed: "coverage future hash_mismatch missing_file row_count_mismatch unlisted_file"},
		{name: "a folder without a manifest", bare: true, files: []file{{name: "services.csv", text: servicesText}, {name: "persons.csv", text: personsText}, {name: "readme.txt", text: "x"}}, want: "accepted\npersons.csv: 2 = 2 + 0 + 0\nservices.csv: 2 = 2 + 0 + 0",
			missed: "coverage future hash_mismatch missing_file row_count_mismatch unlisted_file"},
		{name: "a folder without any extract", bare: true, files: []file{{name: "readme.txt", text: "x"}}, want: "refused\nbad_manifest ", exit: 4,
			missed: "coverage future hash_mismatch missing_file row_count_mismatch unlisted_file"},
		{name: "extracts under names that are none", bare: true, files: []file{{name: "Services.csv", text: servicesText}, {name: "clients.csv.gz", text: "x"}}, exit: 4,
			want: "refused\nfile 1: refused; bad_name\nclients.csv.gz: refused; bad_name", missed: "coverage future hash_mismatch missing_file row_count_mismatch unlisted_file"},
		{name: "a keymap", files: []file{{name: "keymap.csv", text: "x"}}, path: "keymap.csv", want: "refused\nleak ", exit: 3},
		{name: "a keymap under an entity's name", files: []file{{name: "persons.csv", text: "entity,own_number,pseudonym\n"}}, path: "persons.csv", want: "refused\nleak ", exit: 3},
		{name: "a keymap in a folder", bare: true, files: []file{{name: "keymaps/d1.csv", text: "x"}}, want: "refused\nleak ", exit: 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := newArea(t).drop(t, "d1", c.files, c.change)
			if c.bare {
				os.Remove(filepath.Join(dir, ManifestName))
			}
			got, err := CheckPath(ctx, filepath.Join(dir, c.path), PathOptions{Workers: 2})
			if err != nil {
				t.Fatal(err)
			}
			want(t, "verdict", says(got.Drop), c.want)
			want(t, "not checked", strings.Join(got.NotChecked, " "), c.missed)
			if got.ExitCode() != c.exit {
				t.Errorf("exit code %d, want %d", got.ExitCode(), c.exit)
			}
		})
	}
	if _, err := CheckPath(ctx, filepath.Join(t.TempDir(), "none"), PathOptions{}); problem.ExitCode(err) != problem.Usage {
		t.Errorf("a path that is not there: %v", err)
	}
}

// check and nightly are the same code; here they are the same words.
func TestCheckSaysWhatTakeSays(t *testing.T) {
	a := newArea(t)
	dir := a.drop(t, "d1", []file{{name: "services.csv", text: servicesText + "s3\n\n\"\n"}, {name: "persons.csv", text: "person_key,home_address\n"}, {name: "x.csv", text: "x", unlisted: true},
		{name: "trainings.csv", text: "training_id,held_on,audience,attendees\na,2027-07-01,other,3\n"}}, nil)
	taken, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := CheckPath(ctx, dir, PathOptions{Partner: "shelter-a", HomeID: "home-1"})
	if err != nil {
		t.Fatal(err)
	}
	one, _, err := Receipt(taken)
	if err != nil {
		t.Fatal(err)
	}
	got.NotChecked = nil
	two, _, err := got.Receipt()
	if err != nil {
		t.Fatal(err)
	}
	want(t, "receipt of check", string(two), string(one))
}

func TestReceipt(t *testing.T) {
	lines := []int64{}
	for i := range int64(MaxLines) {
		lines = append(lines, i+2)
	}
	d := Drop{Schema: 1, Partner: "shelter-a", Name: "2026-08", Created: at(t, "2026-08-01T00:00:00Z"), Covers: Covers{day(t, "2026-01-01"), day(t, "2026-07-31")}, Mode: Snapshot, State: Partial,
		Reasons: []Reason{{Code: "unlisted_file", File: "file 3", Count: 1, Lines: []int64{}}},
		Files: []DropFile{
			{FileResult: FileResult{Name: "services.csv", Entity: "services", Rows: 5003, Accepted: 1, Quarantined: 5001, Blank: 1,
				Reasons: []Reason{{Code: "unknown_code", Column: "channel", Count: 1, Lines: []int64{12}}, {Code: "wrong_field_count", Count: 5000, Lines: lines}}, Warnings: []Count{{"long", 2}}}, SHA256: "00", Parquet: "services.parquet"},
			{FileResult: FileResult{Name: "persons.csv", Entity: "persons", Rows: 2, Quarantined: 2, Refused: true, Reasons: []Reason{{Code: "hash_mismatch", Count: 1, Lines: []int64{}}}}},
		}}
	_, text, err := Receipt(d)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "text", string(text), golden(t, "receipt.txt", text))
	d.Files[0].Reasons = d.Files[0].Reasons[:1]
	jsonFile, _, err := Receipt(d)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "JSON", string(jsonFile), golden(t, "receipt.json", jsonFile))
	for _, b := range [][]byte{text, jsonFile} {
		if strings.Contains(string(b), "00:00") {
			t.Error("a receipt carries a time")
		}
	}
}

// golden reads a file of testdata; with HEATWATCH_UPDATE=1 it writes it first, to be read as a diff.
func golden(t *testing.T, name string, now []byte) string {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("HEATWATCH_UPDATE") == "1" {
		put(t, path, string(now))
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Counts are exact, lists are capped.
func TestManyRejects(t *testing.T) {
	var b strings.Builder
	b.WriteString(serviceHeader)
	for i := range 3000 {
		fmt.Fprintf(&b, "s%d\n", i)
	}
	r := checkRaw(t, entity(t, "services"), b.String(), Options{}).Reasons
	if len(r) != 1 || r[0].Count != 3000 || len(r[0].Lines) != MaxLines || r[0].Lines[999] != 1001 {
		t.Errorf("%d reasons, %d rows, %d lines", len(r), r[0].Count, len(r[0].Lines))
	}
}
