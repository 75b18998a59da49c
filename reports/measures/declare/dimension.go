package declare

import (
	"slices"

	"heatwatch/models"
)

// The dimensions of a cohort. All but the last come from the relation dimensions.
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

// Values lists what a dimension may be, in published order; nil for a name that is no dimension. The lists are the
// dictionary's. A partner always has a kind and an initial placement always has a type: these two have no unknown.
func Values(dimension string) []string {
	d := models.Dictionary()
	switch dimension {
	case AgencyKind:
		return slices.Clone(d.List("agency_kind"))
	case Channel:
		return known(d.Values("engagements.channel"))
	case AgeBand:
		return models.AgeBands()
	case Gender:
		return known(d.Values("persons.gender"))
	case RaceEthnicity:
		return known(d.Values("persons.race_ethnicity"))
	case PlacementType:
		return CareTypes()
	}
	return nil
}

// known puts unknown last, whether the dictionary lists it or not.
func known(values []string) []string {
	all := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "unknown" })
	return append(all, "unknown")
}

// DimensionSQL yields (person, value VARCHAR), one row per person, for a dimension of this measure; "" if it has none
// such. Persons without an initial placement have no placement_type and are in no cell of it.
func (m Measure) DimensionSQL(dimension string) string {
	switch dimension {
	case AgencyKind, Channel, AgeBand, Gender, RaceEthnicity:
		return "SELECT d.person, d." + dimension + " AS value FROM dimensions d"
	case PlacementType:
		if m.Table == "placement_stability" {
			return "SELECT p.person, p.first_type AS value FROM placement_stability p WHERE p.first_type IS NOT NULL"
		}
	}
	return ""
}

// Breakdown is the vector with one cell per value of the dimension and cell of the vector, named VALUE:CELL.
// ok is false where the vector is not broken down by it.
func (m Measure) Breakdown(v Vector, dimension string) (_ Vector, ok bool) {
	of := m.DimensionSQL(dimension)
	if of == "" || !slices.Contains(v.Dimensions, dimension) {
		return Vector{}, false
	}
	b := v
	b.Name = v.Name + "/" + dimension
	b.Dimensions = nil
	b.Cells = nil
	for _, value := range Values(dimension) {
		for _, cell := range v.Cells {
			b.Cells = append(b.Cells, value+":"+cell)
		}
	}
	b.SQL = "SELECT v.person, d.value || ':' || v.cell AS cell, v.value AS value\nFROM (" + v.SQL + ") v\nJOIN (" + of +
		") d ON d.person = v.person"
	return b, true
}
