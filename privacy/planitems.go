package privacy

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"heatwatch/models"
	"heatwatch/privacy/mechanism"
)

func (r *planReader) items() error {
	if len(r.y.Items) == 0 {
		return r.wrong("the plan measures nothing", "give it items", "items")
	}
	for i := range r.y.Items {
		if err := r.entry(i); err != nil {
			return err
		}
	}
	return nil
}

// entry turns an entry of the list of items, which may be a family, into its items: one per level and breakdown.
func (r *planReader) entry(i int) error {
	y := r.y.Items[i]
	at := func(path ...any) []any { return append([]any{"items", i}, path...) }
	if y.ID == "" || strings.ContainsAny(y.ID, ":|/ -") {
		return r.wrong("an item needs an id, without blanks and none of : | / -", "write `id: heads_q`", at("id")...)
	}
	v, ok := r.s.Vectors[y.Vector]
	if !ok {
		return r.wrong(fmt.Sprintf("item %s: no measure declares the vector %q", y.ID, y.Vector), known(y.Vector, keys(r.s.Vectors)), at("vector")...)
	}
	if what := r.s.check(v); what != "" {
		return r.wrong(fmt.Sprintf("the declaration of %s is wrong: %s", y.Vector, what), "correct the measure", at("vector")...)
	}
	if err := r.numbers(i, v); err != nil {
		return err
	}
	for _, list := range []struct {
		key    string
		values []string
	}{{"levels", y.Levels}, {"by", y.By}, {"sums", y.Sums}, {"publishes", y.Publishes}} {
		if k := twice(list.values); k >= 0 {
			return r.wrong(fmt.Sprintf("item %s: %q stands twice", y.ID, list.values[k]), "leave one out", at(list.key, k)...)
		}
	}
	if len(y.Levels) == 0 {
		return r.wrong("item "+y.ID+" has no level", "write `levels: [year]`", at("levels")...)
	}
	by := y.By
	if len(by) == 0 {
		by = []string{totalBy}
	}
	if v.Each != "" && !slices.Equal(by, []string{totalBy}) {
		return r.wrong(fmt.Sprintf("item %s: %s is by %s already, and no two dimensions are crossed", y.ID, y.Vector, v.Each), "leave `by` out", at("by")...)
	}
	for _, level := range keys(y.Due.per) {
		if !slices.Contains(y.Levels, level) {
			return r.wrong(fmt.Sprintf("item %s: due names the level %q, which the item does not have", y.ID, level), known(level, slices.Clone(y.Levels)), at("due", level)...)
		}
	}
	family := len(by) > 1 || len(y.Levels) > 1
	for li, level := range y.Levels {
		if rank(level) < 0 {
			return r.wrong(fmt.Sprintf("item %s: level %q is none", y.ID, level), known(level, slices.Clone(levels)), at("levels", li)...)
		}
		for bi, b := range by {
			if b == totalBy {
				b = ""
			}
			it := Item{
				ID: name(y.ID, level, b, family), Population: r.s.population(v), Measure: v.Measure, Vector: y.Vector,
				Level: level, By: b, Due: y.Due.of(level), Encoding: v.Encoding, L0: v.l0(y.L0), Linf: v.Linf, Participations: 1,
				Over: related(y.Over, level, b, family), With: related(y.With, level, b, family),
				Publishes: publications(y.Publishes, v.Measure), Sums: y.Sums, CellShare: 1, Weight: 1, entry: i,
			}
			if !it.exact() {
				it.Sigma = max(roundUp4(y.Sigma*r.p.factor), mechanism.MinSigma)
			}
			if level == models.LevelYear && y.DueYear != nil {
				it.Due = *y.DueYear
			}
			if y.Participations != nil {
				it.Participations = *y.Participations
			} else if v.First > 0 {
				it.Participations = v.First
			}
			if v.Activity != "" {
				it.FirstPeriods = it.Participations
				if level == models.LevelQuarter {
					it.Participations *= 4 // years are counted, quarters are released
				}
			}
			if y.CellShare != nil {
				it.CellShare = *y.CellShare
			}
			if y.Target != nil {
				it.Target = *y.Target
			}
			if y.Weight != nil {
				it.Weight = *y.Weight
			}
			switch {
			case v.Each != "":
				it.By, it.blocks = v.Each, true
				if !it.exact() {
					it.Encoding = Encoding(fmt.Sprintf("%d x %s", len(v.EachValues), v.Encoding))
				}
			case b != "" && it.Encoding == Signed:
				it.Encoding = SignedHistogram
			}
			if err := r.item(it, at, li, bi); err != nil {
				return err
			}
			if level == models.LevelSpan {
				it.Years = *y.Years
			}
			r.p.Items = append(r.p.Items, it)
		}
	}
	return nil
}

