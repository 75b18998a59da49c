package mapping

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/unicode"

	"heatwatch/internal/problem"
)

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestGuess(t *testing.T) {
	utf16, _ := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("a;b\n")
	for text, want := range map[string]string{"a,b,c\n": "utf-8 ,", "a;b\n1,5;2\n": "utf-8 ;", "a\tb\n": `utf-8 \t`, "a|b\n": "utf-8 |", "\ufeffa;b\n": "utf-8 ;", "a;\xe1\n": "windows-1252 ;", utf16: "utf-16le ;", "": "utf-8 ,", "a;\xc3": "utf-8 ;"} {
		c, s := guess([]byte(text))
		if got := c + " " + s; got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestSuggestedMappingsAreRead(t *testing.T) {
	utf16, _ := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("person_key\tGender\n7\tF\n")
	dir := folder(t, map[string]string{"a.tsv": utf16, "Placements.csv": "placement_id,Client ID,placement_type,started_on,it's mine\n1,7,detention,1/2/2026,x\n2,7,hospital,3/4/2026,y\n"})
	seen, err := Suggest(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mapping.yaml")
	if err := os.WriteFile(path, Text(seen), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := Read(path)
	if err != nil {
		t.Fatalf("%v\n%s", err, Text(seen))
	}
	f, ok := m.For("placements")
	if !ok || f.Dates["started_on"] != "M/D/Y" || len(f.Columns) != 4 {
		t.Errorf("%+v", f)
	}
	p, _ := m.For("persons")
	r, err := Open(dir, p, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	row, line, err := r.Next()
	if err != nil || line != 2 || string(row[0]) != "7" || string(row[1]) != "female" {
		t.Errorf("%q in line %d: %v", row, line, err)
	}
	if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("the end: %v", err)
	}
}

func TestMoments(t *testing.T) {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Skip("no time zones here")
	}
	r := Rows{zone: zone}
	l, _ := layout("M/D/Y")
	for in, want := range map[string]string{"7/3/2026 22:00": "2026-07-03T22:00:00-07:00", "7/3/2026 10:00 PM": "2026-07-03T22:00:00-07:00", "7/3/2026": "2026-07-03T00:00:00-07:00",
		"3/8/2026 2:30": "3/8/2026 2:30", "2026-07-03": "2026-07-03", "7/3/2026 25:00": "7/3/2026 25:00", "1/2/2026 09:05:07": "2026-01-02T09:05:07-08:00"} { // half past two does not exist on 8 March
		if got := r.moment(l, in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestOrders(t *testing.T) {
	for order, ok := range map[string]bool{"M/D/Y": true, "D.M.Y": true, "Y-M-D": true, "": false, "M/D": false, "M/M/Y": false, "mdy": false, "M/D/Y H": false} {
		if _, got := layout(order); got != ok {
			t.Errorf("%q: %v", order, got)
		}
	}
}

func TestWhatAMappingMustNotSay(t *testing.T) {
	const good = `schema: 1
files:
  - file: a.csv
    entity: persons
    charset: utf-8
    separator: ","
    columns: {id: person_key, sex: gender, born: birth_date}
    dates: {birth_date: M/D/Y}
    codes: {gender: {F: female}}
`
	read := func(text string) error {
		_, err := Read(filepath.Join(folder(t, map[string]string{"m.yaml": text}), "m.yaml"))
		return err
	}
	if err := read(good); err != nil {
		t.Fatal(err)
	}
	for old, bad := range map[string]string{"schema: 1": "schema: 2", "entity: persons": "entity: people", "charset: utf-8": "charset: ebcdic", `separator: ","`: `separator: ";;"`, "sex: gender": "sex: notes", "born: birth_date": "born: gender",
		"M/D/Y}": "M/D}", "{birth_date: M": "{ssn: M", "F: female": "F: woman", "codes: {gender": "codes: {person_key", "file: a.csv": "file: ../a.csv", "    columns:": "    colums: {}\n    columns:"} {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the mapping", old)
		}
		if err := read(strings.Replace(good, old, bad, 1)); problem.ExitCode(err) != problem.Usage {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := read(good + good[strings.Index(good, "  - file"):]); problem.ExitCode(err) != problem.Usage {
		t.Error("an entity was named twice")
	}
}

func TestMaskedIsNoValue(t *testing.T) {
	for in, want := range map[string]string{"Zubavi": "Xxxxxx", "219-09-4821": "999-99-9999", "": "", "Šárka 7": "Xxxxx 9", "a very long text indeed": "x xxxx xxxx …"} {
		if got := mask(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}
