package measures

import (
	"slices"
	"strings"
	"sync"

	agenciesworkingtogether "heatwatch/reports/measures/agencies-working-together"
	arrestsbyrole "heatwatch/reports/measures/arrests-by-role"
	casemanagementcontinuity "heatwatch/reports/measures/case-management-continuity"
	"heatwatch/reports/measures/declare"
	"heatwatch/reports/measures/entry"
	exitsfromcare "heatwatch/reports/measures/exits-from-care"
	laborexploitation "heatwatch/reports/measures/labor-exploitation"
	longtermresidentialcare "heatwatch/reports/measures/long-term-residential-care"
	onlineads "heatwatch/reports/measures/online-ads"
	outcomechange "heatwatch/reports/measures/outcome-change"
	"heatwatch/reports/measures/outreach"
	placementstability "heatwatch/reports/measures/placement-stability"
	"heatwatch/reports/measures/pledges"
	"heatwatch/reports/measures/prosecutions"
	purchaserprograms "heatwatch/reports/measures/purchaser-programs"
	referralsconnected "heatwatch/reports/measures/referrals-connected"
	"heatwatch/reports/measures/resources"
	returnengagements "heatwatch/reports/measures/return-engagements"
	runawayepisodes "heatwatch/reports/measures/runaway-episodes"
	"heatwatch/reports/measures/screening"
	servicesreceived "heatwatch/reports/measures/services-received"
	timetoemergencyservice "heatwatch/reports/measures/time-to-emergency-service"
	"heatwatch/reports/measures/training"
	victimprofile "heatwatch/reports/measures/victim-profile"
)

// The words of a declaration.
type (
	Measure   = declare.Measure
	Statistic = declare.Statistic
	Vector    = declare.Vector
)

// All lists the measures in the order of their pages.
func All() []Measure { return slices.Clone(all()) }

// all is made once: the declarations are constants that Go cannot write as such.
var all = sync.OnceValue(func() []Measure {
	return []Measure{
		timetoemergencyservice.Measure(),
		placementstability.Measure(),
		longtermresidentialcare.Measure(),
		casemanagementcontinuity.Measure(),
		outcomechange.Measure(),
		agenciesworkingtogether.Measure(),
		servicesreceived.Measure(),
		referralsconnected.Measure(),
		returnengagements.Measure(),
		runawayepisodes.Measure(),
		exitsfromcare.Measure(),
		screening.Measure(),
		victimprofile.Measure(),
		laborexploitation.Measure(),
		onlineads.Measure(),
		resources.Measure(),
		arrestsbyrole.Measure(),
		prosecutions.Measure(),
		purchaserprograms.Measure(),
		training.Measure(),
		outreach.Measure(),
		pledges.Measure(),
	}
})

// Entry is the head count that entry measures share. It has vectors, but no page of its own, and is not among All.
func Entry() Measure { return entry.Measure() }

// Lookup finds a measure by id, entry included.
func Lookup(id string) (Measure, bool) {
	for _, m := range append(All(), Entry()) {
		if m.ID == id {
			return m, true
		}
	}
	return Measure{}, false
}

// LookupVector finds a vector by measure and name, such as "time-to-emergency-service.curve"; with a dimension behind a
// slash ("entry.heads/age_band") it is the breakdown.
func LookupVector(name string) (Measure, Vector, bool) {
	id, rest, _ := strings.Cut(name, ".")
	m, ok := Lookup(id)
	if !ok {
		return Measure{}, Vector{}, false
	}
	plain, dimension, broken := strings.Cut(rest, "/")
	v, ok := m.Vector(plain)
	if ok && broken {
		v, ok = m.Breakdown(v, dimension)
	}
	return m, v, ok
}

// Values lists what a dimension of some measure may be, in published order; nil for a name that is no dimension. A name
// means the same values wherever it stands.
func Values(dimension string) []string {
	for _, m := range append(All(), Entry()) {
		if d, ok := m.Dimension(dimension); ok {
			return d.Values
		}
	}
	return nil
}
