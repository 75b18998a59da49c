package intake

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/unicode"

	"heatwatch/internal/durable"
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
			if got := p.find(t).Files[0].Reasons[0].Note; got != c.note {
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
	if testing.Short() {
		t.Skip("the race detector allocates by itself")
	}
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
			if used := after.TotalAlloc - before.TotalAlloc; used > 200<<20 {
				t.Errorf("%d MiB were allocated", used>>20)
			}
		})
	}
}
