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

func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// suggested is the mapping that Suggest proposes, after a way through its text.
func suggested(t *testing.T, dir string) (Mapping, string) {
	t.Helper()
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
	return m, string(Text(seen))
}

// read is everything in a file, one text a row, cells separated by bars.
func read(dir string, f File, zone *time.Location) (head string, rows []string, err error) {
	r, err := Open(dir, f, zone, time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC))
	if err != nil {
		return "", nil, err
	}
	defer r.Close()
	for {
		cells, _, err := r.Next()
		if errors.Is(err, io.EOF) {
			return strings.Join(r.Header(), "|"), rows, nil
		}
		if err != nil {
			return "", rows, err
		}
		var row []string
		for _, c := range cells {
			row = append(row, string(c))
		}
		rows = append(rows, strings.Join(row, "|"))
	}
}

func losAngeles(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Skip("no time zones here")
	}
	return zone
}

func TestGuess(t *testing.T) {
	marked, _ := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("a;b\n")
	bare, _ := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String("id;name\n1;x\n")
	big, _ := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder().String("id;name\n1;x\n")
	for text, want := range map[string]string{"a,b,c\n": "utf-8 ,", "a;b\n1,5;2\n": "utf-8 ;", "a\tb\n": `utf-8 \t`, "a|b\n": "utf-8 |", "\ufeffa;b\n": "utf-8 ;", "a;\xe1\n": "windows-1252 ;", "": "utf-8 ,",
		marked: "utf-16le ;", bare: "utf-16le ;", big: "utf-16be ;",
		"a;c, d, e\n1;2\n3;4\n":                      "utf-8 ;",        // more commas in the header, but no line below has them
		"\"a;b;c\",d\n\"1;2;3\",4\n":                 "utf-8 ,",        // signs in quotes separate nothing
		strings.Repeat("a;b\n", 50_000) + "c;\xe1\n": "windows-1252 ;", // the letter comes late
		strings.Repeat("x", 64<<10-1) + "é\n":        "utf-8 ,",        // a letter on the border of what is read at once
	} {
		c, s, err := guess(strings.NewReader(text))
		if got := c + " " + s; got != want || err != nil {
			t.Errorf("%.40q is %s, want %s (%v)", text, got, want, err)
		}
	}
}

func TestSuggestedMappingsAreRead(t *testing.T) {
	utf16, _ := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("person_key\tGender\n7\tF\n")
	dir := folder(t, map[string]string{"a.tsv": utf16, "Placements.csv": "ID,Client ID,Placement type,Start date,it's mine\n1,7,Juvenile hall,1/2/2026,x\n2,7,hospital,3/14/2026,y\n"})
	m, text := suggested(t, dir)
	f := m.For("placements")
	if len(f) != 1 || f[0].Dates["started_on"] != "M/D/Y" || len(f[0].Columns) != 4 || f[0].Codes["placement_type"]["Juvenile hall"] != "detention" {
		t.Fatalf("%+v", f)
	}
	if !strings.Contains(text, "# unmapped:\n    #   'it''s mine' stays with you") {
		t.Errorf("a column without a place is not listed:\n%s", text)
	}
	head, rows, err := read(dir, f[0], time.UTC)
	if err != nil || head != "placement_id|person_key|placement_type|started_on" || rows[1] != "2|7|hospital|2026-03-14" {
		t.Errorf("%s\n%q\n%v", head, rows, err)
	}
	head, rows, err = read(dir, m.For("persons")[0], time.UTC)
	if err != nil || head+" "+strings.Join(rows, " ") != "person_key|gender 7|female" {
		t.Errorf("%s %q: %v", head, rows, err)
	}
}

// Two files of one kind may be a table and its copy: the second has to be added by hand.
func TestSuggestOneFileOfAKind(t *testing.T) {
	m, text := suggested(t, folder(t, map[string]string{"a.csv": "Client ID,sex\n1,F\n", "b.csv": "Client ID,sex,race\n1,F,Black\n", "c.pdf": "", "d.csv": ""}))
	if f := m.For("persons"); len(f) != 1 || f[0].File != "b.csv" {
		t.Errorf("%+v", f)
	}
	for _, want := range []string{`"a.csv" could be persons as well`, `"c.pdf" was not read`, `"d.csv" was not read: it has no header`} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing says %s:\n%s", want, text)
		}
	}
}

