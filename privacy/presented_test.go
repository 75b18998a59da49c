package privacy_test

import (
	"math"
	"testing"

	"heatwatch/models"
	"heatwatch/privacy"
)

// TestSumsAreOfEstimates: one quarter shows the number that is presented; a year is the sum of what was estimated, also
// of the quarters that noise put below zero. The sum of the presented numbers would be 12.
func TestSumsAreOfEstimates(t *testing.T) {
	p := kindsPlan(t, models.LevelQuarter, 1)
	p.Limits.Counts = 1
	var files []privacy.ReleaseFile
	for i, raw := range []int64{-7, 5, -2, 7} {
		q := period(t, []string{"2031Q1", "2031Q2", "2031Q3", "2031Q4"}[i])
		files = append(files, privacy.ReleaseFile{Schema: 1, Entry: i + 2, Period: q, Measurements: []privacy.Measurement{{
			Item: "heads", Population: "minors", Period: q, Encoding: privacy.Count, L0: 1, Linf: 1, Sd: 6, Mu2: 1.0 / 36,
			Cells:      []privacy.NoisyCell{{Cell: map[string]string{}, Raw: raw, Estimate: float64(raw), Presented: max(0, raw)}},
			Covariance: privacy.Covariance{Cells: []int{0}, Matrix: [][]float64{{36 + 1.0/12}}},
		}}})
	}
	figures, err := p.Figures(kinds(), files, "m", []models.Period{period(t, "2031Q1"), period(t, "2031Q4"), period(t, "2031")})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][3]float64{"2031Q1": {0, 0, 5}, "2031Q4": {7, 0, 19}, "2031": {3, 0, math.Ceil(3 + 1.959963984540054*math.Sqrt(4*(36+1.0/12)))}}
	seen := 0
	for _, f := range figures {
		w, ok := want[f.Period().String()]
		if !ok || f.Statistic() != "persons" || f.Dimension() != "" {
			continue
		}
		seen++
		if v, _ := f.Value(); v != w[0] || f.Low() != w[1] || f.High() != w[2] {
			t.Errorf("%s: %v in [%v, %v] "+f.Note()+", want %v", f.Period(), v, f.Low(), f.High(), w)
		}
	}
	if seen != 3 {
		t.Errorf("%d figures, want 3 of %v", seen, figures)
	}
}
