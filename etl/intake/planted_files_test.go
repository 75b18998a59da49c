package intake

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/unicode"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// Files that are refused whole: what is wrong with them makes all their rows meaningless.
func TestPlantedFiles(t *testing.T) {
	rows := rowOf("services", rowKey, "", "")
	text := headerOf("services") + rows
	utf16 := func(e unicode.Endianness, b unicode.BOMPolicy) string {
		s, err := unicode.UTF16(e, b).NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	damaged := gz(t, text)
	damaged[len(damaged)-6] ^= 1 // of the checksum
	header := strings.TrimSuffix(headerOf("services"), "\n")
	for _, c := range []struct{ name, ending, text, want, note string }{
		{"nothing", ".csv", "", "no_header", ""},
		{"a byte order mark and nothing else", ".csv", "\ufeff", "no_header", ""},
		{"header missing", ".csv", rows + rows, "no_header", ""},
		{"header below a title", ".csv", "Report of Bavo Tilomi\n\n" + text, "no_header", ""},
		{"the separator that spreadsheets declare", ".csv", "sep=;\n" + text, "no_header", ""},
		{"semicolons", ".csv", strings.ReplaceAll(text, ",", ";"), "no_header", "the columns are separated by semicolons: export with commas"},
		{"tabs", ".csv", strings.ReplaceAll(text, ",", "\t"), "no_header", "the columns are separated by tabs: export with commas"},
		{"bars", ".csv", strings.ReplaceAll(text, ",", "|"), "no_header", "the columns are separated by bars: export with commas"},
		{"a quote in the header that is not closed", ".csv", `"` + text, "no_header", ""},
		{"a first line without end", ".csv", strings.Repeat("x", 3<<20), "no_header", "the first line is longer than any header"},
		{"a column doubled", ".csv", header + ",program\n" + rows, "unlisted_column program", "the column stands in the header twice"},
		{"a delimiter at the end of the header", ".csv", header + ",\n" + rows, "unlisted_column column 8", "a column has no name: look for a comma at the end of the header"},
		{"a column that is not listed", ".csv", header + ",home_address\n" + rows, "unlisted_column home_address", ""},
		{"a name in the header", ".csv", header + ",Bavo Tilomi\n" + rows, "unlisted_column column 8", ""},
		{"a column in capitals", ".csv", header[:len(header)-len("program")] + "Program\n" + rows, "unlisted_column column 7", "it would be program, written so: no capitals, spaces or marks"},
		{"a column with a space", ".csv", header + " \n" + rows, "unlisted_column column 7", "it would be program, written so: no capitals, spaces or marks"},
		{"a column with a mark from right to left", ".csv", header + "\u200f\n" + rows, "unlisted_column column 7", "it would be program, written so: no capitals, spaces or marks"},
		{"a look-alike letter in a column", ".csv", header[:len(header)-len("program")] + "pr\u043egram\n" + rows, "unlisted_column column 7", ""},
		{"a formula in the header", ".csv", header + ",=1+1\n" + rows, "unlisted_column column 8", ""},
		{"a column missing", ".csv", strings.Replace(text, "emergency,", "", 1), "missing_column emergency", ""},
		{"two byte order marks", ".csv", "\ufeff\ufeff" + text, "unlisted_column column 1; missing_column service_id", "it would be service_id, written so: no capitals, spaces or marks"},
		{"100,000 columns", ".csv", header + strings.Repeat(",x", 100_000) + "\n" + rows, "too_large", tooManyColumns},
		{"a million columns", ".csv", header + strings.Repeat(",x", 1_000_000) + "\n" + rows, "too_large", tooManyColumns},
		{"UTF-16 from Windows", ".csv", utf16(unicode.LittleEndian, unicode.UseBOM), "bad_charset", "the file is in UTF-16"},
		{"UTF-16, big end first", ".csv", utf16(unicode.BigEndian, unicode.UseBOM), "bad_charset", "the file is in UTF-16"},
		{"UTF-16 without its mark", ".csv", utf16(unicode.LittleEndian, unicode.IgnoreBOM), "bad_charset", ""},
		{"Windows-1252 in the header", ".csv", header + ",caf\xe9\n" + rows, "bad_charset", ""},
		{"a NUL in the header", ".csv", header + "\x00\n" + rows, "bad_charset", ""},
		{"zeros", ".csv", strings.Repeat("\x00", 3<<20), "bad_charset", ""},
		{"a Parquet file", ".csv", "PAR1" + text, "format_not_offered", "this is a Parquet file, whatever the name says"},
		{"a workbook", ".csv", "PK\x03\x04" + text, "format_not_offered", "this is a zip archive or a workbook, whatever the name says"},
		{"an old workbook", ".csv", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + text, "format_not_offered", "this is a workbook or document, whatever the name says"},
		{"a PDF document", ".csv", "%PDF-1.7\n" + text, "format_not_offered", "this is a PDF document, whatever the name says"},
		{"gzip under a plain name", ".csv", string(gz(t, text)), "format_not_offered", "this is a gzip archive, whatever the name says"},
		{"gzip in gzip", ".csv.gz", string(gz(t, string(gz(t, text)))), "format_not_offered", "this is a gzip archive, whatever the name says"},
		{"zip in place of gzip", ".csv.gz", "PK\x03\x04" + text, "format_not_offered", notPacked},
		{"plain in place of gzip", ".csv.gz", text, "format_not_offered", notPacked},
		{"gzip in place of zstd", ".csv.zst", string(gz(t, text)), "format_not_offered", notPacked},
		{"gzip cut off", ".csv.gz", string(gz(t, text)[:60]), "format_not_offered", notPacked},
		{"gzip without its last bytes", ".csv.gz", string(gz(t, text)[:len(gz(t, text))-4]), "format_not_offered", notPacked},
		{"gzip with a wrong checksum", ".csv.gz", string(damaged), "format_not_offered", notPacked},
		{"gzip with a tail", ".csv.gz", string(gz(t, text)) + "tail", "format_not_offered", notPacked},
		{"zstd cut off", ".csv.zst", string(zst(t, text)[:60]), "format_not_offered", notPacked},
		{"zstd with a window of 512 MB", ".csv.zst", string(zst(t, strings.Repeat(text, 20_000), zstd.WithWindowSize(1<<29), zstd.WithSingleSegment(false))), "too_large", ""},
		{"another format", ".xlsx", text, "format_not_offered", ""},
		{"another packing", ".csv.bz2", text, "format_not_offered", ""},
		{"an ending in capitals", ".CSV", text, "format_not_offered", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := "services" + c.ending
			says := name
			if strings.ToLower(name) != name {
				says = "file 1"
			}
			p := planted{files: []file{{name: name, text: c.text, rows: 1, entity: "services"}}, want: "refused\n" + says + ": refused; " + c.want, secrets: []string{"Tilomi", "caf"}}
			p.find(t)
			a := newArea(t)
			d, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", a.drop(t, "d1", p.files, nil))
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Files[0].Reasons[0].Note; got != c.note {
				t.Errorf("note %q, want %q", got, c.note)
			}
		})
	}
}

