package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// planted is a kind of bad input, planted once among good rows or files, and what both doors say of it.
type planted struct {
	name    string
	files   []file
	change  func(m map[string]any)
	more    func(t *testing.T, dir string) // after the manifest was written
	want    string                         // see says
	secrets []string                       // what must appear nowhere
}

// goodCells are the columns and one good row of each entity that values are planted into. The key is the first column.
var goodCells = map[string][][2]string{
	"services": {{"service_id", "k"}, {"person_key", "p1"}, {"service_type", "legal"}, {"emergency", "no"}, {"started_at", "2026-07-02T21:00:00-07:00"}, {"ended_at", ""}, {"program", ""}},
	"placements": {{"placement_id", "k"}, {"person_key", "p1"}, {"placement_type", "group_home"}, {"started_on", "2026-07-01"},
		{"ended_on", ""}},
	"engagements": {{"engagement_id", "k"}, {"person_key", "p1"}, {"engaged_at", "2026-07-02T21:00:00-07:00"}, {"age", "15"}, {"channel", "hotline"}},
	"trainings":   {{"training_id", "k"}, {"held_on", "2026-07-01"}, {"audience", "other"}, {"attendees", "12"}, {"certified", "3"}},
	"persons":     {{"person_key", "k"}, {"release_until", "2026-12-31"}, {"birth_year", "2010"}},
	"assessments": {{"assessment_id", "k"}, {"person_key", "p1"}, {"assessed_on", "2026-07-01"}, {"tool", "outcome_scale"}, {"domain", "safety"}, {"score", "3"}},
}

// rowKey stands in the key column of the row that is bad: it must come out nowhere.
const rowKey = "zq9planted"

func headerOf(entity string) string {
	var names []string
	for _, c := range goodCells[entity] {
		names = append(names, c[0])
	}
	return strings.Join(names, ",") + "\n"
}

// rowOf is a good row with one value replaced, as it stands in the file.
func rowOf(entity, key, column, value string) string {
	var cells []string
	for i, c := range goodCells[entity] {
		switch {
		case c[0] == column:
			cells = append(cells, value)
		case i == 0:
			cells = append(cells, key)
		default:
			cells = append(cells, c[1])
		}
	}
	return strings.Join(cells, ",") + "\n"
}

// among puts a bad line between two good rows: it stands on line 3.
func among(entity, line string) string {
	return headerOf(entity) + rowOf(entity, "a1", "", "") + line + rowOf(entity, "a2", "", "")
}

// find runs a kind through both doors, looks at everything that comes out, and returns what Take says.
func (p planted) find(t *testing.T) Drop {
	t.Helper()
	a := newArea(t)
	dir := a.drop(t, "d1", p.files, p.change)
	if p.more != nil {
		p.more(t, dir)
	}
	keep := p.lend(t, dir)
	got, err := CheckPath(ctx, dir, PathOptions{Partner: "shelter-a", HomeID: "home-1", Workers: 2}) // first: Take may lift what it reads
	if err != nil {
		t.Fatal(err)
	}
	d, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir)
	if err != nil {
		t.Fatal(err)
	}
	keep(d)
	want(t, "verdict", says(d), p.want)
	a.complete(t, d) // rows = accepted + quarantined + blank, and landing holds what the record says
	if !strings.Contains(p.want, "clock_ahead") {
		want(t, "verdict of check", says(got.Drop), p.want)
	}
	for _, r := range reasonsOf(d) {
		if _, ok := models.LookupReason(r.Code); !ok {
			t.Errorf("%s is in no list of reasons", r.Code)
		}
	}
	body, text, err := Receipt(d)
	if err != nil {
		t.Fatal(err)
	}
	atHome, textAtHome, err := got.Receipt()
	if err != nil {
		t.Fatal(err)
	}
	list, _ := os.ReadFile(filepath.Join(a.cfg.Landing, "shelter-a", "d1", QuarantineName))
	record, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range append([]string{rowKey}, p.secrets...) {
		quoted, _ := json.Marshal(secret)
		for where, out := range map[string][]byte{"receipt": body, "text": text, "receipt of check": atHome, "text of check": textAtHome, "quarantine list": list, "record": record} {
			for _, s := range []string{secret, string(quoted[1 : len(quoted)-1])} {
				if strings.Contains(string(out), s) {
					t.Errorf("the %s holds %q", where, s)
				}
			}
		}
	}
	return d
}

