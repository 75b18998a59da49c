package measures_test

import (
	"slices"
	"testing"

	"heatwatch/reports/measures"
	"heatwatch/reports/measures/declare"
)

// TestMeasuresAreTagged: objective and prong come from the closed lists, and the logic model shows each measure under its
// own objective.
func TestMeasuresAreTagged(t *testing.T) {
	lines := measures.LogicModel()
	for _, m := range measures.All() {
		if !slices.Contains(declare.Objectives(), m.Objective) {
			t.Errorf("%s: objective %q is none of the grant's: use a constant of declare, %q", m.ID, m.Objective, declare.Objectives())
		}
		if !slices.Contains(declare.Prongs(), m.Prong) {
			t.Errorf("%s: prong %q is none of the model's: use a constant of declare, %q", m.ID, m.Prong, declare.Prongs())
		}
		if !slices.ContainsFunc(lines, func(l measures.LogicLine) bool {
			return l.Objective == m.Objective && slices.Contains(l.Measures, m.ID)
		}) {
			t.Errorf("%s is in no line of the logic model under %q", m.ID, m.Objective)
		}
	}
}

// TestTheLogicModelIsWhole: every objective has every stage, and every line has measures, or says why there is none.
func TestTheLogicModelIsWhole(t *testing.T) {
	lines := measures.LogicModel()
	for _, o := range declare.Objectives() {
		for _, s := range measures.Stages() {
			if !slices.ContainsFunc(lines, func(l measures.LogicLine) bool { return l.Objective == o && l.Stage == s }) {
				t.Errorf("%s: nothing under %s", o, s)
			}
		}
	}
	for _, l := range lines {
		if (len(l.Measures) > 0) == (l.Why != "") {
			t.Errorf("%s, %s, %s: measures %v, and %q", l.Objective, l.Stage, l.Says, l.Measures, l.Why)
		}
		if len(measures.All()) >= whole && l.Why == measures.NotBuilt {
			t.Errorf("%s: its measures are not among All", l.Says)
		}
	}
}
