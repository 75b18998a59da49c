package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"heatwatch/fixtures"
	"heatwatch/fixtures/oracle"
	"heatwatch/models"
	"heatwatch/reports/measures"
)

var (
	countySeed    = flag.Uint64("county", 7, "seed of the county of TestFiguresEqualTheTruth; in odd ones a partner stops reporting")
	countyPersons = flag.Int("persons", 300, "its persons; the long run has 3000")
	countyFirst   = flag.String("first", "2023Q4", "its first quarter")
	countyLong    = flag.Int("quarters", 2, "its quarters; the long run has 20, from 2021Q1 on")
)

// exactSd is the noise up to which a figure must be the truth. A sum of which one person moves 1 is drawn with sd 0.05 at
// most and rounded: it is off once in 10^22. A sum of which one person moves more is drawn with 1/32 of that at least.
const exactSd = 0.06

// With almost no noise every released figure is the generator's truth: the whole way from raw exports through
// pseudonyms, SFTP layout, checks, linkage, lake, SQL, bounds, ledger and derivation, against an independent
// implementation of the definitions in plain Go. All measures, all breakdowns, quarters, years and the span.
func TestFiguresEqualTheTruth(t *testing.T) {
	r := newRig(t, "HEATWATCH_PRIVACY_LIFETIME_EPSILON=500000")
	r.run(0, "init", "--plan", "full")
	end, _ := models.ParseDate("2026-10-01")
	cfg := fixtures.Config{Seed: *countySeed, StoppedEarly: *countySeed%2 == 1, Persons: *countyPersons, FirstQuarter: quarter(t, *countyFirst), Quarters: *countyLong, End: end, TruthUntil: models.DateOf(r.now)}
	truth := r.county(cfg)
	sd := map[string]float64{}                                                                                      // of the noise on an item's cells, by item and period
	periods := append(oracle.Periods(cfg.FirstQuarter, cfg.Quarters), models.QuarterOf(cfg.FirstQuarter.First()-1)) // the last is before the first data
	for _, p := range append(periods, oracle.Spans(periods)...) {
		r.run(0, "witness", "--out", filepath.Join(r.dir, "seen.note"))
		r.noise(p.String(), sd)
	}
	var c comparison
	got := map[string]released{}
	for _, m := range measures.All() {
		var rep struct{ Figures []released }
		if err := json.Unmarshal([]byte(r.run(0, "report", m.ID, "--format", "json")), &rep); err != nil {
			t.Fatal(err)
		}
		for _, f := range rep.Figures {
			got[figureKey(m.ID, f.Period, f.Statistic, f.By)] = f
		}
	}
	entered := map[string]*float64{} // how many, by period
	for _, want := range truth.Figures {
		if want.Measure == "time-to-emergency-service" && want.Statistic == "persons" && len(want.By) == 0 {
			entered[want.Period] = want.Value
		}
		k := figureKey(want.Measure, want.Period, want.Statistic, want.By)
		f, ok := got[k]
		delete(got, k)
		if !slices.ContainsFunc(measures.All(), func(m measures.Measure) bool { return m.ID == want.Measure }) {
			continue // has no SQL yet
		}
		switch {
		case want.Sampled:
			c.sampled++ // a secret key decides
		case !ok:
			c.missing = append(c.missing, k)
		default:
			c.compare(k, f, want.Value, coarsest(f, sd))
		}
	}
	// Figures of a sum of periods are of periods that the truth does not have, and so are those before its first quarter: of nobody.
	for _, k := range slices.Sorted(maps.Keys(got)) {
		f := got[k]
		p, err := models.ParsePeriod(f.Period)
		if err != nil {
			t.Fatal(err)
		}
		if heads := entered[f.Period]; f.Statistic == "persons" && len(f.By) == 0 && heads != nil {
			c.compare(k, f, heads, coarsest(f, sd)) // of a measure that follows a cohort, known before the rest of it is due
			continue
		}
		nothing := p.Last() < cfg.FirstQuarter.First() && (f.Value == nil || *f.Value == 0)
		if !nothing && (len(f.Entries) == 1 || !strings.Contains(f.Period, "-")) {
			c.extra = append(c.extra, k)
		}
	}
	for what, keys := range map[string][]string{"is not the truth": c.wrong, "was not released": c.missing, "was released and is not in the truth": c.extra} {
		for _, k := range keys[:min(len(keys), 20)] {
			t.Errorf("%s %s", k, what)
		}
		if len(keys) > 20 {
			t.Errorf("and %d more %s", len(keys)-20, what)
		}
	}
	// A sum of half moves is drawn with sd 5/32: each of some 400 is off by one half move with probability 0.0014. More
	// than 8 such cells happen once in 10^7 runs.
	if len(c.far) > 8+c.within/100 {
		t.Errorf("%d figures are too far off:\n%s", len(c.far), strings.Join(c.far, "\n"))
	}
	if least := 400 * len(periods); c.equal < least || c.within < least/20 {
		t.Errorf("only %d figures were compared exactly and %d by their interval", c.equal, c.within)
	}
	t.Logf("%d figures equal, %d coarse ones within their interval and %d not, %d coarse ones of nobody; %d wrong, %d missing, %d extra; %d sampled and not compared",
		c.equal, c.within, len(c.far), c.nobody, len(c.wrong), len(c.missing), len(c.extra), c.sampled)
}

