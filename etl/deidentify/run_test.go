package deidentify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"heatwatch/etl/partner"
	"heatwatch/etl/tokens"
	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// county is a small batch with every kind of population. The names are gibberish.
func county() map[string]string {
	return map[string]string{
		"persons.csv": "person_key,first_name,middle_name,last_name,suffix,aliases,birth_date,ssn,phone,postal_code,gender,home_area,caseworker_note\n" +
			"P-1,Bavo,Quix,Tilomi,,Zuzu Grelt;Brovik,2010-07-03,219-09-9999,(510) 555-0143,94601,female,county,\"Mother Drelna Vosk, lives at 12 Hibbit Lane\"\n" +
			"P-2,Neelu,,Krastope,Jr.,,2009-02-28,,,,male,california,\n",
		"engagements.csv": "engagement_id,person_key,engaged_at,channel,setting,officer_name\n" +
			"E-1,P-1,2026-07-02T23:30:00-07:00,outreach,hotel,Sgt. Plimbo Wexatt\n" +
			"E-2,P-1,2026-07-03T06:30:00Z,outreach,hotel,\n" +
			"E-3,P-1,2026-07-03T07:30:00Z,outreach,hotel,\n" +
			"E-4,P-9,2026-07-03T07:30:00Z,patrol_contact,,\n",
		"accused_persons.csv": "person_key,first_name,last_name,birth_date,gender\nP-1,Bavo,Tilomi,2010-07-03,male\n",
		"arrests.csv": "arrest_id,person_key,arrested_at,party_role,offense\n" +
			"A-1,P-1,2026-07-02T22:00:00-07:00,victim,loitering\nA-2,P-1,2026-07-02T22:00:00-07:00,exploiter,pimping_pandering\n",
		"placements.csv":   "placement_id,person_key,placement_type,site_key,started_on,ended_on\nS-1,P-2,group_home,House on Tralb Road,2026-01-01,\n",
		"ad_snapshots.csv": "snapshot_id,profile_key,window_start,area,ads\nN-1,none,2026-07-01T00:00:00-07:00,oakland,0\nN-2,510-555-0188,2026-07-01T00:00:00-07:00,oakland,3\n",
		"notes.txt":        "Bavo Tilomi",
	}
}

func TestDropOfACounty(t *testing.T) {
	cfg := configOf(t, kitOf(t, "shelter-a", 1), county())
	r := mustRun(t, cfg)
	if !r.Made {
		t.Error("the report does not say that the drop was made")
	}
	if got := fmt.Sprint(r.Ignored); got != "[notes.txt]" {
		t.Errorf("ignored %s", got)
	}
	text := r.Text()
	for _, w := range []string{"caseworker_note", "officer_name", "first_name", "1 row; the warehouse holds them"} {
		if !strings.Contains(text, w) {
			t.Errorf("the report does not mention %s:\n%s", w, text)
		}
	}
	persons := rowsOf(t, cfg, "persons")
	if persons[0]["birth_year"] != "2010" || persons[0]["gender"] != "female" || len(persons[0]["token_h1_e1"]) != tokens.TextLen {
		t.Errorf("persons: %v", persons[0])
	}
	engagements := rowsOf(t, cfg, "engagements")
	for i, want := range []string{"15", "15", "16", ""} { // half past eleven of the day before; the same in UTC; the birthday; a person not listed
		if engagements[i]["age"] != want {
			t.Errorf("engagement %d: age %q, want %q", i+1, engagements[i]["age"], want)
		}
	}
	if profiles := rowsOf(t, cfg, "ad_snapshots"); profiles[0]["profile_key"] != "none" || len(profiles[1]["profile_key"]) != shortLen {
		t.Errorf("profiles: %v", profiles)
	}
	wantManifest(t, cfg)
}

