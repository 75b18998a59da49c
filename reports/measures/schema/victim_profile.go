package schema

import (
	"heatwatch/privacy"
	profile "heatwatch/reports/measures/victim-profile"
)

func victimProfile() []privacy.Formula {
	const id = "victim-profile"
	persons := func(vector string) privacy.Formula {
		return privacy.Formula{Measure: id, Statistic: "persons", Unit: "persons", Vector: vector, Form: privacy.FormCount}
	}
	share := func(statistic, vector string, form privacy.Form, expect float64) privacy.Formula {
		return privacy.Formula{Measure: id, Statistic: statistic, Unit: "share", Vector: id + "." + vector, Form: form, High: 1,
			Expect: privacy.Expect{Value: expect}}
	}
	yes, unsaid := share("share_yes", "flags", privacy.FormYes, 0.6), share("share_unknown", "flags", privacy.FormOver, 0.1)
	unsaid.Cells = []string{"u"}
	// Of a head count by age, gender or race, the shares of its values.
	heads := privacy.Formula{Measure: id, Statistic: "share", Unit: "share", Vector: "entry.heads", Form: privacy.FormShare, Across: true, High: 1,
		Expect: privacy.Expect{Value: 0.2}}
	all := []privacy.Formula{persons("entry.heads"), persons(id + ".age_band"), yes, unsaid, heads}
	for _, a := range profile.Attributes() {
		known := a.Values[:len(a.Values)-1] // unknown is the last
		of := share("share", a.Name, privacy.FormShare, 0.2)
		of.Cells, of.Of, of.Per = known, known, a.Name
		unknown := share("share_unknown", a.Name, privacy.FormShare, 0.1)
		unknown.Cells, unknown.By = []string{"unknown"}, []privacy.Dim{{Key: "attribute", Value: a.Name}}
		all = append(all, of, unknown)
	}
	return all
}
