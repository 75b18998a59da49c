package schema

import (
	"heatwatch/privacy"
	tes "heatwatch/reports/measures/time-to-emergency-service"
)

func timeToService() []privacy.Formula {
	const id = "time-to-emergency-service"
	const curve = id + ".curve"
	share := func(statistic, vector string, form privacy.Form, expect float64, cells ...string) privacy.Formula {
		return privacy.Formula{Measure: id, Statistic: statistic, Unit: "share", Vector: vector, Form: form, Cells: cells, High: 1,
			Expect: privacy.Expect{Value: expect}}
	}
	all := []privacy.Formula{
		{Measure: id, Statistic: "persons", Unit: "persons", Vector: "entry.heads", Form: privacy.FormCount},
		share("share_within_24h", id+".within_24h", privacy.FormSigned, 0.7),
		share("share_day_precision", id+".day_precision", privacy.FormSigned, 0.7),
		share("share_never_30d", curve, privacy.FormShare, 0.1, "never"),
	}
	bins := []string{"1h", "4h", "12h", "24h", "48h", "72h", "7d", "30d"}
	for i, b := range bins {
		// One half: where the noise on a distribution function counts most.
		all = append(all, share("share_within_"+b, curve, privacy.FormShare, 0.5, bins[:i+1]...))
	}
	median := privacy.Formula{Measure: id, Statistic: "median_hours", Unit: "hours", Vector: curve, Form: privacy.FormMedian, High: 720,
		Expect: privacy.Expect{Value: 16, Cells: []float64{0.12, 0.14, 0.16, 0.22, 0.10, 0.06, 0.06, 0.04}}}
	for _, e := range tes.Edges() {
		median.Edges = append(median.Edges, float64(e))
	}
	return append(all, median)
}
