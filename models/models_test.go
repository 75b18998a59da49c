package models

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"

	"heatwatch/internal/testdir"
)

// The specification is the owner's; the embedded dictionary must say the same in all that outsiders see.
func TestDictionaryIsTheSpecification(t *testing.T) {
	b, err := os.ReadFile(testdir.Shared(t, "spec", "data-dictionary.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Lists    map[string][]string `yaml:"code_lists"`
		Entities yaml.MapSlice       `yaml:"entities"`
		Checks   map[string]map[string]string
		Warnings map[string]map[string]string
	}
	if err := yaml.Unmarshal(b, &spec); err != nil {
		t.Fatal(err)
	}
	d := Dictionary()
	if len(spec.Entities) != 17 || len(d.Entities) != 17 {
		t.Fatalf("%d entities in the specification, %d here", len(spec.Entities), len(d.Entities))
	}
	for i, se := range spec.Entities {
		e := d.Entities[i]
		m := se.Value.(map[string]any)
		if e.Name != se.Key || e.Population != m["population"] {
			t.Errorf("entity %d is %s (%s), want %s (%s)", i, e.Name, e.Population, se.Key, m["population"])
		}
		var key []string
		for _, k := range m["key"].([]any) {
			key = append(key, k.(string))
		}
		if !slices.Equal(key, e.Key) {
			t.Errorf("%s: key %v, want %v", e.Name, e.Key, key)
		}
		cols := m["columns"].(map[string]any)
		tokens := false
		for name, v := range cols {
			if name == "token_*" {
				tokens = true
				continue
			}
			compareColumn(t, d, e, name, v.(map[string]any))
		}
		if tokens != e.Tokens {
			t.Errorf("%s: tokens %v", e.Name, e.Tokens)
		}
		for _, c := range e.Columns {
			if _, ok := cols[c.Name]; !ok && c.Name != "deleted" {
				t.Errorf("%s.%s is not in the specification", e.Name, c.Name)
			}
		}
	}
	rules := map[string]bool{}
	for _, r := range d.Rules {
		rules[r.Entity+"."+r.Name] = r.Warning
	}
	n := 0
	for warning, m := range []map[string]map[string]string{spec.Checks, spec.Warnings} {
		for e, rs := range m {
			for name := range rs {
				n++
				if w, ok := rules[e+"."+name]; !ok || w != (warning == 1) {
					t.Errorf("rule %s.%s is missing or of the wrong kind", e, name)
				}
			}
		}
	}
	if n != len(rules) {
		t.Errorf("%d rules, want %d", len(rules), n)
	}
}

func compareColumn(t *testing.T, d *Dict, e Entity, name string, m map[string]any) {
	t.Helper()
	c, ok := e.Column(name)
	if !ok {
		t.Errorf("%s.%s is missing", e.Name, name)
		return
	}
	if c.Type.String() != m["type"] {
		t.Errorf("%s.%s: type %s, want %v", e.Name, name, c.Type, m["type"])
	}
	if req, _ := m["required"].(bool); req != c.Required {
		t.Errorf("%s.%s: required %v", e.Name, name, c.Required)
	}
	if p, _ := m["person"].(bool); p != c.Person {
		t.Errorf("%s.%s: person %v", e.Name, name, c.Person)
	}
	if r, ok := m["range"].([]any); ok && (toInt(r[0]) != c.Min || toInt(r[1]) != c.Max) {
		t.Errorf("%s.%s: range %d to %d, want %v", e.Name, name, c.Min, c.Max, r)
	}
	var want []string
	if vs, ok := m["values"].([]any); ok {
		for _, v := range vs {
			want = append(want, v.(string))
		}
	} else if l, ok := m["list"].(string); ok {
		want = d.List(l)
	} else if s, ok := m["same_as"].(string); ok {
		want = d.Values(s)
	}
	if c.Type == TypeCode && !slices.Equal(c.Values, want) {
		t.Errorf("%s.%s: values %v, want %v", e.Name, name, c.Values, want)
	}
}

func toInt(v any) int64 {
	switch n := v.(type) {
	case uint64:
		return int64(n)
	case int64:
		return n
	}
	panic("not an int")
}

func TestDictionaryIsCompleteForPartners(t *testing.T) {
	for _, e := range Dictionary().Entities {
		if e.Says == "" || e.Start == "" && !e.Tokens {
			t.Errorf("%s: no words, or no start", e.Name)
		}
		for _, c := range e.Columns {
			if c.Says == "" {
				t.Errorf("%s.%s says nothing", e.Name, c.Name)
			}
			if len(c.Values) > 255 {
				t.Errorf("%s.%s has more codes than a byte holds", e.Name, c.Name)
			}
		}
	}
	for _, r := range Reasons() {
		if r.Meaning == "" || r.Remedy == "" {
			t.Errorf("reason %s explains nothing", r.Code)
		}
	}
}

func TestBrokenDictionariesAreRefused(t *testing.T) {
	good := string(dictionaryYAML)
	for name, edit := range map[string][2]string{
		"a misspelt field":           {"required: true", "requird: true"},
		"a rule without its test":    {"name: tool_domain", "name: tool_domian"},
		"a key that is no column":    {"key: [engagement_id]", "key: [engagement]"},
		"a range upside down":        {"range: [0, 23]", "range: [23, 0]"},
		"same_as a missing column":   {"same_as: services.service_type", "same_as: services.type"},
		"a type that is not one":     {"type: datetime", "type: instant"},
		"a test without its rule":    {"  - {entity: services, name: long, says: \"an emergency service longer than 90 days\"}\n", ""},
		"a list that does not exist": {"list: program", "list: programme"},
	} {
		bad := strings.Replace(good, edit[0], edit[1], 1)
		if bad == good {
			t.Fatalf("%s: nothing was edited", name)
		}
		if _, err := parseDictionary([]byte(bad)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestChecks(t *testing.T) {
	d := Dictionary()
	num := func(col, v string) int64 { return int64(slices.Index(d.Values(col), v)) }
	yes := func(v int64) Value { return Value{v, true} }
	for _, c := range []struct {
		entity, name string
		v            []Value
		fails        bool
	}{
		{"assessments", "tool_domain", []Value{yes(num("assessments.tool", "cse_it")), yes(num("assessments.domain", "screening"))}, false},
		{"assessments", "tool_domain", []Value{yes(num("assessments.tool", "cse_it")), yes(num("assessments.domain", "safety"))}, true},
		{"assessments", "tool_domain", []Value{yes(num("assessments.tool", "outcome_scale")), yes(num("assessments.domain", "screening"))}, true},
		{"assessments", "outcome_range", []Value{yes(num("assessments.tool", "outcome_scale")), yes(0)}, true},
		{"assessments", "outcome_range", []Value{yes(num("assessments.tool", "outcome_scale")), yes(5)}, false},
		{"assessments", "outcome_range", []Value{yes(num("assessments.tool", "cse_it")), yes(23)}, false},
		{"placements", "order", []Value{yes(10), yes(10)}, false},
		{"placements", "order", []Value{yes(10), yes(9)}, true},
		{"placements", "order", []Value{yes(10), {}}, false},
		{"prosecutions", "settled", []Value{yes(3), {}}, true},
		{"prosecutions", "settled", []Value{yes(3), yes(num("prosecutions.disposition", "pending"))}, true},
		{"prosecutions", "settled", []Value{yes(3), yes(num("prosecutions.disposition", "pleaded"))}, false},
		{"prosecutions", "settled", []Value{{}, yes(num("prosecutions.disposition", "pending"))}, false},
		{"trainings", "passed", []Value{yes(10), yes(11)}, true},
		{"trainings", "passed", []Value{yes(10), {}}, false},
		{"arrests", "minor_arrested", []Value{yes(num("arrests.party_role", "victim")), yes(num("arrests.offense", "loitering"))}, true},
		{"arrests", "repealed", []Value{yes(num("arrests.offense", "loitering")), yes(int64(repealedOn)*day - 1)}, false},
		{"arrests", "repealed", []Value{yes(num("arrests.offense", "loitering")), yes(int64(repealedOn) * day)}, true},
		{"services", "long", []Value{yes(0), yes(0), yes(90*day + 1)}, true},
		{"services", "long", []Value{yes(0), yes(0), yes(90 * day)}, false},
	} {
		e, _ := d.Entity(c.entity)
		all := append(slices.Clone(e.Checks()), e.Warnings()...)
		i := slices.IndexFunc(all, func(k Check) bool { return k.Name == c.name })
		if i < 0 {
			t.Fatalf("no rule %s.%s", c.entity, c.name)
		}
		if got := all[i].Fails(c.v); got != c.fails {
			t.Errorf("%s.%s(%v) fails = %v", c.entity, c.name, c.v, got)
		}
	}
}

// Our parsers are written for speed; the standard library is the judge.
func TestParseDateAgreesWithTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9]`).Draw(t, "date")
		got, ok := ParseDate(s)
		want, err := time.Parse("2006-01-02", s)
		if wantOK := err == nil && want.Year() > 0; ok != wantOK {
			t.Fatalf("%s: ok %v, want %v", s, ok, wantOK)
		}
		if ok && (got.String() != s || got != DateOf(want)) {
			t.Fatalf("%s read as %s", s, got)
		}
	})
	for _, s := range []string{"", "2026-1-02", "2026-13-01", "2026-02-29", "0000-01-01", "2026-02-30", "20260201", "2026/02/01", "2026-02-01 ", "２026-02-1"} {
		if _, ok := ParseDate(s); ok {
			t.Errorf("%q was taken for a date", s)
		}
	}
}

func TestParseDateTimeAgreesWithTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-][01][0-9]:[0-5][0-9])`).Draw(t, "instant")
		got, ok := ParseDateTime(s)
		want, err := time.Parse(time.RFC3339, s)
		if wantOK := err == nil && !strings.HasPrefix(s, "0000"); ok != wantOK {
			t.Fatalf("%s: ok %v, want %v", s, ok, wantOK)
		}
		if ok && got != want.UnixMicro() {
			t.Fatalf("%s read as %d, want %d", s, got, want.UnixMicro())
		}
	})
	if m, ok := ParseDateTime("2026-07-03T22:00-07:00"); !ok || time.UnixMicro(m).UTC().Format(time.RFC3339) != "2026-07-04T05:00:00Z" {
		t.Error("an instant without seconds is not read")
	}
	for _, s := range []string{"2026-07-03T22:00:00", "2026-07-03", "2026-07-03T24:00:00Z", "2026-07-03T22:00:00.Z", "2026-07-03T22:00:00+7:00", "2026-07-03T22:00:", "2026-07-03T22:00"} {
		if _, ok := ParseDateTime(s); ok {
			t.Errorf("%q was taken for an instant", s)
		}
	}
}

