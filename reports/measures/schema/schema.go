// Package schema hands the measures' declarations to package privacy: SQL, public domains, and how each statistic
// follows from noisy cells. It computes nothing itself.
package schema

import (
	"strings"

	"heatwatch/privacy"
	"heatwatch/reports/measures"
)

// Schema is the whole of what privacy may know of the measures.
func Schema() privacy.Schema {
	entries, _ := measures.CommonSQL()
	s := privacy.Schema{
		Entries: statements(entries), Relations: relations,
		Build: map[string][]string{}, Vectors: map[string]privacy.Vector{}, Dimensions: map[string]privacy.Dimension{},
		Measures: map[string]privacy.MeasureInfo{},
		Formulas: append(timeToService(), placementStability()...), Identities: identities(),
	}
	for _, m := range append(measures.All(), measures.Entry()) {
		s.Measures[m.ID] = privacy.MeasureInfo{Definition: m.Definition, Population: m.Population, DueAfter: m.DueAfter}
		s.Build[m.ID] = statements(m.SQL)
		for _, v := range m.Vectors {
			s.Vectors[m.ID+"."+v.Name] = privacy.Vector{Name: m.ID + "." + v.Name, Encoding: privacy.Encoding(v.Encoding), Cells: v.Cells,
				Linf: v.Linf, SQL: v.SQL, Measure: m.ID, Eligible: eligible[m.ID+"."+v.Name], By: v.Dimensions}
			for _, d := range v.Dimensions {
				s.Dimensions[m.ID+"/"+d] = privacy.Dimension{Name: d, Values: measures.Values(d), SQL: m.DimensionSQL(d)}
			}
		}
	}
	return s
}

// relations are the common relations that these measures need, each made once.
func relations(ids []string) []string {
	var all []measures.Measure
	for _, id := range ids {
		if m, ok := measures.Lookup(id); ok {
			all = append(all, m)
		}
	}
	return statements(measures.CommonFor(all...))
}

// statements splits a file of ours at the semicolons that end its lines.
func statements(sql string) []string {
	var all []string
	for part := range strings.SplitSeq(sql+"\n", ";\n") {
		if strings.TrimSpace(part) != "" {
			all = append(all, part)
		}
	}
	return all
}

// eligible is the share of a cohort that the plan expects a vector to be about. It steers intervals that are printed
// before any data is read, and nothing else.
var eligible = map[string]float64{
	"time-to-emergency-service.day_precision":   0.85,
	"placement-stability.eligible":              0.55,
	"placement-stability.two_or_fewer":          0.55,
	"placement-stability.two_or_fewer_eligible": 0.55,
	"placement-stability.moves":                 0.55,
	"placement-stability.days":                  0.55,
	"placement-stability.cfsr_eligible":         0.5,
	"placement-stability.cfsr_moves":            0.5,
	"placement-stability.cfsr_days":             0.5,
}
