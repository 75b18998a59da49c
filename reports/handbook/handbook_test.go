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