func wantManifest(t *testing.T, cfg Config) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(cfg.Out, manifestName))
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	if m.Schema != 1 || m.Partner != cfg.Kit.Partner || m.Created != "2026-08-01T17:00:00Z" || m.Mode != "snapshot" || m.Home != "home-a" ||
		m.Covers.From.String() != "2020-01-01" || m.Covers.To.String() != "2026-07-31" {
		t.Errorf("manifest: %s", b)
	}
	entries, _ := os.ReadDir(cfg.Out)
	if len(entries) != len(m.Files)+1 {
		t.Errorf("%d files in the drop, %d in the manifest", len(entries), len(m.Files))
	}
	for _, f := range m.Files {
		data, err := os.ReadFile(filepath.Join(cfg.Out, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		if hex.EncodeToString(sum[:]) != f.SHA256 || bytes.Count(plain(t, filepath.Join(cfg.Out, f.Name)), []byte("\n")) != f.Rows+1 || strings.TrimSuffix(f.Name, ".age") != f.Entity+".csv" {
			t.Errorf("%s is not what the manifest says", f.Name)
		}
	}
}

// Not one planted value reaches any byte of the drop, whole or in part.
func TestNothingPlantedLeaves(t *testing.T) {
	cfg := configOf(t, kitOf(t, "shelter-a", 1), county())
	mustRun(t, cfg)
	out := strings.ToLower(legible(t, cfg.Out))
	for _, planted := range []string{"bavo", "quix", "tilomi", "zuzu", "grelt", "brovik", "neelu", "krastope", "2010-07-03", "2009-02-28", "219-09", "2190999",
		"555", "94601", "drelna", "hibbit", "plimbo", "wexatt", "tralb", "p-1", "p-9", "e-1", "s-1", "a-1", "n-2", "caseworker", "officer"} {
		if strings.Contains(out, planted) {
			t.Errorf("%q is in the drop", planted)
		}
	}
}

func TestPseudonyms(t *testing.T) {
	one := configOf(t, kitOf(t, "shelter-a", 1), county())
	mustRun(t, one)
	person := rowsOf(t, one, "persons")[0]["person_key"]
	arrests := rowsOf(t, one, "arrests")
	for name, got := range map[string]string{"engagements": rowsOf(t, one, "engagements")[0]["person_key"], "arrests of victims": arrests[0]["person_key"]} {
		if got != person {
			t.Errorf("%s: another pseudonym for the same number", name)
		}
	}
	if accused := rowsOf(t, one, "accused_persons")[0]["person_key"]; accused == person || arrests[1]["person_key"] != accused {
		t.Error("a victim and an accused person with one number must differ, in every file")
	}
	if want := Pseudonym(one.Kit.AgencyKey, "minors", "person", "P-1"); person != want {
		t.Errorf("got %s, want %s", person, want)
	}
	ids := []string{person, rowsOf(t, one, "placements")[0]["site_key"], rowsOf(t, one, "placements")[0]["placement_id"]}
	for _, id := range ids {
		if !models.ValidKey(id) || len(id) != shortLen {
			t.Errorf("%s is no key of %d characters", id, shortLen)
		}
	}

	again := one
	again.Out = filepath.Join(t.TempDir(), "2026-07")
	mustRun(t, again)
	for _, e := range []string{"persons", "accused_persons", "arrests", "placements"} { // sealed files differ in their seal alone
		if !bytes.Equal(plain(t, filepath.Join(again.Out, e+".csv")), plain(t, filepath.Join(one.Out, e+".csv"))) {
			t.Errorf("the same exports gave another %s.csv", e)
		}
	}
	other := configOf(t, kitOf(t, "shelter-b", 1), county())
	mustRun(t, other)
	if rowsOf(t, other, "persons")[0]["person_key"] == person {
		t.Error("two agencies have the same pseudonym")
	}
}

// The kinds of keys do not meet: one number, ten meanings, ten pseudonyms.
func TestKindsOfKeysDiffer(t *testing.T) {
	k := kitOf(t, "shelter-a", 1)
	seen := map[string]string{}
	for _, e := range models.Dictionary().Entities {
		for _, c := range e.Columns {
			if c.Type != models.TypeKey || c.Name == "person_key" {
				continue
			}
			p := Pseudonym(k.AgencyKey, e.Population, c.Name, "7")
			if was := seen[p]; was != "" {
				t.Errorf("%s and %s.%s share a pseudonym", was, e.Name, c.Name)
			}
			seen[p] = e.Name + "." + c.Name
		}
	}
}

// setOf is the token set of the first person of a file of an agency's drop.
func setOf(t *testing.T, cfg Config, entity string) tokens.Set {
	t.Helper()
	s, ok := tokens.ParseText([]byte(rowsOf(t, cfg, entity)[0][tokens.Column(1)]))
	if !ok {
		t.Fatalf("%s: no set of tokens", entity)
	}
	return s
}

func agree(a, b tokens.Set) (n int) {
	for i, v := range a {
		if b[i] == v {
			n++
		}
	}
	return n
}

func TestTokensMeetAcrossAgencies(t *testing.T) {
	set := func(k partner.Kit, who [3]string) tokens.Set {
		t.Helper()
		cfg := configOf(t, k, map[string]string{"persons.csv": fmt.Sprintf("person_key,first_name,last_name,birth_date\n1,%s,%s,%s\n", who[0], who[1], who[2])})
		mustRun(t, cfg)
		return setOf(t, cfg, "persons")
	}
	a, b, elsewhere := kitOf(t, "shelter-a", 1), kitOf(t, "clinic-b", 1), kitOf(t, "shelter-a", 2)
	want := set(a, [3]string{"Bavo", "Tilomi", "2010-07-03"})
	slot := slices.Index(tokens.RecipeOf[:], tokens.N2Date)
	for _, same := range [][3]string{{"BAVO", "tilomi", "2010-07-03"}, {" Bávô ", "Ti'lomi", "2010-07-03"}, {"Mr. Bavo", "Tilomı Jr.", "7/3/2010"}, {"bavo", "ＴＩＬＯＭＩ", "2010-07-03 00:00:00"},
		{"Tilomi", "Bavo", "2010-07-03"}} {
		if got := set(b, same); got[slot] != want[slot] {
			t.Errorf("%v is another person", same)
		}
	}
	if agree(set(elsewhere, [3]string{"Bavo", "Tilomi", "2010-07-03"}), want) != 0 {
		t.Error("two homes share a token")
	}
	for _, differs := range [][3]string{{"Bavi", "Tilomi", "2010-07-03"}, {"Bavo", "Tilom", "2010-07-03"}, {"Bavo", "Tilomi", "2010-07-04"}, {"BavoT", "ilomi", "2010-07-03"}} {
		if got := set(b, differs); got[slot] == want[slot] {
			t.Errorf("%v has the names and the date of another", differs)
		}
	}
	for _, none := range [][3]string{{"Unknown", "Tilomi", "2010-07-03"}, {"Bavo", "BABY", "2010-07-03"}, {"Test", "Tilomi", "2010-07-03"}, {"Bavo", "Tilomi", "1900-01-01"},
		{"Bavo", "Tilomi", "1901-01-01"}, {"Bavo", "Tilomi", "2006-01-01"}, {"Bavo", "", "2010-07-03"}, {"Bavo", "Tilomi", ""}, {"Bavo", "Tilomi", "2010-02-30"}, {"Bavo", "Tilomi", "2031-02-03"}, {"N/A", "Tilomi", "2010-07-03"}, {"??", "Tilomi", "2010-07-03"}} {
		if x, y := set(a, none), set(b, none); x[slot] == y[slot] {
			t.Errorf("%v has a token of both names and the date", none)
		}
	}
}

func TestVictimsAndAccusedNeverShareATokenOrAKeyDomain(t *testing.T) {
	same := "person_key,first_name,last_name,birth_date\nN,Bavo,Tilomi,2010-07-03\n"
	cfg := configOf(t, kitOf(t, "shelter-a", 1), map[string]string{"persons.csv": same, "accused_persons.csv": same})
	mustRun(t, cfg)
	values := map[tokens.Value]bool{}
	for _, v := range setOf(t, cfg, "persons") {
		values[v] = true
	}
	for _, v := range setOf(t, cfg, "accused_persons") {
		if values[v] {
			t.Fatal("one person in both roles shares a token")
		}
	}
	if rowsOf(t, cfg, "persons")[0]["person_key"] == rowsOf(t, cfg, "accused_persons")[0]["person_key"] {
		t.Error("one number in both roles has one pseudonym")
	}
}

func TestCompletedYears(t *testing.T) {
	for _, c := range []struct {
		name, born, on string
		want           int
	}{
		{"on the birthday", "2010-07-03", "2026-07-03", 16},
		{"the day before", "2010-07-03", "2026-07-02", 15},
		{"29 February, on the 28th of a common year", "2008-02-29", "2026-02-28", 17},
		{"29 February, on 1 March of a common year", "2008-02-29", "2026-03-01", 18},
		{"29 February, on 29 February", "2008-02-29", "2024-02-29", 16},
		{"born today", "2026-07-03", "2026-07-03", 0},
		{"not born yet", "2026-07-03", "2026-07-02", -1},
	} {
		born, _ := models.ParseDate(c.born)
		on, _ := models.ParseDate(c.on)
		if got := completedYears(born, on); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// What the agency computed itself stands in where it keeps no birth date.
func TestGivenAgesPass(t *testing.T) {
	cfg := configOf(t, kitOf(t, "shelter-a", 1), map[string]string{
		"persons.csv":     "person_key,birth_year\n1,2010\n",
		"engagements.csv": "engagement_id,person_key,engaged_at,age,channel\nE1,1,2026-07-03T07:30:00Z,15,outreach\n"})
	mustRun(t, cfg)
	if got := rowsOf(t, cfg, "persons")[0]["birth_year"] + rowsOf(t, cfg, "engagements")[0]["age"]; got != "201015" {
		t.Errorf("got %s", got)
	}
	cfg = configOf(t, cfg.Kit, map[string]string{
		"persons.csv":     "person_key,birth_date,birth_year\n1,,2010\n2,2009-05-05,2008\n",
		"engagements.csv": "engagement_id,person_key,engaged_at,age,channel\nE1,1,2026-07-03T07:30:00Z,15,outreach\nE2,2,2026-07-03T07:30:00Z,15,outreach\nE3,3,2026-07-03T07:30:00Z,,outreach\n"})
	mustRun(t, cfg)
	persons, engagements := rowsOf(t, cfg, "persons"), rowsOf(t, cfg, "engagements")
	if persons[0]["birth_year"] != "2010" || persons[1]["birth_year"] != "2009" || engagements[0]["age"] != "15" || engagements[1]["age"] != "17" || engagements[2]["age"] != "" {
		t.Errorf("persons %v, engagements %v", persons, engagements)
	}
}

func TestKeymapStaysWithTheAgency(t *testing.T) {
	cfg := configOf(t, kitOf(t, "shelter-a", 1), county())
	r := mustRun(t, cfg)
	info, err := os.Stat(r.Keymap)
	if err != nil || info.Mode().Perm() != 0o600 || filepath.Dir(r.Keymap) != filepath.Join(cfg.Kit.Dir, "keymaps") || filepath.Base(r.Keymap) != "2026-07.csv" {
		t.Fatalf("keymap %s: %v %v", r.Keymap, info, err)
	}
	head, rows := readTable(t, r.Keymap)
	if !slices.Equal(head, []string{"entity", "own_number", "pseudonym"}) {
		t.Errorf("header %v", head)
	}
	own, seen := map[string]string{}, map[string]int{}
	for _, k := range rows {
		own[k["entity"]+" "+k["pseudonym"]] = k["own_number"]
		seen[k["entity"]+" "+k["own_number"]]++
	}
	if got := own["persons "+rowsOf(t, cfg, "persons")[0]["person_key"]]; got != "P-1" {
		t.Errorf("the person's number is %q", got)
	}
	if got := own["engagements "+rowsOf(t, cfg, "engagements")[2]["engagement_id"]]; got != "E-3" {
		t.Errorf("the engagement's number is %q", got)
	}
	for _, want := range []string{"persons P-1", "persons P-2", "persons P-9", "accused_persons P-1", "placements S-1", "placements.site_key House on Tralb Road", "arrests A-2"} {
		if seen[want] != 1 {
			t.Errorf("%s stands %d times", want, seen[want])
		}
	}
	if _, err := os.Lstat(filepath.Join(cfg.Out, "keymaps")); err == nil {
		t.Error("keymaps in the drop")
	}
	inside := cfg
	inside.Out = filepath.Join(cfg.Kit.Dir, "keymaps", "drop")
	if _, err := Run(context.Background(), inside); problem.ExitCode(err) != problem.Usage {
		t.Errorf("a drop in the kit's folder: %v", err)
	}
}

// An agency opens its keymap in a spreadsheet, and a number of its own may look like a formula there.
func TestKeymapIsHarmlessInASpreadsheet(t *testing.T) {
	cfg := configOf(t, kitOf(t, "shelter-a", 1), map[string]string{"persons.csv": "person_key,birth_year\n=1+1,2010\n-7,2011\n@x,2012\n+15550100,2012\n"})
	_, rows := readTable(t, mustRun(t, cfg).Keymap)
	var own []string
	for _, k := range rows {
		own = append(own, k["own_number"])
	}
	if got := strings.Join(own, " "); got != "'=1+1 -7 '@x '+15550100" {
		t.Errorf("the keymap lists %s", got)
	}
}

func TestRefusedBeforeARowIsRead(t *testing.T) {
	good := func() Config { return configOf(t, kitOf(t, "shelter-a", 1), county()) }
	there := good()
	mustRun(t, there)
	before := everything(t, there.Out)
	if _, err := Run(context.Background(), there); problem.ExitCode(err) != problem.Usage || !strings.Contains(err.Error(), "there already") {
		t.Errorf("the drop exists: %v", err)
	}
	if everything(t, there.Out) != before {
		t.Error("a drop that was there was touched")
	}
	for _, c := range []struct {
		name string
		exit int
		do   func(*Config)
		word string
	}{
		{"no such folder", problem.Usage, func(c *Config) { c.Raw += "-not" }, "folder of exports"},
		{"a name no drop has", problem.Usage, func(c *Config) { c.Out += "/über alles" }, "name"},
		{"a suspended agreement", problem.Usage, func(c *Config) { c.Kit.Agreement.State = partner.StateSuspended }, "suspended"},
		{"an agreement that has ended", problem.Usage, func(c *Config) { c.Kit.Agreement.Ends, c.Kit.Agreement.EndsOn = true, models.DateOf(now)-1 }, "ended"},
		{"another system", problem.Usage, func(c *Config) { c.From = "excel" }, "hmis-csv"},
		{"a roster without need", problem.Usage, func(c *Config) { c.Roster = "all" }, "--roster"},
		{"consent that nobody wrote down", problem.Usage, func(c *Config) { c.Kit.Agreement.Sharing = partner.SharingConsented }, "release"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := good()
			c.do(&cfg)
			mustFail(t, cfg, c.exit, c.word)
		})
	}
}

// One cell that is not of its type, and nothing leaves; the message shows place and rule, never the cell.
func TestWrongTypesAreRefused(t *testing.T) {
	for _, c := range []struct{ name, file, text, where, rule, cell string }{
		{"a name in a column of codes", "persons.csv", "person_key,gender\n1,female\n2,Bavo Tilomi\n", "persons.csv:3", "unknown_code", "Bavo"},
		{"a code in other letters", "persons.csv", "person_key,gender\n1,Female\n", "persons.csv:2", "unknown_code", "Female"},
		{"a birth date in a number", "engagements.csv", "engagement_id,person_key,engaged_at,channel,age\n1,1,2026-07-01T10:00-07:00,outreach,2010-07-03\n", "engagements.csv:2", "bad_int", "2010-07-03"},
		{"its digits in a number", "engagements.csv", "engagement_id,person_key,engaged_at,channel,age\n1,1,2026-07-01T10:00-07:00,outreach,20100703\n", "engagements.csv:2", "out_of_range", "20100703"},
		{"a name in a date", "placements.csv", "placement_id,person_key,placement_type,started_on\n1,1,group_home,Tilomi\n", "placements.csv:2", "bad_date", "Tilomi"},
		{"a name in an instant", "services.csv", "service_id,person_key,service_type,emergency,started_at\n1,1,legal,no,Tilomi\n", "services.csv:2", "bad_datetime", "Tilomi"},
		{"a name in a flag", "persons.csv", "person_key,foster_history\n1,Tilomi\n", "persons.csv:2", "bad_flag", "Tilomi"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := configOf(t, kitOf(t, "shelter-a", 1), map[string]string{c.file: c.text})
			r := mustFail(t, cfg, problem.Refused, c.where, c.rule)
			_, err := Run(context.Background(), cfg)
			if strings.Contains(err.Error(), c.cell) || strings.Contains(r.Text(), c.cell) {
				t.Errorf("the cell is shown: %v\n%s", err, r.Text())
			}
		})
	}
}

// Whoever puts a birth date, or a number of a person, where one of its type may stand is caught all the same.
func TestIdentifiersInPlacesOfTheirTypeAreRefused(t *testing.T) {
	persons := "person_key,first_name,last_name,birth_date,ssn,release_until\n1,Bavo,Tilomi,2010-07-03,219099999,\n"
	for name, files := range map[string]map[string]string{
		"birth date as the end of consent":   {"persons.csv": strings.Replace(persons, "219099999,", "219099999,2010-07-03", 1)},
		"birth date as the start of a stay":  {"persons.csv": persons, "placements.csv": "placement_id,person_key,placement_type,started_on\n1,1,group_home,2010-07-03\n"},
		"birth date as an instant":           {"persons.csv": persons, "services.csv": "service_id,person_key,service_type,emergency,started_at\n1,1,legal,no,2010-07-03T12:00-07:00\n"},
		"social security number as a number": {"persons.csv": persons, "resources.csv": "resource_id,resource_type,unit,effective_on,quantity\n1,grant_awarded,usd,2026-01-01,219099999\n"},
		"birth date as a number":             {"persons.csv": persons, "resources.csv": "resource_id,resource_type,unit,effective_on,quantity\n1,grant_awarded,usd,2026-01-01,20100703\n"},
		"an accused person's birth date": {"accused_persons.csv": "person_key,birth_date\n1,1990-05-06\n",
			"prosecutions.csv": "case_id,person_key,party_role,charge,filed_on\n1,1,exploiter,trafficking,1990-05-06\n"},
	} {
		t.Run(name, func(t *testing.T) {
			mustFail(t, configOf(t, kitOf(t, "shelter-a", 1), files), problem.Refused)
		})
	}
	// the same files without the identifier pass: the cases above fail for their own reason
	mustRun(t, configOf(t, kitOf(t, "shelter-a", 1), map[string]string{"persons.csv": persons,
		"resources.csv":  "resource_id,resource_type,unit,effective_on,quantity\n1,grant_awarded,usd,2026-01-01,219099998\n",
		"placements.csv": "placement_id,person_key,placement_type,started_on\n1,1,group_home,2026-07-03\n"}))
}

// A person called Black does not stop the drop: a code of a closed list says nothing about who somebody is.
func TestNamesThatAreCodes(t *testing.T) {
	mustRun(t, configOf(t, kitOf(t, "shelter-a", 1), map[string]string{
		"persons.csv": "person_key,first_name,last_name,birth_date,race_ethnicity\n1,Female,Black,2010-07-03,black\n"}))
}

func TestFormsOfFiles(t *testing.T) {
	plain := "person_key,first_name,last_name,birth_date,gender,note\n1,Bavo,Tilomi,2010-07-03,female,x\n2,Neelu,Krastope,2009-02-28,male,y\n"
	want := ""
	for i, c := range []struct{ name, text string }{
		{"plain", plain},
		{"byte order mark", "\ufeff" + plain},
		{"CRLF", strings.ReplaceAll(plain, "\n", "\r\n")},
		{"no line end at the end", strings.TrimSuffix(plain, "\n")},
		{"blank lines", strings.ReplaceAll(plain, "\n", "\n\n")},
		{"lines of commas only", plain + ",,,,,\n"},
		{"header in capitals and spaces", strings.Replace(plain, "person_key,first_name", "Person_Key, FIRST_NAME ", 1)},
		{"quoted", "\"person_key\",\"first_name\",\"last_name\",\"birth_date\",\"gender\",\"note\"\r\n\"1\",\"Bavo\",\"Tilomi\",\"2010-07-03\",\"female\",\"said \"\"x\"\", then\r\nleft, twice\"\r\n\"2\",\"Neelu\",\"Krastope\",\"2009-02-28\",\"male\",\"\"\r\n"},
	} {
		cfg := configOf(t, kitOf(t, "shelter-a", 1), map[string]string{"persons.csv": c.text})
		mustRun(t, cfg)
		b, _ := os.ReadFile(filepath.Join(cfg.Out, "persons.csv"))
		if i == 0 {
			want = string(b)
		}
		if string(b) != want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, b, want)
		}
	}
	for _, c := range []struct{ name, text, word string }{
		{"UTF-16", "\xff\xfep\x00e\x00", "UTF-16"},
		{"UTF-16 without a mark", "p\x00e\x00r\x00", "UTF-16"},
		{"Windows-1252", "person_key,first_name\n1,Ren\xe9\n", "persons.csv:2"},
		{"empty", "", "empty"},
		{"no header", "1,Bavo,Tilomi\n", "names no column"},
		{"semicolons", "person_key;gender\n1;female\n", "names no column"},
		{"a column twice", "person_key,gender,gender\n", "twice"},
		{"no key", "gender\nfemale\n", "person_key is missing"},
		{"a field too many", "person_key,gender\n1,female,Bavo\n", "persons.csv:2"},
		{"a quote that is never closed", "person_key,gender\n1,\"female\n2,male\n", "persons.csv:2"},
		{"a quote inside", "person_key,gender\n1,fe\"male\n", "persons.csv:2"},
		{"a line without end", "person_key,gender\n1," + strings.Repeat("x", maxRecord+1), "persons.csv:2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := configOf(t, kitOf(t, "shelter-a", 1), map[string]string{"persons.csv": c.text})
			mustFail(t, cfg, problem.Failed, c.word)
			if _, err := Run(context.Background(), cfg); strings.Contains(err.Error(), "Bavo") {
				t.Errorf("the message shows a cell: %v", err)
			}
		})
	}
}

