package privacy_test

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"heatwatch/internal/testdir"
	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/measures"
)

// The worked plan, every item of every population, in our own language over declarations that stand in for the measures
// to come: what the language must be able to say, at the price that the worked plan has for it.

// workedItem is an item as shared/design/default-plan.yaml writes it.
type workedItem struct {
	ID       string  `yaml:"id"`
	Measure  string  `yaml:"measure"`
	Period   string  `yaml:"period"`
	Encoding string  `yaml:"encoding"`
	Cells    string  `yaml:"cells"`
	Due      int     `yaml:"due"`
	Sigma    float64 `yaml:"sigma"`
	Mu2      float64 `yaml:"lifetime_mu2"`
	Bound    struct {
		L0             int64  `yaml:"l0"`
		Linf           string `yaml:"linf"`
		Participations int    `yaml:"participations"`
	} `yaml:"bound"`
	Expect any `yaml:"expect"`
}

// workedPlan is the file, as far as the test reads it.
type workedPlan struct {
	Caps map[string]struct {
		Mu        float64 `yaml:"mu"`
		PerEvent  float64 `yaml:"mu_per_attendance"`
		PerPledge float64 `yaml:"mu_per_pledge"`
	} `yaml:"caps"`
	Split       map[string]string `yaml:"split_of_minors"`
	Populations map[string]struct {
		Items []workedItem `yaml:"items"`
	} `yaml:"populations"`
}

// activities are the measures of minors that are about a person's first years, whatever the person's entry.
var activities = []string{"case-management-continuity", "referrals-connected", "services-received", "arrests-by-role"}

// translation is what the worked plan says in words: the cells of a block, what blocks are called, a breakdown, the
// share of persons that it is about, and the figure that its expected half-width is of.
type translation struct {
	each             string
	by               string
	l0               int64 // where it is not what the encoding implies
	eligible, cell   float64
	over             string
	formula          privacy.Formula
	column           string // of the expected half-width that is compared
	relative         float64
	activity, events bool
}

// plainShare is the formula of a yes-or-no question of which so many say yes.
func plainShare(p float64) privacy.Formula {
	return privacy.Formula{Unit: "share", Form: privacy.FormSigned, High: 1, Expect: privacy.Expect{Value: p}}
}

func ownWeight(p float64) privacy.Formula {
	return privacy.Formula{Unit: "share", Form: privacy.FormMean, Mid: 0.5, Step: 1.0 / 120, High: 1, Expect: privacy.Expect{Value: p}}
}

var heads = privacy.Formula{Unit: "persons", Form: privacy.FormCount}

