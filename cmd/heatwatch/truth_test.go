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
	"heatwatch/models"
)

var countySeed = flag.Uint64("county", 7, "seed of the county of TestFiguresEqualTheTruth; in odd ones a partner stops reporting")

// With almost no noise (sd below 0.1 of a person) every released figure is the generator's truth: the whole way from
// raw exports through pseudonyms, SFTP layout, checks, linkage, lake, SQL, bounds, ledger and derivation, against
// an independent implementation of the definitions in plain Go.
func TestFiguresEqualTheTruth(t *testing.T) {
	r := newRig(t, "HEATWATCH_PRIVACY_LIFETIME_EPSILON=500000")
	r.run(0, "init", "--plan", "full")
	end, _ := models.ParseDate("2026-10-01")
	truth := r.county(fixtures.Config{Seed: *countySeed, StoppedEarly: *countySeed%2 == 1, Persons: 300, FirstQuarter: quarter(t, "2023Q1"), Quarters: 8, End: end, TruthUntil: end})
	for _, p := range []string{"2023Q1", "2023Q2", "2023Q3", "2023Q4", "2024Q1", "2024Q2", "2024Q3", "2024Q4", "2023", "2024"} {
		r.run(0, "witness", "--out", filepath.Join(r.dir, "seen.note"))
		r.run(0, "release", p, "--witness", filepath.Join(r.dir, "seen.note"), "--format", "json")
	}
	got := map[string]released{}
	measured := []string{"time-to-emergency-service", "placement-stability"}
	for _, m := range measured {
		var rep struct{ Figures []released }
		if err := json.Unmarshal([]byte(r.run(0, "report", m, "--format", "json")), &rep); err != nil {
			t.Fatal(err)
		}
		for _, f := range rep.Figures {
			got[key(m, f.Period, f.Statistic, f.By)] = f
		}
	}
	compared, missing := 0, 0
	var far []string
	for _, want := range truth.Figures {
		k := key(want.Measure, want.Period, want.Statistic, want.By)
		f, ok := got[k]
		delete(got, k)
		if want.Sampled || !slices.Contains(measured, want.Measure) {
			continue // a secret key decides, or no plan measures it yet
		}
		switch {
		case !ok:
			missing++
			if missing < 10 {
				t.Errorf("%s was not released", k)
			}
		case want.Value == nil || f.Value == nil:
			switch {
			case want.Value == nil && f.Value == nil:
			case days[want.Statistic]: // a few days of one person, and the noise took them below zero
				far = append(far, fmt.Sprintf("%s: released %s, truth %s", k, show(f.Value), show(want.Value)))
			default:
				t.Errorf("%s: released %s, truth %s", k, show(f.Value), show(want.Value))
			}
		case days[want.Statistic]:
			// A person's days change the sum by up to 179, so the least noise that is allowed (1/32 of that) is seen in
			// groups of one. Three half-widths: 5.9 sd, one false alarm in 10^8.
			if half := math.Max(*f.High-*f.Value, *f.Value-*f.Low); math.Abs(*want.Value-*f.Value) > 3*half+1e-9 {
				far = append(far, fmt.Sprintf("%s: released %s, truth %s, half-width %g", k, show(f.Value), show(want.Value), half))
			}
		case math.Abs(*want.Value-*f.Value) > 1e-6*math.Max(1, math.Abs(*want.Value)):
			t.Errorf("%s: released %s, truth %s", k, show(f.Value), show(want.Value))
		case *f.Low > *f.Value+1e-9 || *f.High < *f.Value-1e-9:
			t.Errorf("%s: %v is outside its own interval %v to %v", k, *f.Value, *f.Low, *f.High)
		}
		compared++
	}
	extra := 0
	for _, k := range slices.Sorted(maps.Keys(got)) {
		if !strings.Contains(k, "2023-2024") {
			if extra++; extra < 10 {
				t.Errorf("%s was released and is not in the truth", k)
			}
		}
	}
	// A sum of half moves is drawn with sd 5/32: each of some 400 is off by one half move with probability 0.0014. More
	// than 8 such cells happen once in 10^7 runs.
	if len(far) > 8 {
		t.Errorf("%d figures are too far off:\n%s", len(far), strings.Join(far, "\n"))
	}
	if compared < 2000 {
		t.Errorf("only %d figures were compared", compared)
	}
	t.Logf("%d figures compared, %d missing, %d extra", compared, missing, extra)
}

// days are the statistics that rest on sums of days.
var days = map[string]bool{"days_per_person": true, "moves_per_1000_days": true, "cfsr_moves_per_1000_days": true}

type released struct {
	Period, Statistic, Note string
	By                      map[string]string
	Value, Low, High        *float64
}

func key(measure, period, statistic string, by map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, k+"="+by[k])
	}
	return strings.Join([]string{measure, period, statistic, strings.Join(parts, ";")}, "|")
}

func show(v *float64) string {
	if v == nil {
		return "null"
	}
	return fmt.Sprint(*v)
}
