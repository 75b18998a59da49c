package deidentify

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"heatwatch/etl/partner"
	"heatwatch/internal/problem"
)

const clientsText = "Client ID;First name;Surname;DOB;Sex;Case notes\n4711;Bavo;Quixovik;06.05.2011;w;saw Bavo\n4712;Tilomi;Mirelu;13.02.2010;m;\n"

// mappedConfig is a run over the agency's own files by a mapping that names them one a line.
func mappedConfig(t testing.TB, files map[string]string, lines ...string) Config {
	t.Helper()
	cfg := configOf(t, kitOf(t, "shelter-a", 1), files)
	text := "schema: 1\nfiles:\n"
	for _, l := range lines {
		text += "  - {" + l + "}\n"
	}
	cfg.Mapping = filepath.Join(t.TempDir(), "mapping.yaml")
	if err := os.WriteFile(cfg.Mapping, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return cfg
}

const (
	csvForm     = `charset: utf-8, separator: ";"`
	clientsLine = `file: Clients.csv, entity: persons, ` + csvForm + `, columns: {"Client ID": person_key, "First name": first_name, Surname: last_name, DOB: birth_date, Sex: gender}, dates: {birth_date: D.M.Y}, codes: {gender: {w: female, m: male}}`
)

func servicesLine(file string) string {
	return `file: ` + file + `, entity: services, ` + csvForm + `, zone: local, columns: {No: service_id, Client: person_key, What: service_type, Urgent: emergency, When: started_at}, dates: {started_at: M/D/Y}, codes: {emergency: {Y: "yes", N: "no"}}`
}

func TestMappedFilesBecomeADrop(t *testing.T) {
	cfg := mappedConfig(t, map[string]string{"Clients.csv": clientsText, "other.csv": "x\n",
		"S1.csv": "No;Client;What;Urgent;When\n1;4711;legal;Y;7/3/2026 22:00\n", "S2.csv": "When;No;Client;What;Urgent\n7/4/2026;2;4712;housing;N\n"}, clientsLine, servicesLine("S1.csv"), servicesLine("S2.csv"))
	r := mustRun(t, cfg)
	if len(r.Ignored) != 1 || r.Ignored[0] != "other.csv" {
		t.Errorf("ignored %v", r.Ignored)
	}
	people := rowsOf(t, cfg, "persons")
	if len(people) != 2 || people[0]["gender"] != "female" || people[0]["birth_year"] != "2011" || people[0]["token_h1_e1"] == "" {
		t.Errorf("%v", people)
	}
	rows := rowsOf(t, cfg, "services")
	if len(rows) != 2 || rows[0]["started_at"] != "2026-07-03T22:00:00-07:00" || rows[0]["started_precision"] != "" || rows[1]["started_at"] != "2026-07-04T00:00:00-07:00" || rows[1]["started_precision"] != "day" || rows[1]["emergency"] != "no" {
		t.Errorf("%v", rows)
	}
	if rows[0]["person_key"] != people[0]["person_key"] || rows[1]["person_key"] != people[1]["person_key"] {
		t.Error("the services are not those of the persons")
	}
	all := strings.ToLower(legible(t, cfg.Out) + r.Text())
	for _, v := range []string{"bavo", "quixovik", "tilomi", "mirelu", "4711", "4712", "2010-02-13", "13.02.2010", "saw"} {
		if strings.Contains(all, v) {
			t.Errorf("%s is in the drop or the report", v)
		}
	}
}

// The same rows give the same drop, whether the agency exports them as the dictionary has them or maps them.
func TestMappedEqualsPlain(t *testing.T) {
	mapped := mappedConfig(t, map[string]string{"Clients.csv": clientsText}, clientsLine)
	mustRun(t, mapped)
	plainly := configOf(t, mapped.Kit, map[string]string{"persons.csv": "person_key,first_name,last_name,birth_date,gender\n4711,Bavo,Quixovik,2011-05-06,female\n4712,Tilomi,Mirelu,2010-02-13,male\n"})
	plainly.Out = filepath.Join(t.TempDir(), "plain")
	mustRun(t, plainly)
	if a, b := plain(t, filepath.Join(mapped.Out, "persons.csv")), plain(t, filepath.Join(plainly.Out, "persons.csv")); !bytes.Equal(a, b) {
		t.Errorf("mapped\n%s\nplain\n%s", a, b)
	}
}

func TestMappedWorkbook(t *testing.T) {
	f := excelize.NewFile()
	f.SetSheetRow("Sheet1", "A1", &[]any{"Client ID", "First name", "Surname", "DOB", "Sex"})
	f.SetSheetRow("Sheet1", "A2", &[]any{4711, "Bavo", "Quixovik", 40669, "w"})
	f.SetSheetRow("Sheet1", "A3", &[]any{4712, "Tilomi", "Mirelu", 40222, "Quixovik"})
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	line := strings.NewReplacer("Clients.csv", "Clients.xlsx", csvForm, "sheet: Sheet1", "D.M.Y", "excel").Replace(clientsLine)
	cfg := mappedConfig(t, map[string]string{"Clients.xlsx": b.String()}, line)
	mustFail(t, cfg, problem.Refused, "Clients.xlsx:3", "column gender")
	cfg = mappedConfig(t, map[string]string{"Clients.xlsx": b.String()}, strings.Replace(line, "m: male", "Quixovik: unknown", 1))
	mustRun(t, cfg)
	if rows := rowsOf(t, cfg, "persons"); rows[0]["birth_year"] != "2011" || rows[0]["gender"] != "female" {
		t.Errorf("%v", rows)
	}
}

// Whatever a mapping says, a cell leaves only if it is of its column's type. The place is told, the cell is not.
func TestMappingsThatWouldLeak(t *testing.T) {
	services := "No;Client;What;Urgent;When\n1;4711;legal;Y;7/3/2026 22:00\n"
	for _, c := range []struct {
		name, old, bad string
		exit           int
		words          []string
	}{
		{"a name to a column of codes", `"First name": first_name, Surname: last_name, DOB: birth_date, Sex: gender`, `DOB: birth_date, "First name": gender`, problem.Refused, []string{"Clients.csv:2", "column gender", "unknown_code"}},
		{"notes to a flag", "Sex: gender}", `Sex: gender, "Case notes": runaway_history}`, problem.Refused, []string{"Clients.csv:2", "column runaway_history", "bad_flag"}},
		{"a birth date to a year", "DOB: birth_date, Sex: gender}, dates: {birth_date: D.M.Y}", "DOB: birth_year, Sex: gender}", problem.Refused, []string{"identifies persons"}},
		{"a birth date to another date", "DOB: birth_date, Sex: gender}, dates: {birth_date: D.M.Y}", "DOB: release_until, Sex: gender}, dates: {release_until: D.M.Y}", problem.Refused, []string{"identifies persons"}},
		{"a code that the mapping does not name", "w: female, ", "", problem.Refused, []string{"Clients.csv:2", "column gender", "unknown_code"}},
		{"a date in another order", "started_at: M/D/Y", "started_at: D.M.Y", problem.Refused, []string{"S1.csv:2", "column started_at", "bad_datetime"}},
		{"an hour without a zone", "zone: local, ", "", problem.Refused, []string{"S1.csv:2", "column started_at", "bad_datetime"}},
		{"notes to a column that the dictionary does not have", "Sex: gender}", `Sex: gender, "Case notes": notes}`, problem.Usage, []string{"a column is mapped to one that persons does not have"}},
		{"a file that is not there", "file: S1.csv", "file: S9.csv", problem.Usage, []string{"cannot be opened"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines := []string{clientsLine, servicesLine("S1.csv")}
			if !strings.Contains(strings.Join(lines, ""), c.old) {
				t.Fatal("the mapping does not say so")
			}
			for i := range lines {
				lines[i] = strings.Replace(lines[i], c.old, c.bad, 1)
			}
			cfg := mappedConfig(t, map[string]string{"Clients.csv": clientsText, "S1.csv": services}, lines...)
			r := mustFail(t, cfg, c.exit, c.words...)
			if text := strings.ToLower(r.Text()); strings.Contains(text, "bavo") || strings.Contains(text, "2011") || strings.Contains(text, "7/3") {
				t.Errorf("a cell is shown: %s", text)
			}
		})
	}
}

// Of several files of one kind, each fault is told where it is: between good rows, and at the very end.
func TestFaultsInTheSecondFile(t *testing.T) {
	cfg := mappedConfig(t, map[string]string{"Clients.csv": clientsText, "S1.csv": "No;Client;What;Urgent;When\n1;4711;Bavo;Y;7/3/2026\n2;4711;legal;Y;7/3/2026\n",
		"S2.csv": "No;Client;What;Urgent;When\n3;4711;legal;Y;7/3/2026\n4;4711;Bavo;Y;7/3/2026\n5;4711;legal;Y;7/3/2026\n6;4711;Bavo;Y;7/3/2026\n"}, clientsLine, servicesLine("S1.csv"), servicesLine("S2.csv"))
	r := mustFail(t, cfg, problem.Refused, "3 such cells in all")
	var got []string
	for _, f := range r.Refused {
		got = append(got, fmt.Sprint(f.File, ":", f.Line))
	}
	if s := strings.Join(got, " "); s != "S1.csv:2 S2.csv:3 S2.csv:5" {
		t.Errorf("found at %s", s)
	}
}

func TestMappingAndHMISExclude(t *testing.T) {
	cfg := mappedConfig(t, map[string]string{"Clients.csv": clientsText}, clientsLine)
	cfg.From, cfg.Roster = "hmis-csv", "all"
	mustFail(t, cfg, problem.Usage, "--mapping")
}

// A column that one file has is empty in the rows of the other, and not what the row before held.
func TestFilesWithDifferentColumns(t *testing.T) {
	const head = "No;Client;What;Urgent;When"
	cfg := mappedConfig(t, map[string]string{"Clients.csv": clientsText, "S1.csv": head + ";Prog\n1;4711;legal;Y;7/3/2026;ywep\n", "S2.csv": head + "\n2;4711;legal;Y;7/3/2026\n"},
		clientsLine, strings.Replace(servicesLine("S1.csv"), "No: service_id", "No: service_id, Prog: program", 1), servicesLine("S2.csv"))
	mustRun(t, cfg)
	if rows := rowsOf(t, cfg, "services"); rows[0]["program"] != "ywep" || rows[1]["program"] != "" {
		t.Errorf("%v", rows)
	}
}

// What the agreement does not name stays, mapped or not.
func TestMappedColumnsNeedTheAgreement(t *testing.T) {
	cfg := mappedConfig(t, map[string]string{"Clients.csv": clientsText}, clientsLine)
	cfg.Kit.Agreement.Columns = map[string]partner.ColumnRule{"persons": {Names: []string{"person_key", "token_h1_e1"}}}
	r := mustRun(t, cfg)
	if rows := rowsOf(t, cfg, "persons"); rows[0]["gender"] != "" || !strings.Contains(r.Text(), "the agreement does not name it: birth_year, gender") {
		t.Errorf("%v\n%s", rows, r.Text())
	}
}

func TestWhichMappingHolds(t *testing.T) {
	kit := folder(t, map[string]string{MappingName: "schema: 1\n"})
	own, named := folder(t, map[string]string{"Clients.csv": ""}), folder(t, map[string]string{"Clients.csv": "", "Persons.CSV": ""})
	twice := folder(t, map[string]string{"persons.csv": "", "PERSONS.csv": ""})
	for _, c := range []struct{ name, given, kit, raw, want string }{
		{"the kit's", "", kit, own, filepath.Join(kit, MappingName)},
		{"the one that is named", "m.yaml", kit, named, "m.yaml"},
		{"none where a file has a name of the dictionary", "", kit, named, ""},
		{"none where two have", "", kit, twice, ""},
		{"none in the kit", "", t.TempDir(), own, ""},
		{"no folder", "", kit, filepath.Join(own, "none"), ""},
	} {
		if got, err := MappingFor(c.given, c.kit, c.raw); got != c.want || err != nil {
			t.Errorf("%s: %q %v", c.name, got, err)
		}
	}
}