// translations are those that need more than the file's own encoding, period and bound. Expected values are chosen where
// the file leaves them open.
var translations = map[string]translation{
	"heads_q": {formula: heads, column: "quarter_n80"},
	"tes24_q": {over: "heads_q", formula: plainShare(0.7), column: "quarter_n80"}, "awt2_q": {over: "heads_q", formula: plainShare(0.6), column: "year_n300"},
	"n_age_band": {by: "age_band", formula: heads, column: "year_n300"}, "n_gender": {by: "gender"}, "n_race_ethnicity": {by: "race_ethnicity"}, "n_agency_kind": {by: "agency_kind"}, "n_channel": {by: "channel"},
	"tes24_by_age_band": {by: "age_band", cell: 0.35, over: "n_age_band", formula: plainShare(0.7), column: "five_years_n1500"}, "tes24_by_gender": {by: "gender"},
	"tes24_by_race_ethnicity": {by: "race_ethnicity"}, "tes24_by_agency_kind": {by: "agency_kind"}, "tes24_by_channel": {by: "channel"},
	"plc_n_age": {by: "age_band"}, "plc_two_age": {by: "age_band"}, "plc_n_type": {by: "placement_type"}, "plc_two_type": {by: "placement_type"},
	"awt_meeting": {over: "year_heads", formula: plainShare(0.6), column: "year_n300"},
	"prof_flags":  {each: "flag", eligible: 0.9, over: "year_heads", formula: plainShare(0.6), column: "year_n300"},
	"plc_two":     {eligible: 0.55, over: "year_heads", formula: plainShare(0.7), column: "year_n300"},
	"out_class": {each: "domain", eligible: 0.5, column: "year_n300",
		formula: privacy.Formula{Unit: "share", Form: privacy.FormShare, Cells: []string{"a1"}, High: 1, Expect: privacy.Expect{Value: 1.0 / 3}}},
	"out_mean": {each: "domain", eligible: 0.5, over: "out_class", column: "year_n300",
		formula: privacy.Formula{Unit: "points", Form: privacy.FormMean, Step: 1, Low: -2, High: 2, Expect: privacy.Expect{Value: 0.4}}},
	"return":         {over: "year_heads", formula: plainShare(0.3), column: "year_n300"},
	"cm_n":           {formula: heads, column: "year_n300"},
	"cm_contact":     {eligible: 1.1, over: "cm_n", formula: plainShare(0.6), column: "year_n300"},
	"cm_coordinated": {eligible: 1.1, over: "cm_n", formula: plainShare(0.6), column: "five_years_n1500"},
	"cm_rate": {eligible: 1.1, over: "cm_n", column: "year_n300", relative: 3.5,
		formula: privacy.Formula{Unit: "per_month", Form: privacy.FormMean, Mid: 3, Step: 0.25, High: 6, Expect: privacy.Expect{Value: 3.5}}},
	"ref_n":         {formula: heads, column: "year_n300"},
	"ref_followed":  {eligible: 0.85, over: "ref_n", formula: ownWeight(0.6), column: "year_n300"},
	"ref_connected": {eligible: 0.85, over: "ref_n", formula: ownWeight(0.55), column: "year_n300"},
	"run_days": {over: "year_heads", column: "five_years_n1500", relative: 8,
		formula: privacy.Formula{Unit: "days", Form: privacy.FormMean, Mid: 30, Step: 1, High: 60, Expect: privacy.Expect{Value: 8}}},
	"scr_levels":   {activity: true},
	"lab_forms":    {each: "form", eligible: 200.0 / 1500, over: "lab_heads", formula: plainShare(0.5), column: "five_years_n1500"},
	"arr_roles":    {each: "party_role", formula: heads, column: "year"},
	"arr_offense":  {each: "role_and_offense", l0: 2, formula: heads, column: "year"},
	"pros_charge":  {each: "role_and_charge", l0: 2},
	"pros_outcome": {eligible: 60.0 / 250, column: "year", formula: privacy.Formula{Unit: "share", Form: privacy.FormShare, Cells: []string{"a1"}, High: 1, Expect: privacy.Expect{Value: 0.7}}},
	"prog_n":       {formula: heads, column: "year"},
	"ad_profiles":  {each: "area", l0: 1, formula: heads, column: "snapshot", activity: true},
	"ad_ads":       {each: "area", l0: 1, activity: true},
	"tr_count":     {each: "audience", l0: 1, formula: heads, column: "quarter", events: true},
	"tr_hours": {column: "year", events: true,
		formula: privacy.Formula{Unit: "person_hours", Form: privacy.FormCount, Scale: 1.0 / 60, Expect: privacy.Expect{Value: 2}}},
	"tr_certified": {events: true},
	"out_type":     {each: "event_type", l0: 1, formula: heads, column: "year", events: true}, "out_language": {each: "language", l0: 1, events: true},
	"pl_language": {each: "language", l0: 1, formula: heads, column: "year", events: true},
}

var leading = regexp.MustCompile(`^\d+`)

// number is the number that a text begins with; 1 where it begins with none.
func number(text string) int64 {
	n, err := strconv.ParseInt(leading.FindString(text), 10, 64)
	if err != nil {
		return 1
	}
	return n
}

