package schema

import (
	"fmt"

	"heatwatch/privacy"
	ps "heatwatch/reports/measures/placement-stability"
)

func placementStability() []privacy.Formula {
	const id = "placement-stability"
	rate := func(statistic, moves, days string, expect, below float64) privacy.Formula {
		f := privacy.Formula{Measure: id, Statistic: statistic, Unit: "per_1000_days", Vector: id + "." + moves, WithVector: id + "." + days,
			Form: privacy.FormRatio, Scale: 1000, Expect: privacy.Expect{Value: expect, Below: below}}
		f.Mid, f.Step, _, _ = centred(f.Vector)
		f.WithMid, f.WithStep, _, _ = centred(f.WithVector)
		return f
	}
	cfsr := rate("cfsr_moves_per_1000_days", "cfsr_moves", "cfsr_days", 7, 100)
	cfsr.Note = fmt.Sprintf("national %s; %s", ps.NationalRate, ps.NationalWords)
	const two = "share_two_or_fewer"
	return []privacy.Formula{
		persons(id, "eligible"),
		yesNo(id, two, "two_or_fewer", 0.7), yesNo(id, two, "two_or_fewer_eligible", 0.7),
		rate("moves_per_1000_days", "moves", "days", 6.7, 210), mean(id, "days_per_person", "days", "days", 210), cfsr,
	}
}
