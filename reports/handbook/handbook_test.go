package handbook

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/declare"
	"heatwatch/reports/measures/example"
	"heatwatch/reports/measures/schema"
	"heatwatch/reports/render"
)

const delta = 1e-6

func county(t *testing.T) (*privacy.Plan, privacy.Schema) {
	t.Helper()
	text, _ := privacy.EmbeddedPlan("county")
	sc := schema.Schema()
	p, err := privacy.ParsePlan(text, "county", sc, 4, delta)
	if err != nil {
		t.Fatal(err)
	}
	return p, sc
}

func written(t *testing.T, p render.Page, f render.Format) string {
	t.Helper()
	var b bytes.Buffer
	if err := render.WritePage(&b, p, render.Options{Format: f}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// flat takes the line ends, marks and spaces of a layout away: what is left are the words.
func flat(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return strings.ContainsRune(" \n\t|\\*`#", r) }), "")
}

// Every measure has a whole page, in both forms.
func TestEveryPageIsWhole(t *testing.T) {
	plan, sc := county(t)
	for _, m := range measures.All() {
		s := Of(m, plan, sc)
		for _, f := range []render.Format{render.FormatTable, render.FormatMarkdown} {
			page := flat(written(t, s.Page(), f))
			wants := []string{m.Says, m.Denominator, m.Differences, m.Bounds, m.Window, m.Source, m.Objective, m.Prong}
			for _, st := range m.Statistics {
				wants = append(wants, st.Name)
			}
			for _, v := range m.Vectors {
				wants = append(wants, v.Name, v.Says, v.Encoding)
			}
			wants = append(wants, s.Columns...)
			for _, w := range wants {
				if f == render.FormatMarkdown {
					w = strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;").Replace(w)
				}
				if !strings.Contains(page, flat(w)) {
					t.Errorf("%s, %s: the page lacks %.80q", m.ID, f, w)
				}
			}
		}
		if s.Example == nil || len(s.Example.Tables) == 0 || len(s.Example.Cells) == 0 {
			t.Errorf("%s has no worked example: testdata/%s.txtar", m.ID, m.ID)
		} else if !slices.ContainsFunc(s.Example.Tables, func(x example.Table) bool {
			return slices.ContainsFunc(x.Rows, func(r example.Row) bool { return r.Why != "" })
		}) {
			t.Errorf("%s: no row of its example says why it stands there", m.ID)
		}
		for _, st := range s.Statistics {
			if len(st.Follows) == 0 && len(m.Vectors) > 0 {
				t.Errorf("%s.%s follows from nothing", m.ID, st.Name)
			}
			if st.DueAfter < declare.LateDays {
				t.Errorf("%s.%s is due after %d days", m.ID, st.Name, st.DueAfter)
			}
		}
		for _, v := range s.Vectors {
			if v.Enters == "" {
				t.Errorf("%s.%s: nothing says how a person enters a vector of encoding %q", m.ID, v.Name, v.Encoding)
			}
		}
	}
}

// What the words say is what the formula does: one statistic of each form that is easily told wrong.
func TestFormulasInWords(t *testing.T) {
	plan, sc := county(t)
	for name, want := range map[string]string{
		"victim-profile share":                       "each cell of home_area over its cells county, california, other_state, other_country together",
		"victim-profile share ":                      "of entry.heads in a breakdown, the number at each known value over that at all known values",
		"victim-profile share_yes":                   "(N - U + D) / (2 (N - U)), where D is yes minus no in flags, U the unknown, N the number of persons",
		"time-to-emergency-service share_within_24h": "1/2 + D / (2 N), where D is yes minus no in within_24h and N the number of persons",
		"outcome-change mean_change":                 "S / N, where S is the sum in safety_change and N the number of persons, those in cell u left out",
		"referrals-connected share_service_7d":       "0.5 + S / (120 N)",
		"training person_hours":                      "the sum in minutes, divided by 60",
		"online-ads ads_per_profile":                 "5.5 + S / (2 N), where S is the sum in ads and N the number of profiles",
		"online-ads profiles_change":                 "the number in profiles over the same of the snapshot of about a year earlier, minus 1",
		"resources quantity":                         "the number in each cell of quantity",
	} {
		id, statistic, _ := strings.Cut(strings.TrimSpace(name), " ")
		m, _ := measures.Lookup(id)
		i := slices.IndexFunc(m.Statistics, func(s measures.Statistic) bool { return s.Name == statistic })
		if all := Of(m, plan, sc).Statistics[i].Follows; !slices.ContainsFunc(all, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("%s: %q, want %q", name, all, want)
		}
	}
}