// translate writes the worked plan as a plan of ours and declares what it measures.
func translate(t *testing.T, w workedPlan) (string, privacy.Schema, map[string]workedItem) {
	s := privacy.Schema{Vectors: map[string]privacy.Vector{}, Dimensions: map[string]privacy.Dimension{}, Measures: map[string]privacy.MeasureInfo{}}
	for _, d := range []string{"age_band", "gender", "race_ethnicity", "agency_kind", "channel", "placement_type"} {
		s.Dimensions[d] = privacy.Dimension{Name: d, Values: measures.Values(d), SQL: "SELECT person, value FROM d"}
	}
	var b strings.Builder
	b.WriteString("schema: 1\nplan: worked\nversion: 1\ndesign: {persons_a_year: 300, epsilon: 4}\nlimits: {share: 0.125, mean: 0.255, count: 0.16}\npopulations:\n")
	b.WriteString("  - {name: minors, unit: linked person, mu: 0.8378, reserve: 0.054, lifetime: true}\n")
	b.WriteString("  - {name: accused, unit: linked accused person, mu: 0.5820, lifetime: true, persons_a_year: 250}\n")
	b.WriteString("  - {name: profiles, unit: profile, mu: 0.4240, lifetime: true, persons_a_year: 2400}\n")
	// The file means an attendance of training or one of outreach: the accountant adds both.
	b.WriteString("  - {name: attendees, unit: attendance, mu: 0.40, persons_a_year: 6000}\n")
	b.WriteString("  - {name: pledgers, unit: pledge, mu: 0.30, persons_a_year: 1000}\nitems:\n")
	all := map[string]workedItem{}
	for _, population := range []string{"minors", "accused", "profiles", "attendees", "pledgers"} {
		for _, it := range w.Populations[population].Items {
			all[it.ID] = it
			tr := translations[it.ID]
			v := privacy.Vector{Name: it.ID + ".v", Measure: it.ID, Linf: number(it.Bound.Linf), SQL: "SELECT person, cell, value FROM v", Eligible: tr.eligible, Events: tr.events}
			kind := it.Encoding
			if n, rest, ok := strings.Cut(kind, " x "); ok {
				kind = rest
				v.EachValues = places("block", int(number(n)))
			}
			kind = strings.ReplaceAll(kind, " + ", "+")
			if tr.each != "" {
				v.Each = tr.each
				if v.EachValues == nil { // the file lists the cells of the blocks themselves
					v.EachValues = places("block", int(max(number(it.Cells), 2)))
					kind = map[string]string{"histogram": "count", "signed histogram": "centred sum"}[kind]
				}
			}
			switch kind {
			case "histogram":
				v.Cells = places("a", answers(it.Cells))
				if tr.by != "" {
					kind, v.Cells = "count", []string{"persons"}
				}
			case "count":
				v.Cells = []string{"persons"}
			case "signed histogram":
				kind, v.Cells = "signed", []string{"d"}
			case "signed":
				v.Cells = []string{"d"}
			case "signed+unknown":
				v.Cells = []string{"d", "u"}
			case "centred weight+unknown":
				v.Cells = []string{"s", "u"}
			default:
				v.Cells = []string{"s"}
			}
			v.Encoding = privacy.Encoding(kind)
			active := tr.activity || population == "minors" && slices.Contains(activities, it.Measure)
			if active {
				v.Activity = "SELECT person, on_date FROM days"
			}
			s.Vectors[v.Name] = v
			s.Measures[it.ID] = privacy.MeasureInfo{Definition: 1, Population: population}
			level, due := "year", it.Due
			switch {
			case strings.HasPrefix(it.Period, "quarter"):
				level = "quarter"
			case strings.HasPrefix(it.Period, "snapshot"):
				level = "snapshot"
			case strings.HasPrefix(it.Period, "5 years"):
				level = "span"
			}
			if due == 0 {
				due = map[string]int{"quarter": 44, "snapshot": 44}[level]
				if due == 0 {
					due = 104
				}
			}
			fmt.Fprintf(&b, "  - {id: %s, vector: %s, levels: [%s], due: {%s: %d}, sigma: %v", it.ID, v.Name, level, level, due, it.Sigma)
			if level == "span" {
				b.WriteString(", years: 5")
			}
			if tr.by != "" {
				fmt.Fprintf(&b, ", by: [%s]", tr.by)
			}
			if it.Bound.Participations > 1 || active {
				fmt.Fprintf(&b, ", participations: %d", it.Bound.Participations)
			}
			if tr.l0 > 0 {
				fmt.Fprintf(&b, ", l0: %d", tr.l0)
			}
			if tr.cell > 0 {
				fmt.Fprintf(&b, ", cell_share: %v", tr.cell)
			}
			if tr.over != "" {
				fmt.Fprintf(&b, ", over: %s", tr.over)
			}
			if tr.column != "" {
				f := tr.formula
				f.Measure, f.Statistic, f.Vector = it.ID, "figure", v.Name
				s.Formulas = append(s.Formulas, f)
				b.WriteString(", publishes: [figure]")
				switch level {
				case "quarter":
					b.WriteString(", sums: [year, span]")
				case "year":
					b.WriteString(", sums: [span]")
				}
			} else if level == "quarter" {
				b.WriteString(", sums: [year]")
			}
			b.WriteString("}\n")
		}
	}
	// How many were interviewed: the file takes it as known.
	s.Vectors["lab.heads"] = privacy.Vector{Name: "lab.heads", Measure: "lab", Encoding: privacy.Count, Cells: []string{"persons"}, Linf: 1, SQL: "SELECT 1"}
	s.Measures["lab"] = privacy.MeasureInfo{Population: "minors"}
	b.WriteString("  - {id: lab_heads, vector: lab.heads, levels: [span], years: 5, due: 104, sigma: 150}\n")
	b.WriteString("totals:\n  - {id: year_heads, level: year, parts: [[n_age_band], [n_gender], [n_race_ethnicity], [n_agency_kind], [n_channel], [tes_curve],\n    [awt_kinds], [prof_age_exploitation_began], [prof_home_area], [prof_recruited_at], [prof_recruited_by], [prof_exploitation], [prof_setting]]}\n")
	return b.String(), s, all
}

