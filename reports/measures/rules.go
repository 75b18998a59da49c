package measures

import (
	"fmt"
	"strings"

	"heatwatch/models"
	"heatwatch/reports/measures/declare"
)

// Rule is a rule that measures share, in plain words. Relation names the common SQL that carries it out, if one does: a
// test looks up each number of the words there.
type Rule struct{ Name, Says, Relation string }

// Rules are the common rules, in the order in which one needs them.
func Rules() []Rule {
	bands := models.AgeBands()
	return []Rule{
		{Name: "Period", Says: "A quarter, a year or a span of calendar years. A measure of a cohort belongs to the period in which its persons entered, " +
			"any other to the period of the activity. The year is the same definition with the year as its window: each person counts once."},
		{Name: "Due", Says: fmt.Sprintf("A figure can be released when its last window has closed for everybody and %d days for late data have passed: by the "+
			"calendar alone. It is measured once.", declare.LateDays)},
		{Name: "As-of", Says: "Figures are read as of the end of the local day on which they are due. Events up to that day count, whenever their drop came in; " +
			"later events do not exist."},
		{Name: "Time", Says: "Instants become dates and quarters in the time zone of the home. Hours are elapsed hours: a clock change does not alter them. " +
			"Day n of a date is the date minus the local date of entry. A stay covers the nights from its first day to the day before it ends."},
		{Name: "Entry", Relation: "entries", Says: "A linked person enters with the first engagement at any agency. Engagements less than an hour apart are one, and the " +
			"earliest gives every attribute; at the same instant the agency whose name comes first. The entry cohort is everybody who entered in " +
			"the period. A person with no engagement is in no cohort."},
		{Name: "Freezing", Says: "A cohort is frozen when its first figure is released. A frozen person's entry stays as it was, whatever arrives later; " +
			"a person who comes to be known later joins the first cohort that was open then."},
		{Name: "Age", Relation: "entries", Says: "Age at entry is the age that the agency of entry computed from the date of birth, which stays there; where that is " +
			"missing, the year of entry minus the year of birth, one less before 1 July. Bands: " + strings.Join(bands, ", ") + "."},
		{Name: "Disagreement", Relation: "dimensions", Says: "Where agencies disagree, a flag is yes if any says yes, else no if any says no. A code or number takes the value " +
			"of most agencies; a tie goes to the agency that engaged first, agencies without an engagement last, then by name. Unknown never wins over " +
			"a known value."},
		{Name: "Open rows", Relation: "covered_stays", Says: "A stay or service without an end is read to end at the earliest of the end of the window, the as-of day, and the last " +
			"day that the agency's last drop of that kind covers: an agency that stops reporting gains no endless stability."},
		{Name: "Merged services", Relation: "merged_services", Says: "Services of one person with the same type and the same start are one, whoever sent them: an emergency if any " +
			"row says so, known by date only if all rows are. Unknown is not an emergency."},
		{Name: "Merged stays", Relation: "care_stays", Says: "Rows of one agency are never merged. Rows of two agencies with the same type of place are one stay if they share a night, or if " +
			"one starts 0 to 1 days after the other ends, unless the earlier ended with a planned move or a change of placement. Nights in between are not days " +
			"in care. The merged stay keeps agency and site of its first row, and ends as the row that ends last. A stay without a night does not count."},
		{Name: "Unknown", Says: "What is not known is a category of its own. Shares are over known answers unless the measure says otherwise, and the share of the unknown " +
			"is published beside them. A breakdown has a cell for unknown."},
		{Name: "Breakdowns", Says: "There is a total always, and breakdowns by one dimension at a time unless the measure says otherwise. Values are fixed lists, published also " +
			"where nobody falls in."},
		{Name: "Participation", Says: "A person enters once. A measure of an activity is about persons in their first years of it, by their own records: how " +
			"often anything was released does not matter. Each page says how many years."},
		{Name: "Bounds", Says: "Bounds are part of the definition: a value outside is taken as the bound, and of more contributions than the bound a choice is made by a keyed " +
			"hash of the person's own rows. They are what makes the noise sufficient."},
	}
}
