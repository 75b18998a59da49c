// Package schema hands the measures' declarations to package privacy: SQL, public domains, and how each statistic
// follows from noisy cells. It computes nothing itself.
package schema

import (
	"slices"
	"strings"

	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/measures"
)

// Schema is the whole of what privacy may know of the measures.
func Schema() privacy.Schema {
	entries, _ := measures.CommonSQL()
	s := privacy.Schema{
		Entries: statements(entries), EntriesOf: map[string][]string{}, Relations: relations,
		Build: map[string][]string{}, Vectors: map[string]privacy.Vector{}, Dimensions: map[string]privacy.Dimension{},
		Measures: map[string]privacy.MeasureInfo{},
		Formulas: formulas(), Identities: identities(), Dictionary: models.Dictionary().Version,
	}
	for _, population := range []string{"accused", "profiles", "attendees", "pledgers"} {
		s.EntriesOf[population] = statements(measures.NoEntries())
	}
	for _, m := range append(measures.All(), measures.Entry()) {
		s.Measures[m.ID] = privacy.MeasureInfo{Definition: m.Definition, Population: m.Population, DueAfter: m.DueAfter}
		s.Build[m.ID] = statements(m.SQL)
		for _, v := range m.Vectors {
			s.Vectors[m.ID+"."+v.Name] = privacy.Vector{Name: m.ID + "." + v.Name, Encoding: privacy.Encoding(v.Encoding), Cells: v.Cells,
				Linf: v.Linf, SQL: plain(v.SQL), Measure: m.ID, Eligible: v.Eligible, By: once(v), Each: v.Each, EachValues: v.EachValues, L0: v.L0,
				Activity: plain(v.Activity), First: v.First, Events: v.Events, Population: v.Population, DueAfter: v.DueAfter}
			for _, name := range v.Dimensions {
				if d, ok := m.Dimension(name); ok {
					s.Dimensions[m.ID+"/"+name] = privacy.Dimension{Name: name, Values: d.Values, SQL: plain(d.SQL)}
				}
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
	for part := range strings.SplitSeq(plain(sql)+"\n", ";\n") {
		if strings.TrimSpace(part) != "" {
			all = append(all, part)
		}
	}
	return all
}

// once are the dimensions of a vector of which a person has at most one row: there the sums over a breakdown are the sums
// without.
func once(v measures.Vector) []string {
	if v.L0 > 1 || v.Each != "" || v.Events {
		return nil
	}
	return v.Dimensions
}

// formulas say how each statistic follows from noisy cells, measure by measure.
func formulas() []privacy.Formula {
	return slices.Concat(
		timeToService(),
		placementStability(),
		outcomeChange(),
		screeningLevels(),
		victimProfile(),
		longTermResidentialCare(),
		agenciesWorkingTogether(),
		returnEngagements(),
		runawayEpisodes(),
		exitsFromCare(),
		caseManagement(),
		servicesReceived(),
		referralsConnected(),
		laborExploitation(),
		onlineAds(),
		resources(),
		arrestsByRole(),
		prosecuted(),
		purchaserPrograms(),
		attendances(),
	)
}