// answers is how many cells a text of the file lists.
func answers(text string) int {
	if list, _, ok := strings.Cut(text, "]"); ok {
		return strings.Count(list, ",") + 1
	}
	return int(max(number(text), 2))
}

func places(name string, n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("%s%d", name, i+1))
	}
	return all
}

func readWholeWorked(t *testing.T) workedPlan {
	t.Helper()
	b, err := os.ReadFile(testdir.Shared(t, "design", "default-plan.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var w workedPlan
	if err := yaml.Unmarshal(b, &w); err != nil {
		t.Fatal(err)
	}
	return w
}

func wholeWorked(t *testing.T) (*privacy.Plan, privacy.Schema, workedPlan, map[string]workedItem) {
	t.Helper()
	w := readWholeWorked(t)
	text, s, items := translate(t, w)
	p, err := privacy.ParsePlan([]byte(text), "worked.yaml", s, 4, delta)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return p, s, w, items
}

func TestEveryItemOfTheWorkedPlanCanBeSaid(t *testing.T) {
	p, _, w, items := wholeWorked(t)
	if len(items) < 60 || len(p.Items) != len(items)+1 {
		t.Fatalf("%d items of %d are in the plan", len(p.Items)-1, len(items))
	}
	encodings := map[string]bool{}
	for _, it := range p.Items {
		x, ok := items[it.ID]
		if !ok {
			continue
		}
		encodings[x.Encoding] = true
		participations := max(1, x.Bound.Participations)
		if it.Sigma != x.Sigma || it.L0 != x.Bound.L0 || it.Linf != number(x.Bound.Linf) || it.Participations != participations {
			t.Errorf("%s: sigma %v, l0 %d, linf %d, participations %d; the worked plan has %v, %+v", it.ID, it.Sigma, it.L0, it.Linf, it.Participations, x.Sigma, x.Bound)
		}
		if x.Mu2 > 0 && math.Abs(it.Lifetime()-x.Mu2) > 0.00006 {
			t.Errorf("%s: lifetime mu^2 %.5f, the worked plan says %.4f", it.ID, it.Lifetime(), x.Mu2)
		}
	}
	for _, e := range []string{"count", "histogram", "signed", "signed+unknown", "signed histogram", "centred sum", "centred weight", "centred weight + unknown", "4 x histogram", "20 x signed + unknown", "sum"} {
		if !encodings[e] {
			t.Errorf("the worked plan has no %s any more: the test proves less", e)
		}
	}
	for population, limit := range w.Caps {
		if mu := limit.Mu; mu > 0 && math.Abs(p.Cap(population)-mu*mu) > 1e-3*mu*mu {
			t.Errorf("%s: cap mu^2 %.4f, the worked plan has %.4f", population, p.Cap(population), mu*mu)
		}
	}
	lab, _ := p.Item("lab_heads")
	if used := p.Worst("minors") - lab.Lifetime(); math.Abs(used-0.664) > 0.001 {
		t.Errorf("minors use mu^2 %.4f, the worked plan says 0.664 of 0.702", used)
	}
}

func TestTheSplitIsThatOfTheWorkedPlan(t *testing.T) {
	p, _, w, _ := wholeWorked(t)
	shares, err := p.Budget(delta)
	if err != nil {
		t.Fatal(err)
	}
	lab, _ := p.Item("lab_heads")
	parts := map[string]string{"headline_each_quarter": "headline each quarter", "entry_year": "entry year", "twelve_months_later": "twelve months later",
		"activity_three_years": "activity, first years", "labour_interviews": "once in 5 years", "reserve": "reserve, for one repeat"}
	for name, text := range w.Split {
		want, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(text, "%")), 64)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(shares, func(x privacy.Share) bool { return x.Population == "minors" && x.Part == parts[name] })
		if i < 0 {
			t.Errorf("no part is %s", name)
			continue
		}
		got := 100 * shares[i].OfCap
		if name == "labour_interviews" {
			got -= 100 * lab.Lifetime() / p.Cap("minors")
		}
		t.Logf("%-24s %5.1f %% of the cap, %4.1f %% in the file; mu %.3f, epsilon %.2f", name, got, want, shares[i].Mu, shares[i].Epsilon)
		if math.Abs(got-want) > 0.15 {
			t.Errorf("%s is %.2f %%, the worked plan says %.1f %%", name, got, want)
		}
		if mu := map[string][2]float64{"headline_each_quarter": {0.297, 1.28}, "entry_year": {0.453, 2.02}, "twelve_months_later": {0.441, 1.96}}[name]; mu[0] > 0 &&
			(math.Abs(shares[i].Mu-mu[0]) > 0.001 || math.Abs(shares[i].Epsilon-mu[1]) > 0.01) {
			t.Errorf("%s: mu %.4f, epsilon %.3f, the worked plan says %v", name, shares[i].Mu, shares[i].Epsilon, mu)
		}
	}
	// The parts and what is kept make up the cap.
	for _, pop := range p.Populations {
		var groups, kept, worst, all float64
		for _, x := range shares {
			switch {
			case x.Population != pop.Name:
			case x.Part == "cap":
				all = x.Mu2
			case x.Part == "worst case of the plan":
				worst = x.Mu2
			case x.Items > 0:
				groups += x.Mu2
			default:
				kept += x.Mu2
			}
		}
		if math.Abs(groups-worst) > 1e-12 || math.Abs(worst+kept-all) > 1e-12 || all == 0 {
			t.Errorf("%s: groups %.6f, worst case %.6f, kept %.6f, cap %.6f", pop.Name, groups, worst, kept, all)
		}
	}
}

