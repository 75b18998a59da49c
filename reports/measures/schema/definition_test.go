package schema_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
	"heatwatch/reports/measures/measuretest"
	"heatwatch/reports/measures/schema"
	"heatwatch/reports/render"
)

// A definition changes while releases stand: placement-stability takes two stays with 8 to 14 nights between for one place,
// and as definition 2 for two. The measures are the real ones, the home is a real one with next to no noise.

const carePlan = `schema: 1
plan: care
version: 1
design: {persons_a_year: 1000000, epsilon: 4}
limits: {share: 9, mean: 999, count: 999}
populations:
  - {name: minors, unit: linked person, mu: 0.8378, reserve: 0.2, lifetime: true}
items:
  - {id: care, vector: placement-stability.eligible, levels: [quarter], due: 379, sigma: 1, publishes: [persons], sums: [year]}
  - {id: kinds, vector: placement-stability.eligible, levels: [quarter], by: [placement_type], due: 379, sigma: 1, publishes: [persons], sums: [year]}
  - {id: two, vector: placement-stability.two_or_fewer_eligible, levels: [quarter], due: 379, sigma: 1, over: care, publishes: [share_two_or_fewer], sums: [year]}
`

// second is the real schema with the second definition of one measure.
func second(t *testing.T) privacy.Schema {
	t.Helper()
	s := schema.Schema()
	const gap = "o.started_on - o.last_until <= 14"
	if !strings.Contains(strings.Join(s.Build["placement-stability"], "\n"), gap) {
		t.Fatalf("the statement has no %q any more", gap)
	}
	for i, statement := range s.Build["placement-stability"] {
		s.Build["placement-stability"][i] = strings.ReplaceAll(statement, gap, "o.started_on - o.last_until <= 7")
	}
	m := s.Measures["placement-stability"]
	m.Definition = 2
	s.Measures["placement-stability"] = m
	return s
}

// childrenOf is a child for each quarter of 2024, with three stays of the same agency and type, 10 nights between each.
func childrenOf(t *testing.T, types ...string) *measuretest.DB {
	t.Helper()
	var engagements, placements strings.Builder
	for q, day := range []string{"2024-01-10", "2024-04-10", "2024-07-10", "2024-10-10"} {
		first, _ := models.ParseDate(day)
		fmt.Fprintf(&engagements, "P%d,agency-a,%sT09:00-07:00,outreach\n", q, day)
		for i := range 3 {
			fmt.Fprintf(&placements, "P%d,agency-a,%s,%s,%s\n", q, types[q%len(types)], first.AddDays(20*i), first.AddDays(20*i+10))
		}
	}
	c, err := measuretest.Parse([]byte("-- case --\nperiod 2024\nasof 2027-01-01\n-- engagements --\nperson,agency,engaged_at,channel\n" + engagements.String() +
		"-- placements --\nperson,agency,placement_type,started_on,ended_on\n" + placements.String()))
	if err != nil {
		t.Fatal(err)
	}
	d := measuretest.New(t)
	d.Load(t, c)
	return d
}

// home releases by plan and schema, as the program does.
type home struct {
	dir  string
	db   *measuretest.DB
	s    privacy.Schema
	p    *privacy.Plan
	made privacy.Made
}

const nearlyNoNoise = 500_000