// bomb packs as much as asked for into a file of a few megabytes.
func bomb(t *testing.T, path, ending, head, fill string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var w io.WriteCloser
	if ending == ".gz" {
		w, err = gzip.NewWriterLevel(f, gzip.DefaultCompression)
	} else {
		w, err = zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedFastest))
	}
	if err == nil {
		_, err = io.WriteString(w, head)
	}
	if err == nil {
		_, err = io.CopyN(w, &endless{line: strings.Repeat(fill, 1+(1<<16)/len(fill)), left: 1 << 40}, size)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Bombs are refused for a few megabytes of everything, whatever they expand to: what was allocated bounds what was held.
func TestPlantedBombs(t *testing.T) {
	const size, sparse = 64 << 20, 64 << 20
	row := "s1,p1,legal,no,2026-07-03T22:00-07:00,,\n" + strings.Repeat("\n", 40) // rows alone pack just below the ratio that is taken
	hole := func(name, head string, sparse int64) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			put(t, filepath.Join(dir, name), head)
			if err := os.Truncate(filepath.Join(dir, name), sparse); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name, file string
		plant      func(t *testing.T, dir string)
		want       string
	}{
		{"gzip of equal rows", "services.csv.gz", func(t *testing.T, dir string) {
			bomb(t, filepath.Join(dir, "services.csv.gz"), ".gz", headerOf("services"), row, size)
		}, "services.csv.gz: refused; too_large"},
		{"gzip of one line", "services.csv.gz", func(t *testing.T, dir string) {
			bomb(t, filepath.Join(dir, "services.csv.gz"), ".gz", headerOf("services"), "x", size)
		}, "services.csv.gz: refused; too_large"},
		{"gzip of blank lines", "services.csv.gz", func(t *testing.T, dir string) {
			bomb(t, filepath.Join(dir, "services.csv.gz"), ".gz", headerOf("services"), "\n", size)
		}, "services.csv.gz: refused; too_large"},
		{"gzip of commas", "services.csv.gz", func(t *testing.T, dir string) {
			bomb(t, filepath.Join(dir, "services.csv.gz"), ".gz", headerOf("services"), ",", size)
		}, "services.csv.gz: refused; too_large"},
		{"zstd of equal rows", "services.csv.zst", func(t *testing.T, dir string) {
			bomb(t, filepath.Join(dir, "services.csv.zst"), ".zst", headerOf("services"), row, size)
		}, "services.csv.zst: refused; too_large"},
		{"a header of zeros", "services.csv", hole("services.csv", "", sparse), "services.csv: refused; hash_mismatch"},
		{"a manifest of zeros", "services.csv", hole(ManifestName, "{", 512<<20), "bad_manifest "},
		{"a line of zeros", "services.csv", hole("services.csv", headerOf("services")+row, sparse), "services.csv: refused; hash_mismatch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newArea(t)
			a.cfg.Now = at(t, "2026-08-03T00:00:00Z")
			dir := a.drop(t, "d1", []file{{name: c.file, absent: true, rows: 1}}, nil)
			c.plant(t, dir)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			d, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir)
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "verdict", says(d), "refused\n"+c.want)
			if used := after.TotalAlloc - before.TotalAlloc; used > 200<<20 && !testing.Short() { // short is what the race detector gets, which allocates by itself
				t.Errorf("%d MiB were allocated", used>>20)
			}
		})
	}
}

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
	for b.Len() < 24<<20 { // more than is read ahead
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
		{"cut", func(p string) error { return os.Truncate(p, 20<<20) }, "refused\nservices.csv: refused; hash_mismatch"},
		{"written over", func(p string) error {
			f, err := os.OpenFile(p, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt([]byte("x"), 23<<20)
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