// numbers checks what an entry says in numbers, and what it repeats of the vector's declaration.
func (r *planReader) numbers(i int, v Vector) error {
	y := r.y.Items[i]
	wrong := func(key, what, do string) error { return r.wrong("item "+y.ID+": "+what, do, "items", i, key) }
	blocks := int64(len(v.Cells))
	if v.Each != "" {
		blocks = int64(len(v.EachValues))
	}
	if v.Encoding == Weights && v.Each == "" {
		blocks = 1
	}
	if v.Encoding == Exact {
		return r.fact(i, v)
	}
	switch {
	case !positive(y.Sigma):
		return wrong("sigma", "sigma must be above 0 and at most a million", "it is the noise in units of the most that one person changes a cell by")
	case y.L0 != nil && *y.L0 < 1:
		return wrong("l0", "the bound l0 must be above 0", "it is how many cells one person changes; leave it out to take the vector's own")
	case y.L0 != nil && *y.L0 > blocks:
		return wrong("l0", fmt.Sprintf("the bound l0 is above %d, which is all that a person of %s can change", blocks, y.Vector), "lower it")
	case y.Linf != nil && *y.Linf < 1:
		return wrong("linf", "the bound linf must be above 0", fmt.Sprintf("%s declares %d; leave it out", y.Vector, v.Linf))
	case y.Linf != nil && *y.Linf != v.Linf:
		return wrong("linf", fmt.Sprintf("the bound linf is %d in the declaration of %s", v.Linf, y.Vector), "repeat that, or leave it out")
	case v.l0(y.L0) > mechanism.MaxChange/v.Linf:
		return wrong("l0", "l0 times linf is above 2^40", "the measure needs a coarser grid")
	case y.Participations != nil && (*y.Participations < 1 || *y.Participations > 250):
		return wrong("participations", "participations must be from 1 to 250", "it is how many periods of a lifetime a person can be in")
	case y.Participations != nil && v.First > 0 && *y.Participations != v.First:
		return wrong("participations", fmt.Sprintf("%s is about persons in their first %d years of it", y.Vector, v.First), "repeat that, or leave it out")
	case y.Participations == nil && v.First == 0 && v.Activity != "":
		return wrong("participations", y.Vector+" is about an activity, and the plan does not say in how many of their years of it persons are measured", "write `participations: 3`")
	case y.CellShare != nil && !(*y.CellShare > 0 && *y.CellShare <= 1):
		return wrong("cell_share", "cell_share is a share of the persons, above 0 and at most 1", "leave it out for a figure about all")
	case y.Target != nil && !positive(*y.Target):
		return wrong("target", "target is a half-width in the figure's unit, above 0", "leave it out to take the plan's limit")
	case y.Weight != nil && !positive(*y.Weight):
		return wrong("weight", "weight must be above 0", "leave it out for 1")
	case y.DueYear != nil && *y.DueYear < 0:
		return wrong("due_year", "due_year is a number of days", "count them from the period's last day")
	case slices.Contains(y.Levels, models.LevelSpan) && (y.Years == nil || *y.Years < 2 || *y.Years > 100):
		return wrong("years", "a span needs its number of years, from 2 to 100", "write `years: 5`")
	case y.Years != nil && !slices.Contains(y.Levels, models.LevelSpan):
		return wrong("years", "years is for the level span", "leave it out")
	}
	return r.repeated(i, v)
}