func TestAgreementDecidesWhatLeaves(t *testing.T) {
	cfg := configOf(t, kitOf(t, "shelter-a", 1), county())
	cfg.Kit.Agreement.Columns = map[string]partner.ColumnRule{"persons": {Names: []string{"birth_year"}}, "engagements": {All: true}}
	r := mustRun(t, cfg)
	head, _ := readTable(t, filepath.Join(cfg.Out, "persons.csv"))
	if !slices.Equal(head, []string{"person_key", "birth_year"}) {
		t.Errorf("persons leave with %v", head)
	}
	if entries, _ := os.ReadDir(cfg.Out); len(entries) != 3 {
		t.Errorf("%d files leave, want persons, engagements and the manifest", len(entries))
	}
	if !strings.Contains(r.Text(), "because the agreement does not name it: token_h1_e1, gender, home_area") {
		t.Errorf("the report: %s", r.Text())
	}
}

func TestConsentedPersonsOnly(t *testing.T) {
	files := map[string]string{
		"persons.csv": "person_key,release,release_until\n1,signed,\n2,none,\n3,signed,2026-07-31\n4,signed,2026-08-01\n5,,\n6,not_required,\n",
		"services.csv": "service_id,person_key,service_type,emergency,started_at\n1,1,legal,no,2026-07-01T10:00-07:00\n2,2,legal,no,2026-07-01T10:00-07:00\n" +
			"3,3,legal,no,2026-07-01T10:00-07:00\n4,4,legal,no,2026-07-01T10:00-07:00\n5,5,legal,no,2026-07-01T10:00-07:00\n7,7,legal,no,2026-07-01T10:00-07:00\n",
		"arrests.csv": "arrest_id,person_key,arrested_at,party_role,offense\n1,2,2026-07-02T22:00:00-07:00,victim,other\n2,2,2026-07-02T22:00:00-07:00,exploiter,other\n",
	}
	cfg := configOf(t, kitOf(t, "shelter-a", 1), files)
	cfg.Kit.Agreement.Sharing = partner.SharingConsented
	r := mustRun(t, cfg)
	if p, s, a := len(rowsOf(t, cfg, "persons")), len(rowsOf(t, cfg, "services")), len(rowsOf(t, cfg, "arrests")); p != 3 || s != 2 || a != 1 {
		t.Errorf("%d persons, %d services, %d arrests leave; want 3, 2, 1", p, s, a)
	}
	if r.Files[0].HeldBack != 3 {
		t.Errorf("%d persons held back, want 3", r.Files[0].HeldBack)
	}
	if b, err := os.ReadFile(filepath.Join(cfg.Out, manifestName)); err != nil || !strings.Contains(string(b), `"consent": "in_force"`) {
		t.Errorf("the agency does not attest consent: %s %v", b, err)
	}
}

