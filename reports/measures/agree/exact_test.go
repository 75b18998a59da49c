package agree

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"heatwatch/fixtures/oracle"
	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/measuretest"
	"heatwatch/reports/measures/schema"
)

// exact computes the figures of the plan `full` from the measures' own SQL, without bounds and without noise: whoever
// exceeds a bound is none of its business (oracle.Sampled names those figures).
type exact struct {
	d    *measuretest.DB
	s    privacy.Schema
	p    *privacy.Plan
	many int // counties; of those with public facts see public
	sums sums
	past map[models.Period]sums // of snapshots, for changes
}

// sums are those of items, county by county.
type sums map[string][]map[privacy.Cell]int64

func newExact(t *testing.T, d *measuretest.DB, counties int) *exact {
	t.Helper()
	text, _ := privacy.EmbeddedPlan("full")
	s := schema.Schema()
	p, err := privacy.ParsePlan(text, "full", s, 500_000, 1e-6)
	if err != nil {
		t.Fatal(err)
	}
	return &exact{d: d, s: s, p: p, many: counties}
}

// figures are those of one period, county by county.
func (x *exact) figures(t *testing.T, period models.Period) []map[oracle.Key]*float64 {
	t.Helper()
	x.past = map[models.Period]sums{}
	if period.Level() == models.LevelQuarter {
		for q := models.QuarterOf(period.First().AddDays(-365 - 45)); q.First() <= period.Last().AddDays(45-365); q = q.Next() {
			x.sums = sums{}
			x.measure(t, q, func(it privacy.Item) bool { return it.Level == privacy.LevelSnapshot })
			x.past[q] = x.sums
		}
	}
	x.sums = sums{}
	x.measure(t, period, func(privacy.Item) bool { return true })
	all := make([]map[oracle.Key]*float64, x.many)
	for i := range all {
		all[i] = map[oracle.Key]*float64{}
	}
	for _, it := range x.p.Items {
		if !it.In(period) {
			continue
		}
		for _, pub := range it.Publishes {
			at := slices.IndexFunc(x.s.Formulas, func(f privacy.Formula) bool {
				return f.Vector == it.Vector && f.Statistic == pub.Statistic && f.Measure == pub.Measure
			})
			if at < 0 {
				t.Fatalf("%s: no formula for %s", it.ID, pub.Statistic)
			}
			for i := range all {
				x.publish(all[i], i, it, x.s.Formulas[at], period)
			}
		}
	}
	for _, total := range x.p.Totals { // of one item each: a number of persons under a second name
		if total.Level != period.Level() {
			continue
		}
		for _, pub := range total.Publishes {
			for i := range all {
				var n float64
				for _, v := range x.sums[total.Parts[0][0]][i] {
					n += float64(v)
				}
				all[i][oracle.Key{Measure: pub.Measure, Period: period.String(), Statistic: pub.Statistic}] = &n
			}
		}
	}
	return all
}

// who is a cohort: the items of one population, activity, level and day.
type who struct {
	population, activity string
	first                int
	asof                 models.Date
}

func (x *exact) measure(t *testing.T, period models.Period, pick func(privacy.Item) bool) {
	t.Helper()
	var order []who
	groups := map[who][]privacy.Item{}
	for _, it := range x.p.Items {
		if it.In(period) && pick(it) {
			v := x.s.Vectors[it.Vector]
			w := who{it.Population, v.Activity, v.First, period.Last().AddDays(it.Due)}
			if groups[w] == nil {
				order = append(order, w)
			}
			groups[w] = append(groups[w], it)
		}
	}
	for _, w := range order {
		items := groups[w]
		var ids []string
		for _, it := range items {
			if !slices.Contains(ids, it.Measure) {
				ids = append(ids, it.Measure)
			}
		}
		x.d.Cohort(t, period, w.asof)
		if w.population != "minors" {
			x.d.Exec(t, measures.NoEntries())
			x.d.Exec(t, "DELETE FROM cohort")
		}
		active := func() {
			if w.activity != "" {
				x.d.Exec(t, privacy.ActiveCohort(x.s, items[0].Vector, items[0].Level, len(period.Years()), period))
			}
		}
		build := func() {
			active()
			for _, q := range x.s.Relations(ids) {
				x.d.Exec(t, q)
			}
			for _, id := range ids {
				for _, q := range x.s.Build[id] {
					x.d.Exec(t, q)
				}
			}
		}
		if w.population != privacy.Nobody && w.population != "profiles" {
			build()
			for _, it := range items {
				x.sum(t, it)
			}
			continue
		}
		for i := 0; i < x.many; i += public {
			x.d.Exec(t, fmt.Sprintf("UPDATE shown SET county = %d", i))
			if w.population == "profiles" {
				build()
			}
			for _, it := range items {
				if w.population == "profiles" {
					x.sum(t, it)
				} else {
					x.sumFacts(t, it, i)
				}
			}
		}
	}
}

