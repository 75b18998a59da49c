package partner

import (
	"slices"

	"heatwatch/models"
)

// What an agreement may say.
const (
	SharingToken     = "token"          // rows and linkage tokens
	SharingConsented = "consented"      // the same, of persons with consent in force only
	SharingAggregate = "aggregate-only" // no row about a person leaves the agency

	StateDraft     = "draft"
	StateSample    = "sample"
	StateLive      = "live"
	StateSuspended = "suspended"

	OnEndKeep  = "keep"
	OnEndErase = "erase"
)

// Agreement is what was agreed with one partner.
type Agreement struct {
	Schema          int
	Kind            string // of agency, as in the dictionary's agency_kind
	Sharing         string
	State           string
	StartsOn        models.Date
	EndsOn          models.Date // meaningful if Ends
	Ends            bool
	Freshness       string // weekly, monthly or quarterly
	DistinctPersons bool   // the agency says that one person has one number
	OnEnd           string
	LegalHold       bool
	MostPersons     int                   // that one drop may list, and that may be known before a delta; 0: no limit
	Authority       map[string]string     // entity: statute, order or agreement
	Columns         map[string]ColumnRule // entity: what may be sent; an entity that is not named may not
}

// ColumnRule says which columns of an entity are agreed.
type ColumnRule struct {
	All   bool
	Names []string
}

// Default is the agreement that `partner add` writes.
func Default(kind string, today models.Date) Agreement {
	a := Agreement{Schema: 1, Kind: kind, Sharing: SharingToken, State: StateLive, StartsOn: today, Freshness: "monthly",
		DistinctPersons: true, OnEnd: OnEndKeep, Authority: map[string]string{}, Columns: map[string]ColumnRule{}}
	for _, e := range models.Dictionary().Entities {
		a.Columns[e.Name] = ColumnRule{All: true}
	}
	return a
}

// AllowsEntity reports whether anything of the entity may be sent.
func (a Agreement) AllowsEntity(entity string) bool {
	r, ok := a.Columns[entity]
	return ok && (r.All || len(r.Names) > 0)
}

// Allows reports whether a column may be sent. Where an entity is agreed at all, its required columns and the flag
// `deleted` come with it: without them no row means anything. A list names tokens one by one or as token_*.
func (a Agreement) Allows(entity, column string) bool {
	if !a.AllowsEntity(entity) {
		return false
	}
	e, ok := models.Dictionary().Entity(entity)
	if !ok {
		return false
	}
	r := a.Columns[entity]
	if models.IsToken(column) {
		return e.Tokens && (r.All || slices.Contains(r.Names, column) || slices.Contains(r.Names, "token_*"))
	}
	c, ok := e.Column(column)
	return ok && (r.All || c.Required || c.Name == "deleted" || slices.Contains(r.Names, column))
}

// Takes is Allows, except that an agency which shares totals only may send nothing about persons.
func (a Agreement) Takes(entity, column string) bool {
	if e, ok := models.Dictionary().Entity(entity); ok && a.Sharing == SharingAggregate && e.Index("person_key") >= 0 {
		return false
	}
	return a.Allows(entity, column)
}

// FreshnessDays is how many days a promise of freshness leaves from one drop to the next.
func FreshnessDays(promise string) int {
	return map[string]int{"weekly": 7, "monthly": 31, "quarterly": 92}[promise]
}

// InForce reports whether rows may be sent and taken on that day.
func (a Agreement) InForce(on models.Date) bool {
	return a.State != StateSuspended && !(a.Ends && a.EndsOn < on)
}
