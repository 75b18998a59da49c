package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
)

// area is a home's landing and staging, and one partner's incoming folder.
type area struct {
	dir string
	cfg Config
}

func newArea(t testing.TB) area {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"landing", "incoming"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return area{dir, Config{Landing: filepath.Join(dir, "landing"), HomeID: "home-1",
		Now: at(t, "2026-08-03T00:00:00Z"), Location: time.UTC, Workers: 2}}
}

// file is one file of a drop that a test makes. Zero fields are what an honest sender writes.
type file struct {
	name, text string
	entity     string
	rows       int
	sha        string
	unlisted   bool
	absent     bool
}

func (a area) drop(t testing.TB, name string, files []file, change func(m map[string]any)) string {
	t.Helper()
	dir := filepath.Join(a.dir, "incoming", name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	list := []any{}
	for _, f := range files {
		if !f.absent {
			put(t, filepath.Join(dir, f.name), f.text)
		}
		if f.unlisted {
			continue
		}
		if f.entity == "" {
			f.entity, _, _ = strings.Cut(f.name, ".")
		}
		if f.rows == 0 {
			f.rows = strings.Count(f.text, "\n") - 1
		}
		if f.sha == "" {
			sum := sha256.Sum256([]byte(f.text))
			f.sha = hex.EncodeToString(sum[:])
		}
		list = append(list, map[string]any{"name": f.name, "entity": f.entity, "rows": max(f.rows, 0), "sha256": f.sha})
	}
	m := map[string]any{"schema": 1, "partner": "shelter-a", "created": "2026-08-01T00:00:00Z", "mode": "snapshot",
		"covers": map[string]any{"from": "2026-01-01", "to": "2026-07-31"}, "files": list}
	if change != nil {
		change(m)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, ManifestName), string(b))
	return dir
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// says is the verdict on a drop, one line per file and reason.
func says(d Drop) string {
	var b strings.Builder
	b.WriteString(d.State)
	for _, r := range d.Reasons {
		fmt.Fprintf(&b, "\n%s %s", r.Code, r.File)
	}
	for _, f := range d.Files {
		fmt.Fprintf(&b, "\n%s: %s", f.Name, strings.ReplaceAll(summary(f.FileResult), "\n", "; "))
	}
	return b.String()
}

const personsText = "person_key\np1\np2\n"

var servicesText = serviceHeader + "s1,p1,legal,no,2026-07-03T22:00-07:00,,\ns2,p2,legal,no,2026-07-03T22:00-07:00,,\n"

func TestTake(t *testing.T) {
	good := file{name: "services.csv", text: servicesText}
	for _, c := range []struct {
		name   string
		files  []file
		change func(m map[string]any)
		more   func(dir string) error
		want   string
	}{
		{name: "all good", files: []file{{name: "persons.csv", text: personsText}, good}, want: "accepted\npersons.csv: 2 = 2 + 0 + 0\nservices.csv: 2 = 2 + 0 + 0"},
		{name: "a bad row", files: []file{{name: "services.csv", text: servicesText + "s3\n"}}, want: "partial\nservices.csv: 3 = 2 + 1 + 0; wrong_field_count 1 [4]"},
		{name: "wrong hash", files: []file{{name: "services.csv", text: servicesText, sha: strings.Repeat("0", 64)}}, want: "refused\nservices.csv: refused; hash_mismatch"},
		{name: "hash in upper case", files: []file{{name: "services.csv", text: servicesText, sha: strings.ToUpper(hashOf(servicesText))}}, want: "refused\nservices.csv: refused; hash_mismatch"},
		{name: "cut off on the way", files: []file{{name: "services.csv", text: servicesText[:len(servicesText)-20], rows: 2, sha: hashOf(servicesText)}}, want: "refused\nservices.csv: refused; hash_mismatch"},
		{name: "a wrong hash is the reason for all else", files: []file{{name: "services.csv", text: "", rows: 2, sha: hashOf(servicesText)}, good}[:1], want: "refused\nservices.csv: refused; hash_mismatch"},
		{name: "row count", files: []file{{name: "services.csv", text: servicesText, rows: 3}}, want: "refused\nservices.csv: refused; row_count_mismatch"},
		{name: "one file refused, one taken", files: []file{{name: "persons.csv", text: "person_key,nickname\np1,x\n"}, good}, want: "partial\npersons.csv: refused; unlisted_column nickname\nservices.csv: 2 = 2 + 0 + 0"},
		{name: "a file is missing", files: []file{good, {name: "persons.csv", absent: true, rows: 2}}, want: "partial\nservices.csv: 2 = 2 + 0 + 0\npersons.csv: refused; missing_file"},
		{name: "an unlisted file", files: []file{good, {name: "notes about Bavo.txt", text: "x", unlisted: true}, {name: "placements.csv", text: "x", unlisted: true}}, want: "partial\nunlisted_file file 2\nunlisted_file placements.csv\nservices.csv: 2 = 2 + 0 + 0"},
		{name: "a name that leaves the folder", files: []file{{name: "../services.csv", entity: "services", text: servicesText}, good}, want: "partial\nfile 1: refused; bad_name\nservices.csv: 2 = 2 + 0 + 0"},
		{name: "an absolute name", files: []file{{name: "/etc/passwd", entity: "services", absent: true}}, want: "refused\nfile 1: refused; bad_name"},
		{name: "a name in a folder", files: []file{{name: "services.csv/../services.csv", entity: "services", absent: true}}, want: "refused\nfile 1: refused; bad_name"},
		{name: "another format", files: []file{{name: "services.xlsx", text: "x"}}, want: "refused\nservices.xlsx: refused; format_not_offered"},
		{name: "no entity", files: []file{{name: "clients.csv", text: "x"}}, want: "refused\nclients.csv: refused; bad_name"},
		{name: "another entity", files: []file{{name: "services.csv", entity: "persons", text: servicesText}}, want: "refused\nservices.csv: refused; bad_name"},
		{name: "one entity in two files", files: []file{good, {name: "services.csv.gz", text: "x"}}, want: "partial\nservices.csv: 2 = 2 + 0 + 0\nservices.csv.gz: refused; bad_name"},
		{name: "a symlink", files: []file{{name: "services.csv", absent: true}}, more: func(dir string) error {
			return os.Symlink("/etc/passwd", filepath.Join(dir, "services.csv"))
		}, want: "refused\nservices.csv: refused; bad_name"},
		{name: "a symlink inside the folder", files: []file{good, {name: "persons.csv", absent: true}}, more: func(dir string) error {
			return os.Symlink("services.csv", filepath.Join(dir, "persons.csv"))
		}, want: "partial\nservices.csv: 2 = 2 + 0 + 0\npersons.csv: refused; bad_name"},
		{name: "a pipe", files: []file{{name: "services.csv", absent: true}}, more: func(dir string) error {
			return syscall.Mkfifo(filepath.Join(dir, "services.csv"), 0o600)
		}, want: "refused\nservices.csv: refused; bad_name"},
		{name: "a folder", files: []file{{name: "services.csv", absent: true}}, more: func(dir string) error {
			return os.Mkdir(filepath.Join(dir, "services.csv"), 0o700)
		}, want: "refused\nservices.csv: refused; bad_name"},
		{name: "a file with a second name", files: []file{good}, more: func(dir string) error {
			return os.Link(filepath.Join(dir, "services.csv"), filepath.Join(dir, "..", "other"))
		}, want: "refused\nservices.csv: refused; bad_name"},
		{name: "another partner's", files: []file{good}, change: func(m map[string]any) { m["partner"] = "shelter-b" }, want: "refused\nwrong_partner "},
		{name: "another home's", files: []file{good}, change: func(m map[string]any) { m["home"] = "home-2" }, want: "refused\nwrong_home "},
		{name: "this home's", files: []file{good}, change: func(m map[string]any) { m["home"] = "home-1" }, want: "accepted\nservices.csv: 2 = 2 + 0 + 0"},
		{name: "a broken manifest", files: []file{good}, change: func(m map[string]any) { m["mode"] = 1 }, want: "refused\nbad_manifest "},
		{name: "after itself", files: []file{good}, change: func(m map[string]any) { m["after"] = "d1" }, want: "refused\nbad_manifest "},
		{name: "a keymap by name", files: []file{good, {name: "KeyMaps.csv", text: "x", unlisted: true}}, want: "refused\nleak "},
		{name: "a keymap in a folder", files: []file{good, {name: "keymaps/d1.csv", text: "x", unlisted: true}}, want: "refused\nleak "},
		{name: "a keymap by its header", files: []file{good, {name: "persons.csv", text: "\ufeffentity,own_number,pseudonym\npersons,17,p1\n"}}, want: "refused\nleak "},
		{name: "a packed keymap", files: []file{good, {name: "x.bin", text: string(gz(t, "\"entity\",\"own_number\",\"pseudonym\"\r\n")), unlisted: true}}, want: "refused\nleak "},
		{name: "no files", files: nil, want: "accepted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newArea(t)
			dir := a.drop(t, "d1", c.files, c.change)
			if c.more != nil {
				if err := c.more(dir); err != nil {
					t.Fatal(err)
				}
			}
			d, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "verdict", says(d), c.want)
			a.complete(t, d)
			if again, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir); err != nil || !again.Known || says(again) != says(d) {
				t.Errorf("taken again: %v, %s", err, says(again))
			}
		})
	}
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// complete looks whether landing holds what the record says and nothing else, and staging nothing.
func (a area) complete(t *testing.T, d Drop) {
	t.Helper()
	got, err := ReadDrop(a.cfg.Landing, d.Partner, d.Name)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "record", says(got), says(d))
	expected := []string{DropFileName}
	rejects := int64(0)
	for _, f := range d.Files {
		if f.Rows != f.Accepted+f.Quarantined+f.Blank {
			t.Errorf("%s: rows %d are not %d + %d + %d", f.Name, f.Rows, f.Accepted, f.Quarantined, f.Blank)
		}
		if f.Refused {
			continue
		}
		expected = append(expected, f.Parquet)
		b, err := os.ReadFile(filepath.Join(a.cfg.Landing, d.Partner, d.Name, f.Parquet))
		if err != nil {
			t.Fatal(err)
		}
		if n := int64(len(readLanding(t, b))); n != f.ParquetRows {
			t.Errorf("%s holds %d rows, the record says %d", f.Parquet, n, f.ParquetRows)
		}
		for _, r := range f.Reasons {
			rejects += r.Count
		}
	}
	listed := int64(0)
	if err := ReadQuarantine(a.cfg.Landing, d.Partner, d.Name, func(QuarantineRow) error { listed++; return nil }); err != nil {
		t.Fatal(err)
	}
	if listed != rejects {
		t.Errorf("%d rejects are listed, the receipt counts %d", listed, rejects)
	}
	var names []string
	entries, _ := os.ReadDir(filepath.Join(a.cfg.Landing, d.Partner, d.Name))
	for _, e := range entries {
		if e.Name() != QuarantineName {
			names = append(names, e.Name())
		}
	}
	sort.Strings(expected)
	want(t, "landing", strings.Join(names, " "), strings.Join(expected, " "))
	if left, _ := filepath.Glob(filepath.Join(a.cfg.Landing, "*", ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestTakeWaits(t *testing.T) {
	a := newArea(t)
	dir := a.drop(t, "d1", []file{{name: "services.csv", text: servicesText, absent: true}}, nil)
	a.cfg.Now = at(t, "2026-08-01T23:59:59Z")
	if _, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir); !errors.Is(err, ErrWaiting) {
		t.Errorf("a file that is missing for less than a day: %v", err)
	}
	put(t, filepath.Join(dir, "services.csv"), servicesText)
	d, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir)
	if err != nil || d.State != Accepted {
		t.Errorf("it came: %v, %s", err, says(d))
	}
	os.Remove(filepath.Join(dir, ManifestName))
	if _, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir); !errors.Is(err, ErrIncomplete) {
		t.Errorf("no manifest: %v", err)
	}
	put(t, filepath.Join(dir, "keymap.csv"), "x")
	if d, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir); err != nil || !d.Leak() || d.Recorded || d.ExitCode() != 3 {
		t.Errorf("a keymap without a manifest: %v, %s", err, says(d))
	}
}

