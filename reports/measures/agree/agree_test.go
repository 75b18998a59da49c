package agree

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"heatwatch/fixtures/oracle"
	"heatwatch/models"
	"heatwatch/reports/measures/measuretest"
)

// periods are those that are compared: the last of a year and the first of the next, two years, the span around them.
var periods = []string{"2024Q1", "2024Q4", "2025Q1", "2025Q2", "2024", "2025", "2021-2025"}

// batch is how many counties share a database: statements cost more than rows.
const batch = 1000

// TestSQLAgreesWithTheOracle draws small adversarial counties and compares every figure. HEATWATCH_AGREE is how many; 200
// where it is not set. HEATWATCH_AGREE_FIRST is the number of the first, for runs side by side.
func TestSQLAgreesWithTheOracle(t *testing.T) {
	d := fresh(t)
	first, want, done, figures := number(t, "HEATWATCH_AGREE_FIRST", 0), number(t, "HEATWATCH_AGREE", 200), 0, 0
	for done < want {
		counties := make([]*county, min(batch, want-done))
		for i := range counties {
			n := first + done + i
			counties[i] = rapid.Custom(func(t *rapid.T) *county { return drawCounty(t, n) }).Example(n)
		}
		load(t, d, counties)
		figures += compare(t, d, counties)
		if done += len(counties); t.Failed() {
			t.Fatalf("after %d counties", done)
		}
		t.Logf("%d counties from number %d, %d figures", done, first, figures)
	}
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func compare(t *testing.T, d *measuretest.DB, counties []*county) (n int) {
	x := newExact(t, d, len(counties))
	var all []models.Period
	for _, s := range periods {
		p, err := models.ParsePeriod(s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	tallies := make([]*oracle.Tally, len(counties))
	for i, c := range counties {
		tallies[i] = oracle.NewTally(c.County, all, date("2099-12-31"))
		for _, p := range c.persons {
			tallies[i].Add(p)
		}
		for _, a := range c.accused {
			tallies[i].AddAccused(a)
		}
		tallies[i].AddPublic(c.public)
	}
	got := make([]map[oracle.Key]*float64, len(counties))
	for i := range got {
		got[i] = map[oracle.Key]*float64{}
	}
	for _, p := range all {
		for i, figures := range x.figures(t, p) {
			maps.Copy(got[i], figures)
		}
	}
	complaints := map[string]int{} // by measure and statistic: one story each is enough
	for i, tally := range tallies {
		n += difference(t, complaints, i, got[i], tally.Figures(), tally.Sampled())
	}
	for _, what := range slices.Sorted(maps.Keys(complaints)) {
		t.Logf("%s: %d differences", what, complaints[what])
	}
	return n
}

func difference(t *testing.T, complaints map[string]int, i int, got, want map[oracle.Key]*float64, sampled map[oracle.Key]bool) int {
	keys := slices.SortedFunc(maps.Keys(want), func(a, b oracle.Key) int {
		return cmp.Or(cmp.Compare(a.Measure, b.Measure), cmp.Compare(a.Statistic, b.Statistic), cmp.Compare(a.Period, b.Period), cmp.Compare(a.By, b.By))
	})
	for k := range got {
		if _, ok := want[k]; !ok {
			keys = append(keys, k)
		}
	}
	n := 0
	for _, k := range keys {
		w, known := want[k]
		g, there := got[k]
		if known && there && (sampled[k] || equal(g, w)) {
			n++
			continue
		}
		what := k.Measure + "." + k.Statistic
		if complaints[what]++; complaints[what] <= 2 {
			t.Errorf("county %d, %s: the SQL says %s, the oracle %s", i, fmt.Sprint(k), say(there, g), say(known, w))
		}
	}
	return n
}

func equal(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return math.Abs(*a-*b) <= 1e-9*math.Max(1, math.Abs(*b))
}

func say(known bool, v *float64) string {
	switch {
	case !known:
		return "nothing"
	case v == nil:
		return "null"
	}
	return oracle.Format(v)
}
