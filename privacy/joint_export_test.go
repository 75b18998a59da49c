package privacy

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"heatwatch/models"
)

// Noisy makes the release files of whole years with the plan's noise around 100 in each cell, written and read back. It
// returns their size, too.
func Noisy(t testing.TB, p *Plan, s Schema, from, to int) (all []ReleaseFile, bytes int) {
	r := rand.New(rand.NewPCG(1, 1))
	var periods []models.Period
	for y := from; y <= to; y++ {
		yp, _ := models.ParsePeriod(fmt.Sprint(y))
		periods = append(periods, yp.Quarters()...)
		periods = append(periods, yp)
	}
	for _, per := range periods {
		for _, due := range p.Due(per) {
			f := ReleaseFile{Schema: 1, Entry: len(all) + 2, Period: per, Plan: planName(p), Due: due, path: "x"}
			items := p.DueOn(per, due)
			var sds []float64
			for _, it := range items {
				cells, _ := s.cells(it)
				sd := it.Sigma * float64(it.Linf)
				sds = append(sds, sd)
				noisy := make([]int64, len(cells))
				for i := range noisy {
					noisy[i] = int64(100 + r.NormFloat64()*sd)
				}
				f.Measurements = append(f.Measurements, s.measurement(it, per, cells, noisy, sd, 1))
			}
			j, err := p.joint(s, items, sds, nil)
			if err != nil {
				t.Fatal(err)
			}
			f.reconcile(j)
			b := f.encode()
			bytes += len(b)
			g, err := parseRelease(b, "x")
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, g)
		}
	}
	return all, bytes
}
