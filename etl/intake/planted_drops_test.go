package intake

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// Drops that are wrong as a whole, or whose folder is not what it seems.
func TestPlantedDrops(t *testing.T) {
	good := file{name: "services.csv", text: headerOf("services") + rowOf("services", rowKey, "", "")}
	fine := "services.csv: 1 = 1 + 0 + 0"
	set := func(field string, value any) func(map[string]any) {
		return func(m map[string]any) { m[field] = value }
	}
	inFile := func(field string, value any) func(map[string]any) {
		return func(m map[string]any) { m["files"].([]any)[0].(map[string]any)[field] = value }
	}
	manifest := func(change func(text string) string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, ManifestName)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			put(t, path, change(string(b)))
		}
	}
	instead := func(name string, make func(path string) error) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if err := make(path); err != nil {
				t.Skip(err) // a device needs root
			}
		}
	}
	for _, p := range []planted{
		{name: "a manifest of 1 GB", files: []file{good}, more: func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, ManifestName), 1<<30); err != nil {
				t.Skip(err)
			}
		}, want: "refused\nbad_manifest "},
		{name: "a field twice", files: []file{good}, more: manifest(func(s string) string { return `{"mode":"delta",` + s[1:] }), want: "refused\nbad_manifest "},
		{name: "a field twice in two spellings", files: []file{good}, more: manifest(func(s string) string { return `{"m\u006fde":"delta",` + s[1:] }), want: "refused\nbad_manifest "},
		{name: "deep nesting", files: []file{good}, more: manifest(func(s string) string { return `{"x":` + strings.Repeat("[", 400_000) }), want: "refused\nbad_manifest "},
		{name: "a manifest cut off", files: []file{good}, more: manifest(func(s string) string { return s[:len(s)/2] }), want: "refused\nbad_manifest "},
		{name: "a manifest in UTF-16", files: []file{good}, more: manifest(func(s string) string { return "\xff\xfe{\x00}\x00" }), want: "refused\nbad_manifest "},
		{name: "a manifest of nothing", files: []file{good}, more: manifest(func(string) string { return "" }), want: "refused\nbad_manifest "},
		{name: "negative rows", files: []file{good}, change: inFile("rows", -1), want: "refused\nbad_manifest "},
		{name: "rows of 30 digits", files: []file{good}, change: inFile("rows", 1e30), want: "refused\nbad_manifest "},
		{name: "more rows than there are", files: []file{good}, change: inFile("rows", 2), want: "refused\nservices.csv: refused; row_count_mismatch"},
		{name: "created without its offset", files: []file{good}, change: set("created", "2026-08-01T00:00:00"), want: "refused\nbad_manifest "},
		{name: "created in another calendar", files: []file{good}, change: set("created", "08/01/2026"), want: "refused\nbad_manifest "},
		{name: "created a year ahead", files: []file{good}, change: set("created", "2027-08-03T00:00:00Z"), want: "refused\nclock_ahead "},
		{name: "created in the year 9999", files: []file{good}, change: set("created", "9999-12-31T00:00:00Z"), want: "refused\nclock_ahead "},
		{name: "a clock that is a day ahead", files: []file{good}, change: set("created", "2026-08-04T00:00:00Z"), want: "accepted\n" + fine},
		{name: "a clock that is a day behind", files: []file{good}, change: set("created", "2026-08-02T00:00:00Z"), want: "accepted\n" + fine},
		{name: "a clock of 1970", files: []file{good}, change: set("created", "1970-01-01T00:00:00Z"), want: "partial\nservices.csv: 1 = 0 + 1 + 0; future started_at 1 [2]"},
		{name: "covers backwards", files: []file{good}, change: set("covers", map[string]any{"from": "2026-07-31", "to": "2026-01-01"}), want: "refused\nbad_manifest "},
		{name: "another partner's", files: []file{good}, change: set("partner", "shelter-b"), want: "refused\nwrong_partner "},
		{name: "another home's", files: []file{good}, change: set("home", "home-2"), want: "refused\nwrong_home "},
		{name: "after itself", files: []file{good}, change: set("after", "d1"), want: "refused\nbad_manifest "},
		{name: "a mode that is none", files: []file{good}, change: set("mode", "full"), want: "refused\nbad_manifest "},
		{name: "a path for a name", files: []file{good}, change: inFile("name", "../d1/services.csv"), want: "refused\nunlisted_file services.csv\nfile 1: refused; bad_name", secrets: []string{"../"}},
		{name: "an absolute path for a name", files: []file{good}, change: inFile("name", "/etc/passwd"), want: "refused\nunlisted_file services.csv\nfile 1: refused; bad_name", secrets: []string{"passwd"}},
		{name: "a NUL in a name", files: []file{good}, change: inFile("name", "services.csv\x00.txt"), want: "refused\nunlisted_file services.csv\nfile 1: refused; bad_name"},
		{name: "a name twice", files: []file{good, good}, want: "partial\n" + fine + "\nservices.csv: refused; bad_name"},
		{name: "the manifest lists itself", files: []file{good}, change: inFile("name", ManifestName), want: "refused\nunlisted_file services.csv\nmanifest.json: refused; bad_name"},
		{name: "a file that the manifest does not list", files: []file{good, {name: "Bavo Tilomi.csv", text: "x", unlisted: true}}, want: "partial\nunlisted_file file 2\n" + fine, secrets: []string{"Tilomi"}},
		{name: "a file that is not there", files: []file{good, {name: "persons.csv", absent: true, rows: 1}}, want: "partial\n" + fine + "\npersons.csv: refused; missing_file"},
		{name: "a hash in capitals", files: []file{good}, change: inFile("sha256", strings.ToUpper(hashOf(good.text))), want: "refused\nservices.csv: refused; hash_mismatch"},
		{name: "a hash of another file", files: []file{good}, change: inFile("sha256", hashOf("x")), want: "refused\nservices.csv: refused; hash_mismatch"},
		{name: "a symlink", files: []file{good}, more: instead("services.csv", func(p string) error { return os.Symlink("/etc/passwd", p) }), want: "refused\nservices.csv: refused; bad_name"},
		{name: "a symlink to nothing", files: []file{good}, more: instead("services.csv", func(p string) error { return os.Symlink("nowhere", p) }), want: "refused\nservices.csv: refused; bad_name"},
		{name: "a second name for a file", files: []file{good}, more: func(t *testing.T, dir string) {
			if err := os.Link(filepath.Join(dir, "services.csv"), dir+".other"); err != nil {
				t.Skip(err)
			}
		}, want: "refused\nservices.csv: refused; bad_name"},
		{name: "a pipe", files: []file{good}, more: instead("services.csv", func(p string) error { return syscall.Mkfifo(p, 0o600) }), want: "refused\nservices.csv: refused; bad_name"},
		{name: "a device", files: []file{good}, more: instead("services.csv", func(p string) error { return syscall.Mknod(p, syscall.S_IFCHR|0o600, 1<<8|5) }), want: "refused\nservices.csv: refused; bad_name"},
		{name: "a folder in place of a file", files: []file{good}, more: instead("services.csv", func(p string) error { return os.Mkdir(p, 0o700) }), want: "refused\nservices.csv: refused; bad_name"},
		{name: "names in a header", files: []file{{name: "services.csv", text: strings.Replace(servicesText, "\n", ",Mary Smith\n", 1)}}, want: "refused\nleak \nservices.csv: refused; leak column 8", secrets: []string{"Mary", "Smith"}},
		{name: "a number in a header that nothing else is known of", files: []file{{name: "services.csv", text: "s1,219-09-4821,x\n"}}, want: "refused\nleak \nservices.csv: refused; leak column 2", secrets: []string{"219-09"}},
		{name: "names for a file", files: []file{good, {name: "mary_smith.csv", text: "x", unlisted: true}}, want: "refused\nleak file 2\nservices.csv: refused", secrets: []string{"smith"}},
		{name: "names for a file of the manifest", files: []file{{name: "smith_mary.csv", text: "x"}}, want: "refused\nleak \nfile 1: refused; leak", secrets: []string{"smith"}},
		{name: "one name for a file is shown to nobody", files: []file{good, {name: "smith.csv", text: "x", unlisted: true}}, want: "partial\nunlisted_file file 2\n" + fine, secrets: []string{"smith"}},
		{name: "names in place of a key", files: []file{{name: "services.csv", text: strings.Replace(servicesText, "p1", "Mary Smith", 1)}}, want: "refused\nleak \nservices.csv: refused; leak person_key", secrets: []string{"Mary"}},
		{name: "names in base64 in place of a key", files: []file{{name: "services.csv", text: strings.Replace(servicesText, "p1", "TWFyeSBTbWl0aA==", 1)}}, want: "refused\nleak \nservices.csv: refused; leak person_key", secrets: []string{"TWFy"}},
		{name: "a keymap by its name", files: []file{good, {name: "d1-KEYMAP.csv", text: "x", unlisted: true}}, want: "refused\nleak "},
		{name: "a keymap in a folder below", files: []file{good, {name: "old/keymaps/d1.csv", text: "x", unlisted: true}}, want: "refused\nleak "},
		{name: "a keymap by its header", files: []file{good, {name: "persons.csv", text: "entity,own_number,pseudonym\npersons,17,p1\n"}}, want: "refused\nleak "},
		{name: "a keymap saved with semicolons", files: []file{good, {name: "x.txt", text: "\ufeffEntity;Own_Number;Pseudonym\r\n", unlisted: true}}, want: "refused\nleak "},
		{name: "a keymap in gzip", files: []file{good, {name: "x.bin", text: string(gz(t, "entity,own_number,pseudonym\n")), unlisted: true}}, want: "refused\nleak "},
		{name: "a keymap in zstd", files: []file{good, {name: "x.bin", text: string(zst(t, "entity,own_number,pseudonym\n")), unlisted: true}}, want: "refused\nleak "},
	} {
		t.Run(p.name, func(t *testing.T) { p.find(t) })
	}
}

