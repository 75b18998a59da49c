package measures_test

import (
	"cmp"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"heatwatch/models"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/declare"
)

// sqlFiles are all .sql files below this folder, without their comments.
func sqlFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".sql") {
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = comment.ReplaceAllString(string(b), "")
		return err
	})
	if err != nil || len(files) < 8 {
		t.Fatalf("only %d .sql files: %v", len(files), err)
	}
	return files
}

var comment = regexp.MustCompile(`--[^\n]*`)

// forbidden is what no statement may hold, with the reason.
var forbidden = []struct{ pattern, why string }{
	{`(?i)\b(now|today|current_date|current_time|current_timestamp|localtime|localtimestamp|get_current_time\w*|transaction_timestamp)\b`, "time comes in through params"},
	{`(?i)\b(random|setseed|uuid\w*|gen_random_uuid|sample|tablesample)\b`, "chance is the business of privacy"},
	{`(^|[\s,(.])\*\s*(,|FROM|$|\))`, "columns are named"},
	{`(?i)\bcount\(\s*\*?\s*\)`, "what is counted is named"},
	{`(?i)\b(double|float|real|decimal|numeric|avg|stddev\w*|/)\b|[^/]/[^/]`, "integers only"},
	{`(?i)\bat\s+time\s+zone\b|\btimezone\(`, "local dates are made once, at publish"},
	{`(?i)\b(first|last|any_value)\((DISTINCT )?\w+\.(channel|setting|age|gender|race_ethnicity|agency|exit_reason)\b`, "an arbitrary row would decide"},
	{`(?i)[^_]\bCAST\(`, "a plain cast can fail on data"},
	{`(?i)\b(read_\w+|glob|copy|attach|install|load|pragma|getenv)\s*\(?`, "the session's relations only"},
}

func TestSQLHoldsNothingForbidden(t *testing.T) {
	for path, text := range sqlFiles(t) {
		for _, f := range forbidden {
			if hit := regexp.MustCompile(f.pattern).FindString(text); hit != "" {
				t.Errorf("%s has %q: %s", path, hit, f.why)
			}
		}
	}
}

// TestForbiddenIsFound plants one of each in turn: a search that never fires proves nothing.
func TestForbiddenIsFound(t *testing.T) {
	for _, planted := range []string{"SELECT now()", "WHERE a < current_date", "ORDER BY random()", "SELECT * FROM t", "SELECT t.* FROM t", "SELECT a, * FROM t",
		"SELECT count(*) FROM t", "SELECT count() FROM t", "SELECT avg(a)", "SELECT a / 2", "a AT TIME ZONE 'x'", "any_value(e.channel)", "SELECT CAST(a AS INT)",
		"FROM read_csv('x')", "SELECT a::DOUBLE"} {
		if !slices.ContainsFunc(forbidden, func(f struct{ pattern, why string }) bool {
			return regexp.MustCompile(f.pattern).MatchString(planted)
		}) {
			t.Errorf("%q is not found", planted)
		}
	}
}

