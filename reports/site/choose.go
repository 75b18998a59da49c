package site

import (
	"cmp"
	"slices"

	"heatwatch/models"
	"heatwatch/privacy"
)

// levels in the order in which a reader wants them: a year is fresher than a span and less noisy than a quarter.
var levels = []string{models.LevelYear, models.LevelQuarter, models.LevelSpan}

// headline is the statistic of the answer card.
func headline(m MeasureText, r report) string {
	if m.Headline != "" {
		return m.Headline
	}
	for _, s := range m.Statistics {
		if s.Unit == "share" {
			return s.Name
		}
	}
	for _, f := range r.figures {
		if f.unit == "share" && len(f.by) == 0 {
			return f.statistic
		}
	}
	if len(r.figures) > 0 {
		return r.figures[0].statistic
	}
	return ""
}

// current is the figure that answers the question now: the newest of the first level that has a value, else the newest
// without one. What is null follows from the plan and from released numbers, so this choice does too.
func current(totals []figure) (figure, bool) {
	for _, wantValue := range []bool{true, false} {
		for _, level := range levels {
			for _, f := range slices.Backward(inTime(totals)) {
				if f.period.Level() == level && f.null != wantValue {
					return f, true
				}
			}
		}
	}
	return figure{}, false
}

// statistics are the names of the statistics that have a figure, in the order of the declaration.
func statistics(m MeasureText, r report) []string {
	var names []string
	for _, s := range m.Statistics {
		if slices.ContainsFunc(r.figures, func(f figure) bool { return f.statistic == s.Name }) {
			names = append(names, s.Name)
		}
	}
	for _, f := range r.figures {
		if !slices.Contains(names, f.statistic) {
			names = append(names, f.statistic)
		}
	}
	return names
}

// only keeps the figures of one statistic and one kind of breakdown.
func only(all []figure, statistic, place string) []figure {
	var out []figure
	for _, f := range all {
		if f.statistic == statistic && f.place() == place {
			out = append(out, f)
		}
	}
	return out
}

// places are the kinds of breakdown of the figures, in their order; totals are none.
func places(all []figure) []string {
	var out []string
	for _, f := range all {
		if p := f.place(); p != "" && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// groupsUnknown tells whether there is a group of the unknown beside a total.
func groupsUnknown(all []figure) bool {
	return slices.ContainsFunc(all, func(f figure) bool { return len(f.by) == 0 }) && slices.ContainsFunc(all, func(f figure) bool {
		return slices.ContainsFunc(f.by, func(d privacy.Dim) bool { return d.Value == "unknown" })
	})
}

// inTime sorts by period and leaves the plan's order within one.
func inTime(all []figure) []figure {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b figure) int {
		return cmp.Or(cmp.Compare(a.period.First(), b.period.First()), cmp.Compare(a.period.Last(), b.period.Last()))
	})
	return all
}

// ofLevel keeps the periods of one length.
func ofLevel(all []figure, level string) []figure {
	var out []figure
	for _, f := range all {
		if f.period.Level() == level {
			out = append(out, f)
		}
	}
	return out
}

// bestPeriod is the period whose breakdown is drawn: the newest of the first level with a value.
func bestPeriod(all []figure) (models.Period, bool) {
	f, ok := current(all)
	return f.period, ok
}

// union is the sorted set of what many figures rest on.
func union[T cmp.Ordered](all []figure, of func(figure) []T) []T {
	var out []T
	for _, f := range all {
		out = append(out, of(f)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
