package mapping

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"heatwatch/internal/problem"
)

var persons = File{File: "a.csv", Entity: "persons", Charset: "utf-8", Separator: ",", Columns: map[string]string{"id": "person_key", "sex": "gender", "last": "last_name"}, Codes: map[string]map[string]string{"gender": {"F": "female"}}}

func TestRead(t *testing.T) {
	services := File{File: "a.csv", Entity: "services", Charset: "utf-8", Separator: ";", Zone: "local", Columns: map[string]string{"id": "service_id", "from": "started_at"}, Dates: map[string]string{"started_at": "M/D/Y"}}
	latin, nowhere := persons, services
	latin.Charset, nowhere.Zone = "iso-8859-1", ""
	for _, c := range []struct {
		name, text string
		file       File
		head, rows string
	}{
		{"codes in any case, other values as they are", "id,sex,notes,last\n1,f,x,Bavo\n2, F ,x,\n3,Quixovik,x,Tilomi\n", persons, "person_key|gender|last_name", "1|female|Bavo 2|female| 3|Quixovik|Tilomi"},
		{"blank lines, and rows of blanks, are none", "id,sex,last\n\n1,f,Bavo\n , ,\n", persons, "person_key|gender|last_name", "1|female|Bavo"},
		{"headers with what nobody sees around them", "\ufeff id\u00a0, sex,last \n1,f,Bavo\n", persons, "person_key|gender|last_name", "1|female|Bavo"},
		{"a charset of one byte", "id,sex,last\n1,f,B\xe1vo\n", latin, "person_key|gender|last_name", "1|female|Bávo"},
		{"a day without an hour says so", "id;from\n1;7/3/2026\n2;7/3/2026 9:05\n3;\n", services, "service_id|started_at|started_precision", "1|2026-07-03T00:00:00-07:00|day 2|2026-07-03T09:05:00-07:00| 3||"},
		{"a moment without zone stays as it is", "id;from\n1;7/3/2026 9:05\n", nowhere, "service_id|started_at|started_precision", "1|7/3/2026 9:05|"},
	} {
		t.Run(c.name, func(t *testing.T) {
			head, rows, err := read(folder(t, map[string]string{"a.csv": c.text}), c.file, losAngeles(t))
			if err != nil || head != c.head || strings.Join(rows, " ") != c.rows {
				t.Errorf("%s\n%s\n%v", head, strings.Join(rows, " "), err)
			}
		})
	}
}

// What cannot be read is said by file, line and column, and shown nowhere.
func TestUnreadable(t *testing.T) {
	latin := persons
	latin.Charset = "windows-1252"
	for _, c := range []struct {
		name, text string
		file       File
		says       string
	}{
		{"empty", "", persons, "a.csv: the file is empty"},
		{"a column is missing", "id,sex\n1,f\n", persons, "a.csv:1: the column that the mapping makes last_name of is not in the header"},
		{"a column stands twice", "id,sex,last,sex\n1,f,Bavo,m\n", persons, "a.csv:1: the column that becomes gender stands twice"},
		{"more cells than the header", "id,sex,last\n1,f,Bavo,Bavo\n", persons, "a.csv:2: the row has more or fewer cells"},
		{"fewer cells than the header", "id,sex,last\n1,f,Bavo\n2,f\n", persons, "a.csv:3: the row has more or fewer cells"},
		{"a quote that is not closed", "id,sex,last\n1,f,\"Bavo\n2,f,Bavo\n", persons, "a.csv:2: a quote is not closed"},
		{"a quote inside a cell", "id,sex,last\n1,f,Ba\"vo\n", persons, "a.csv:2: a quote is not closed, or stands inside a cell"},
		{"not UTF-8", "id,sex,last\n1,f,B\xe1vo\n", persons, "a.csv:2: column last_name: the cell is not in the charset"},
		{"no sign of Windows-1252", "id,sex,last\n1,f,B\x81vo\n", latin, "a.csv:2: column last_name: the cell is not in the charset"},
		{"a zero", "id,sex,last\n1,f,Ba\x00vo\n", persons, "a.csv:2: column last_name: the cell is not in the charset"},
		{"a number that a spreadsheet rounded", "id,sex,last\n1.23457E+11,f,Bavo\n", persons, "a.csv:2: column person_key: a spreadsheet has rounded"},
		{"too many columns", "id,sex,last" + strings.Repeat(",", maxColumns) + "\n", persons, "a row has more than 1024 cells"},
		{"a record that does not end", "id,sex,last\n1,f,\"Bavo" + strings.Repeat("\n", 3*maxRecord), persons, "a.csv:2: from this line on a row is longer than a megabyte"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := read(folder(t, map[string]string{"a.csv": c.text}), c.file, time.UTC)
			if err == nil || !strings.Contains(err.Error(), c.says) || problem.ExitCode(err) == 0 {
				t.Fatalf("%v, want %q", err, c.says)
			}
			for _, cell := range []string{"Bavo", "vo", "1.23"} {
				if strings.Contains(err.Error(), cell) {
					t.Errorf("a cell is shown: %v", err)
				}
			}
		})
	}
}

// A name in a mapping opens a plain file of the folder and nothing else.
func TestOnlyFilesOfTheFolder(t *testing.T) {
	outside := folder(t, map[string]string{"b.csv": "id,sex,last\n1,f,x\n"})
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(outside, "b.csv"), filepath.Join(dir, "a.csv")); err != nil {
		t.Skip("no symbolic links here")
	}
	os.Mkdir(filepath.Join(dir, "d.csv"), 0o700)
	for _, name := range []string{"a.csv", "d.csv", "none.csv"} {
		f := persons
		f.File = name
		if _, err := Open(dir, f, time.UTC, time.Time{}); problem.ExitCode(err) != problem.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
