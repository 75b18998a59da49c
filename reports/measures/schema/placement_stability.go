package schema

import (
	"fmt"

	"heatwatch/privacy"
	"heatwatch/reports/measures"
	ps "heatwatch/reports/measures/placement-stability"
)

// centred is how a mean follows from a centred sum: value = mid + step x S/N.
func centred(vector string) (mid, step float64) {
	_, v, ok := measures.LookupVector(vector)
	if !ok {
		panic("schema: no vector " + vector)
	}
	return float64(v.Mid) / float64(v.Scale), 1 / float64(v.Scale)
}

func placementStability() []privacy.Formula {
	const id = "placement-stability"
	rate := func(statistic, moves, days string, expect, below float64) privacy.Formula {
		f := privacy.Formula{Measure: id, Statistic: statistic, Unit: "per_1000_days", Vector: id + "." + moves, WithVector: id + "." + days,
			Form: privacy.FormRatio, Scale: 1000, Expect: privacy.Expect{Value: expect, Below: below}}
		f.Mid, f.Step = centred(f.Vector)
		f.WithMid, f.WithStep = centred(f.WithVector)
		return f
	}
	days := privacy.Formula{Measure: id, Statistic: "days_per_person", Unit: "days", Vector: id + ".days", Form: privacy.FormMean, Low: 8, High: 365,
		Expect: privacy.Expect{Value: 210}}
	days.Mid, days.Step = centred(days.Vector)
	cfsr := rate("cfsr_moves_per_1000_days", "cfsr_moves", "cfsr_days", 7, 100)
	cfsr.Note = fmt.Sprintf("national %s; %s", ps.NationalRate, ps.NationalWords)
	two := func(vector string) privacy.Formula {
		return privacy.Formula{Measure: id, Statistic: "share_two_or_fewer", Unit: "share", Vector: id + "." + vector, Form: privacy.FormSigned, High: 1,
			Expect: privacy.Expect{Value: 0.7}}
	}
	return []privacy.Formula{
		{Measure: id, Statistic: "persons", Unit: "persons", Vector: id + ".eligible", Form: privacy.FormCount},
		two("two_or_fewer"), two("two_or_fewer_eligible"),
		rate("moves_per_1000_days", "moves", "days", 6.7, 210), days, cfsr,
	}
}