// sum fills in an item's cells for every county.
func (x *exact) sum(t *testing.T, it privacy.Item) {
	t.Helper()
	v := x.s.Vectors[it.Vector]
	if v.Events { // its persons are rows, named by their partner first
		x.read(t, it, fmt.Sprintf("SELECT (split_part(v.person, ':', 1)::BIGINT // %d)::BIGINT, '', v.cell, sum(v.value * v.times)::BIGINT FROM (%s) v GROUP BY ALL", partnersEach, v.SQL))
		return
	}
	dim, join := "''", ""
	if it.By != "" && v.Each == "" {
		d, ok := x.s.Dimension(it.Measure, it.By)
		if !ok {
			t.Fatalf("%s: no dimension %s", it.ID, it.By)
		}
		dim, join = "r.value", "JOIN ("+d.SQL+") r ON r.person = v.person"
		if slices.Contains(d.Values, "unknown") {
			dim, join = "coalesce(r.value, 'unknown')", "LEFT "+join
		}
	}
	x.read(t, it, fmt.Sprintf("SELECT (v.person // %d)::BIGINT, %s, v.cell, sum(v.value)::BIGINT FROM (%s) v SEMI JOIN cohort c ON c.person = v.person %s GROUP BY ALL", perCounty, dim, v.SQL, join))
}

// sumFacts fills in the cells of public facts of one county.
func (x *exact) sumFacts(t *testing.T, it privacy.Item, i int) {
	t.Helper()
	x.read(t, it, fmt.Sprintf("SELECT %d::BIGINT, '', v.cell, sum(v.value)::BIGINT FROM (%s) v GROUP BY ALL", i, x.s.Vectors[it.Vector].SQL))
}

