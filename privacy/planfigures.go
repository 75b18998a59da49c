package privacy

import (
	"fmt"
	"slices"
	"strings"

	"heatwatch/internal/nearest"
	"heatwatch/models"
)

func (r *planReader) totals() error {
	for i, yt := range r.y.Totals {
		at := func(path ...any) []any { return append([]any{"totals", i}, path...) }
		_, isItem := r.p.Item(yt.ID)
		if _, isTotal := r.p.total(yt.ID); isItem || isTotal {
			return r.wrong("the id "+yt.ID+" is used twice", "give each total an id of its own", at("id")...)
		}
		if yt.ID == "" || strings.ContainsAny(yt.ID, ":|/ -") {
			return r.wrong("a total needs an id, without blanks and none of : | / -", "write `id: year_heads`", at("id")...)
		}
		if yt.Level != models.LevelQuarter && yt.Level != models.LevelYear {
			return r.wrong(fmt.Sprintf("total %s: level %q is not quarter or year", yt.ID, yt.Level), known(yt.Level, []string{models.LevelQuarter, models.LevelYear}), at("level")...)
		}
		if len(yt.Parts) == 0 {
			return r.wrong("total "+yt.ID+" has no parts", "name the items that count these persons", at("parts")...)
		}
		if !(yt.Eligible >= 0 && yt.Eligible <= maxPlanned) {
			return r.wrong("total "+yt.ID+": eligible is a share of the persons", "leave it out for all", at("eligible")...)
		}
		r.p.Totals = append(r.p.Totals, Total{ID: yt.ID, Level: yt.Level, Parts: yt.Parts, Eligible: yt.Eligible, Publishes: publications(yt.Publishes, "")})
	}
	for i, t := range r.p.Totals {
		for k, part := range t.Parts {
			if len(part) == 0 {
				return r.wrong("total "+t.ID+" has an empty part", "name its items", "totals", i, "parts", k)
			}
			for m, text := range part {
				if err := r.part(t, text, r.p.populationOf(t)); err != nil {
					return r.wrong(err.Error(), r.knownParts(t, text), "totals", i, "parts", k, m)
				}
			}
		}
	}
	return nil
}

// part checks an addend of a total.
func (r *planReader) part(t Total, text, population string) error {
	term, err := r.p.partTerm(t, text)
	if err != nil || term.item == nil {
		return err
	}
	if term.item.exact() {
		return fmt.Errorf("total %s: %s holds public facts, which count no persons", t.ID, term.item.ID)
	}
	if term.item.Population != population {
		return fmt.Errorf("total %s: %s is about %s, not %s", t.ID, term.item.ID, term.item.Population, population)
	}
	if term.answer == "" {
		return nil
	}
	if cells := r.s.Vectors[term.item.Vector].Cells; !slices.Contains(cells, term.answer) {
		return fmt.Errorf("total %s: %s has no cell %q", t.ID, term.item.ID, term.answer)
	}
	return nil
}

// knownParts proposes what a part may be.
func (r *planReader) knownParts(t Total, text string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(text, "-"), ":")
	var names []string
	for _, it := range r.p.Items {
		if it.Level == t.Level {
			names = append(names, it.ID)
		}
	}
	for _, o := range r.p.Totals {
		if o.ID == t.ID {
			break
		}
		names = append(names, o.ID)
	}
	if n := nearest.Name(id, names); n != "" && n != id {
		return "did you mean " + n + "?"
	}
	return "a part is an item of that level, one of its cells (ITEM:CELL), or a total that stands before"
}