// A manifest that is no plain file cannot be read, so there is nothing to record; the drop waits for its sender.
func TestPlantedManifests(t *testing.T) {
	for name, make := range map[string]func(p string) error{
		"symlink": func(p string) error { return os.Symlink("/etc/passwd", p) },
		"pipe":    func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"folder":  func(p string) error { return os.Mkdir(p, 0o700) },
	} {
		a := newArea(t)
		dir := a.drop(t, "d1", []file{{name: "services.csv", text: servicesText}}, nil)
		path := filepath.Join(dir, ManifestName)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		if _, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir); problem.ExitCode(err) != problem.Quarantined || !strings.Contains(err.Error(), "no plain file") {
			t.Errorf("a %s: %v", name, err)
		}
	}
}

// The moment of a file does not matter: no verdict looks at it.
func TestModificationTimes(t *testing.T) {
	var first string
	for _, when := range []string{"1970-01-01T00:00:00Z", "2106-02-07T06:28:16Z", "2026-08-01T00:00:00Z"} {
		a := newArea(t)
		dir := a.drop(t, "d1", []file{{name: "services.csv", text: servicesText}}, nil)
		for _, name := range []string{"services.csv", ManifestName, "."} {
			if err := os.Chtimes(filepath.Join(dir, name), at(t, when), at(t, when)); err != nil {
				t.Fatal(err)
			}
		}
		d, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir)
		if err != nil {
			t.Fatal(err)
		}
		body, text, err := Receipt(d)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(body) + string(text); first == "" {
			first = got
		} else {
			want(t, "receipt of a file of "+when, got, first)
		}
	}
}

