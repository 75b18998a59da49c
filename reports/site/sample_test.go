package site

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/measures/declare"
)

// The sample is a plan of two measures over five years, drawn from a seed: the same cells for every seed, other numbers
// in them. Nothing in it is computed from records.

func period(t testing.TB, s string) models.Period {
	t.Helper()
	p, err := models.ParsePeriod(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

type sampler struct {
	t       testing.TB
	rnd     *rand.Rand
	figures []figure
}

// add draws one figure. Intervals hold the value; shares stay shares.
func (s *sampler) add(p, statistic, unit string, mid, half float64, null bool, by ...privacy.Dim) {
	v := mid + (s.rnd.Float64()-0.5)*half
	low, high := v-half*(0.8+0.2*s.rnd.Float64()), v+half*(0.8+0.2*s.rnd.Float64())
	if unit == "share" {
		v, low, high = min(max(v, 0), 1), max(low, 0), min(high, 1)
	}
	f := figure{period: period(s.t, p), statistic: statistic, by: by, value: v, low: low, high: high, null: null, unit: unit,
		items: []string{"item_" + statistic, "heads_q"}, entries: []int{4 + len(s.figures)%7}}
	if null {
		f.note = "too few persons for this level: the noise would swamp the figure"
		f.value, f.low, f.high = 98765.4321, 87654.321, 109876.54321 // must not show anywhere
	}
	if unit == "persons" && !null {
		f.value, f.low, f.high = float64(int(v)), float64(int(low)), float64(int(high))
	}
	s.figures = append(s.figures, f)
}

func sample(t testing.TB, seed uint64) (Site, map[string]report) {
	t.Helper()
	s := Site{Name: "Alpha County", HomeID: "home-00aa11bb", KeyFingerprint: "9f2c4b1e77d0a6c3", Demo: true, Updated: models.Date(22400),
		Head: []byte("heatwatch ledger home-00aa11bb\nentry 10\nabc=\n\n— home 1234\n"), Languages: []string{"en", "es"}}
	for e := 4; e <= 10; e++ {
		s.Files = append(s.Files, File{Path: fmt.Sprintf("releases/2031/%d.json", e), Entry: e, Data: []byte("{}\n")})
	}
	s.Files = append(s.Files, File{Path: "ledger/000004.json", Entry: 4, Data: []byte("{}\n")})
	s.Measures = []MeasureText{
		{ID: "time-to-emergency-service", Title: "Emergency services within 24 hours of engagement", Definition: 1, Population: "minors", Headline: "share_within_24h",
			Says:        "Hours from a person's first engagement at any agency to the first emergency service.",
			Denominator: "All linked persons whose first engagement falls into the period. Persons without an engagement are in no cohort.",
			Window:      "Two hours before to 720 hours after the first engagement.", Objective: "Emergency services", Prong: "Care",
			Statistics: []StatisticText{{"persons", "persons", "persons in the cohort"}, {"share_within_24h", "share", "helped within a day"}, {"median_hours", "hours", ""}}},
		{ID: "placement-stability", Title: "Stability of placements in the first 12 months", Definition: 1, Population: "minors", Headline: "share_two_or_fewer",
			Says:        "Moves between places of care in the first year.",
			Denominator: "Persons of the cohort with at least 8 nights in care.", Differences: "First engagement, not removal; not risk-adjusted.",
			Statistics: []StatisticText{{"persons", "persons", ""}, {"share_two_or_fewer", "share", ""}, {"moves_per_1000_days", "per_1000_days", ""}, {"days_per_person", "nights", ""}}},
	}
	s.Logic = []Objective{{Says: declare.ObjectiveEmergency, Lines: []LogicLine{
		{Stage: "inputs", Says: "Emergency beds", Why: "not collected"},
		{Stage: "outcomes", Says: "Time to the first service", Measures: []string{"time-to-emergency-service"}},
		{Stage: "outcomes", Says: "Stability", Measures: []string{"placement-stability", "no-such-measure"}}}}}
	s.Census = []Census{{Period: period(t, "2031Q2"), Kinds: []CensusKind{{Kind: "shelter", Expected: 31, Reporting: 29, Whole: 28, StartUp: 27, Partly: 26, NotIn: 23},
		{Expected: 37, Reporting: 36, Whole: 35, StartUp: 34, Partly: 33, NotIn: 32}}}}
	d := &sampler{t: t, rnd: rand.New(rand.NewPCG(seed, 7))}
	for y := 2027; y <= 2031; y++ {
		for q := 1; q <= 4; q++ {
			p := fmt.Sprintf("%dQ%d", y, q)
			d.add(p, "persons", "persons", 80, 12, false)
			d.add(p, "share_within_24h", "share", 0.62+0.02*float64(y-2027), 0.068, y == 2028 && q == 3)
		}
		p := fmt.Sprint(y)
		d.add(p, "persons", "persons", 310, 24, false)
		d.add(p, "share_within_24h", "share", 0.7, 0.036, false)
		d.add(p, "median_hours", "hours", 14, 6, false)
		for _, b := range []struct {
			dim    string
			values []string
		}{{"gender", genders}, {"age_band", models.AgeBands()}} {
			for _, v := range b.values {
				d.add(p, "persons", "persons", 60, 22, false, privacy.Dim{Key: b.dim, Value: v})
				d.add(p, "share_within_24h", "share", 0.65, 0.1, b.dim == "age_band" && v == "0-11", privacy.Dim{Key: b.dim, Value: v})
			}
		}
	}
	d.add("2027-2031", "share_within_24h", "share", 0.71, 0.016, false)
	for _, v := range models.Dictionary().List("agency_kind") {
		d.add("2027-2031", "share_within_24h", "share", 0.66, 0.07, v == "business", privacy.Dim{Key: "agency_kind", Value: v})
	}
	reports := map[string]report{"time-to-emergency-service": {figures: d.figures}}
	d.figures = nil
	for y := 2027; y <= 2030; y++ {
		p := fmt.Sprint(y)
		d.add(p, "persons", "persons", 160, 22, false)
		d.add(p, "share_two_or_fewer", "share", 0.57, 0.058, false)
		d.add(p, "moves_per_1000_days", "per_1000_days", 6.6, 1.6, false)
		d.add(p, "days_per_person", "nights", 211, 20, false)
		for _, v := range []string{"emergency_shelter", "resource_family", "group_home", "residential_treatment", "other"} {
			d.add(p, "share_two_or_fewer", "share", 0.5, 0.19, v == "other", privacy.Dim{Key: "placement_type", Value: v})
		}
	}
	reports["placement-stability"] = report{figures: d.figures}
	for id, r := range reports {
		for e := 4; e <= 10; e++ {
			r.privacy = append(r.privacy, privacy.Statement{Entry: e, Unit: "linked person", MuRelease: 0.2 + 0.01*float64(e), EpsilonRelease: 1.2,
				MuLifetime: 0.8148, EpsilonLifetime: 3.88, CapEpsilon: 4, Delta: 1e-6, Mechanism: "gaussian"})
		}
		r.csv, r.json = []byte("measure\n"), []byte("{}\n")
		reports[id] = r
	}
	return s, reports
}

func built(t testing.TB, s Site, r map[string]report) map[string][]byte {
	t.Helper()
	files, err := build(s, r)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// pages are the HTML files.
func pages(files map[string][]byte) map[string]string {
	out := map[string]string{}
	for n, b := range files {
		if strings.HasSuffix(n, ".html") {
			out[n] = string(b)
		}
	}
	return out
}

var genders = []string{"female", "male", "transgender", "nonbinary", "other", "unknown"}