// lend copies the drop into the folder TEST_PLANTED, if there is one, for the test that sends every kind through SFTP (make planted);
// keep writes beside it which codes its receipt must name. What is no plain file, has two
// names, or is a gigabyte of nothing cannot be sent.
func (p planted) lend(t *testing.T, dir string) (keep func(Drop)) {
	t.Helper()
	to := os.Getenv("TEST_PLANTED")
	if to == "" || p.name == "after itself" { // it is sent under another name
		return func(Drop) {}
	}
	sum := sha256.Sum256([]byte(t.Name()))
	to = filepath.Join(to, hex.EncodeToString(sum[:8]))
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		st, err := os.Lstat(filepath.Join(dir, e.Name()))
		if err != nil || !st.Mode().IsRegular() || st.Sys().(*syscall.Stat_t).Nlink > 1 || st.Size() > 64<<20 || !sendable.MatchString(e.Name()) {
			t.Logf("cannot be sent: %v", err)
			return func(Drop) {}
		}
	}
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return func(d Drop) {
		kind := struct {
			Kind  string
			Codes []string
		}{Kind: t.Name()}
		for _, r := range reasonsOf(d) {
			kind.Codes = append(kind.Codes, r.Code)
		}
		b, err := json.Marshal(kind)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+".json", b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// sendable is a name that the server takes.
var sendable = regexp.MustCompile("^[A-Za-z0-9][A-Za-z0-9._-]*$")

func reasonsOf(d Drop) (all []Reason) {
	all = append(all, d.Reasons...)
	for _, f := range d.Files {
		all = append(all, f.Reasons...)
	}
	return all
}

// One bad value in one column: it is found on its line and in its column, under its code, and costs its row alone.
func TestPlantedValues(t *testing.T) {
	for _, c := range []struct{ name, entity, column, value, code string }{
		{"month first", "placements", "started_on", "1/2/2026", "bad_date"},
		{"day first with dots", "placements", "started_on", "02.01.2026", "bad_date"},
		{"a date in words", "placements", "started_on", `"Jan 2, 2026"`, "bad_date"},
		{"digits left out", "placements", "started_on", "2026-1-2", "bad_date"},
		{"a year of two digits", "placements", "started_on", "26-01-02", "bad_date"},
		{"no separators", "placements", "started_on", "20260102", "bad_date"},
		{"the serial number of a spreadsheet", "placements", "started_on", "46024", "bad_date"},
		{"a date with a time", "placements", "started_on", "2026-01-02T00:00:00Z", "bad_date"},
		{"29 February of a common year", "placements", "started_on", "2026-02-29", "bad_date"},
		{"29 February 1900", "placements", "started_on", "1900-02-29", "bad_date"},
		{"31 April", "placements", "started_on", "2026-04-31", "bad_date"},
		{"month 13", "placements", "started_on", "2026-13-01", "bad_date"},
		{"day 0", "placements", "started_on", "2026-01-00", "bad_date"},
		{"year 0", "placements", "started_on", "0000-01-01", "bad_date"},
		{"year 0001 for no date", "placements", "started_on", "0001-01-01", "out_of_range"},
		{"year 9999 of a start", "placements", "started_on", "9999-12-31", "future"},
		{"year 1899", "placements", "started_on", "1899-12-31", "out_of_range"},
		{"digits of another script", "placements", "started_on", "٢٠٢٦-٠١-٠٢", "bad_date"},
		{"local time without offset", "services", "started_at", "2026-05-03T22:00:00", "bad_datetime"},
		{"a local time that the clocks skip", "services", "started_at", "2026-03-08T02:30:00", "bad_datetime"},
		{"a local time that comes twice", "services", "started_at", "2026-11-01T01:30:00", "bad_datetime"},
		{"a time zone in letters", "services", "started_at", "2026-05-03T22:00:00 PST", "bad_datetime"},
		{"an offset without its colon", "services", "started_at", "2026-05-03T22:00:00-0700", "bad_datetime"},
		{"an offset of a day", "services", "started_at", "2026-05-03T22:00:00+24:00", "bad_datetime"},
		{"24 o'clock", "services", "started_at", "2026-05-03T24:00:00Z", "bad_datetime"},
		{"a date where a time belongs", "services", "started_at", "2026-05-03", "bad_datetime"},
		{"a time as spreadsheets show it", "services", "started_at", "5/3/2026 10:00 PM", "bad_datetime"},
		{"the serial number of a time", "services", "started_at", "46145.9167", "bad_datetime"},
		{"seconds since 1970", "services", "started_at", "1777845600", "bad_datetime"},
		{"year 0001 of an instant", "services", "started_at", "0001-01-01T00:00:00Z", "out_of_range"},
		{"year 9999 of an instant", "services", "started_at", "9999-12-31T23:59:59Z", "future"},
		{"after the manifest was made", "services", "started_at", "2026-08-01T00:00:01Z", "future"},
		{"the end before the beginning", "placements", "ended_on", "2026-06-30", "order"},
		{"a negative age", "engagements", "age", "-15", "out_of_range"},
		{"an age in months", "engagements", "age", "186", "out_of_range"},
		{"a decimal number", "engagements", "age", "15.0", "bad_int"},
		{"a number with its unit", "engagements", "age", "15 years", "bad_int"},
		{"a plus sign", "engagements", "age", "+15", "bad_int"},
		{"a formula", "engagements", "age", "=7+8", "bad_int"},
		{"a power of ten", "trainings", "attendees", "1e3", "bad_int"},
		{"a thousands separator", "trainings", "attendees", `"1,234"`, "bad_int"},
		{"more digits than numbers have", "trainings", "attendees", "123456789012345678901", "bad_int"},
		{"a number of another script", "engagements", "age", "١٥", "bad_int"},
		{"more certified than attended", "trainings", "certified", "13", "passed"},
		{"a score of the other instrument", "assessments", "score", "17", "outcome_range"},
		{"a domain of the other instrument", "assessments", "domain", "screening", "tool_domain"},
		{"a code in upper case", "services", "service_type", "LEGAL", "unknown_code"},
		{"a code with a space before it", "services", "service_type", " legal", "unknown_code"},
		{"a code with a space behind it", "services", "service_type", "legal ", "unknown_code"},
		{"a code with a space that does not break", "services", "service_type", "legal\u00a0", "unknown_code"},
		{"the label in place of the code", "services", "service_type", "Legal aid", "unknown_code"},
		{"a look-alike letter", "services", "service_type", "l\u0435gal", "unknown_code"},
		{"letters of full width", "services", "service_type", "ｌｅｇａｌ", "unknown_code"},
		{"a mark from right to left", "services", "service_type", "\u200flegal", "unknown_code"},
		{"a space of no width", "services", "service_type", "le\u200bgal", "unknown_code"},
		{"a byte order mark inside", "services", "service_type", "\ufefflegal", "unknown_code"},
		{"another code list", "services", "program", "group_home", "unknown_code"},
		{"a vertical tab", "services", "service_type", "legal\v", "unknown_code"},
		{"a line separator of Unicode", "services", "service_type", "legal\u2028", "unknown_code"},
		{"yes in one letter", "services", "emergency", "Y", "bad_flag"},
		{"yes as a number", "services", "emergency", "1", "bad_flag"},
		{"yes in capitals", "services", "emergency", "YES", "bad_flag"},
		{"true", "services", "emergency", "true", "bad_flag"},
		{"a required cell left empty", "services", "service_type", "", "missing_value"},
		{"NULL in letters", "services", "ended_at", "NULL", "bad_datetime"},
		{"a name in place of a key", "services", "person_key", "Bavo Tilomi", "bad_key"},
		{"a formula in place of a key", "services", "person_key", `"=HYPERLINK(""http://x"")"`, "bad_key"},
		{"a key that begins with @", "services", "person_key", "@SUM(A1)", "bad_key"},
		{"a key that begins with +", "services", "person_key", "+15550100", "bad_key"},
		{"a key with a bell", "services", "person_key", "k\aringing", "bad_key"},
		{"a key with a turn of direction", "services", "person_key", "k\u202egnp.exe", "bad_key"},
		{"a key of 65 characters", "services", "person_key", strings.Repeat("k", 65), "bad_key"},
		{"a social security number with spaces", "services", "person_key", "078 05 1120", "bad_key"},
		{"nested quotes", "services", "service_type", `"le""gal"`, "unknown_code"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := planted{files: []file{{name: c.entity + ".csv", text: among(c.entity, rowOf(c.entity, rowKey, c.column, c.value))}},
				want: "partial\n" + c.entity + ".csv: 3 = 2 + 1 + 0; " + c.code + " " + c.column + " 1 [3]"}
			if len(c.value) > 5 && c.code != "tool_domain" { // shorter ones may stand in a receipt by chance; the key never does
				p.secrets = []string{c.value, strings.Trim(c.value, `" `)}
			}
			if strings.Contains(c.name, "another code list") || strings.HasSuffix(c.value, "al ") || strings.HasPrefix(c.value, " l") {
				p.secrets = nil
			}
			p.find(t)
		})
	}
}