// Consent is asked for each night anew: one that ran out holds the person back, one that was renewed lets it go, one that was revoked holds it back.
func TestConsentChangesBetweenDrops(t *testing.T) {
	cfg := configOf(t, kitOf(t, "shelter-a", 1), map[string]string{})
	cfg.Kit.Agreement.Sharing = partner.SharingConsented
	for i, c := range []struct {
		says string
		days int
		want int
	}{{"signed,2026-08-02", 0, 1}, {"signed,2026-08-02", 1, 1}, {"signed,2026-08-02", 2, 0}, {"signed,2026-12-31", 2, 1}, {"none,2026-12-31", 3, 0}, {"signed,", 4, 1}, {",", 5, 0}} {
		now := now.AddDate(0, 0, c.days)
		cfg.Raw, cfg.Now, cfg.Covers, cfg.Out = folder(t, map[string]string{"persons.csv": "person_key,release,release_until\n1," + c.says + "\n", "trainings.csv": trainings(1)}), now, nil, filepath.Join(t.TempDir(), fmt.Sprint("d", i))
		mustRun(t, cfg)
		if n := len(rowsOf(t, cfg, "persons")); n != c.want {
			t.Errorf("%s on %s: %d persons leave, want %d", c.says, now.Format(time.DateOnly), n, c.want)
		}
	}
}

