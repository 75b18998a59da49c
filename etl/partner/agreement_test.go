package partner

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
	"heatwatch/internal/nearest"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

func date(t testing.TB, s string) models.Date {
	t.Helper()
	d, ok := models.ParseDate(s)
	if !ok {
		t.Fatalf("%s is no date", s)
	}
	return d
}

// wantProblem wants a problem with that exit code, on one line, that says all the words.
func wantProblem(t testing.TB, err error, exit int, words ...string) {
	t.Helper()
	var p *problem.Problem
	if !errors.As(err, &p) || p.Exit != exit {
		t.Fatalf("got %v, want a problem with exit %d", err, exit)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func TestDefaultReadsBack(t *testing.T) {
	a := Default("shelter", date(t, "2026-11-23"))
	for _, w := range []string{"schema: 1", "kind: shelter", "sharing: token", "state: live", "starts_on: 2026-11-23", "ends_on: ", "freshness: monthly", "distinct_persons: yes", "on_end: keep", "legal_hold: no", "persons: all"} {
		if !strings.Contains(string(a.Text()), w) {
			t.Errorf("no %q in\n%s", w, a.Text())
		}
	}
	got, err := ParseAgreement("x.yaml", a.Text())
	if err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, a)
	}
}

// Every agreement that can be written is read back as it was.
func TestAgreementsReadBack(t *testing.T) {
	d := models.Dictionary()
	rapid.Check(t, func(rt *rapid.T) {
		a := Default(rapid.SampledFrom(d.List("agency_kind")).Draw(rt, "kind"), models.Date(rapid.IntRange(0, 30000).Draw(rt, "start")))
		a.Sharing = rapid.SampledFrom([]string{SharingToken, SharingConsented, SharingAggregate}).Draw(rt, "sharing")
		a.State = rapid.SampledFrom([]string{StateDraft, StateSample, StateLive, StateSuspended}).Draw(rt, "state")
		a.Freshness = rapid.SampledFrom([]string{"weekly", "monthly", "quarterly"}).Draw(rt, "freshness")
		a.DistinctPersons, a.LegalHold = rapid.Bool().Draw(rt, "distinct"), rapid.Bool().Draw(rt, "hold")
		a.MostPersons = rapid.SampledFrom([]int{0, 1, 500}).Draw(rt, "most persons")
		a.OnEnd = rapid.SampledFrom([]string{OnEndKeep, OnEndErase}).Draw(rt, "end")
		if rapid.Bool().Draw(rt, "ends") {
			a.Ends, a.EndsOn = true, a.StartsOn.AddDays(rapid.IntRange(0, 9999).Draw(rt, "days"))
		}
		for _, e := range d.Entities {
			switch rapid.IntRange(0, 3).Draw(rt, e.Name) {
			case 0:
				delete(a.Columns, e.Name)
			case 1:
				names := rapid.SliceOfNDistinct(rapid.SampledFrom(columnNames(e)), 1, 4, rapid.ID[string]).Draw(rt, "columns")
				a.Columns[e.Name] = ColumnRule{Names: names}
			}
			if rapid.Bool().Draw(rt, "authority") {
				a.Authority[e.Name] = rapid.StringMatching(`[ -~äé§]{1,40}`).Draw(rt, "text")
			}
		}
		got, err := ParseAgreement("x.yaml", a.Text())
		if err != nil || !reflect.DeepEqual(got, a) {
			rt.Fatalf("got %+v, %v\nwant %+v\n%s", got, err, a, a.Text())
		}
	})
}

