package measures

import (
	"slices"
	"strings"
	"sync"

	"heatwatch/models"
	"heatwatch/reports/measures/declare"
	"heatwatch/reports/measures/lineage"
)

// inCohort is how a cohort of entry follows from the entries.
const inCohort = `CREATE TEMP TABLE cohort AS
SELECT e.person, e.entered_at, e.entered_on, e.agency, e.agency_kind, e.channel, e.setting, e.age_band, e.age FROM entries e WHERE e.entered_on`

// Reads lists the columns of the dictionary, as "entity.column" in its order, on which the figures of a measure rest: its
// statements, vectors and breakdowns, and what they use of the common relations and of the entry. It is found from the
// SQL, so it holds for every measure without being declared.
func Reads(m Measure) []string {
	statements := []string{CommonFor(m), m.SQL}
	var queries []string
	entered := false
	add := func(m Measure, v Vector) {
		queries = append(queries, v.SQL)
		if v.Activity != "" {
			queries = append(queries, v.Activity)
		}
		entered = entered || v.Activity == "" && !v.Events && v.Encoding != declare.Exact
		for _, by := range v.Dimensions {
			if d, ok := m.Dimension(by); ok {
				queries = append(queries, d.SQL)
			}
		}
	}
	for _, v := range m.Vectors {
		add(m, v)
	}
	for _, s := range m.Statistics {
		for _, from := range s.From {
			if of, v, ok := LookupVector(from); ok && of.ID != m.ID { // the head count that entry measures share
				v.Dimensions = s.By
				statements = append(statements, CommonFor(of), of.SQL)
				add(of, v)
			}
		}
	}
	if len(m.Vectors) == 0 { // stated exactly: everything in its table
		queries = append(queries, m.SQL)
	}
	if entered {
		entries, _ := CommonSQL()
		statements = append(statements, entries, inCohort)
	}
	found := map[string]bool{}
	for _, c := range lineage.Columns(statements, queries, settled(), inSession) {
		entity, column, _ := strings.Cut(c, ".")
		found[entity+"."+columnOf(entity, column)] = true
	}
	var all []string
	for _, c := range columns() {
		if found[c] {
			all = append(all, c)
		}
	}
	return all
}

// settled tells the lineage that a person's attributes are settled column by column, where agencies disagree: the votes on
// one have nothing to do with the others, though they are counted together.
func settled() map[string]string {
	e, _ := models.Dictionary().Entity("persons")
	var all []string
	for _, c := range e.Columns {
		if c.Name != "person_key" && c.Name != "deleted" {
			all = append(all, "p."+c.Name)
		}
	}
	return map[string]string{"attributes": "SELECT c.person, " + strings.Join(all, ", ") + " FROM cohort c JOIN persons p ON p.person = c.person"}
}

// inSession tells what a session has of an entity: the dictionary's columns, the local date of each datetime, and the
// person and agency in place of the person's or profile's key.
func inSession(entity, column string) bool {
	_, ok := models.Dictionary().Entity(entity)
	return ok && (column == "" || columnOf(entity, column) != "")
}

// columnOf is the dictionary's column behind one of the session, or "".
func columnOf(entity, column string) string {
	e, _ := models.Dictionary().Entity(entity)
	if column == "person" {
		column = "person_key"
		if e.Population == "profiles" {
			column = "profile_key"
		}
	}
	if _, ok := e.Column(column); ok {
		return column
	}
	plain, dated := strings.CutSuffix(column, "_on")
	if c, ok := e.Column(plain); dated && ok && c.Type == models.TypeDateTime {
		return plain
	}
	return ""
}

// columns lists every column of the dictionary as "entity.column".
func columns() []string {
	var all []string
	for _, e := range models.Dictionary().Entities {
		for _, c := range e.Columns {
			all = append(all, e.Name+"."+c.Name)
		}
	}
	return all
}

// feeds maps each column to the measures that rest on it.
var feeds = sync.OnceValue(func() map[string][]string {
	all := map[string][]string{}
	for _, m := range All() {
		for _, c := range Reads(m) {
			all[c] = append(all[c], m.ID)
		}
	}
	return all
})

// Feeds lists the measures that rest on a column ("services.started_at"), in the order of their pages.
func Feeds(column string) []string { return slices.Clone(feeds()[column]) }

// Unread says why a column feeds no measure, or "" where it feeds one.
func Unread(column string) string {
	if len(feeds()[column]) > 0 {
		return ""
	}
	if why, ok := unread[column]; ok {
		return why
	}
	entity, name, _ := strings.Cut(column, ".")
	e, _ := models.Dictionary().Entity(entity)
	switch {
	case name == "deleted":
		return "takes a row back: the row with this key is removed"
	case name == "person_key":
		return "says whose row it is: linking finds the person by it"
	case slices.Contains(e.Key, name):
		return "tells rows apart: a row sent again replaces the one with the same key"
	}
	return notYet
}

// Use names the measures that a column feeds, or says what else it is for.
func Use(column string) string {
	if why := Unread(column); why != "" {
		return "none: " + why
	}
	return strings.Join(Feeds(column), ", ")
}

// notYet is said of a column whose measure is not built.
const notYet = "no measure rests on it yet"

// unread are the columns that no measure of the programme rests on, with what they are for. A test complains when one of
// them comes to feed a measure.
var unread = map[string]string{
	"persons.release":                "consent: decides whether the rows of the person are loaded at all",
	"persons.release_until":          "consent: after this day the rows of the person are no longer loaded",
	"placements.program":             "programs are counted on services; a stay of a program is sent as a service as well",
	"case_contacts.program":          "programs are counted on services; a contact belongs to one",
	"accused_persons.birth_year":     "no figure about accused persons is broken down by age: the groups are small",
	"accused_persons.gender":         "no figure about accused persons is broken down by gender: the groups are small",
	"prosecutions.sentence_months":   "no measure of sentences is defined; kept for the partner's own reports",
	"accused_persons.race_ethnicity": "no figure about accused persons is broken down by race and ethnicity: the groups are small",
	"resources.unit":                 "each type of resource has one unit; a check against slips",
}