// A file that changes under our hands is either taken as it was, every byte of it hashed, or refused: never a mixture.
func TestChangedWhileRead(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(headerOf("services"))
	for b.Len() < 14<<20 { // more than is read ahead
		b.WriteString(rowOf("services", rowKey, "", ""))
	}
	text := b.String()
	rows := strings.Count(text, "\n") - 1
	whole := "accepted\nservices.csv: " + fmt.Sprintf("%d = %d + 0 + 0", rows, rows)
	for _, c := range []struct {
		name   string
		change func(path string) error
		want   string
	}{
		{"replaced", func(p string) error {
			if err := os.WriteFile(p+".new", []byte("x"), 0o600); err != nil {
				return err
			}
			return os.Rename(p+".new", p)
		}, whole},
		{"removed", os.Remove, whole},
		{"growing", func(p string) error {
			f, err := os.OpenFile(p, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteString(rowOf("services", "new1", "", ""))
			return err
		}, "refused\nservices.csv: refused; hash_mismatch"},
		{"cut", func(p string) error { return os.Truncate(p, 12<<20) }, "refused\nservices.csv: refused; hash_mismatch"},
		{"written over", func(p string) error {
			f, err := os.OpenFile(p, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt([]byte("x"), 13<<20)
			return err
		}, "refused\nservices.csv: refused; hash_mismatch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newArea(t)
			dir := a.drop(t, "d1", []file{{name: "services.csv", text: text, rows: rows}}, nil)
			done := false
			a.cfg.Workers = 1
			a.cfg.Progress = func(Progress) {
				if !done {
					done = true
					if err := c.change(filepath.Join(dir, "services.csv")); err != nil {
						t.Error(err)
					}
				}
			}
			d, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir)
			if err != nil {
				t.Fatal(err)
			}
			if !done {
				t.Fatal("nothing was changed while the file was read")
			}
			want(t, "verdict", says(d), c.want)
		})
	}
}