// fact checks an entry of public facts: nothing that is about noise or persons has a meaning there, and what stood at the
// end of each quarter does not add up to a year.
func (r *planReader) fact(i int, v Vector) error {
	y := r.y.Items[i]
	for _, given := range []struct {
		key string
		is  bool
	}{{"sigma", y.Sigma != 0}, {"l0", y.L0 != nil}, {"linf", y.Linf != nil}, {"participations", y.Participations != nil}, {"cell_share", y.CellShare != nil},
		{"target", y.Target != nil}, {"weight", y.Weight != nil}, {"over", y.Over != ""}, {"with", y.With != ""}, {"sums", len(y.Sums) > 0}, {"years", y.Years != nil}, {"by", len(y.By) > 0}} {
		if given.is {
			return r.wrong(fmt.Sprintf("item %s: %s holds public facts, which are exact: %s has no meaning", y.ID, y.Vector, given.key), "leave it out", "items", i, given.key)
		}
	}
	for k, level := range y.Levels {
		if level == models.LevelSpan {
			return r.wrong(fmt.Sprintf("item %s: public facts are not measured for spans", y.ID), "write quarter or year", "items", i, "levels", k)
		}
	}
	if y.DueYear != nil && *y.DueYear < 0 {
		return r.wrong("item "+y.ID+": due_year is a number of days", "count them from the period's last day", "items", i, "due_year")
	}
	return r.repeated(i, v)
}

// repeated checks the public domain where the plan writes it out for its readers: it must be the declared one.
func (r *planReader) repeated(i int, v Vector) error {
	y := r.y.Items[i]
	if k := twice(y.Cells); k >= 0 {
		return r.wrong(fmt.Sprintf("item %s: the cell %q stands twice", y.ID, y.Cells[k]), "leave one out", "items", i, "cells", k)
	}
	if y.Cells != nil && !slices.Equal(y.Cells, v.Cells) {
		return r.wrong(fmt.Sprintf("item %s: these are not the cells of %s", y.ID, y.Vector), "the measure declares "+strings.Join(v.Cells, ", "), "items", i, "cells")
	}
	for k := 1; k < len(y.Edges); k++ {
		if !(y.Edges[k] > y.Edges[k-1]) {
			return r.wrong(fmt.Sprintf("item %s: the buckets overlap: edge %g does not lie above %g", y.ID, y.Edges[k], y.Edges[k-1]), "write rising edges", "items", i, "edges", k)
		}
	}
	if y.Edges != nil && !slices.ContainsFunc(r.s.Formulas, func(f Formula) bool { return f.Vector == y.Vector && slices.Equal(f.Edges, y.Edges) }) {
		return r.wrong(fmt.Sprintf("item %s: these are not the edges of %s", y.ID, y.Vector), "repeat the measure's, or leave them out", "items", i, "edges")
	}
	return nil
}

// item checks one item of an entry.
func (r *planReader) item(it Item, at func(...any) []any, level, by int) error {
	due := at("due")
	if it.Level == models.LevelYear && r.y.Items[it.entry].DueYear != nil {
		due = at("due_year")
	} else if _, ok := r.y.Items[it.entry].Due.per[it.Level]; ok {
		due = at("due", it.Level)
	}
	if earliest := r.s.dueAfter(r.s.Vectors[it.Vector]); it.Due < earliest || it.Due < 0 || it.Due > maxPlanned {
		return r.wrong(fmt.Sprintf("item %s: due %d: the windows of %s close %d days after the period; a plan may wait longer, never less", it.ID, it.Due, it.Measure, earliest),
			fmt.Sprintf("write %d or more", earliest), due...)
	}
	if it.Population != Nobody && !slices.ContainsFunc(r.p.Populations, func(pop PopulationPlan) bool { return pop.Name == it.Population }) {
		return r.wrong(fmt.Sprintf("item %s: the plan has no population %q", it.ID, it.Population),
			"give "+it.Population+" a cap: "+known(it.Population, mapSlice(r.p.Populations, func(p PopulationPlan) string { return p.Name })), at("vector")...)
	}
	for k, sum := range it.Sums {
		if rank(sum) <= rank(it.Level) || it.Level == LevelSnapshot || sum == LevelSnapshot {
			return r.wrong(fmt.Sprintf("item %s: sums: %q is no level above %s", it.ID, sum, it.Level), "a quarter adds up to year and span, a year to span, a snapshot to nothing", at("sums", k)...)
		}
	}
	if d := it.By; d != "" && !it.blocks {
		dim, ok := r.s.Dimension(it.Measure, d)
		if !ok {
			return r.wrong(fmt.Sprintf("item %s: %s has no dimension %q", it.ID, it.Measure, d), known(d, r.s.dimensionsOf(it.Measure)), at("by", by)...)
		}
		if k := twice(dim.Values); k >= 0 {
			return r.wrong(fmt.Sprintf("the declaration of the dimension %s is wrong: %q stands twice", d, dim.Values[k]), "correct the measure", at("by", by)...)
		}
	}
	if it.Sigma*float64(it.Linf) > mechanism.MaxSd {
		return r.wrong(fmt.Sprintf("item %s: sigma times linf %d is above 2^30", it.ID, it.Linf), "ask for less noise, or the measure needs a coarser grid", at("sigma")...)
	}
	if j := slices.IndexFunc(r.p.Items, func(o Item) bool { return o.ID == it.ID }); j >= 0 {
		return r.wrong("the id "+it.ID+" is used twice, also by "+r.text.place("items", r.p.Items[j].entry, "id"), "give each item an id of its own", at("id")...)
	}
	return r.onlyOnce(it, at)
}