// figures refuses a plan that names a figure twice, a statistic that no formula gives, or a count that is not there.
func (r *planReader) figures() error {
	seen := map[string]string{}
	claim := func(level, by, owner string, pub Publication, path ...any) error {
		if level == LevelSnapshot {
			level = models.LevelQuarter
		}
		key := strings.Join([]string{pub.Measure, pub.Statistic, level, by}, "|")
		if other, ok := seen[key]; ok {
			return r.wrong(fmt.Sprintf("%s of %s (%s, by %q) is published by %s and by %s", pub.Statistic, pub.Measure, level, by, other, owner), "each figure has one source: leave one out", path...)
		}
		seen[key] = owner
		return nil
	}
	for _, it := range r.p.Items {
		for k, pub := range it.Publishes {
			at := []any{"items", it.entry, "publishes", k}
			f, err := r.formula(it, pub, at)
			if err != nil {
				return err
			}
			if err := r.checkBelow(it, f); err != nil {
				return err
			}
			it.Publishes[k].By, it.Publishes[k].Keys = f.dimension(it.By), f.keys(it.By) // the plan's own list
			for _, level := range append([]string{it.Level}, it.Sums...) {
				if err := claim(level, it.By+f.place(), it.ID, pub, at...); err != nil {
					return err
				}
			}
		}
	}
	for i, t := range r.p.Totals {
		for k, pub := range t.Publishes {
			if _, ok := r.s.Measures[pub.Measure]; !ok {
				return r.wrong(fmt.Sprintf("total %s: there is no measure %q", t.ID, pub.Measure), known(pub.Measure, keys(r.s.Measures)), "totals", i, "publishes", k)
			}
			for _, level := range t.levels() {
				if err := claim(level, "", t.ID, pub, "totals", i, "publishes", k); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// formula finds how an item gives what it publishes.
func (r *planReader) formula(it Item, pub Publication, at []any) (Formula, error) {
	if _, ok := r.s.Measures[pub.Measure]; !ok {
		return Formula{}, r.wrong(fmt.Sprintf("item %s: there is no measure %q", it.ID, pub.Measure), known(pub.Measure, keys(r.s.Measures)), at...)
	}
	f, ok := r.s.formula(it.Vector, pub.Statistic, pub.Measure)
	if !ok {
		var statistics []string
		for _, f := range r.s.Formulas {
			if f.Vector == it.Vector && f.Measure == pub.Measure {
				statistics = append(statistics, f.Statistic)
			}
		}
		return f, r.wrong(fmt.Sprintf("item %s: no formula gives %s of %s from %s", it.ID, pub.Statistic, pub.Measure, it.Vector), known(pub.Statistic, statistics), at...)
	}
	if it.exact() && f.Form != FormCount {
		return f, r.wrong(fmt.Sprintf("the declaration of %s is wrong: %s holds public facts, which are only shown as they are", f.Statistic, it.Vector), "correct the measure", at...)
	}
	for k := 1; k < len(f.Edges); k++ {
		if !(f.Edges[k] > f.Edges[k-1]) {
			return f, r.wrong(fmt.Sprintf("the declaration of %s is wrong: its buckets overlap at %g", f.Statistic, f.Edges[k]), "correct the measure", at...)
		}
	}
	return f, nil
}

func (r *planReader) checkBelow(it Item, f Formula) error {
	at := func(key string) []any { return []any{"items", it.entry, key} }
	if f.Calendar != "" {
		if _, ok := r.p.calendarOf(it, f); !ok || it.Level != LevelSnapshot {
			return r.wrong(fmt.Sprintf("item %s: %s stands at the date of a snapshot, and no item of %s says when those were taken", it.ID, f.Statistic, f.Calendar),
				"measure both by snapshot: add an item of "+f.Calendar+", `levels: [snapshot]`", at("publishes")...)
		}
	}
	if f.overPersons() {
		over, isItem := r.p.Item(it.Over)
		t, isTotal := r.p.total(it.Over)
		if !isItem && !isTotal {
			names := mapSlice(r.p.Items, func(o Item) string { return o.ID })
			names = append(names, mapSlice(r.p.Totals, func(o Total) string { return o.ID })...)
			do := "write `over: ITEM`"
			if n := nearest.Name(it.Over, names); it.Over != "" && n != "" {
				do = "did you mean " + n + "?"
			}
			return r.wrong(fmt.Sprintf("item %s: %s needs the count below the line; %q is no item or total", it.ID, f.Statistic, it.Over), do, at("over")...)
		}
		if isTotal {
			over = Item{Level: t.Level, Population: r.p.populationOf(t)}
		}
		switch {
		case over.By != it.By && !(it.blocks && over.By == ""):
			return r.wrong(fmt.Sprintf("item %s: the count below the line, %s, has another breakdown", it.ID, it.Over), "count the same persons in the same way", at("over")...)
		case over.Population != it.Population:
			return r.wrong(fmt.Sprintf("item %s: the count below the line, %s, is about %s, not %s", it.ID, it.Over, over.Population, it.Population), "a figure is about one population", at("over")...)
		case rank(over.Level) > rank(it.Level) || (over.Level == LevelSnapshot) != (it.Level == LevelSnapshot) || over.Level == models.LevelSpan && over.Years != it.Years:
			return r.wrong(fmt.Sprintf("item %s: the count below the line, %s, is measured by %s", it.ID, it.Over, over.Level), "it must be measured as often, or more", at("over")...)
		}
	}
	if f.withItem() {
		w, ok := r.p.Item(it.With)
		if !ok || w.Vector != f.WithVector || w.By != it.By || w.Level != it.Level || w.Years != it.Years {
			return r.wrong(fmt.Sprintf("item %s: %s needs an item of %s beside it", it.ID, f.Statistic, f.WithVector), "write `with: ITEM`, of the same level and breakdown", at("with")...)
		}
	}
	return nil
}

// publications reads "statistic" or "measure.statistic".
func publications(list []string, measure string) []Publication {
	return mapSlice(list, func(s string) Publication {
		if m, st, ok := strings.Cut(s, "."); ok {
			return Publication{Measure: m, Statistic: st}
		}
		return Publication{Measure: measure, Statistic: s}
	})
}