func trainings(n int) string {
	var b strings.Builder
	b.WriteString("training_id,held_on,audience,attendees\n")
	for i := range n {
		fmt.Fprintf(&b, "t%d,2026-07-01,educators,20\n", i)
	}
	return b.String()
}

// Totals only: no row about a person leaves; what else there is does. Small counts are not in the table, nor one that would tell them.
func TestTotalsOnly(t *testing.T) {
	persons, services := "person_key,first_name,gender\n", "service_id,person_key,service_type,emergency,started_at\n"
	for i := range 60 {
		gender := "female"
		switch {
		case i < 4:
			gender = "male"
		case i < 20:
			gender = "transgender"
		}
		persons += fmt.Sprintf("own-%d,Bavo,%s\n", i, gender)
		services += fmt.Sprintf("s%d,own-%d,Zuzu,no,2026-07-01T10:00:00-07:00\n", i, i%30)
	}
	cfg := configOf(t, kitOf(t, "shelter-a", 1), map[string]string{"persons.csv": persons, "services.csv": services, "trainings.csv": trainings(3)})
	cfg.Kit.Agreement.Sharing = partner.SharingAggregate
	r := mustRun(t, cfg)
	entries, err := os.ReadDir(cfg.Out)
	if err != nil || len(entries) != 2 || entries[1].Name() != "trainings.csv" {
		t.Errorf("what leaves is %v: %v", entries, err)
	}
	text := r.Text()
	for _, want := range []string{"persons: 60 rows, 60 persons", "services: 60 rows, 30 persons", "gender                 female 40, male (few), transgender (few)\n", "emergency              no 60", "service_type           not known 60"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if all := everything(t, cfg.Out) + text; strings.Contains(all, "own-") || strings.Contains(all, "Bavo") || strings.Contains(all, "Zuzu") || strings.Contains(all, " 4") && !strings.Contains(all, " 40") {
		t.Errorf("a cell or a small count is shown:\n%s", text)
	}

	cfg.Raw, cfg.Out = folder(t, map[string]string{"persons.csv": "person_key,gender\nown-1,male\n"}), filepath.Join(t.TempDir(), "none")
	r, err = Run(context.Background(), cfg)
	if _, statErr := os.Stat(cfg.Out); err != nil || r.Made || statErr == nil {
		t.Errorf("a drop is made of persons alone: %v %v", err, r.Made)
	}
	if text := r.Text(); !strings.Contains(text, "fewer than 11 rows, fewer than 11 persons") || strings.Contains(text, "male") || !strings.Contains(text, "No drop was made.") {
		t.Errorf("%s", text)
	}
}

// small is two files of county, for tests that run hundreds of times.
func small() map[string]string {
	all := county()
	return map[string]string{"persons.csv": all["persons.csv"], "engagements.csv": all["engagements.csv"]}
}

// Every file operation fails once, and once more after it was done. No drop with a manifest may be left but a whole one.
func TestEveryOperationFailsOnce(t *testing.T) {
	for mode, fault := range map[string]func(durable.FS, int) *durabletest.Fault{"not done": durabletest.FailAtOver, "done": durabletest.DoneAtOver} {
		for n := 1; ; n++ {
			cfg := configOf(t, kitOf(t, "shelter-a", 1), small())
			disk := fault(quick(), n)
			cfg.FS = disk
			r, err := Run(context.Background(), cfg)
			if !disk.Fired() {
				if err != nil || n < 20 {
					t.Fatalf("%s: %d operations, then %v", mode, n-1, err)
				}
				break
			}
			if err == nil {
				t.Errorf("%s: operation %d (%s) failed and nobody noticed", mode, n, disk.Op())
			}
			if r.Made {
				t.Errorf("%s: operation %d failed and the report says that a drop was made", mode, n)
			}
			if _, err := os.Lstat(filepath.Join(cfg.Out, manifestName)); err == nil {
				t.Errorf("%s: operation %d (%s) failed and left a manifest", mode, n, disk.Op())
			}
			if filesIn(cfg.Out) != 0 && len(r.Warnings) == 0 {
				t.Errorf("%s: operation %d left a drop and no word about it", mode, n)
			}
		}
	}
}

func filesIn(dir string) int {
	entries, _ := os.ReadDir(dir)
	return len(entries)
}

// A power cut at any operation leaves no manifest, or a whole drop, whatever the disk kept of the rest.
func TestCutOffAnywhere(t *testing.T) {
	whole := 0
	for n := 1; n < 200; n++ {
		cfg := configOf(t, kitOf(t, "shelter-a", 1), small())
		disk, err := durabletest.NewCrash(filepath.Dir(cfg.Out))
		if err != nil {
			t.Fatal(err)
		}
		cfg.FS = disk.StopAt(n)
		_, err = Run(context.Background(), cfg)
		done := err == nil
		for _, after := range []durabletest.Outcome{durabletest.NothingMore, durabletest.NamesOnly, durabletest.Everything} {
			left := cfg
			left.Out = filepath.Join(t.TempDir(), "clone")
			if err := os.Mkdir(left.Out, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := disk.Clone(left.Out, after); err != nil {
				t.Fatal(err)
			}
			left.Out = filepath.Join(left.Out, filepath.Base(cfg.Out))
			if _, err := os.Lstat(filepath.Join(left.Out, manifestName)); err == nil {
				wantManifest(t, left)
				whole++
			} else if done {
				t.Errorf("cut off at %d, %s: no error, and the drop is gone", n, after)
			}
		}
		if !disk.Crashed() {
			break
		}
	}
	if whole == 0 {
		t.Error("no run came through: the test proves nothing")
	}
}

// A million rows pass in bounded memory: only persons are kept.
func TestBigFilesStream(t *testing.T) {
	if testing.Short() {
		t.Skip("large")
	}
	const rows, people = 300_000, 1000
	dir := t.TempDir()
	var persons, services bytes.Buffer
	persons.WriteString("person_key,first_name,last_name,birth_date\n")
	for i := range people {
		fmt.Fprintf(&persons, "%d,Bavo%s,Tilomi,2010-%02d-%02d\n", i, strings.Repeat("o", i%9), i%12+1, i%27+2)
	}
	services.WriteString("service_id,person_key,service_type,emergency,started_at\n")
	for i := range rows {
		fmt.Fprintf(&services, "S%d,%d,legal,no,2026-07-01T10:00:00-07:00\n", i, i%people)
	}
	os.WriteFile(filepath.Join(dir, "persons.csv"), persons.Bytes(), 0o600)
	os.WriteFile(filepath.Join(dir, "services.csv"), services.Bytes(), 0o600)
	size := services.Len()
	services, persons = bytes.Buffer{}, bytes.Buffer{}

	cfg := configOf(t, kitOf(t, "shelter-a", 1), nil)
	cfg.Raw = dir
	var peak uint64
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		var m runtime.MemStats
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				runtime.GC()
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}
	}()
	start := time.Now()
	r := mustRun(t, cfg)
	took := time.Since(start)
	close(stop)
	<-done
	if r.Files[1].Rows != rows {
		t.Errorf("%d rows", r.Files[1].Rows)
	}
	if peak > 16<<20 {
		t.Errorf("%d MB of heap for a file of %d MB", peak>>20, size>>20)
	}
	t.Logf("%d rows in %v, live heap at most %d KB", rows, took, peak>>10)
}

func TestStopsWhenAsked(t *testing.T) {
	cfg := configOf(t, kitOf(t, "shelter-a", 1), county())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(cfg.Out); err == nil {
		t.Error("a cancelled run left its drop")
	}
}