// onlyOnce refuses a second item of the same cells: what was measured of a period is never measured again, whatever it is
// called, so the second would never come.
func (r *planReader) onlyOnce(it Item, at func(...any) []any) error {
	period := func(o Item) string {
		switch o.Level {
		case LevelSnapshot:
			return models.LevelQuarter
		case models.LevelSpan:
			return fmt.Sprint(*r.y.Items[o.entry].Years)
		}
		return o.Level
	}
	j := slices.IndexFunc(r.p.Items, func(o Item) bool { return o.Vector == it.Vector && o.By == it.By && period(o) == period(it) })
	if j < 0 {
		return nil
	}
	return r.wrong(fmt.Sprintf("item %s measures what %s measures, and nothing is measured twice", it.ID, r.p.Items[j].ID),
		"leave it out; what is over it goes over "+r.p.Items[j].ID+", what it publishes a total of that item can publish", at("vector")...)
}

// of is the number of days of a level.
func (d dues) of(level string) int {
	if days, ok := d.per[level]; ok {
		return days
	}
	return d.all
}

// check says what is wrong with a declaration; "" where nothing is. What is about nobody is exact, and nothing else is.
func (s Schema) check(v Vector) string {
	if what := v.check(); what != "" {
		return what
	}
	exact := v.Encoding == Exact
	switch nobody := s.population(v) == Nobody; {
	case exact && !nobody:
		return "it is exact and about " + s.population(v) + "; only public facts, of the population " + Nobody + ", are exact"
	case nobody && !exact:
		return "it is about nobody, and not exact"
	case exact && (v.Activity != "" || v.First != 0 || v.Events || v.L0 != 0 || v.Linf != 0 || len(v.By) > 0):
		return "a public fact has no bounds, no activity, no events and no breakdown by persons"
	}
	return ""
}

func (v Vector) check() string {
	switch {
	case !slices.Contains(encodings, v.Encoding):
		return fmt.Sprintf("there is no encoding %q", v.Encoding)
	case v.Encoding != Exact && (v.Linf < 1 || v.Linf > mechanism.MaxChange):
		return "the bound linf must be from 1 to 2^40"
	case len(v.Cells) == 0:
		return "it has no cells"
	case twice(v.Cells) >= 0:
		return fmt.Sprintf("the cell %q stands twice", v.Cells[twice(v.Cells)])
	case twice(v.EachValues) >= 0:
		return fmt.Sprintf("the value %q of %s stands twice", v.EachValues[twice(v.EachValues)], v.Each)
	case (v.Each == "") != (len(v.EachValues) == 0):
		return "blocks need a name and values"
	case v.L0 < 0 || v.First < 0 || v.DueAfter < 0:
		return "a bound or a number of days is below 0"
	case v.Events && v.Activity != "":
		return "events have no identity, so nobody's first years can be told"
	case math.IsNaN(v.Eligible) || v.Eligible < 0:
		return "the eligible share is below 0"
	}
	return ""
}

// l0 is how many cells of Linf one person's vector amounts to: one, or one in each block, unless the declaration or the
// plan says otherwise.
func (v Vector) l0(planned *int64) int64 {
	switch {
	case v.Encoding == Exact:
		return 0
	case planned != nil:
		return *planned
	case v.L0 > 0:
		return v.L0
	case v.Each != "":
		return int64(len(v.EachValues))
	}
	return 1
}

// dimensionsOf are the names of a measure's dimensions.
func (s Schema) dimensionsOf(measure string) []string {
	var all []string
	for name := range s.Dimensions {
		if m, d, own := strings.Cut(name, "/"); !own {
			all = append(all, name)
		} else if m == measure {
			all = append(all, d)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