// comparison is what came of every figure.
type comparison struct {
	equal, within, nobody      int
	sampled                    int
	far, wrong, missing, extra []string
}

// compare holds one figure against its truth. Where its sums are drawn with more noise than rounding removes (days,
// minutes, rates) three half-widths are allowed: 5.9 sd, one false alarm in 10^8.
func (c *comparison) compare(k string, f released, want *float64, sd float64) {
	said := fmt.Sprintf("%s: released %s (%s to %s), truth %s, sd %.3g %s", k, show(f.Value), show(f.Low), show(f.High), show(want), sd, f.Note)
	switch {
	case want == nil && f.Value == nil:
		c.equal++
	case want == nil && sd > exactSd:
		c.nobody++ // a share of a person or less that the noise has left over
	case want == nil || f.Value == nil:
		if sd > exactSd { // a few days of one person, and the noise took them below zero
			c.far = append(c.far, said)
		} else {
			c.wrong = append(c.wrong, said)
		}
	case *f.Low > *f.Value+1e-9 || *f.High < *f.Value-1e-9:
		c.wrong = append(c.wrong, said+" (outside its own interval)")
	case math.Abs(*want-*f.Value) <= 1e-6*math.Max(1, math.Abs(*want)):
		c.equal++
	case sd <= exactSd:
		c.wrong = append(c.wrong, said)
	case math.Abs(*want-*f.Value) <= 3*math.Max(*f.High-*f.Value, *f.Value-*f.Low)+1e-9:
		c.within++
	default:
		c.far = append(c.far, said)
	}
}

// noise releases a period and reads how much noise each item of it has.
func (r *rig) noise(period string, sd map[string]float64) {
	r.t.Helper()
	var files []struct {
		Measurements []struct {
			Item string
			Sd   float64
		}
	}
	if err := json.Unmarshal([]byte(r.run(0, "release", period, "--witness", filepath.Join(r.dir, "seen.note"), "--format", "json")), &files); err != nil {
		r.t.Fatal(err)
	}
	for _, f := range files {
		for _, m := range f.Measurements {
			sd[m.Item+" "+period] = m.Sd
		}
	}
}

// coarsest is the largest noise of a figure's sums.
func coarsest(f released, sd map[string]float64) (most float64) {
	for _, it := range f.Items {
		most = max(most, sd[it+" "+f.Period])
	}
	return most
}

type released struct {
	Period, Statistic, Note string
	By                      map[string]string
	Value, Low, High        *float64
	Items                   []string
	Entries                 []int
}

func show(v *float64) string {
	if v == nil {
		return "null"
	}
	return fmt.Sprint(*v)
}