// No page says that a person changes public facts, that profiles are persons, or one thing twice.
func TestPagesAreAboutTheirPopulation(t *testing.T) {
	plan, sc := county(t)
	for _, m := range measures.All() {
		s := Of(m, plan, sc)
		for _, v := range s.Vectors {
			facts := v.Population == privacy.Nobody
			if facts != (v.Encoding == declare.Exact) || facts && strings.Contains(v.Bound+v.Who, "changes") || facts && strings.Contains(v.Who, "entered") {
				t.Errorf("%s.%s: %s; %s", m.ID, v.Name, v.Bound, v.Who)
			}
			if one := "one " + unit(v.Population) + " "; !facts && !strings.HasPrefix(v.Bound, one) {
				t.Errorf("%s.%s: %s, want %s", m.ID, v.Name, v.Bound, one)
			}
			if v.Population == "profiles" && !strings.HasPrefix(v.Who, "profiles in their first 8 quarters") {
				t.Errorf("%s.%s is measured for %s", m.ID, v.Name, v.Who)
			}
		}
		for _, p := range s.Planned {
			if by := slices.Sorted(slices.Values(p.By)); len(slices.Compact(by)) != len(p.By) {
				t.Errorf("%s.%s is published by %v", m.ID, p.Statistic, p.By)
			}
		}
		if engaged := slices.ContainsFunc(s.Columns, func(c string) bool { return strings.HasPrefix(c, "engagements.") }); engaged && m.Population != "minors" {
			t.Errorf("%s is about %s, and reads %v", m.ID, m.Population, s.Columns)
		}
	}
}

// The other two forms hold the same.
func TestSheetForMachines(t *testing.T) {
	plan, sc := county(t)
	m := measures.All()[0]
	s := Of(m, plan, sc)
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Sheet
	if err := json.Unmarshal(b, &back); err != nil || back.Schema != 1 || back.ID != m.ID || len(back.Statistics) != len(m.Statistics) {
		t.Errorf("%v: %.200s", err, b)
	}
	var out bytes.Buffer
	if err := render.Write(&out, s.Table(), render.Options{Format: render.FormatCSV}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) < 50 || !slices.Equal(rows[0], []string{"measure", "part", "name", "says"}) {
		t.Errorf("%v: %d rows", err, len(rows))
	}
}

// The plan's own figures stand in the page, those of the plan that is given.
func TestPlannedIsThePlans(t *testing.T) {
	plan, sc := county(t)
	m, _ := measures.Lookup("placement-stability")
	i := slices.IndexFunc(Of(m, plan, sc).Planned, func(p Planned) bool { return p.Statistic == "days_per_person" })
	if i < 0 {
		t.Fatal("days_per_person is not planned")
	}
	item, _ := plan.Item("plc_days")
	if p := Of(m, plan, sc).Planned[i]; p.Noise != item.Sigma*float64(item.Linf) || p.DueAfter != item.Due || !slices.Equal(p.By, []string{""}) {
		t.Errorf("%+v, the plan says %+v", p, item)
	}
}

func TestHandbookHoldsEverything(t *testing.T) {
	plan, sc := county(t)
	p, err := Handbook(plan, sc, delta)
	if err != nil {
		t.Fatal(err)
	}
	book := written(t, p, render.FormatMarkdown)
	words := flat(book)
	for _, m := range measures.All() {
		if !strings.Contains(book, "## "+m.ID+": ") {
			t.Errorf("no page of %s", m.ID)
		}
	}
	for _, r := range measures.Rules() {
		if !strings.Contains(words, flat(r.Says)) {
			t.Errorf("the rule %s is missing", r.Name)
		}
	}
	for _, l := range measures.LogicModel() {
		if !strings.Contains(words, flat(l.Says)) {
			t.Errorf("the logic model lacks %q", l.Says)
		}
	}
	for _, e := range models.Dictionary().Entities {
		for _, c := range e.Columns {
			if !strings.Contains(words, flat(measures.Use(e.Name+"."+c.Name))) {
				t.Errorf("%s.%s: its use is missing", e.Name, c.Name)
			}
		}
	}
	for _, s := range []string{privacy.NoiseOnlySays, privacy.NoiseAndSamplingSays} {
		if !strings.Contains(words, flat(s)) {
			t.Errorf("missing: %s", s)
		}
	}
	lines, prongs := LogicTables()
	if len(lines.Rows) != len(measures.LogicModel()) || len(prongs.Rows) != len(declare.Prongs()) {
		t.Error("the logic model's tables lack lines")
	}
}

// The handbook has no number of its own: what it prints comes from what the program computes with. Its own words hold none
// but those of arithmetic: 1, 2 and cases of 100.
func TestNoNumberIsTypedTwice(t *testing.T) {
	own := []string{"1", "2", "100"}
	digits := regexp.MustCompile(`[0-9]+`)
	verbs := regexp.MustCompile(`%[0-9.]*[a-z]`)
	files, _ := filepath.Glob("*.go")
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && !strings.HasPrefix(lit.Value, "`") {
				found++
				for _, d := range digits.FindAllString(verbs.ReplaceAllString(lit.Value, ""), -1) {
					if !slices.Contains(own, d) {
						t.Errorf("%s: %s in %.80s", file, d, lit.Value)
					}
				}
			}
			return true
		})
	}
	if found < 50 {
		t.Fatalf("only %d texts were looked at", found)
	}
}

// Every test case can be read as an example, so that none that the tests run is unreadable to people.
func TestExamplesAreReadable(t *testing.T) {
	files, _ := filepath.Glob("../measures/testdata/*.txtar")
	if len(files) == 0 {
		t.Fatal("no cases")
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := example.Parse(b); err != nil || e.Period == "" || len(e.Tables) == 0 || e.Says == "" {
			t.Errorf("%s: %v, %+v", filepath.Base(f), err, e)
		}
	}
}