// TestCodesAreOfTheDictionary holds every code('entity.column', 'value') and label('entity.column', ...) against it.
func TestCodesAreOfTheDictionary(t *testing.T) {
	code := regexp.MustCompile(`code\('([^']*)',\s*'([^']*)'\)`)
	label := regexp.MustCompile(`label\('([^']*)'`)
	n := 0
	for path, text := range sqlFiles(t) {
		for _, m := range code.FindAllStringSubmatch(text, -1) {
			n++
			if !slices.Contains(models.Dictionary().Values(m[1]), m[2]) {
				t.Errorf("%s: the dictionary has no value %s of %s", path, m[2], m[1])
			}
		}
		for _, m := range label.FindAllStringSubmatch(text, -1) {
			n++
			if len(models.Dictionary().Values(m[1])) == 0 {
				t.Errorf("%s: the dictionary has no codes of %s", path, m[1])
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d codes found: the search is broken", n)
	}
}

// TestDeclarationsAgreeWithThemselves checks what a reader of a declaration may rely on.
func TestDeclarationsAgreeWithThemselves(t *testing.T) {
	for _, m := range append(measures.All(), measures.Entry()) {
		if got, ok := measures.Lookup(m.ID); !ok || got.ID != m.ID {
			t.Errorf("Lookup does not find %s", m.ID)
		}
		if m.DueAfter != m.WindowDays+14 {
			t.Errorf("%s is due after %d days, not its window and 14", m.ID, m.DueAfter)
		}
		for _, v := range m.Vectors {
			name := m.ID + "." + v.Name
			exact := v.Encoding == declare.Exact
			if exact != (cmp.Or(v.Population, m.Population) == "none") {
				t.Errorf("%s: exact is what is about nobody, and nothing else", name)
			}
			if v.SQL == "" || len(v.Cells) == 0 || (v.Linf < 1) != exact || v.Says == "" {
				t.Errorf("%s is not complete", name)
			}
			if v.Encoding == "sum" {
				if v.Linf != max(-v.Low, v.High) {
					t.Errorf("%s: bound %d, but its values reach from %d to %d", name, v.Linf, v.Low, v.High)
				}
			} else if v.Encoding == "centred weight" || v.Encoding == "centred weight+unknown" {
				if v.Linf != declare.Grid {
					t.Errorf("%s: bound %d of a person's own share", name, v.Linf)
				}
			} else if v.Encoding == "centred sum" {
				low, high := v.Scale*v.Low-v.Mid, v.Scale*v.High-v.Mid
				if v.Linf != max(-low, high) {
					t.Errorf("%s: bound %d, but its values reach from %d to %d", name, v.Linf, low, high)
				}
			} else if v.Linf != 1 && !exact {
				t.Errorf("%s: bound %d of a yes or no", name, v.Linf)
			}
			if (v.Each == "") != (len(v.EachValues) == 0) || (v.Activity == "") != (v.First == 0) || v.Each != "" && len(v.Dimensions) > 0 {
				t.Errorf("%s: blocks without values, an activity without its first years, or two dimensions crossed", name)
			}
			for _, by := range v.Dimensions {
				d, _ := m.Dimension(by)
				b, ok := m.Breakdown(v, by)
				if !slices.Equal(d.Values, measures.Values(by)) {
					t.Errorf("%s: %s has other values here than elsewhere", name, by)
				}
				if !ok || len(b.Cells) != len(v.Cells)*len(d.Values) {
					t.Errorf("%s has no full breakdown by %s", name, by)
				}
			}
			if _, ok := m.Breakdown(v, "site_key"); ok {
				t.Errorf("%s can be broken down by site", name)
			}
		}
		// Who is in, and who is not: left out, not seen, or counted as something else.
		if !regexp.MustCompile(`left out|not seen|not counted|cannot be counted|count(s|ed)? as|among them|in the first|[Nn]obody`).MatchString(m.Denominator) {
			t.Errorf("the denominator of %s does not say who is left out: %s", m.ID, m.Denominator)
		}
		// By kind of agency or of service nobody is unknown; a profile's or an industry's unknown stand in share_unknown.
		grouped := []string{"entry", "time-to-emergency-service", "placement-stability", "long-term-residential-care", "outcome-change", "services-received"}
		if want := slices.Contains(grouped, m.ID); want != strings.HasSuffix(m.Counted(), declare.UnknownSays) {
			t.Errorf("%s has a group of the unknown: %v, and who is counted: %s", m.ID, want, m.Counted())
		}
		for _, s := range m.Statistics {
			if s.Says == "" {
				t.Errorf("%s.%s does not say what it is", m.ID, s.Name)
			}
			for _, from := range s.From {
				if !strings.Contains(from, ".") {
					from = m.ID + "." + from
				}
				if _, _, ok := measures.LookupVector(from); !ok {
					t.Errorf("%s.%s is derived from %s, which is no vector", m.ID, s.Name, from)
				}
			}
		}
	}
	if _, ok := measures.Lookup("no-such-measure"); ok {
		t.Error("Lookup finds what is not there")
	}
}

// TestCareTypesAreThoseOfTheSQL keeps the list of the declaration and that of the statement the same.
func TestCareTypesAreThoseOfTheSQL(t *testing.T) {
	_, rest := measures.CommonSQL()
	for _, v := range models.Dictionary().Values("placements.placement_type") {
		inSQL := strings.Contains(rest, "code('placements.placement_type', '"+v+"')")
		if listed := slices.Contains(measures.Values("placement_type"), v); listed != inSQL {
			t.Errorf("%s: declared %v, in the SQL %v", v, listed, inSQL)
		}
	}
}

// TestStatementsCanBeSplit: callers split a file at semicolons that end a line, so no comment may end with one.
func TestStatementsCanBeSplit(t *testing.T) {
	entries, rest := measures.CommonSQL()
	all := entries + rest
	for _, m := range measures.All() {
		all += m.SQL
	}
	for part := range strings.SplitSeq(all, ";\n") {
		part = strings.TrimSpace(comment.ReplaceAllString(part, ""))
		if part != "" && !strings.HasPrefix(part, "CREATE OR REPLACE TEMP ") && !strings.HasPrefix(part, "CREATE TEMP TABLE IF NOT EXISTS first_engagements ") {
			t.Errorf("a statement begins with %.60q", part)
		}
	}
}