// A first line that is a row, a header that breaks lines, and values that do: none gets into the mapping.
func TestSuggestShowsNoCell(t *testing.T) {
	_, text := suggested(t, folder(t, map[string]string{"a.csv": "Client ID,sex,219-09-9999,\"x\r    y: person_key\",7 Quixovik\n1,F,2,3,4\n2,\"fe\nmale\",,,\n3,Bavo,,,\n",
		"b.csv": "Bavo,Tilomi,2010-07-03\nMirelu,Tapono,2011-05-06\n"}))
	for _, bad := range []string{"219", "y: person_key", "Quixovik", "Bavo", "Tilomi", "Mirelu", "fe\nmale"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is in the mapping:\n%s", bad, text)
		}
	}
	if !strings.Contains(text, "column 3 (its name is not shown)") {
		t.Errorf("the column is not mentioned:\n%s", text)
	}
}

func TestSuggestedColumns(t *testing.T) {
	for _, c := range []struct{ name, header, want string }{
		{"id is the record's own number", "ID,Client ID,Service type,Start date", "service_id|person_key|service_type|started_at"},
		{"our very name before a synonym", "start,started_at,service_id,ID", "|started_at|service_id|"},
		{"which of two that stand twice, nobody knows", "Service ID,Client ID,Client ID,Service", "service_id|||service_type"},
		{"a number that has no other place is the record's own", "Visit No,Client ID,Service,Urgent?,Start", "service_id|person_key|service_type|emergency|started_at"},
		{"a number alone says nothing", "Client ID,Hair", "|"},
		{"names have no place among services", "service_id,First name,DOB,started at", "service_id|||started_at"},
		{"persons", "Client Id,Last Name,FNAME,DOB,Zip Code,Notes,Cell Phone", "person_key|last_name|first_name|birth_date|postal_code||phone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen, err := Suggest(folder(t, map[string]string{"x.csv": c.header + "\n"}))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, h := range seen[0].Header {
				got = append(got, h.Ours)
			}
			if s := strings.Join(got, "|"); s != c.want {
				t.Errorf("%s, want %s", s, c.want)
			}
		})
	}
}

func TestSuggestedDates(t *testing.T) {
	for _, c := range []struct {
		name, cells, want  string
		ambiguous, undated bool
	}{
		{"a day above twelve decides", "1/2/2026 13/4/2026", "D/M/Y", false, false},
		{"nothing decides", "1/2/2026 3/4/2026", "M/D/Y", true, false},
		{"as the dictionary has them", "2026-02-01 2026-04-03", "", false, false},
		{"with a time behind", "2026-02-01T00:00 2026-04-03T00:00", "Y-M-D", false, false},
		{"names of months", "1-Feb-2026 13-MAR-2026", "D-Mon-Y", false, false},
		{"no order fits", "1/2/2026 13.4.2026", "", false, true},
		{"years of two digits", "1/2/26 13/4/26", "D/M/YY", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "placement_id,person_key,started_on\n"
			for i, cell := range strings.Fields(c.cells) {
				text += string(rune('1'+i)) + ",1," + cell + "\n"
			}
			seen, err := Suggest(folder(t, map[string]string{"x.csv": text}))
			if err != nil {
				t.Fatal(err)
			}
			got := seen[0].Header[2]
			if order := seen[0].Dates["started_on"]; order != c.want || got.Ambiguous != c.ambiguous || got.Undated != c.undated {
				t.Errorf("%q, ambiguous %v, undated %v", order, got.Ambiguous, got.Undated)
			}
		})
	}
}

