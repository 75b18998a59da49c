package schema_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"heatwatch/privacy"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/measuretest"
	"heatwatch/reports/measures/schema"
)

func plan(t *testing.T, name string) *privacy.Plan {
	t.Helper()
	text, _ := privacy.EmbeddedPlan(name)
	p, err := privacy.ParsePlan(text, name, schema.Schema(), 4, 1e-6)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFormulasAreAboutWhatTheMeasuresDeclare(t *testing.T) {
	s := schema.Schema()
	seen := map[string]bool{}
	for _, f := range s.Formulas {
		key := f.Measure + "." + f.Statistic + " from " + f.Vector
		if seen[key] {
			t.Errorf("%s: two formulas", key)
		}
		seen[key] = true
		m, ok := measures.Lookup(f.Measure)
		if !ok {
			t.Errorf("%s: no such measure", key)
			continue
		}
		if st, ok := m.Statistic(f.Statistic); !ok {
			t.Errorf("%s: the measure declares no such statistic", key)
		} else if f.Unit != st.Unit {
			t.Errorf("%s: figures are in %s, the page says %s", key, f.Unit, st.Unit)
		} else if !slices.ContainsFunc(st.From, func(v string) bool { return f.Vector == v || strings.HasSuffix(f.Vector, "."+v) }) {
			t.Errorf("%s: the measure derives it from %v", key, st.From)
		}
		_, v, ok := measures.LookupVector(f.Vector)
		if !ok {
			t.Errorf("%s: no such vector", key)
			continue
		}
		for _, c := range f.Cells {
			if !slices.Contains(v.Cells, c) {
				t.Errorf("%s: the vector has no cell %s", key, c)
			}
		}
		switch f.Form {
		case privacy.FormMean, privacy.FormRatio:
			// Twice the bound apart, the ends of the range come back.
			if low, high := f.Mid-f.Step*float64(v.Linf), f.Mid+f.Step*float64(v.Linf); high < float64(v.High) || high > float64(v.High)+1 || low > float64(v.Low) || low < float64(v.Low)-1 {
				t.Errorf("%s: values are between %v and %v, the vector clamps to [%d, %d]", key, low, high, v.Low, v.High)
			}
			if f.Form == privacy.FormMean && (f.Low != float64(v.Low) || f.High != float64(v.High)) {
				t.Errorf("%s: possible is [%v, %v], the vector clamps to [%d, %d]", key, f.Low, f.High, v.Low, v.High)
			}
		case privacy.FormShare, privacy.FormSigned:
			if f.Low != 0 || f.High != 1 {
				t.Errorf("%s: a share in [%v, %v]", key, f.Low, f.High)
			}
		case privacy.FormMedian:
			if len(f.Edges) != len(v.Cells)-1 && len(f.Edges) != len(v.Cells) || !slices.IsSorted(f.Edges) || len(f.Expect.Cells) != len(f.Edges) || f.High != f.Edges[len(f.Edges)-1] {
				t.Errorf("%s: edges %v for cells %v, expected %v, up to %v", key, f.Edges, v.Cells, f.Expect.Cells, f.High)
			}
			var sum float64
			for _, x := range f.Expect.Cells {
				sum += x
			}
			if sum > 1 || sum < 0.5 {
				t.Errorf("%s: the expected cells add up to %v", key, sum)
			}
		}
		if f.Form == privacy.FormRatio {
			_, w, ok := measures.LookupVector(f.WithVector)
			if !ok || f.WithMid+f.WithStep*float64(w.Linf) < float64(w.High) || f.WithMid-f.WithStep*float64(w.Linf) > float64(w.Low) || f.Scale == 0 {
				t.Errorf("%s: over %s, %v + %v x %d is not %d", key, f.WithVector, f.WithMid, f.WithStep, w.Linf, w.High)
			}
		}
		if f.Form != privacy.FormCount && f.Form != privacy.FormMedian && f.Expect.Value == 0 {
			t.Errorf("%s: nothing is expected of it, so no interval can be planned", key)
		}
	}
}

// Thresholds of the curve are nested: each holds all the cells up to its own.
func TestSharesOfTheCurveAreNested(t *testing.T) {
	var before []string
	for _, at := range []string{"1h", "4h", "12h", "24h", "48h", "72h", "7d", "30d"} {
		i := slices.IndexFunc(schema.Schema().Formulas, func(f privacy.Formula) bool {
			return f.Statistic == "share_within_"+at && f.Form == privacy.FormShare
		})
		if i < 0 {
			t.Fatalf("no share within %s", at)
		}
		f := schema.Schema().Formulas[i]
		if want := append(slices.Clone(before), at); !slices.Equal(f.Cells, want) {
			t.Errorf("within %s: cells %v, want %v", at, f.Cells, want)
		}
		before = f.Cells
	}
}

func TestTheFullPlanPublishesEveryStatistic(t *testing.T) {
	published := map[string]bool{}
	for _, total := range plan(t, "full").Totals {
		for _, pub := range total.Publishes {
			published[fmt.Sprint(pub.Measure, ".", pub.Statistic, " ", total.Level, " ")] = true
		}
	}
	for _, it := range plan(t, "full").Items {
		for _, pub := range it.Publishes {
			for _, by := range append([]string{pub.By}, pub.Keys...) {
				published[fmt.Sprint(pub.Measure, ".", pub.Statistic, " ", it.Level, " ", by)] = true
			}
		}
	}
	for _, m := range measures.All() {
		for _, st := range m.Statistics {
			levels, bys := []string{"quarter", "year"}, st.By
			if st.Level != "" {
				levels = []string{st.Level}
			}
			if m.HasTotal(st) {
				bys = append([]string{""}, st.By...)
			}
			for _, level := range levels {
				for _, by := range bys {
					if key := fmt.Sprint(m.ID, ".", st.Name, " ", level, " ", by); !published[key] {
						t.Errorf("the plan full does not publish %s", key)
					}
				}
			}
		}
	}
}

// Every dimension by which a plan's figures are placed is declared: `report --by` and the pages know those only.
func TestDimensionsOfFiguresAreDeclared(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{"county", "full"} {
		p := plan(t, name)
		for _, it := range p.Items {
			for _, pub := range it.Publishes {
				m, _ := measures.Lookup(pub.Measure)
				st, _ := m.Statistic(pub.Statistic)
				for _, by := range pub.Keys {
					seen[by] = true
					if !slices.Contains(st.By, by) {
						t.Errorf("%s: %s places %s.%s by %s, which is not declared: %v", name, it.ID, pub.Measure, pub.Statistic, by, st.By)
					}
					if !p.Publishes(pub.Measure, "", by) {
						t.Errorf("%s: %s is said not to be published by %s", name, pub.Measure, by)
					}
				}
			}
		}
	}
	for _, by := range []string{"home_area", "flag", "attribute", "domain", "party_role", "charge_group", "program", "area", "snapshot", "form"} {
		if !seen[by] {
			t.Errorf("no plan places a figure by %s", by)
		}
	}
}

// Of a statistic that is asked of several attributes or domains the plan publishes every one.
func TestTheFullPlanPublishesEveryPlace(t *testing.T) {
	p := plan(t, "full")
	for _, f := range schema.Schema().Formulas {
		m, _ := measures.Lookup(f.Measure)
		st, _ := m.Statistic(f.Statistic)
		for _, level := range []string{"quarter", "year"} {
			if f.Vector == "prosecutions.filed_roles_and_groups" { // two dimensions crossed, for counties that cannot afford each alone
				continue
			}
			if f.Per == "" && len(f.By) == 0 || st.Level != "" && st.Level != level {
				continue
			}
			if !slices.ContainsFunc(p.Items, func(it privacy.Item) bool {
				return it.Level == level && it.Vector == f.Vector && slices.ContainsFunc(it.Publishes, func(pub privacy.Publication) bool {
					return pub.Measure == f.Measure && pub.Statistic == f.Statistic
				})
			}) {
				t.Errorf("the plan full does not publish %s.%s of %s for a %s", f.Measure, f.Statistic, f.Vector, level)
			}
		}
	}
}

// No item is due before its measure's window has passed for everybody and late data had its fortnight.
func TestItemsAreDueWhenTheirWindowsHavePassed(t *testing.T) {
	for _, name := range []string{"county", "full"} {
		for _, it := range plan(t, name).Items {
			m, ok := measures.Lookup(it.Measure)
			if !ok || it.Due < m.DueAfter {
				t.Errorf("%s: %s is due after %d days, %s needs %d", name, it.ID, it.Due, it.Measure, m.DueAfter)
			}
		}
	}
}

// Classes that are measured under other need an other to be measured under.
func TestMergedDimensionsHaveAnOther(t *testing.T) {
	s := schema.Schema()
	for _, name := range []string{"county", "full"} {
		p := plan(t, name)
		for _, it := range p.Items {
			if !slices.Contains(p.Merge, it.By) {
				continue
			}
			if d, ok := s.Dimension(it.Measure, it.By); !ok || !slices.Contains(d.Values, "other") {
				t.Errorf("%s: %s by %s has no other", name, it.ID, it.By)
			}
		}
	}
}

// Each statement of a file arrives whole and alone.
func TestStatementsAreSplitAtTheirEnds(t *testing.T) {
	s := schema.Schema()
	entries, _ := measures.CommonSQL()
	rest := measures.CommonFor(measures.All()...)
	var ids []string
	begin := func(sql string) int {
		return strings.Count(sql, "CREATE OR REPLACE TEMP ") + strings.Count(sql, "CREATE TEMP TABLE IF NOT EXISTS ")
	}
	count := begin(entries + rest)
	for _, m := range measures.All() {
		ids = append(ids, m.ID)
		count += begin(m.SQL)
	}
	all := append(slices.Clone(s.Entries), s.Relations(ids)...)
	for _, id := range ids {
		all = append(all, s.Build[id]...)
	}
	if len(all) != count {
		t.Errorf("%d statements, the files hold %d", len(all), count)
	}
	d := measuretest.New(t)
	d.Exec(t, "CREATE TEMP TABLE params AS SELECT DATE '2025-06-01' AS asof, DATE '2025-01-01' AS period_first, DATE '2025-03-31' AS period_last")
	for i, q := range all {
		if i == len(s.Entries) {
			d.Exec(t, "CREATE TEMP TABLE cohort AS SELECT * FROM entries")
		}
		code := false
		for line := range strings.Lines(q) {
			code = code || !strings.HasPrefix(strings.TrimSpace(line), "--") && strings.TrimSpace(line) != ""
		}
		if !code || begin(q) != 1 {
			t.Errorf("a statement begins %.60q", q)
		}
		d.Exec(t, q)
	}
	for name, v := range s.Vectors {
		columns := "person, cell, value"
		if v.Encoding == privacy.Exact {
			columns = "cell, value"
		}
		d.Exec(t, "SELECT "+columns+" FROM ("+v.SQL+") v -- "+name)
	}
	for name, dim := range s.Dimensions {
		d.Exec(t, "SELECT person, value FROM ("+dim.SQL+") v -- "+name)
	}
}

// What the plan expects to be eligible is said of vectors that exist, once for all that are about the same persons.
func TestEligibleSharesAreOfVectors(t *testing.T) {
	s := schema.Schema()
	for name, v := range s.Vectors {
		if v.Eligible < 0 || v.Eligible > 1 && v.Activity == "" { // in a year more may be active than enter
			t.Errorf("%s: a share of %v", name, v.Eligible)
		}
		if strings.HasPrefix(name, "placement-stability.") && v.Eligible == 0 {
			t.Errorf("%s is about those in care, and the plan would expect everybody", name)
		}
	}
}