func TestParseErrorsSayWhereAndWhat(t *testing.T) {
	head := "schema: 1\nkind: shelter\nstarts_on: 2026-01-01\n"
	for _, c := range []struct {
		name, text string
		words      []string
	}{
		{"a misspelt field", head + "sharng: token\n", []string{"a.yaml:4:1", "sharng", "did you mean sharing?"}},
		{"a field of another program", head + "zzzzzzzzz: token\n", []string{"a.yaml:4:1", "the fields are schema"}},
		{"a misspelt value", head + "state: lve\n", []string{"a.yaml:4:8", "state", "did you mean live?"}},
		{"another kind", "schema: 1\nkind: sheltr\nstarts_on: 2026-01-01\n", []string{"a.yaml:2:7", "did you mean shelter?"}},
		{"a later schema", "schema: 2\n", []string{"a.yaml:1:9"}},
		{"no date", head + "ends_on: soon\n", []string{"a.yaml:4:10", "YYYY-MM-DD"}},
		{"a date that is none", head + "ends_on: 2026-02-30\n", []string{"a.yaml:4:10"}},
		{"an end before the start", head + "ends_on: 2025-12-31\n", []string{"a.yaml", "before"}},
		{"a limit of none", head + "most_persons: 0\n", []string{"a.yaml:4:15", "above 0"}},
		{"true for yes", head + "legal_hold: true\n", []string{"a.yaml:4:13", "yes, no"}},
		{"twice", head + "kind: court\n", []string{"kind"}},
		{"no kind", "schema: 1\nstarts_on: 2026-01-01\n", []string{"kind is missing"}},
		{"an unknown entity", head + "columns:\n  person: all\n", []string{"a.yaml:5:3", "did you mean persons?"}},
		{"an unknown column", head + "columns:\n  persons: [birth_yer]\n", []string{"a.yaml:5:13", "did you mean birth_year?"}},
		{"a column twice", head + "columns:\n  persons: [gender, gender]\n", []string{"a.yaml:5:21", "twice"}},
		{"neither all nor a list", head + "columns:\n  persons: some\n", []string{"a.yaml:5:12", "all"}},
		{"authority for nothing", head + "authority: {person: x}\n", []string{"a.yaml:4:13", "did you mean persons?"}},
		{"an alias", head + "columns: &x {persons: all}\nauthority: *x\n", []string{"a.yaml"}},
		{"no YAML", "schema: [1\n", []string{"a.yaml"}},
		{"empty", "", []string{"no agreement"}},
		{"a list", "- a\n", []string{"a.yaml:1"}},
		{"two documents", head + "---\n" + head, []string{"no agreement"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseAgreement("a.yaml", []byte(c.text))
			wantProblem(t, err, problem.Usage, c.words...)
		})
	}
	if a, err := ParseAgreement("a.yaml", []byte(head+"columns: all\n")); err != nil || !a.Allows("persons", "gender") {
		t.Errorf("columns: all: %v", err)
	}
	if a, err := ParseAgreement("a.yaml", []byte("{schema: 1, kind: shelter, starts_on: 2026-01-01, columns: {persons: all}}\n")); err != nil || len(a.Columns) != 1 {
		t.Errorf("on one line: %+v, %v", a, err)
	}
}

func FuzzParseAgreement(f *testing.F) {
	f.Add(Default("shelter", 20000).Text())
	f.Add([]byte("schema: 1\nkind: shelter\nstarts_on: 2026-01-01\ncolumns: {persons: [token_*, gender]}\n"))
	f.Add([]byte("? a\n: b\n<<: *x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseAgreement("x", b)
		if err != nil {
			return
		}
		again, err := ParseAgreement("x", a.Text())
		if err != nil || !reflect.DeepEqual(again, a) {
			t.Errorf("taken, but not read back: %v", err)
		}
	})
}

func TestAllows(t *testing.T) {
	a := Default("shelter", 0)
	a.Columns = map[string]ColumnRule{"persons": {Names: []string{"gender"}}, "services": {All: true}, "accused_persons": {Names: []string{"token_name_dob"}}}
	for _, c := range []struct {
		entity, column string
		want           bool
	}{
		{"persons", "gender", true}, {"persons", "birth_year", false}, {"persons", "person_key", true}, {"persons", "deleted", true},
		{"persons", "token_name_dob", false}, {"persons", "first_name", false}, {"persons", "", false},
		{"services", "program", true}, {"services", "note", false}, {"services", "token_name_dob", false},
		{"accused_persons", "token_name_dob", true}, {"accused_persons", "token_other", false},
		{"placements", "placement_id", false}, {"nothing", "x", false},
	} {
		if got := a.Allows(c.entity, c.column); got != c.want {
			t.Errorf("%s.%s: %v", c.entity, c.column, got)
		}
	}
	all := Default("shelter", 0)
	if !all.Allows("persons", "token_name_dob") || all.Allows("persons", "first_name") {
		t.Error("all means all of the dictionary")
	}
	if a.Columns["persons"] = (ColumnRule{Names: []string{"token_*"}}); !a.Allows("persons", "token_anything") {
		t.Error("token_* names every token")
	}
}

func TestInForce(t *testing.T) {
	a := Default("shelter", 100)
	if !a.InForce(200) {
		t.Error("no end means no end")
	}
	a.Ends, a.EndsOn = true, 200
	if !a.InForce(200) || a.InForce(201) {
		t.Error("the last day counts, the next does not")
	}
	a.Ends, a.State = false, StateSuspended
	if a.InForce(150) {
		t.Error("a suspended agreement is not in force")
	}
}

