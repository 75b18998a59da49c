package privacy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A definition changes, and the dictionary grows, while what was released stays. What follows says what a release file
// knew of both when it was made.

// definitions are those that the file's measurements followed, by measure. Before files had a manifest there was one
// definition of everything.
func (f ReleaseFile) definitions(s Schema) map[string]int {
	all := map[string]int{}
	if f.Manifest == nil {
		for _, m := range f.Measurements {
			all[s.Vectors[m.Vector].Measure] = 1
		}
		return all
	}
	for _, it := range f.Manifest.Items {
		all[it.Measure] = it.Definition
	}
	return all
}

// ofToday tells that the file was made with today's dictionary and definitions, so that its measurements must be those that
// its plan has today.
func (f ReleaseFile) ofToday(s Schema) bool {
	if f.Manifest == nil {
		return true
	}
	return f.Manifest.Dictionary == s.Dictionary && !slices.ContainsFunc(f.Manifest.Items, func(it ManifestItem) bool {
		return s.Measures[it.Measure].Definition != it.Definition
	})
}

// then is the schema with the lists of values that the file's measurements had: an earlier version of the dictionary may
// have had fewer. A value that came later was not asked for, and has no cell in the file.
func (s Schema) then(p *Plan, f ReleaseFile) Schema {
	if f.Manifest == nil || f.Manifest.Dictionary >= s.Dictionary {
		return s
	}
	out, cut := s, []string{}
	out.Vectors, out.Dimensions = maps.Clone(s.Vectors), maps.Clone(s.Dimensions)
	for _, m := range f.Measurements {
		name := m.Vector
		if it, ok := p.Item(m.Item); ok && name == "" {
			name = it.Vector
		}
		v, ok := out.Vectors[name]
		if !ok {
			continue
		}
		had := map[string][]string{}
		for _, c := range m.Cells {
			for k, value := range c.Cell {
				if !slices.Contains(had[k], value) {
					had[k] = append(had[k], value)
				}
			}
		}
		for k, values := range had {
			d, key := Dimension{}, v.Measure+"/"+k
			if d, ok = out.Dimensions[key]; !ok {
				key = k
				d = out.Dimensions[key]
			}
			switch {
			case k == "answer":
				v.Cells = still(v.Cells, values)
			case k == v.Each:
				v.EachValues = still(v.EachValues, values)
			default:
				d.Values = still(d.Values, values)
				out.Dimensions[key] = d
			}
			if len(values) > 0 {
				cut = append(cut, fmt.Sprintf("%s %s %q", name, k, values))
			}
		}
		out.Vectors[name] = v
	}
	slices.Sort(cut)
	out.of = strings.Join(cut, "\n")
	return out
}

// still are the values of today's list that there were then. A list that is no longer a longer one stays as it is: what
// was measured is then not what this program would measure.
func still(today, then []string) []string {
	kept := slices.DeleteFunc(slices.Clone(today), func(v string) bool { return !slices.Contains(then, v) })
	if len(kept) != len(then) {
		return today
	}
	return kept
}

// definition is the one that a figure's measurements followed, and whether they followed two: then nothing may be put
// together. A figure whose numbers are another measure's (the head count) goes by what was measured beside them.
func (d derivation) definition(s Schema, r readings) (n int, mixed bool) {
	followed := map[string]int{}
	for _, f := range append([]form{d.above, d.below, d.persons}, slices.Concat(d.bins, d.censored)...) {
		for k := range f {
			rd := r[k.readingKey]
			m := s.Vectors[rd.item.Vector].Measure
			def, ok := rd.definitions[m]
			if !ok {
				def = s.Measures[m].Definition
			}
			if before, twice := followed[m]; twice && before != def {
				mixed = true
			}
			followed[m] = max(followed[m], def)
			n = max(n, rd.definitions[d.formula.Measure])
		}
	}
	if own, ok := followed[d.formula.Measure]; ok {
		return own, mixed
	}
	if n == 0 {
		for k, rd := range r {
			if k.period == d.period {
				n = max(n, rd.definitions[d.formula.Measure])
			}
		}
	}
	if n == 0 {
		n = s.Measures[d.formula.Measure].Definition
	}
	return n, mixed
}
