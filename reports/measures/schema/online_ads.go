package schema

import "heatwatch/privacy"

func onlineAds() []privacy.Formula {
	const id = "online-ads"
	mid, step, low, high := centred(id + ".ads")
	// About one and a half ads for each profile, as in the programme's own counts.
	const ads = 1.5
	each := func(statistic, unit, vector string, form privacy.Form, expect privacy.Expect) privacy.Formula {
		f := privacy.Formula{Measure: id, Statistic: statistic, Unit: unit, Vector: id + "." + vector, Form: form, Expect: expect, Calendar: id + ".calendar"}
		if vector == "ads" {
			f.Mid, f.Step = mid, step
		}
		return f
	}
	perProfile := each("ads_per_profile", "ads_per_profile", "ads", privacy.FormMean, privacy.Expect{Value: ads})
	perProfile.Low, perProfile.High = low, high
	return []privacy.Formula{
		each("profiles", "profiles", "profiles", privacy.FormCount, privacy.Expect{}),
		each("profiles_change", "change", "profiles", privacy.FormChange, privacy.Expect{Value: 0.1}),
		each("ads", "ads", "ads", privacy.FormTotal, privacy.Expect{Value: ads}),
		perProfile,
		each("ads_change", "change", "ads", privacy.FormChange, privacy.Expect{Value: 0.1, Below: ads}),
	}
}
