// Package contract writes the data dictionary in two forms that other people's tools read: as a data contract of the Open
// Data Contract Standard, version 3.1.0 (https://bitol-io.github.io/open-data-contract-standard), and as a Table Schema of
// Data Package, version 2 (https://datapackage.org/standard/table-schema), one per entity.
//
// The dictionary is the contract; these are copies of it. They hold every entity, column, type, range, code list, key,
// reference, check and warning, or, for one partner, those that its agreement lists, with what was promised: freshness,
// dates, legal authority. What a form has no word for stands in its custom properties. The same dictionary and agreement
// give the same bytes.
package contract

import (
	"slices"

	"heatwatch/etl/partner"
	"heatwatch/models"
)

// Scope says for whom a contract is. The zero Scope is the whole dictionary.
type Scope struct {
	Partner   string
	Agreement *partner.Agreement // nil: no restriction
}

// Entities lists the entities of the scope with the columns that it lists, in the order of the dictionary.
func (s Scope) Entities(d *models.Dict) []models.Entity {
	var all []models.Entity
	for _, e := range d.Entities {
		e.Columns = slices.DeleteFunc(slices.Clone(e.Columns), func(c models.Column) bool {
			return s.Agreement != nil && !s.Agreement.Takes(e.Name, c.Name)
		})
		if len(e.Columns) > 0 {
			all = append(all, e)
		}
	}
	return all
}

// authority is the legal authority under which an entity is sent, or "".
func (s Scope) authority(entity string) string {
	if s.Agreement == nil {
		return ""
	}
	return s.Agreement.Authority[entity]
}

// tokens reports whether the scope takes linkage tokens of an entity.
func (s Scope) tokens(e models.Entity) bool {
	if s.Agreement == nil || !e.Tokens {
		return e.Tokens
	}
	r := s.Agreement.Columns[e.Name]
	return s.Agreement.Takes(e.Name, "person_key") && (r.All || slices.ContainsFunc(r.Names, models.IsToken) || slices.Contains(r.Names, "token_*"))
}

// Patterns of the opaque types, as ECMA-262 and JSON Schema read them.
const (
	keyPattern   = "^[A-Za-z0-9_-]{1,64}$"
	tokenPattern = "^[A-Za-z0-9_-]{22,128}$"
	tokenColumns = "^token_[a-z0-9_]{1,40}$"
)

// rulesOf are the checks, or the warnings, that look at rows of an entity, as the dictionary words them.
func rulesOf(d *models.Dict, e models.Entity, warnings bool) (rules []models.Rule) {
	for _, r := range d.Rules {
		if r.Warning == warnings && (r.Entity == e.Name || r.Entity == "all" && e.Start != "") {
			rules = append(rules, r)
		}
	}
	return rules
}

// reference is a column of an entity that refers to persons of the same partner.
type reference struct {
	column, to, when string // when: which rows, where the others refer elsewhere
}

// referencesOf lists what the entity's person_key refers to; for arrests it depends on the row's party_role.
func referencesOf(e models.Entity, listed func(entity string) bool) (refs []reference) {
	role, _ := e.Column("party_role")
	roles := role.Values
	if !slices.ContainsFunc(roles, func(v string) bool { return e.Refers(v) != e.Refers(roles[0]) }) {
		roles = nil // whatever the role, or none
	}
	if roles == nil {
		roles = []string{""}
	}
	for _, v := range roles {
		if to := e.Refers(v); to != "" && listed(to) {
			r := reference{column: "person_key", to: to}
			if v != "" {
				r.when = "party_role is " + v
			}
			refs = append(refs, r)
		}
	}
	return refs
}
