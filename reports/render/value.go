package render

import (
	"math"
	"strconv"
)

// Decimals is how many decimals a unit gets where people read it: shares and changes are percentages with one, rates
// and times one, scale points and ratios two, everything that is counted none.
func Decimals(unit string) int {
	switch unit {
	case "persons", "attendances", "pledges", "profiles", "ads", "person_hours", "quantity":
		return 0
	case "points", "ads_per_profile":
		return 2
	}
	return 1
}

// Percent tells whether people read the unit in hundredths.
func Percent(unit string) bool { return unit == "share" || unit == "change" }

// Rounded is the value as people read it, in hundredths where that is the custom, without a negative zero.
func Rounded(unit string, v float64) float64 {
	if Percent(unit) {
		v *= 100
	}
	scale := math.Pow10(Decimals(unit))
	return math.Round(v*scale)/scale + 0
}

// Number writes a value with the digits that its unit gets and without the unit: 71.2 for a share of 0.7123.
func Number(unit string, v float64) string {
	s := strconv.FormatFloat(Rounded(unit, v), 'f', Decimals(unit), 64)
	if unit == "change" && Rounded(unit, v) > 0 {
		s = "+" + s
	}
	return s
}

// reading is a value with its interval in one column: "71.2 % (64.0 to 78.1)".
func reading(r row) string {
	if r.null {
		return "–"
	}
	s := Number(r.unit, r.value)
	if Percent(r.unit) {
		s += " %"
	}
	if r.fact {
		return s // without noise
	}
	return s + " (" + Number(r.unit, r.low) + " to " + Number(r.unit, r.high) + ")"
}

// sampled is the second interval in one column: "61.0 to 80.1".
func sampled(r row) string {
	if r.null || r.unsampled != "" {
		return "–"
	}
	return Number(r.unit, r.wide[0]) + " to " + Number(r.unit, r.wide[1])
}

// full writes every digit that the number has.
func full(v float64) string { return strconv.FormatFloat(v+0, 'f', -1, 64) }