func TestDropChanged(t *testing.T) {
	a := newArea(t)
	dir := a.drop(t, "d1", []file{{name: "services.csv", text: servicesText}}, nil)
	first, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir)
	if err != nil {
		t.Fatal(err)
	}
	a.drop(t, "d1", []file{{name: "persons.csv", text: personsText}}, nil)
	d, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "changed", says(d), "refused\ndrop_changed ")
	if d.Recorded {
		t.Error("a changed drop claims to be recorded")
	}
	a.complete(t, first)
}

// settler reports fixed extras.
type settler []Extra

func (s settler) Settle(_ context.Context, d Landed, report func(Extra) error) error {
	for _, f := range d.Files {
		if _, err := os.Stat(f.Path); err != nil {
			return err
		}
	}
	for _, x := range s {
		if err := report(x); err != nil {
			return err
		}
	}
	return nil
}

func TestSettle(t *testing.T) {
	a := newArea(t)
	a.cfg.Settler = settler{{"services", 2, "person_key", "person_not_sent"}, {"services", 3, "service_id", "duplicate_key"}, {"services", 3, "person_key", "person_not_sent"}}
	dir := a.drop(t, "d1", []file{{name: "services.csv", text: servicesText + "s3\n\n"}, {name: "persons.csv", text: personsText}}, nil)
	d, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "verdict", says(d), "partial\nservices.csv: 4 = 0 + 3 + 1; duplicate_key service_id 1 [3]; person_not_sent person_key 2 [2 3]; wrong_field_count 1 [4]\npersons.csv: 2 = 2 + 0 + 0")
	a.complete(t, d)

	a.cfg.Settler = settler{{"arrests", 2, "", "duplicate_key"}}
	if _, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", a.drop(t, "d2", []file{{name: "services.csv", text: servicesText}}, nil)); err == nil {
		t.Error("a settler that speaks of another entity was believed")
	}
}