func newHome(t *testing.T, db *measuretest.DB) *home {
	t.Helper()
	h := &home{dir: t.TempDir(), db: db, s: schema.Schema(), made: privacy.Made{Dictionary: models.Dictionary().Version}}
	h.plan(t, carePlan)
	for _, d := range []string{"ledger", "keys", "register", "releases"} {
		if err := os.Mkdir(filepath.Join(h.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	limit, err := accountant.CapFor(nearlyNoNoise, 1e-6)
	if err != nil {
		t.Fatal(err)
	}
	terms := ledger.Terms{Mode: ledger.Real, Timezone: "America/Los_Angeles", Delta: 1e-6, Plan: ledger.Plan{Name: h.p.Name, Version: h.p.Version, Hash: h.p.Hash},
		Populations: []ledger.Population{{Name: "minors", Unit: "linked person", Lifetime: true, CapMu2: limit, CapEpsilon: nearlyNoNoise}}}
	if _, err := ledger.Create(durable.OS(), filepath.Join(h.dir, "ledger"), filepath.Join(h.dir, "keys"), rand.Reader, "2025-01-01", terms); err != nil {
		t.Fatal(err)
	}
	return h
}

// plan reads the plan by the schema of today.
func (h *home) plan(t *testing.T, text string) {
	t.Helper()
	var err error
	if h.p, err = privacy.ParsePlan([]byte(text), "care", h.s, nearlyNoNoise, 1e-6); err != nil {
		t.Fatal(err)
	}
}

// updated is a newer program in the same home.
func (h *home) updated(t *testing.T, s privacy.Schema) {
	t.Helper()
	h.s = s
	h.made.Dictionary = s.Dictionary
	h.plan(t, carePlan)
}

func (h *home) releaser(t *testing.T) privacy.Releaser {
	t.Helper()
	l, err := ledger.Open(durable.OS(), filepath.Join(h.dir, "ledger"), filepath.Join(h.dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	today, _ := models.ParseDate("2026-12-31")
	return privacy.Releaser{FS: durable.OS(), Releases: filepath.Join(h.dir, "releases"), Register: filepath.Join(h.dir, "register"), Keys: filepath.Join(h.dir, "keys"), Ledger: l,
		Plan: h.p, Schema: h.s, Selection: []byte("selection-selection-selection-32"), Seal: []byte("register-register-register-32-by"), Today: today, Made: h.made,
		Open: func(context.Context) (privacy.Warehouse, error) {
			return privacy.Warehouse{Engine: h.db, Content: []byte("generation"), Partners: map[string]int{}}, nil
		}}
}

// release measures what of the periods is due and not measured, and says how many ledger entries that made.
func (h *home) release(t *testing.T, periods ...string) int {
	t.Helper()
	made := 0
	for _, name := range periods {
		p, err := models.ParsePeriod(name)
		if err != nil {
			t.Fatal(err)
		}
		due, err := h.releaser(t).Pending(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, day := range due {
			if err := h.releaser(t).Measure(context.Background(), p, day); err != nil {
				t.Fatal(err)
			}
			made++
		}
	}
	return made
}

func (h *home) report(t *testing.T) privacy.Report {
	t.Helper()
	files, err := privacy.ReadReleases(filepath.Join(h.dir, "releases"))
	if err != nil {
		t.Fatal(err)
	}
	if err := privacy.Check(files, h.releaser(t).Ledger); err != nil {
		t.Fatal(err)
	}
	for _, f := range files { // whoever checks a file alone, or with its ledger, finds nothing wrong with it
		found := f.Audit(h.s)
		found.Add(f.AuditEntry(h.releaser(t).Ledger, h.s))
		if len(found.Problems) > 0 {
			t.Errorf("%s: %v", f.Path(), found.Problems)
		}
	}
	figures, err := h.p.Figures(h.s, files, "placement-stability", nil)
	if err != nil {
		t.Fatal(err)
	}
	return privacy.Report{Schema: 1, Measure: "placement-stability", Definition: h.s.Measures["placement-stability"].Definition, Population: "minors", Figures: figures}
}

// totals are "period statistic value (definition)" of a report's totals.
func totals(r privacy.Report) []string {
	var all []string
	for _, f := range r.Figures {
		if f.ByText() != "" {
			continue
		}
		value := "none: " + f.Note()
		if v, ok := f.Value(); ok {
			value = fmt.Sprintf("%.2f", v)
		}
		all = append(all, fmt.Sprintf("%s %s %s (%d)", f.Period(), f.Statistic(), value, f.Definition()))
	}
	return all
}

func written(t *testing.T, r privacy.Report, f render.Format) string {
	t.Helper()
	var b bytes.Buffer
	if err := render.Report(&b, r, render.Text{}, render.Options{Format: f}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestADefinitionChanges(t *testing.T) {
	h := newHome(t, childrenOf(t, "group_home"))
	if made := h.release(t, "2024Q1", "2024Q2"); made != 2 {
		t.Fatalf("%d entries of the first definition", made)
	}
	first := totals(h.report(t))
	if strings.Contains(written(t, h.report(t), render.FormatTable), "definition changed") {
		t.Error("a series of one definition has a break")
	}

	h.updated(t, second(t))
	if got := totals(h.report(t)); !slices.Equal(got, first) {
		t.Errorf("under the new definition the old releases read\n%s\nbefore\n%s", strings.Join(got, "\n"), strings.Join(first, "\n"))
	}
	q1, _ := models.ParsePeriod("2024Q1")
	care, _ := h.p.Item("care")
	if state := h.releaser(t).State(care, q1); state != "measured" {
		t.Errorf("the item is %s, though definition 1 measured it", state)
	}
	if made := h.release(t, "2024Q1", "2024Q2"); made != 0 {
		t.Errorf("%d items were measured again under the new definition", made)
	}
	if made := h.release(t, "2024Q3", "2024Q4"); made != 2 {
		t.Errorf("%d entries of the second definition", made)
	}
	r := h.report(t)
	changed := "none: the definition changed within this period: figures of two definitions are not put together (2)"
	want := []string{
		"2024Q1 persons 1.00 (1)", "2024Q1 share_two_or_fewer 1.00 (1)",
		"2024 persons " + changed, "2024 share_two_or_fewer " + changed,
		"2024Q2 persons 1.00 (1)", "2024Q2 share_two_or_fewer 1.00 (1)",
		"2024Q3 persons 1.00 (2)", "2024Q3 share_two_or_fewer 0.00 (2)",
		"2024Q4 persons 1.00 (2)", "2024Q4 share_two_or_fewer 0.00 (2)",
	}
	if got := totals(r); !slices.Equal(got, want) {
		t.Errorf("the series is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	// The definition stands beside a figure where it is not the report's.
	var object struct {
		Definition int
		Figures    []struct {
			Period     string
			Definition *int
		}
	}
	if err := json.Unmarshal([]byte(written(t, r, render.FormatJSON)), &object); err != nil {
		t.Fatal(err)
	}
	for _, f := range object.Figures {
		old := f.Period == "2024Q1" || f.Period == "2024Q2"
		if object.Definition != 2 || old != (f.Definition != nil) || old && *f.Definition != 1 {
			t.Errorf("JSON: the report says %d, the figure of %s says %v", object.Definition, f.Period, f.Definition)
		}
	}
	csv := written(t, r, render.FormatCSV)
	if !strings.HasPrefix(csv, "measure,period,statistic,by,value,low,high,confidence,unit,items,entries,note\n") || !strings.Contains(csv, ",definition 1\n") {
		t.Errorf("CSV:\n%s", csv)
	}
	for _, form := range []render.Format{render.FormatTable, render.FormatMarkdown} {
		text := written(t, r, form)
		line, above := strings.Index(text, "definition 2 from here on, by quarter"), strings.Index(text, "2024Q2")
		if line < above || line > strings.Index(text, "2024Q3") || above < 0 || strings.Count(text, "-- definition changed") != 1 {
			t.Errorf("%s has no line between the second and the third quarter:\n%s", form, text)
		}
	}

	// Nor is one definition set beside the other.
	files, _ := privacy.ReadReleases(filepath.Join(h.dir, "releases"))
	q3, _ := models.ParsePeriod("2024Q3")
	d, err := h.p.Compare(h.s, files, "placement-stability", "share_two_or_fewer", privacy.Place{Period: q3}, privacy.Place{Period: q1})
	if _, ok := d.Value(); err != nil || ok || !strings.Contains(d.Note(), "different definitions") {
		t.Errorf("definitions 1 and 2 were compared: %q, %v", d.Note(), err)
	}
}

// An amended plan that gives the item another id measures it again, under the definition of today, and is charged.
func TestAnAmendedPlanMayMeasureTheNewDefinition(t *testing.T) {
	h := newHome(t, childrenOf(t, "group_home"))
	h.release(t, "2024Q1")
	h.updated(t, second(t))
	amend := func(text string) {
		t.Helper()
		h.plan(t, text)
		_, err := h.releaser(t).Ledger.Append(context.Background(), ledger.Entry{Kind: ledger.KindAmend, Date: "2026-12-31",
			Amend: &ledger.Amend{Reason: "a test", Plan: &ledger.Plan{Name: h.p.Name, Version: h.p.Version, Hash: h.p.Hash, Text: text}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	amend(strings.Replace(carePlan, "version: 1", "version: 2", 1)) // for any other reason
	if made := h.release(t, "2024Q1"); made != 0 {
		t.Errorf("a plan that was amended for another reason measured %d items again", made)
	}
	amend(strings.NewReplacer("version: 1", "version: 3", "id: two", "id: two_again").Replace(carePlan))
	if made := h.release(t, "2024Q1"); made != 1 {
		t.Errorf("the plan asks for the new definition, and %d entries were made", made)
	}
	want := []string{"2024Q1 persons 1.00 (1)", "2024Q1 share_two_or_fewer none: the definition changed within this period: figures of two definitions are not put together (2)"}
	if got := totals(h.report(t)); !slices.Equal(got, want) {
		t.Errorf("%v, want %v: its head count is of the first definition", got, want)
	}
}

// A code comes into the dictionary: what was released has no cell for it, and has the same numbers as before; what is
// released afterwards has one; nothing is measured again.
func TestACodeIsAddedToTheDictionary(t *testing.T) {
	h := newHome(t, childrenOf(t, "group_home", "resource_family"))
	today := schema.Schema()
	const added = "resource_family" // seen from a day on which the list had not got it yet
	before := schema.Schema()
	d := before.Dimensions["placement-stability/placement_type"]
	d.Values = slices.DeleteFunc(slices.Clone(d.Values), func(v string) bool { return v == added })
	before.Dimensions["placement-stability/placement_type"] = d
	today.Dictionary = before.Dictionary + 1

	h.updated(t, before)
	h.release(t, "2024Q1", "2024Q2")
	old := written(t, h.report(t), render.FormatCSV)
	h.updated(t, today)
	if got := written(t, h.report(t), render.FormatCSV); got != old {
		t.Errorf("after the code was added the old releases read\n%s\nbefore\n%s", got, old)
	}
	if made := h.release(t, "2024Q1", "2024Q2"); made != 0 {
		t.Errorf("%d entries measured again what was measured", made)
	}
	if made := h.release(t, "2024Q3", "2024Q4"); made != 2 {
		t.Errorf("%d entries", made)
	}
	var in []string
	for _, f := range h.report(t).Figures {
		if f.ByText() == "placement_type="+added {
			v, _ := f.Value()
			in = append(in, fmt.Sprintf("%s %.0f", f.Period(), v))
		}
	}
	if want := []string{"2024Q3 0", "2024Q4 1"}; !slices.Equal(in, want) {
		t.Errorf("the new code is in %v, want %v: neither in old quarters, nor in a year that has one", in, want)
	}
}
