package schema

import (
	"strings"

	"heatwatch/privacy"
	"heatwatch/reports/measures"
)

// Shapes of formulas that several measures share. A vector without a dot in its name is the measure's own; expect is what
// a plan assumes of the figure before any data is read.

func vectorOf(measure, name string) string {
	if strings.Contains(name, ".") {
		return name
	}
	return measure + "." + name
}

// count is a number of persons or events, in total or, with per, for each cell: by {per: cell}.
func count(measure, statistic, unit, vector, per string, by ...privacy.Dim) privacy.Formula {
	return privacy.Formula{Measure: measure, Statistic: statistic, Unit: unit, Vector: vectorOf(measure, vector), Form: privacy.FormCount, Per: per, By: by}
}

// persons counts everybody in a vector once.
func persons(measure, vector string) privacy.Formula {
	return count(measure, "persons", "persons", vector, "")
}

// share is a share of everybody in a vector: of some cells, or by yes and no.
func share(measure, statistic, vector string, form privacy.Form, expect float64, cells ...string) privacy.Formula {
	return privacy.Formula{Measure: measure, Statistic: statistic, Unit: "share", Vector: vectorOf(measure, vector), Form: form, Cells: cells, High: 1,
		Expect: privacy.Expect{Value: expect}}
}

// shareOf is some cells of a histogram over `of` (all of them, where none is named), which are expected to hold so many
// of the vector's persons (0: all).
func shareOf(measure, statistic, vector string, expect, below float64, cells []string, of ...string) privacy.Formula {
	f := share(measure, statistic, vector, privacy.FormShare, expect, cells...)
	f.Of, f.Expect.Below = of, below
	return f
}

// yesNo is the share of a signed vector, over known answers where it has a cell for the unknown.
func yesNo(measure, statistic, vector string, expect float64) privacy.Formula {
	return share(measure, statistic, vector, privacy.FormSigned, expect)
}

// unknown is the share of all persons of a vector who stand in its cell for the unknown, under the key of what is asked.
func unknown(measure, vector string, expect float64, by ...string) privacy.Formula {
	f := share(measure, "share_unknown", vector, privacy.FormOver, expect, "u")
	if _, v, ok := measures.LookupVector(f.Vector); ok {
		f.Expect.Below = v.Eligible // unlike the others, the form does not ask the vector
	}
	for i := 0; i+1 < len(by); i += 2 {
		f.By = append(f.By, privacy.Dim{Key: by[i], Value: by[i+1]})
	}
	return f
}

// mean is the mean of a centred sum or a centred weight, on the scale of the declaration.
func mean(measure, statistic, unit, vector string, expect float64) privacy.Formula {
	f := privacy.Formula{Measure: measure, Statistic: statistic, Unit: unit, Vector: vectorOf(measure, vector), Form: privacy.FormMean,
		Expect: privacy.Expect{Value: expect}}
	f.Mid, f.Step, f.Low, f.High = centred(f.Vector)
	return f
}

// centred is how a vector's sum is read back: middle, step and range of the amount.
func centred(vector string) (mid, step, low, high float64) {
	_, v, ok := measures.LookupVector(vector)
	if !ok {
		panic("schema: no vector " + vector)
	}
	low, high = float64(v.Low), float64(v.High)
	switch privacy.Encoding(v.Encoding) {
	case privacy.CentredWeight, privacy.CentredWeightUnknown: // -Linf to Linf is 0 to 1
		return 0.5, 0.5 / float64(v.Linf), low, high
	}
	return float64(v.Mid) / float64(v.Scale), 1 / float64(v.Scale), low, high
}