func (x *exact) read(t *testing.T, it privacy.Item, query string) {
	t.Helper()
	if x.sums[it.ID] == nil {
		x.sums[it.ID] = make([]map[privacy.Cell]int64, x.many)
	}
	rows, err := x.d.Query(query)
	if err != nil {
		t.Fatalf("%s: %v\n%s", it.ID, err, query)
	}
	defer rows.Close()
	for rows.Next() {
		var i, n int64
		var dim, cell string
		if err := rows.Scan(&i, &dim, &cell, &n); err != nil {
			t.Fatal(err)
		}
		if x.s.Vectors[it.Vector].Each != "" {
			dim, cell, _ = strings.Cut(cell, ":")
		}
		if x.sums[it.ID][i] == nil {
			x.sums[it.ID][i] = map[privacy.Cell]int64{}
		}
		x.sums[it.ID][i][privacy.Cell{Dim: dim, Answer: cell}] += n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// publish derives one statistic of an item, at every place of it, as derive.go does from noisy cells.
func (x *exact) publish(out map[oracle.Key]*float64, i int, it privacy.Item, f privacy.Formula, period models.Period) {
	v := x.s.Vectors[it.Vector]
	dims := []string{""}
	if v.Each != "" {
		dims = v.EachValues
	} else if it.By != "" {
		d, _ := x.s.Dimension(it.Measure, it.By)
		dims = d.Values
	}
	places := []string{""}
	if f.Per != "" {
		if places = f.Cells; len(places) == 0 {
			places = v.Cells
		}
	}
	for _, dim := range dims {
		for _, place := range places {
			g := f
			if place != "" {
				g.Cells = []string{place}
			}
			var by []string
			add := func(k, v string) {
				if v != "" {
					by = append(by, k+"="+v)
				}
			}
			add(it.By, dim)
			keys, values := strings.Split(f.Per, ":"), strings.Split(place, ":")
			for k := range keys {
				add(keys[k], values[min(k, len(values)-1)])
			}
			for _, d := range f.By {
				add(d.Key, d.Value)
			}
			var before sums
			if f.Calendar != "" {
				on, ok := snapshotIn(x.sums, i, dim, period)
				if !ok {
					continue
				}
				if f.Form == privacy.FormChange {
					before = x.yearEarlier(i, dim, on)
				}
				add("snapshot", on.String())
			}
			slices.Sort(by)
			key := oracle.Key{Measure: f.Measure, Period: period.String(), Statistic: f.Statistic, By: strings.Join(by, ";")}
			out[key] = x.value(i, it, v, g, dim, before)
		}
	}
}

// snapshotIn is the day of a place's snapshot in a quarter. The plan has one item of the calendar.
func snapshotIn(all sums, i int, dim string, period models.Period) (models.Date, bool) {
	counties := all["ad_calendar"]
	if counties == nil {
		return 0, false
	}
	day := counties[i][privacy.Cell{Dim: dim, Answer: "day"}]
	return period.First().AddDays(int(day) - 1), day > 0
}

// yearEarlier are the sums of the snapshot that a change is against.
func (x *exact) yearEarlier(i int, dim string, now models.Date) (best sums) {
	least := 46
	for _, q := range slices.SortedFunc(maps.Keys(x.past), func(a, b models.Period) int { return int(a.First() - b.First()) }) {
		if on, seen := snapshotIn(x.past[q], i, dim, q); seen {
			if off := max(int(now)-365-int(on), int(on)-int(now)+365); off < least {
				best, least = x.past[q], off
			}
		}
	}
	return best
}

// value is the figure, nil where there is nothing to divide by. before is what a change is against.
func (x *exact) value(i int, it privacy.Item, v privacy.Vector, f privacy.Formula, dim string, before sums) *float64 {
	all := x.sums
	in := func(item string, cells ...string) float64 {
		var sum int64
		if all[item] == nil {
			return 0
		}
		for c, n := range all[item][i] {
			if c.Dim == dim && (len(cells) == 0 || slices.Contains(cells, c.Answer)) {
				sum += n
			}
		}
		return float64(sum)
	}
	known := slices.DeleteFunc(slices.Clone(v.Cells), func(a string) bool { return a == "u" })
	persons := func() float64 {
		over, _ := x.p.Item(it.Over)
		if over.By == "" { // of everybody, also in a figure of one block
			var sum int64
			for _, n := range all[over.ID][i] {
				sum += n
			}
			return float64(sum)
		}
		return in(it.Over)
	}
	asked := func() float64 {
		if len(known) == len(v.Cells) {
			return persons()
		}
		return persons() - in(it.ID, "u")/float64(v.Linf)
	}
	step := f.Step
	if step == 0 {
		step = 1
	}
	over := func(a, b float64) *float64 {
		if b == 0 {
			return nil
		}
		q := a / b
		return &q
	}
	whole := func(n float64) *float64 { return &n }
	total := func() float64 {
		n := step * in(it.ID, f.Cells...)
		if f.Mid != 0 {
			n += f.Mid * persons()
		}
		return n
	}
	switch f.Form {
	case privacy.FormCount:
		n := in(it.ID, f.Cells...)
		if f.Scale != 0 {
			n *= f.Scale
		}
		return whole(n)
	case privacy.FormTotal:
		return whole(total())
	case privacy.FormChange:
		now := total()
		all = before
		q := over(now, total())
		if q != nil {
			*q--
		}
		return q
	case privacy.FormShare:
		return over(in(it.ID, f.Cells...), in(it.ID, f.Of...))
	case privacy.FormOver:
		return over(in(it.ID, f.Cells...)/float64(v.Linf), persons())
	case privacy.FormPart:
		a := in(it.ID, f.Cells...)
		return over(a, a+in(it.With, f.Of...))
	case privacy.FormSigned, privacy.FormYes:
		n := asked()
		return over((n+in(it.ID, known...))/2, n)
	case privacy.FormMean:
		n := asked()
		return over(f.Mid*n+f.Step*in(it.ID, known...), n)
	case privacy.FormRatio:
		n := persons()
		return over(f.Scale*(f.Mid*n+f.Step*in(it.ID)), f.WithMid*n+f.WithStep*in(it.With))
	case privacy.FormMedian:
		return medianOf(f.Edges, v.Cells, in, it.ID)
	case privacy.FormSurvival:
		return survivalOf(f, in, it.ID)
	}
	return whole(math.NaN()) // never equal: a form that this test does not know
}

func medianOf(edges []float64, names []string, in func(string, ...string) float64, item string) *float64 {
	half := in(item) / 2
	var below, from float64
	for k, to := range edges {
		n := in(item, names[k])
		if n > 0 && below+n >= half {
			m := from + (to-from)*(half-below)/n
			return &m
		}
		below, from = below+n, to
	}
	return nil
}

func survivalOf(f privacy.Formula, in func(string, ...string) float64, item string) *float64 {
	risk := in(item, append(slices.Clone(f.Left), f.Censored...)...)
	if risk == 0 {
		return nil
	}
	s := 1.0
	for k, edge := range f.Edges {
		left, censored := in(item, f.Left[k]), in(item, f.Censored[k])
		if at := risk - censored/2; at > 0 {
			s *= 1 - left/at
		}
		risk -= left + censored
		if edge == f.At {
			break
		}
	}
	return &s
}
