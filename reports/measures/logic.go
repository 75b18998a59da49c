package measures

import (
	"slices"

	"heatwatch/reports/measures/declare"
)

// The stages of the logic model, in order.
const (
	StageInputs     = "inputs"
	StageActivities = "activities"
	StageOutputs    = "outputs"
	StageOutcomes   = "outcomes"
)

// Stages lists them.
func Stages() []string { return []string{StageInputs, StageActivities, StageOutputs, StageOutcomes} }

// LogicLine is one line of the logic model: what the programme puts in, does, delivers or changes for an objective, and
// the measures that show it. Where there is none, Why says so.
type LogicLine struct {
	Objective, Stage, Says string
	Measures               []string
	Why                    string
}

// LogicModel is the logic model of the programme, by objective and stage. Lines name the measures that are built; a line
// whose measures are not built yet has none.
func LogicModel() []LogicLine {
	all := logic()
	for i, l := range all {
		all[i].Measures = slices.DeleteFunc(l.Measures, func(id string) bool { return !built(id) })
		if len(all[i].Measures) == 0 && l.Why == "" {
			all[i].Why = notBuilt
		}
	}
	return all
}

// notBuilt is said of a line whose measures are still to come.
const notBuilt = "not built yet"

func built(id string) bool {
	return slices.ContainsFunc(All(), func(m Measure) bool { return m.ID == id })
}

func logic() []LogicLine {
	var all []LogicLine
	objective := ""
	line := func(stage, says string, ids ...string) {
		all = append(all, LogicLine{Objective: objective, Stage: stage, Says: says, Measures: ids})
	}
	none := func(stage, says, why string) {
		all = append(all, LogicLine{Objective: objective, Stage: stage, Says: says, Why: why})
	}

	objective = declare.ObjectiveSafety
	none(StageInputs, "Partner agencies, their agreements and their records", "no figure about persons; the census counts agencies")
	line(StageActivities, "Screening and identification", "screening")
	line(StageOutputs, "Who the persons served are", "victim-profile", "labor-exploitation")
	line(StageOutcomes, "Change in safety, self-sufficiency, well-being and independence", "outcome-change")
	line(StageOutcomes, "Police contact and running away afterwards", "return-engagements", "runaway-episodes")
	none(StageOutcomes, "Schooling, income and health years later", "no agency follows persons for so long")

	objective = declare.ObjectiveEmergency
	line(StageInputs, "Emergency beds and programmes", "resources")
	none(StageActivities, "Police operations and outreach that find persons", "operations are not collected: who entered is counted, by channel")
	line(StageOutputs, "Emergency services given", "services-received")
	line(StageOutcomes, "Time from first engagement to the first emergency service", "time-to-emergency-service")
	none(StageOutcomes, "Whether the service was the right one", "no agency records it")

	objective = declare.ObjectiveResidential
	line(StageInputs, "Residential beds and programmes", "resources")
	none(StageActivities, "Finding and licensing homes", "not collected")
	line(StageOutputs, "Persons in residential care, and how long", "long-term-residential-care")
	line(StageOutcomes, "Stability of placements", "placement-stability")
	line(StageOutcomes, "How care ends", "exits-from-care")
	none(StageOutcomes, "Housing twelve months after care", "no agency reports where persons live then")

	objective = declare.ObjectiveCoordination
	line(StageInputs, "Policies, protocols and partners", "resources")
	none(StageInputs, "Case workers and their caseload", "not collected")
	line(StageActivities, "Contacts, team meetings and plans", "case-management-continuity")
	line(StageActivities, "Referrals between agencies", "referrals-connected")
	line(StageOutputs, "Services received, by type and programme", "services-received")
	line(StageOutcomes, "Persons served by several kinds of agencies together", "agencies-working-together")
	line(StageOutcomes, "Referrals that reach the person", "referrals-connected")
	none(StageOutcomes, "What the persons served think of it", "no agency asks in a way that could be compared")

	objective = declare.ObjectivePrevention
	line(StageInputs, "Policies adopted and programmes opened", "resources")
	none(StageInputs, "Trainers, volunteers and pro bono hours", "not collected")
	line(StageActivities, "Training", "training")
	line(StageActivities, "Outreach, talks and school sessions", "outreach")
	line(StageOutputs, "Pledges taken", "pledges")
	line(StageOutputs, "Purchasers in education and treatment", "purchaser-programs")
	line(StageOutcomes, "Who is arrested: exploiters and purchasers, not victims", "arrests-by-role")
	line(StageOutcomes, "Cases filed and how they end", "prosecutions")
	line(StageOutcomes, "Advertising online", "online-ads")
	none(StageOutcomes, "What those who were trained know afterwards", "no test is collected")
	none(StageOutcomes, "Children who were never recruited", "what did not happen cannot be counted, and there is no county to compare with")
	return all
}