// Lines that are no rows at all.
func TestPlantedLines(t *testing.T) {
	row := strings.TrimSuffix(rowOf("services", rowKey, "", ""), "\n")
	for _, c := range []struct{ name, entity, line, want string }{
		{"the header again", "", headerOf("services"), "repeated_header 1 [3]"},
		{"the header again, quoted", "", `"service_id","person_key","service_type","emergency","started_at","ended_at","program"` + "\n", "repeated_header 1 [3]"},
		{"a delimiter at the end", "", row + ",\n", "wrong_field_count 1 [3]"},
		{"a field too few", "", row[:len(row)-1] + "\n", "wrong_field_count 1 [3]"},
		{"a comma that is not quoted", "trainings", rowOf("trainings", rowKey, "attendees", "1,234"), "wrong_field_count 1 [3]"},
		{"semicolons", "", strings.ReplaceAll(row, ",", ";") + "\n", "wrong_field_count 1 [3]"},
		{"tabs", "", strings.ReplaceAll(row, ",", "\t") + "\n", "wrong_field_count 1 [3]"},
		{"spaces alone", "", "   \n", "wrong_field_count 1 [3]"},
		{"the end mark of DOS", "", "\x1a\n", "wrong_field_count 1 [3]"},
		{"a note below the table", "", "Report of Bavo Tilomi\n", "wrong_field_count 1 [3]"},
		{"100,000 fields", "", row + strings.Repeat(",", 100_000) + "\n", "wrong_field_count 1 [3]"},
		{"a quote that is not closed", "", `"` + row + "\n", "unclosed_quote 1 [3]"},
		{"a quote that is not closed at the end", "", row + `"` + "\n", "unclosed_quote 1 [3]"},
		{"a quote inside a value", "", strings.Replace(row, "legal", `le"gal`, 1) + "\n", "unclosed_quote 1 [3]"},
		{"text behind a closed quote", "", strings.Replace(row, "legal", `"legal"x`, 1) + "\n", "unclosed_quote 1 [3]"},
		{"a NUL", "", strings.Replace(row, "legal", "leg\x00al", 1) + "\n", "bad_encoding 1 [3]"},
		{"Windows-1252", "", strings.Replace(row, "legal", "l\xe9gal", 1) + "\n", "bad_encoding 1 [3]"},
		{"half a surrogate pair", "", strings.Replace(row, "legal", "l\xed\xa0\x80gal", 1) + "\n", "bad_encoding 1 [3]"},
		{"a letter in more bytes than it needs", "", strings.Replace(row, "legal", "l\xc1\xa5gal", 1) + "\n", "bad_encoding 1 [3]"},
		{"a line of 3 MB", "", strings.Repeat("x", 3<<20) + "\n", "line_too_long 1 [3]"},
		{"a field of 3 MB, quoted", "", strings.Replace(row, "legal", `"`+strings.Repeat("x", 3<<20)+`"`, 1) + "\n", "line_too_long 1 [3]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.entity == "" {
				c.entity = "services"
			}
			planted{files: []file{{name: c.entity + ".csv", text: among(c.entity, c.line)}}, secrets: []string{"Tilomi"},
				want: "partial\n" + c.entity + ".csv: 3 = 2 + 1 + 0; " + c.want}.find(t)
		})
	}
}