// Every file operation fails once, not done or done: either the drop does not count and a second run ends like an
// undisturbed one, or it is complete.
func TestTakeSurvivesFaults(t *testing.T) {
	files := []file{{name: "services.csv", text: servicesText + "s3\n"}, {name: "persons.csv", text: "person_key,nickname\n"}, {name: "placements.csv.gz", text: "x", sha: "y"},
		{name: "arrests.csv", text: "arrest_id,person_key,arrested_at,party_role,offense\nx\n", sha: "0"}}
	for mode, faulty := range map[string]func(int) *durabletest.Fault{"not done": durabletest.FailAt, "done": durabletest.DoneAt} {
		t.Run(mode, func(t *testing.T) {
			for n := 1; ; n++ {
				a := newArea(t)
				a.cfg.Settler = settler{{"services", 2, "person_key", "person_not_sent"}}
				dir := a.drop(t, "d1", files, nil)
				disk := faulty(n)
				d, err := Take(ctx, disk, a.cfg, "shelter-a", dir)
				if !disk.Fired() {
					if n < 20 {
						t.Fatalf("only %d operations were seen", n)
					}
					break
				}
				if err == nil {
					a.complete(t, d)
				} else if _, missing := ReadDrop(a.cfg.Landing, "shelter-a", "d1"); missing == nil && disk.Op() != "syncdir" && disk.Op() != "rename" {
					t.Errorf("operation %d (%s) failed, and the drop counts", n, disk.Op())
				}
				again, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir)
				if err != nil {
					t.Fatalf("operation %d (%s) failed, and the next run too: %v", n, disk.Op(), err)
				}
				want(t, fmt.Sprintf("after operation %d (%s)", n, disk.Op()), says(again), "partial\nservices.csv: 3 = 1 + 2 + 0; person_not_sent person_key 1 [2]; wrong_field_count 1 [4]\n"+
					"persons.csv: refused; unlisted_column nickname\nplacements.csv.gz: refused; hash_mismatch\narrests.csv: refused; hash_mismatch")
				a.complete(t, again)
			}
		})
	}
}

