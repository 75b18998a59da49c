package schema

import "heatwatch/privacy"

// attendances are the formulas of what is counted without identity: training, outreach and pledges.
func attendances() []privacy.Formula {
	// Two hours are expected of an attendance.
	hours := func(vector, per string) privacy.Formula {
		f := count("training", "person_hours", "person_hours", vector, per)
		f.Scale, f.Expect = 1.0/60, privacy.Expect{Value: 2}
		return f
	}
	return []privacy.Formula{
		count("training", "attendances", "attendances", "attendances", ""),
		count("training", "attendances", "attendances", "audiences", "audience"),
		hours("minutes", ""), hours("audience_minutes", "audience"),
		shareOf("training", "share_certified", "certified", 0.6, 0, []string{"certified"}),
		count("outreach", "attendances", "attendances", "attendances", ""),
		count("outreach", "attendances", "attendances", "event_types", "event_type"),
		count("outreach", "attendances", "attendances", "languages", "language"),
		count("pledges", "pledges", "pledges", "pledges", ""),
		count("pledges", "pledges", "pledges", "languages", "language"),
	}
}