func TestMoments(t *testing.T) {
	zone := losAngeles(t)
	o, _ := parseOrder("excel or M/D/Y")
	for in, want := range map[string]string{"7/3/2026 22:00": "2026-07-03T22:00:00-07:00", "7/3/2026 10:00 PM": "2026-07-03T22:00:00-07:00", "7/3/2026 10:00pm": "2026-07-03T22:00:00-07:00", "7/3/2026": "2026-07-03T00:00:00-07:00",
		"2026-07-03": "2026-07-03", "7/3/2026 25:00": "7/3/2026 25:00", "1/2/2026 09:05:07": "2026-01-02T09:05:07-08:00", "7/3/2026 22:00:00+02:00": "2026-07-03T22:00:00+02:00",
		"3/8/2026 2:30":  "3/8/2026 2:30",             // clocks skip half past two
		"11/1/2026 1:30": "2026-11-01T01:30:00-07:00", // and show half past one twice
		"46206.9166667":  "2026-07-03T22:00:00-07:00", "46089.1041666667": "46089.1041666667" /* the skipped hour */} {
		if got, _ := o.moment(in, false, zone); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	if berlin, err := time.LoadLocation("Europe/Berlin"); err == nil {
		if got, _ := o.moment("10/25/2026 2:30", false, berlin); got != "2026-10-25T02:30:00+02:00" {
			t.Errorf("of an hour that comes twice the second is taken: %s", got)
		}
	}
	if got, _ := o.moment("7/3/2026 22:00", false, nil); got != "7/3/2026 22:00" {
		t.Errorf("without a zone it is %q", got)
	}
	if got, _ := o.moment("7/3/2026 22:00:00-07:00", false, nil); got != "2026-07-03T22:00:00-07:00" {
		t.Errorf("with its own offset it is %q", got)
	}
}

func TestDays(t *testing.T) {
	for _, c := range []struct {
		order, in, want string
		from1904        bool
	}{
		{"M/D/Y", "7/3/2010", "2010-07-03", false},
		{"M/D/Y", "7/3/2010 0:00:00", "2010-07-03", false},
		{"M/D/Y", "13/3/2010", "13/3/2010", false},
		{"M/D/Y", "7/3/10", "7/3/10", false},
		{"M/D/YY", "7/3/10", "2010-07-03", false},
		{"M/D/YY", "7/3/98", "2098-07-03", false},
		{"D-Mon-YY", "29-Feb-72", "2072-02-29", false},
		{"M/D/YY", "7/3/2010", "7/3/2010", false},
		{"D-Mon-Y", "03-JUL-2010", "2010-07-03", false},
		{"excel", "40362", "2010-07-03", false},
		{"excel", "40362.75", "2010-07-03", false},
		{"excel", "38900", "2010-07-03", true},
		{"excel", "2010", "2010", false}, // a year
		{"excel", "20100703", "20100703", false},
		{"excel", "1e5", "1e5", false},
		{"excel", "Inf", "Inf", false},
		{"excel", "0x9DAA", "0x9DAA", false},
		{"excel", "7/3/2010", "7/3/2010", false},
		{"excel or M/D/Y", "7/3/2010", "2010-07-03", false},
	} {
		o, ok := parseOrder(c.order)
		if got := o.day(c.in, c.from1904); got != c.want || !ok {
			t.Errorf("%s: %q is %q, want %q", c.order, c.in, got, c.want)
		}
	}
}

// Nobody is born in the future: a year of two digits that says so is of the century before.
func TestBirthsOfTwoDigits(t *testing.T) {
	dir := folder(t, map[string]string{"a.csv": "id,born,until\n1,7/3/10,7/3/30\n2,12/1/26,\n3,12/2/26,\n4,7/3/98,\n5,2/29/00,\n"})
	_, rows, err := read(dir, File{File: "a.csv", Entity: "persons", Charset: "utf-8", Separator: ",", Columns: map[string]string{"id": "person_key", "born": "birth_date", "until": "release_until"},
		Dates: map[string]string{"birth_date": "M/D/YY", "release_until": "M/D/YY"}}, time.UTC)
	if got := strings.Join(rows, " "); err != nil || got != "1|2010-07-03|2030-07-03 2|2026-12-01| 3|1926-12-02| 4|1998-07-03| 5|2000-02-29|" {
		t.Errorf("%s %v", got, err)
	}
}

func TestOrders(t *testing.T) {
	for order, ok := range map[string]bool{"M/D/Y": true, "D.M.Y": true, "Y-M-D": true, "D-Mon-Y": true, "M/D/YY": true, "YY-M-D": true, "M/D/YYY": false, "excel": true, "excel or M/D/Y": true,
		"": false, "M/D": false, "M/M/Y": false, "M/Mon/Y": false, "mdy": false, "M/D/Y H": false, "M/D/Y or D/M/Y": false, "excel or excel": false, "excel or ": false} {
		if _, got := parseOrder(order); got != ok {
			t.Errorf("%q: %v", order, got)
		}
	}
}

const good = `schema: 1
files:
  - file: a.csv
    entity: persons
    charset: utf-8
    separator: ","
    zone: local
    columns: {id: person_key, sex: gender, born: birth_date, until: release_until}
    dates: {birth_date: M/D/Y}
    codes: {gender: {F: female}}
  - file: b.xlsx
    sheet: x
    entity: services
    columns: {id: service_id, client: person_key}
`

func readText(t *testing.T, text string) error {
	t.Helper()
	_, err := Read(filepath.Join(folder(t, map[string]string{"m.yaml": text}), "m.yaml"))
	return err
}

func TestWhatAMappingMustNotSay(t *testing.T) {
	if err := readText(t, good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, bad, says string }{
		{"schema: 1", "schema: 2", "schema is not 1"},
		{"entity: persons", "entity: person", "did you mean persons?"},
		{"charset: utf-8", "charset: ebcdic", "charset is none that is known"},
		{`separator: ","`, `separator: ";;"`, "separator"},
		{`separator: ","`, `separator: "a"`, "separator"},
		{"zone: local", "zone: here", "zone is not local"},
		{"sex: gender", "sex: notes", "a column is mapped to one that persons does not have"},
		{"sex: gender", "sex: gendre", "did you mean gender?"},
		{"client: person_key", "client: last_name", "services does not have"},
		{"born: birth_date", "born: gender", "two columns are mapped to gender"},
		{"M/D/Y}", "M/D}", "order that is not known"},
		{"{birth_date: M", "{ssn: M", "is not mapped"},
		{"{birth_date: M", "{gender: M", "none of dates"},
		{"F: female", "F: woman", "a code of gender is none of the dictionary's"},
		{"codes: {gender", "codes: {person_key", "codes are given for a column that has none"},
		{"codes: {gender: {F: female}}", "codes: {exploitation: {F: sex}}", "not mapped"},
		{"file: a.csv", "file: ../a.csv", "no name of a file"},
		{"file: a.csv", "file: b/a.csv", "no name of a file"},
		{"file: a.csv", "file: ..", "no name of a file"},
		{"file: a.csv", "file: /etc/passwd", "no name of a file"},
		{"file: a.csv", "file: a.csv\n    sheet: x", "only a workbook has sheets"},
		{"sheet: x", "charset: utf-8", "neither charset nor separator"},
		{"    zone: local", "    colums: {}", "m.yaml:7: the word before the colon is none that a mapping knows: did you mean columns?"},
		{"    zone: local", "    Bavo: {}", "these are known"},
		{"    zone: local", "    file: c.csv", "m.yaml:7: the line is not as a mapping is written"},
		{"{F: female}", "{F: female, f: male}", "two spellings of one value become different codes of gender"},
		{"{id: person_key, sex", "{id: person_key, ' id': last_name, sex", "a column of yours is named twice"},
		{"    zone: local", "    zone: [", "is not as a mapping is written"},
		{"{F: female}", "{F: female, F: male}", "is not as a mapping is written"},
		{"  - file: b.xlsx\n    sheet: x\n    entity: services", "  - file: a.csv\n    entity: services\n    charset: utf-8\n    separator: ','", "named twice"},
	} {
		if !strings.Contains(good, c.old) {
			t.Fatalf("%q is not in the mapping", c.old)
		}
		err := readText(t, strings.Replace(good, c.old, c.bad, 1))
		if problem.ExitCode(err) != problem.Usage || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v, want %q", c.bad, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "Bavo") {
			t.Errorf("the text of the line is shown: %v", err)
		}
	}
	if err := readText(t, good+strings.Repeat("# ", maxFile/2)); err == nil || !strings.Contains(err.Error(), "larger than a megabyte") {
		t.Errorf("a huge mapping: %v", err)
	}
}

// Among dates a date of birth looks like any other: what a header says has to do.
func TestDisguisedColumnsAreRefused(t *testing.T) {
	for header, exit := range map[string]int{"DOB": problem.Refused, "date-of-birth": problem.Refused, "Zip Code": problem.Refused, "until": 0} {
		err := readText(t, strings.Replace(good, "until: release_until", header+": release_until", 1))
		if problem.ExitCode(err) != exit {
			t.Errorf("%s to a date: %v", header, err)
		}
	}
	if err := readText(t, strings.Replace(good, "until: release_until", "SSN: age_exploitation_began", 1)); problem.ExitCode(err) != problem.Refused {
		t.Errorf("a number to a number: %v", err)
	}
}

func TestMaskedIsNoValue(t *testing.T) {
	for in, want := range map[string]string{"Zubavi": "Xxxxxx", "219-09-4821": "999-99-9999", "": "", "Šárka 7": "Xxxxx 9", "a very long text indeed": "x xxxx xxxx …", "a\x1b[31m": "xx[99x", "½Ⅳ日": "xxx", "e\u0301": "xx"} {
		if got := mask(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}