// What looks odd and is right.
func TestPlantedInnocents(t *testing.T) {
	good := among("services", rowOf("services", rowKey, "", ""))
	for _, c := range []struct {
		name string
		file file
		want string
	}{
		{"29 February of a leap year", file{name: "placements.csv", text: among("placements", rowOf("placements", rowKey, "started_on", "2024-02-29"))}, "placements.csv: 3 = 3 + 0 + 0; warning coverage 1"},
		{"29 February 2000", file{name: "placements.csv", text: among("placements", rowOf("placements", rowKey, "started_on", "2000-02-29"))}, "placements.csv: 3 = 3 + 0 + 0; warning coverage 1"},
		// With its offset it is an instant, whatever the clocks showed: half past three by the summer's.
		{"an hour that the clocks skip, with its offset", file{name: "services.csv", text: among("services", rowOf("services", rowKey, "started_at", "2026-03-08T02:30:00-08:00"))}, "services.csv: 3 = 3 + 0 + 0"},
		{"year 9999 for no end", file{name: "placements.csv", text: among("placements", rowOf("placements", rowKey, "ended_on", "9999-12-31"))}, "placements.csv: 3 = 3 + 0 + 0"},
		{"a release for ever", file{name: "persons.csv", text: among("persons", rowOf("persons", rowKey, "release_until", "9999-12-31"))}, "persons.csv: 3 = 3 + 0 + 0"},
		{"another order of columns", file{name: "placements.csv", text: "started_on,placement_type,person_key,placement_id\n2026-07-01,group_home,p1,k1\n"}, "placements.csv: 1 = 1 + 0 + 0"},
		{"mixed line ends", file{name: "services.csv", text: strings.Replace(strings.Replace(good, "\n", "\r\n", 1), "a1,p1,legal,no,2026-07-02T21:00:00-07:00,,\n", "a1,p1,legal,no,2026-07-02T21:00:00-07:00,,\r", 1), rows: 3}, "services.csv: 3 = 3 + 0 + 0"},
		{"everything quoted", file{name: "persons.csv", text: "\"person_key\",\"birth_year\"\n\"k1\",\"2010\"\n"}, "persons.csv: 1 = 1 + 0 + 0"},
		{"a byte order mark", file{name: "services.csv", text: "\ufeff" + good}, "services.csv: 3 = 3 + 0 + 0"},
		{"gzip in two members", file{name: "services.csv.gz", text: string(gz(t, good[:70])) + string(gz(t, good[70:])), rows: 3}, "services.csv.gz: 3 = 3 + 0 + 0"},
		{"blank lines", file{name: "services.csv", text: good + "\n\r\n\n"}, "services.csv: 6 = 3 + 0 + 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			planted{files: []file{c.file}, want: "accepted\n" + c.want}.find(t)
		})
	}
}