func TestPartnersAreKept(t *testing.T) {
	fs, dir := durable.OS(), filepath.Join(t.TempDir(), "partners")
	a := Default("shelter", 20000)
	for _, bad := range []string{"", "-a", "A", "a b", "../a", "a/b", "a.yaml", strings.Repeat("a", 41)} {
		wantProblem(t, Add(fs, dir, bad, a), problem.Usage)
	}
	for _, name := range []string{"shelter-b", "shelter-a", "0"} {
		if err := Add(fs, dir, name, a); err != nil {
			t.Fatal(err)
		}
	}
	wantProblem(t, Add(fs, dir, "shelter-a", Default("court", 1)), problem.Usage, "already")
	wrong := Default("nothing", 1)
	wantProblem(t, Add(fs, dir, "shelter-c", wrong), problem.Usage, "kind")
	names, err := List(dir)
	if err != nil || !slices.Equal(names, []string{"0", "shelter-a", "shelter-b"}) {
		t.Errorf("%v, %v", names, err)
	}
	if got, err := Load(dir, "shelter-a"); err != nil || got.Kind != "shelter" {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = Load(dir, "sheltr-a")
	wantProblem(t, err, problem.Usage, "did you mean shelter-a?")
	if info, _ := os.Stat(filepath.Join(dir, "shelter-a.yaml")); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if names, err := List(filepath.Join(dir, "none")); err != nil || names != nil {
		t.Errorf("a home without partners: %v, %v", names, err)
	}
}

func TestSet(t *testing.T) {
	fs, dir := durable.OS(), t.TempDir()
	if err := Add(fs, dir, "shelter-a", Default("shelter", 20000)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change string
		holds  func(Agreement) bool
	}{
		{"sharing=consented", func(a Agreement) bool { return a.Sharing == SharingConsented }},
		{"state = sample", func(a Agreement) bool { return a.State == StateSample }},
		{"starts_on=2021-01-01", func(a Agreement) bool { return a.StartsOn.String() == "2021-01-01" }},
		{"ends_on=2031-01-01", func(a Agreement) bool { return a.Ends && a.EndsOn.String() == "2031-01-01" }},
		{"ends_on=", func(a Agreement) bool { return !a.Ends }},
		{"legal_hold=yes", func(a Agreement) bool { return a.LegalHold }},
		{"distinct_persons=no", func(a Agreement) bool { return !a.DistinctPersons }},
		{"most_persons=500", func(a Agreement) bool { return a.MostPersons == 500 }},
		{"most_persons=", func(a Agreement) bool { return a.MostPersons == 0 }},
		{"on_end=erase", func(a Agreement) bool { return a.OnEnd == OnEndErase }},
		{"columns.persons=[gender, token_*]", func(a Agreement) bool { return slices.Equal(a.Columns["persons"].Names, []string{"gender", "token_*"}) }},
		{"columns.persons=all", func(a Agreement) bool { return a.Columns["persons"].All }},
		{"columns.arrests=none", func(a Agreement) bool { return !a.AllowsEntity("arrests") }},
		{"columns.arrests=all", func(a Agreement) bool { return a.AllowsEntity("arrests") }},
		{`authority.persons=WIC § 18986.46: "agreed", 2026`, func(a Agreement) bool { return a.Authority["persons"] == `WIC § 18986.46: "agreed", 2026` }},
		{"authority.persons=", func(a Agreement) bool { return a.Authority["persons"] == "" }},
		{"columns={persons: all}", func(a Agreement) bool { return len(a.Columns) == 1 }},
		{"columns=all", func(a Agreement) bool { return len(a.Columns) == len(models.Dictionary().Entities) }},
	} {
		if _, err := Set(fs, dir, "shelter-a", c.change); err != nil {
			t.Fatalf("%s: %v", c.change, err)
		}
		a, err := Load(dir, "shelter-a")
		if err != nil || !c.holds(a) {
			t.Errorf("%s: %v\n%s", c.change, err, a.Text())
		}
	}
	before, _ := os.ReadFile(agreementPath(dir, "shelter-a"))
	for change, word := range map[string]string{"sharing": "FIELD=VALUE", "sharng=token": "did you mean sharing?", "state=on": "state", "ends_on=2020-01-01": "before",
		"columns.person=all": "did you mean persons?", "columns.persons=[x]": "columns.persons", "kind.x=1": "no parts", "schema=2": "schema", "authority.persons=a\nb: c": "printed", "starts_on=": "empty"} {
		_, err := Set(fs, dir, "shelter-a", change)
		wantProblem(t, err, problem.Usage, word)
	}
	if after, _ := os.ReadFile(agreementPath(dir, "shelter-a")); string(after) != string(before) {
		t.Error("a change that was refused was written")
	}
}

func TestRemoveShutsTheDoorFirst(t *testing.T) {
	for n := 1; ; n++ {
		dir := t.TempDir()
		if err := Add(durable.OS(), dir, "shelter-a", Default("shelter", 20000)); err != nil {
			t.Fatal(err)
		}
		if _, err := AddKey(durable.OS(), dir, "shelter-a", publicKey(t), Ends{}); err != nil {
			t.Fatal(err)
		}
		disk := durabletest.FailAt(n)
		err := Remove(disk, dir, "shelter-a")
		a, err2 := Load(dir, "shelter-a")
		keys, err3 := AuthorizedKeys(dir, "shelter-a", nil)
		if err2 != nil || err3 != nil {
			t.Fatal(err2, err3)
		}
		if a.State == StateSuspended && len(keys) > 0 {
			t.Errorf("operation %d failed: suspended, and the door is open", n)
		}
		if !disk.Fired() {
			if err != nil || a.State != StateSuspended || len(keys) != 0 {
				t.Errorf("%v, state %s, %d keys", err, a.State, len(keys))
			}
			return
		}
		if err == nil {
			t.Errorf("operation %d failed and nobody noticed", n)
		}
	}
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{"sharng": "sharing", "kin": "kind", "zzzz": "", "": ""} {
		if got := nearest.Name(word, fieldNames()); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if len(slices.Collect(maps.Keys(Default("shelter", 0).Columns))) != len(models.Dictionary().Entities) {
		t.Error("the default agrees on every entity")
	}
}