// TestWorkedHalfWidthsOfEveryEncoding compares the half-widths of the worked plan, one or more of each encoding.
func TestWorkedHalfWidthsOfEveryEncoding(t *testing.T) {
	p, s, _, items := wholeWorked(t)
	columns := map[string]struct {
		period  string
		persons float64
	}{"quarter_n80": {"2024Q1", 80}, "year_n300": {"2024", 300}, "five_years_n1500": {"2021-2025", 1500},
		"year": {"2024", 0}, "snapshot": {"2024Q1", 0}, "quarter": {"2024Q1", 0}}
	compared := map[string]int{}
	for id, tr := range translations {
		if tr.column == "" {
			continue
		}
		c := columns[tr.column]
		rows, err := p.Planned(s, period(t, c.period), c.persons, func(privacy.Item, models.Period) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(rows, func(r privacy.PlannedFigure) bool { return r.Item == id })
		if i < 0 {
			t.Errorf("%s: no planned figure for %s", id, c.period)
			continue
		}
		text := expectedText(items[id].Expect, tr.column)
		if text == "" {
			t.Errorf("%s: the worked plan has no column %s", id, tr.column)
			continue
		}
		got, want := rows[i].HalfWidth, amount(t, text)
		switch {
		case strings.HasSuffix(text, "pp"):
			got *= 100
		case strings.HasSuffix(text, "%"):
			got *= 100 / tr.relative
		}
		rounding := 0.5
		if strings.Contains(text, "points") {
			rounding = 0.005
		} else if strings.Contains(text, ".") {
			rounding = 0.05
		}
		compared[items[id].Encoding]++
		t.Logf("%-20s %-26s %-18s %8.2f  %s", id, items[id].Encoding, tr.column, got, text)
		if got > 1.05*want+rounding || got < 0.5*want {
			t.Errorf("%s (%s): half-width %.4g, the worked plan says %s", id, tr.column, got, text)
		}
	}
	if len(compared) < 11 {
		t.Errorf("only %d encodings were compared: %v", len(compared), compared)
	}
}

// expectedText is the first expectation of a column; expect is a list of lines, or one line.
func expectedText(expect any, column string) string {
	lines, ok := expect.([]any)
	if !ok {
		lines = []any{expect}
	}
	for _, l := range lines {
		if m, ok := l.(map[string]any); ok && m[column] != nil {
			return fmt.Sprint(m[column])
		}
	}
	return ""
}

// TestTheWorkedPlanBeatsEqualSigmas: the red team found x 0.82 over equal sigmas on the same encoded workload.
func TestTheWorkedPlanBeatsEqualSigmas(t *testing.T) {
	p, s, w, _ := wholeWorked(t)
	var price float64
	for _, it := range p.Items {
		if it.Population == "minors" {
			price += float64(it.L0) * float64(it.Participations)
		}
	}
	equal := math.Ceil(100*math.Sqrt(price/(0.8378*0.8378*(1-0.054)))) / 100
	text, _, _ := translate(t, w)
	text = regexp.MustCompile(`sigma: [0-9.]+`).ReplaceAllStringFunc(text[:strings.Index(text, "id: arr_roles")], func(string) string { return fmt.Sprintf("sigma: %v", equal) }) +
		text[strings.Index(text, "id: arr_roles"):]
	text = strings.Replace(text, "sigma: 150", fmt.Sprintf("sigma: %v", equal), 1)
	q, err := privacy.ParsePlan([]byte(text), "equal.yaml", s, 4, delta)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	a, err := q.Optimise(s, "equal.yaml", period(t, "2024"), 0, 4, delta)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("half-width over target: %.3f with all sigmas %.2f, %.3f proposed: x %.3f", a.Now, equal, a.Proposed, a.Proposed/a.Now)
	if r := a.Proposed / a.Now; !(r < 0.95) {
		t.Errorf("x %.3f over equal sigmas: no gain", r)
	}
}