// A header that comes again would pass as a row where all columns are keys or tokens.
func TestHeaderOfKeysTwice(t *testing.T) {
	token := "token_name_dob_and_something_long"
	for _, text := range []string{"person_key\nk1\nperson_key\n", "person_key\nk1\n\"person_key\"\n", "\"person_key\"\nk1\n\"person_key\"\n",
		token + ",person_key\n,k1\n" + token + ",person_key\n"} {
		planted{files: []file{{name: "persons.csv", text: text}}, want: "partial\npersons.csv: 2 = 1 + 1 + 0; repeated_header 1 [3]"}.find(t)
	}
	planted{files: []file{{name: "persons.csv", text: "person_key\nperson_key2\n"}}, want: "accepted\npersons.csv: 1 = 1 + 0 + 0"}.find(t)
}

// A folder that has no name for us is told so without repeating the name.
func TestPlantedDropNames(t *testing.T) {
	for _, name := range []string{"two\nlines", "turn\u202ed1", "mark\u200f", strings.Repeat("d", 255), ".hidden", "back\\slash", "bell\a"} {
		a := newArea(t)
		dir := a.drop(t, name, []file{{name: "services.csv", text: servicesText}}, nil)
		d, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir)
		var p *problem.Problem
		if !errors.As(err, &p) || p.Exit != problem.Quarantined || d.Recorded {
			t.Errorf("%.20q was taken: %v, %s", name, err, says(d))
			continue
		}
		if strings.Contains(err.Error(), name) {
			t.Errorf("the error repeats the name: %v", err)
		}
		if left, _ := os.ReadDir(a.cfg.Landing); len(left) > 0 {
			t.Errorf("%.20q left something in landing", name)
		}
	}
	a := newArea(t)
	dir := a.drop(t, "d1", []file{{name: "services.csv", text: servicesText}}, nil)
	if _, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir+"/.."); problem.ExitCode(err) != problem.Quarantined {
		t.Errorf("a drop called ..: %v", err)
	}
	if _, err := Take(ctx, durable.OS(), a.cfg, "..", dir); problem.ExitCode(err) != problem.Quarantined {
		t.Errorf("a partner called ..: %v", err)
	}
}
