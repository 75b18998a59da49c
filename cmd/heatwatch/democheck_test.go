package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"heatwatch/fixtures"
	"heatwatch/models"
	"heatwatch/reports/measures"
)

type checkedRow struct {
	Measure, Statistic, Period, By string
	Released, Truth, Difference    *float64
	InInterval                     string `json:"in_interval"`
}

func (r *rig) check() (rows []checkedRow) {
	r.t.Helper()
	var out struct{ Rows []map[string]any }
	if err := json.Unmarshal([]byte(r.run(0, "demo", "--check", "--out", r.dir, "--format", "json")), &out); err != nil {
		r.t.Fatal(err)
	}
	for _, x := range out.Rows {
		number := func(name string) *float64 {
			if v, ok := x[name].(float64); ok {
				return &v
			}
			return nil
		}
		text := func(name string) string { s, _ := x[name].(string); return s }
		rows = append(rows, checkedRow{text("measure"), text("statistic"), text("period"), text("by"), number("released"), number("truth"), number("difference"), text("in_interval")})
	}
	return rows
}

// selects asks for the figures of each dimension that a measure's figures are placed by: --by gives those, and no others.
func (r *rig) selects(m measures.Measure, all []released) {
	r.t.Helper()
	want := map[string]int{}
	for _, f := range all {
		for by := range f.By {
			want[by]++
		}
	}
	for by, n := range want {
		var rep struct{ Figures []released }
		if err := json.Unmarshal([]byte(r.run(0, "report", m.ID, "--by", by, "--format", "json")), &rep); err != nil {
			r.t.Fatal(err)
		}
		if len(rep.Figures) != n || slices.ContainsFunc(rep.Figures, func(f released) bool { return f.By[by] == "" }) {
			r.t.Errorf("%s --by %s: %d figures, want the %d that it places", m.ID, by, len(rep.Figures), n)
		}
	}
}

// A demonstration's figures stand beside the truth: most intervals hold it, and none holds another county's.
func TestDemoIsCheckedAgainstItsCounty(t *testing.T) {
	r := newRig(t)
	r.run(0, "init", "--demo")
	end, _ := models.ParseDate("2025-01-01")
	truth := r.county(fixtures.Config{Seed: 9, Persons: 300, FirstQuarter: quarter(t, "2023Q1"), Quarters: 4, End: end, TruthUntil: end.AddDays(400)})
	for _, p := range []string{"2023Q3", "2023", "2021-2025"} {
		r.run(0, "release", p, "--witness", "none")
	}
	rows := r.check()
	held, beside := 0, 0
	want := map[string]*float64{}
	for _, f := range truth.Figures {
		want[figureKey(f.Measure, f.Period, f.Statistic, f.By)] = f.Value
	}
	seen, states := 0, map[string]int{}
	for _, m := range measures.All() {
		var rep struct{ Figures []released }
		if err := json.Unmarshal([]byte(r.run(0, "report", m.ID, "--format", "json")), &rep); err != nil {
			t.Fatal(err)
		}
		n := len(slices.DeleteFunc(slices.Clone(rows), func(x checkedRow) bool { return x.Measure != m.ID }))
		if n != len(rep.Figures) {
			t.Errorf("%s: %d figures are compared, %d were released", m.ID, n, len(rep.Figures))
		}
		if n > 0 {
			seen++
		}
		r.selects(m, rep.Figures)
	}
	if seen < 20 {
		t.Errorf("only %d measures are compared", seen)
	}
	for _, x := range rows {
		if v, ok := want[strings.Join([]string{x.Measure, x.Period, x.Statistic, x.By}, "|")]; ok && v != nil && (x.Truth == nil || math.Abs(*x.Truth-*v) > 1e-4*math.Max(1, math.Abs(*v))) {
			t.Errorf("%+v: the truth is %s, not %s", x, show(v), show(x.Truth))
		}
		states[x.InInterval]++
		if facts := x.Measure == "resources"; facts != (x.InInterval == "exact") {
			t.Errorf("%+v: public facts, and nothing else, are exact", x)
		}
		switch x.InInterval {
		case "yes":
			held++
			fallthrough
		case "no":
			beside++
			if x.Difference == nil || x.Released == nil {
				t.Errorf("%s %s %s: no difference", x.Measure, x.Statistic, x.Period)
			}
		case "exact":
			if x.Difference == nil || *x.Difference != 0 {
				t.Errorf("%+v is not exact", x)
			}
		case "no truth":
			if x.Measure != "prosecutions" || !strings.Contains(x.By, "party_role=") || !strings.Contains(x.By, "charge_group=") {
				t.Errorf("%+v has no truth", x)
			}
		case "withheld":
			if x.Released != nil {
				t.Errorf("%+v is withheld and shown", x)
			}
		}
	}
	if beside < 300 || float64(held) < 0.9*float64(beside) {
		t.Errorf("%d of %d intervals hold the truth", held, beside)
	}
	table := r.run(0, "demo", "--check", "--out", r.dir, "--format", "table")
	last := fmt.Sprintf("\n%d figures: the intervals of %d of %d hold the truth (%.1f %%; about 95 %% is promised), %d are exact, being public facts, %d are withheld, ",
		len(rows), held, beside, 100*float64(held)/float64(beside), states["exact"], states["withheld"])
	why := fmt.Sprintf(", %d without a row in the truth file: prosecutions by party_role x charge_group)\n", states["no truth"])
	if !strings.Contains(table, last) || !strings.HasSuffix(table, why) || strings.Contains(table, "age_band=") {
		t.Errorf("the table ends otherwise, or has breakdowns:\n%s\nnot %s…%s", table[max(0, len(table)-600):], last, why)
	}

	// Every file is where the county's truth puts it: the truth does without tokens.
	links := strings.Split(strings.TrimSpace(r.run(0, "demo", "--linkage", "--out", r.dir, "--format", "csv")), "\n")
	all := strings.Split(links[len(links)-1], ",")
	if len(links) < 100 || all[0] != "all" || all[4] != "0" || all[5] != "1.0000" || all[6] < "0.98" {
		t.Errorf("%d pairs of agencies; %v", len(links), all)
	}

	path := filepath.Join(r.dir, "raw", "truth.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := regexp.MustCompile(`"value":(-?)(\d)`).ReplaceAll(b, []byte(`"value":${1}9000000${2}`))
	if err := os.WriteFile(path, other, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, x := range r.check() {
		if x.InInterval == "yes" || x.InInterval == "exact" {
			t.Fatalf("%+v: the figure agrees with the truth of another county", x)
		}
		if wrong := x.InInterval == "wrong"; wrong != (x.Measure == "resources") {
			t.Fatalf("%+v: public facts, and nothing else, are wrong", x)
		}
	}
}