func TestPeriods(t *testing.T) {
	for _, c := range []struct{ in, first, last, level string }{
		{"2026Q3", "2026-07-01", "2026-09-30", "quarter"},
		{"2026Q4", "2026-10-01", "2026-12-31", "quarter"},
		{"2024", "2024-01-01", "2024-12-31", "year"},
		{"2021-2025", "2021-01-01", "2025-12-31", "span"},
	} {
		p, err := ParsePeriod(c.in)
		if err != nil || p.String() != c.in || p.First().String() != c.first || p.Last().String() != c.last || p.Level() != c.level {
			t.Errorf("%s: %v %s to %s, %s, %v", c.in, p, p.First(), p.Last(), p.Level(), err)
		}
	}
	for _, s := range []string{"", "2026Q5", "2026Q0", "26Q1", "2025-2021", "2025-2025", "2026q3", "2026Q3 ", "1800", "abcd"} {
		if p, err := ParsePeriod(s); err == nil {
			t.Errorf("%q was taken for %v", s, p)
		}
	}
	p, _ := ParsePeriod("2021-2022")
	if q := p.Quarters(); len(q) != 8 || q[0].String() != "2021Q1" || q[7].String() != "2022Q4" {
		t.Errorf("quarters of a span: %v", q)
	}
	rapid.Check(t, func(t *rapid.T) {
		d := Date(rapid.IntRange(-20000, 40000).Draw(t, "day"))
		q := QuarterOf(d)
		if d < q.First() || d > q.Last() || q.Next().First() != q.Last()+1 {
			t.Fatalf("%s is not in %s", d, q)
		}
	})
}

func TestCells(t *testing.T) {
	for s, want := range map[string]bool{"a": true, strings.Repeat("x", 64): true, strings.Repeat("x", 65): false, "": false, "a b": false, "ä": false, "A-_9": true} {
		if ValidKey(s) != want {
			t.Errorf("ValidKey(%q) = %v", s, !want)
		}
	}
	for s, want := range map[string]int64{"0": 0, "-7": -7, "007": 7} {
		if n, ok := ParseInt(s); !ok || n != want {
			t.Errorf("ParseInt(%q) = %d, %v", s, n, ok)
		}
	}
	for _, s := range []string{"", "-", "+1", "1.0", " 1", "1e3", "9999999999999999999"} {
		if _, ok := ParseInt(s); ok {
			t.Errorf("%q was taken for a number", s)
		}
	}
	for age, band := range map[int]string{0: "0-11", 11: "0-11", 12: "12-13", 15: "14-15", 17: "16-17", 18: "18+", 99: "18+"} {
		if AgeBand(age) != band {
			t.Errorf("age %d is in %s", age, AgeBand(age))
		}
	}
	if b := AgeBands(); len(b) != 6 || b[5] != "unknown" {
		t.Errorf("bands %v", b)
	}
}
