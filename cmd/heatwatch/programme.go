package main

import (
	"slices"

	"heatwatch/etl/census"
	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/declare"
	"heatwatch/reports/site"
)

// programme fills in what the page about the programme shows.
func (h *house) programme(s *site.Site, files []privacy.ReleaseFile) (err error) {
	s.Logic = logicModel()
	s.Census, err = h.publicCensus(files, s.Updated)
	return err
}

// logicModel is the logic model in the site's words.
func logicModel() []site.Objective {
	var all []site.Objective
	for _, o := range declare.Objectives() {
		all = append(all, site.Objective{Says: o})
	}
	for _, l := range measures.LogicModel() {
		o := &all[slices.Index(declare.Objectives(), l.Objective)]
		o.Lines = append(o.Lines, site.LogicLine{Stage: l.Stage, Says: l.Says, Measures: l.Measures, Why: l.Why})
	}
	return all
}

// publicCensus counts agencies for every period that has a release, the newest first, as drops stood on the day of the
// newest release: the site depends on nothing that came later.
func (h *house) publicCensus(files []privacy.ReleaseFile, asof models.Date) ([]site.Census, error) {
	var periods []models.Period
	for _, f := range files {
		if !slices.Contains(periods, f.Period) {
			periods = append(periods, f.Period)
		}
	}
	slices.SortFunc(periods, func(a, b models.Period) int {
		if b.Before(a) {
			return -1
		}
		return 1
	})
	var all []site.Census
	for _, p := range periods {
		rows, err := h.census(p, asof)
		if err != nil {
			return nil, err
		}
		c := site.Census{Period: p}
		for _, k := range append(census.ByKind(rows), census.Total(rows)) {
			c.Kinds = append(c.Kinds, site.CensusKind(k))
		}
		all = append(all, c)
	}
	return all, nil
}