// After a power cut at any operation only synced data is certain: the drop is there whole or not at all.
func TestTakeSurvivesPowerCuts(t *testing.T) {
	for n := 0; ; n++ {
		a := newArea(t)
		incoming := t.TempDir()
		dir := area{dir: incoming}.drop(t, "d1", []file{{name: "services.csv", text: servicesText + "s3\n"}}, nil)
		disk, err := durabletest.NewCrash(a.dir)
		if err != nil {
			t.Fatal(err)
		}
		disk.StopAt(n)
		_, err = Take(ctx, disk, a.cfg, "shelter-a", dir)
		if !disk.Crashed() {
			if err != nil || n < 10 {
				t.Fatalf("%d operations: %v", n, err)
			}
			break
		}
		for _, outcome := range []durabletest.Outcome{durabletest.NothingMore, durabletest.NamesOnly, durabletest.Everything} {
			afterCut(t, a, disk, outcome, dir, n)
		}
	}
}

func afterCut(t *testing.T, a area, disk *durabletest.Crash, outcome durabletest.Outcome, dropDir string, n int) {
	t.Helper()
	b := area{t.TempDir(), a.cfg}
	if err := disk.Clone(b.dir, outcome); err != nil {
		t.Fatal(err)
	}
	b.cfg.Landing = filepath.Join(b.dir, "landing")
	d, err := Take(ctx, durable.OS(), b.cfg, "shelter-a", dropDir)
	if err != nil {
		t.Fatal(err)
	}
	want(t, fmt.Sprintf("after a cut at operation %d, %s", n, outcome), says(d), "partial\nservices.csv: 3 = 2 + 1 + 0; wrong_field_count 1 [4]")
	b.complete(t, d)
}
