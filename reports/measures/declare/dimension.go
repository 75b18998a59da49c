package declare

import (
	"slices"

	"heatwatch/models"
)

// The dimensions of a cohort that measures share: the columns of the relation dimensions. PlacementType is the initial one.
const (
	AgencyKind    = "agency_kind"
	Channel       = "channel"
	AgeBand       = "age_band"
	Gender        = "gender"
	RaceEthnicity = "race_ethnicity"
	PlacementType = "placement_type"
)

var careTypes = []string{"emergency_shelter", "relative_home", "resource_family", "group_home", "residential_treatment",
	"transitional_housing", "supportive_housing", "supervised_independent_living"}

// CareTypes are the placement types that count as in care, in the order of the dictionary.
func CareTypes() []string { return slices.Clone(careTypes) }

// Dimension is a way to break a vector down: one value per person. SQL yields (person, value VARCHAR), at most one row per
// person; Values is the public domain in published order.
type Dimension struct {
	Name   string
	Values []string
	SQL    string
}

// Values lists what a shared dimension of a cohort may be, in published order; nil for a name that is none. The lists are
// the dictionary's. A partner always has a kind: it has no unknown.
func Values(dimension string) []string {
	d := models.Dictionary()
	switch dimension {
	case AgencyKind:
		return slices.Clone(d.List("agency_kind"))
	case Channel:
		return Known(d.Values("engagements.channel"))
	case AgeBand:
		return models.AgeBands()
	case Gender:
		return Known(d.Values("persons.gender"))
	case RaceEthnicity:
		return Known(d.Values("persons.race_ethnicity"))
	}
	return nil
}

// Known puts unknown last, whether the dictionary lists it or not.
func Known(values []string) []string {
	all := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "unknown" })
	return append(all, "unknown")
}

// Dimension finds a dimension that vectors of this measure can be broken down by: its own, or a shared one of the cohort.
func (m Measure) Dimension(name string) (Dimension, bool) {
	for _, d := range m.Dimensions {
		if d.Name == name {
			return d, true
		}
	}
	values := Values(name)
	return Dimension{Name: name, Values: values, SQL: "SELECT d.person, d." + name + " AS value FROM dimensions d"}, values != nil
}

// Breakdown is the vector with one cell per value of the dimension and cell of the vector, named VALUE:CELL.
// ok is false where the vector is not broken down by it.
func (m Measure) Breakdown(v Vector, dimension string) (_ Vector, ok bool) {
	d, ok := m.Dimension(dimension)
	if !ok || !slices.Contains(v.Dimensions, dimension) {
		return Vector{}, false
	}
	b := v
	b.Name = v.Name + "/" + dimension
	b.Dimensions = nil
	b.Cells = nil
	for _, value := range d.Values {
		for _, cell := range v.Cells {
			b.Cells = append(b.Cells, value+":"+cell)
		}
	}
	b.SQL = "SELECT v.person, d.value || ':' || v.cell AS cell, v.value AS value\nFROM (" + v.SQL + ") v\nJOIN (" + d.SQL +
		") d ON d.person = v.person"
	return b, true
}

// Crossed names the cells of a vector that counts by two dimensions at once, "purchaser:solicitation".
func Crossed(first, second []string) []string {
	var all []string
	for _, a := range first {
		for _, b := range second {
			all = append(all, a+":"+b)
		}
	}
	return all
}
