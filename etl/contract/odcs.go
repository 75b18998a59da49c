package contract

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"

	"heatwatch/etl/partner"
	"heatwatch/models"
)

// The form of the standard, in the order in which it is written. Fields that the standard has and we have no use for are
// left out.
type odcs struct {
	APIVersion string         `yaml:"apiVersion"`
	Kind       string         `yaml:"kind"`
	ID         string         `yaml:"id"`
	Name       string         `yaml:"name"`
	Version    string         `yaml:"version"`
	Status     string         `yaml:"status"`
	Domain     string         `yaml:"domain"`
	About      odcsAbout      `yaml:"description"`
	Schema     []odcsObject   `yaml:"schema"`
	SLA        []odcsSLA      `yaml:"slaProperties,omitempty"`
	Custom     []odcsProperty `yaml:"customProperties,omitempty"`
}

type odcsAbout struct {
	Purpose     string `yaml:"purpose"`
	Usage       string `yaml:"usage"`
	Limitations string `yaml:"limitations"`
}

type odcsObject struct {
	Name          string             `yaml:"name"`
	PhysicalName  string             `yaml:"physicalName"`
	PhysicalType  string             `yaml:"physicalType"`
	LogicalType   string             `yaml:"logicalType"`
	Description   string             `yaml:"description"`
	Properties    []odcsColumn       `yaml:"properties"`
	Relationships []odcsRelationship `yaml:"relationships,omitempty"`
	Quality       []odcsRule         `yaml:"quality,omitempty"`
	Custom        []odcsProperty     `yaml:"customProperties,omitempty"`
}

type odcsColumn struct {
	Name         string         `yaml:"name"`
	LogicalType  string         `yaml:"logicalType"`
	PhysicalType string         `yaml:"physicalType"`
	Description  string         `yaml:"description"`
	Required     bool           `yaml:"required"`
	Unique       bool           `yaml:"unique,omitempty"`
	PrimaryKey   bool           `yaml:"primaryKey,omitempty"`
	Position     int            `yaml:"primaryKeyPosition,omitempty"`
	Options      map[string]any `yaml:"logicalTypeOptions,omitempty"`
	Quality      []odcsRule     `yaml:"quality,omitempty"`
}

type odcsRelationship struct {
	Type   string         `yaml:"type"`
	From   string         `yaml:"from"`
	To     string         `yaml:"to"`
	Custom []odcsProperty `yaml:"customProperties,omitempty"`
}

type odcsRule struct {
	Name        string         `yaml:"name"`
	Type        string         `yaml:"type"`
	Metric      string         `yaml:"metric,omitempty"`
	Arguments   map[string]any `yaml:"arguments,omitempty"`
	MustBe      *int           `yaml:"mustBe,omitempty"`
	Description string         `yaml:"description"`
	Dimension   string         `yaml:"dimension"`
	Severity    string         `yaml:"severity"`
}

type odcsSLA struct {
	Property    string `yaml:"property"`
	Value       any    `yaml:"value"`
	Unit        string `yaml:"unit,omitempty"`
	Description string `yaml:"description"`
}

type odcsProperty struct {
	Property string `yaml:"property"`
	Value    any    `yaml:"value"`
}

// ODCS writes the dictionary, as far as the scope goes, as a data contract in YAML.
func ODCS(d *models.Dict, s Scope) ([]byte, error) {
	c := odcs{APIVersion: "v3.1.0", Kind: "DataContract", ID: "heatwatch-dictionary", Name: "What partners send", Version: fmt.Sprintf("%d.0.0", d.Version), Status: "active", Domain: "anti-trafficking programme",
		About: odcsAbout{
			Purpose:     "De-identified extracts from which the programme's measures are computed; figures leave through differential privacy only.",
			Usage:       "One CSV file per entity: UTF-8, comma, a header line, columns in any order, no line end inside a value. An empty cell means: not known to us.",
			Limitations: "No names, addresses or birth dates. A row that breaks a rule of severity error is put aside and the others load; a column that is not listed refuses its file.",
		}}
	entities := s.Entities(d)
	listed := func(name string) bool { return named(entities, name) }
	for _, e := range entities {
		c.Schema = append(c.Schema, s.object(d, e, listed))
	}
	for _, p := range d.Populations {
		c.Custom = append(c.Custom, odcsProperty{"population" + strings.ToUpper(p.Name[:1]) + p.Name[1:], p.Says + " (counted by " + p.Unit + ")"})
	}
	if s.Agreement != nil {
		s.promise(&c)
	}
	return yaml.MarshalWithOptions(c, yaml.IndentSequence(true))
}

func named(entities []models.Entity, name string) bool {
	for _, e := range entities {
		if e.Name == name {
			return true
		}
	}
	return false
}

// promise adds what was agreed with the partner.
func (s Scope) promise(c *odcs) {
	a := s.Agreement
	c.ID, c.Name = "heatwatch-agreement-"+s.Partner, "What "+s.Partner+" sends"
	c.Status = map[string]string{partner.StateDraft: "draft", partner.StateSample: "proposed", partner.StateLive: "active", partner.StateSuspended: "retired"}[a.State]
	c.SLA = []odcsSLA{
		{"frequency", partner.FreshnessDays(a.Freshness), "d", a.Freshness + ": days from one drop to the next, with a week of grace"},
		{"generalAvailability", a.StartsOn.String(), "", "first day of the agreement"},
	}
	if a.Ends {
		c.SLA = append(c.SLA, odcsSLA{"endOfSupport", a.EndsOn.String(), "", "last day of the agreement; what is loaded then: " + a.OnEnd})
	}
	yes := map[bool]string{true: "yes", false: "no"}
	c.Custom = append(c.Custom, odcsProperty{"partner", s.Partner}, odcsProperty{"agencyKind", a.Kind}, odcsProperty{"sharing", a.Sharing}, odcsProperty{"state", a.State},
		odcsProperty{"distinctPersons", yes[a.DistinctPersons]}, odcsProperty{"onEnd", a.OnEnd}, odcsProperty{"legalHold", yes[a.LegalHold]})
}

func (s Scope) object(d *models.Dict, e models.Entity, listed func(string) bool) odcsObject {
	o := odcsObject{Name: e.Name, PhysicalName: e.Name + ".csv", PhysicalType: "file", LogicalType: "object", Description: e.Says}
	for _, c := range e.Columns {
		o.Properties = append(o.Properties, odcsProperties(e, c))
	}
	for _, r := range referencesOf(e, listed) {
		rel := odcsRelationship{Type: "foreignKey", From: e.Name + "." + r.column, To: r.to + ".person_key"}
		if r.when != "" {
			rel.Custom = []odcsProperty{{"when", r.when}}
		}
		o.Relationships = append(o.Relationships, rel)
	}
	o.Quality = append(o.Quality, library("duplicate_key", "duplicateValues", "uniqueness", map[string]any{"properties": e.Key}))
	if len(o.Relationships) > 0 {
		o.Quality = append(o.Quality, inWords("person_not_sent", reasonSays("person_not_sent"), "error"))
	}
	for _, warning := range []bool{false, true} {
		severity := map[bool]string{false: "error", true: "warning"}[warning]
		for _, r := range rulesOf(d, e, warning) {
			o.Quality = append(o.Quality, inWords(r.Name, r.Says, severity))
		}
	}
	o.Custom = []odcsProperty{{"population", e.Population}}
	if e.Start != "" {
		o.Custom = append(o.Custom, odcsProperty{"start", e.Start})
	}
	if s.tokens(e) {
		o.Custom = append(o.Custom, odcsProperty{"tokenColumns", tokenColumns}, odcsProperty{"tokenPattern", tokenPattern})
	}
	if law := s.authority(e.Name); law != "" {
		o.Custom = append(o.Custom, odcsProperty{"legalAuthority", law})
	}
	return o
}

func odcsProperties(e models.Entity, c models.Column) odcsColumn {
	p := odcsColumn{Name: c.Name, LogicalType: "string", PhysicalType: c.Type.String(), Description: c.Says, Required: c.Required}
	for i, k := range e.Key {
		if k == c.Name {
			p.PrimaryKey, p.Position, p.Unique = true, i+1, len(e.Key) == 1
		}
	}
	switch c.Type {
	case models.TypeKey:
		p.Options = map[string]any{"pattern": keyPattern}
	case models.TypeToken:
		p.Options = map[string]any{"pattern": tokenPattern}
	case models.TypeDate:
		p.LogicalType = "date"
		p.Options = map[string]any{"format": "yyyy-MM-dd", "minimum": models.EarliestDate.String()}
	case models.TypeDateTime:
		p.LogicalType = "timestamp"
		p.Options = map[string]any{"format": "yyyy-MM-dd'T'HH:mm[:ss]XXX", "timezone": true, "minimum": models.EarliestDate.String() + "T00:00:00Z"}
	case models.TypeInt:
		p.LogicalType = "integer"
		p.Options = map[string]any{"minimum": c.Min, "maximum": c.Max}
	case models.TypeCode, models.TypeFlag:
		code := "unknown_code"
		if c.Type == models.TypeFlag {
			code = "bad_flag"
		}
		p.Quality = append(p.Quality, library(code, "invalidValues", "conformity", map[string]any{"validValues": c.Values}))
	}
	if c.Required {
		p.Quality = append(p.Quality, library("missing_value", "nullValues", "completeness", nil))
	}
	return p
}

// library is a rule that every engine of the standard knows; its name is the reason code of receipts.
func library(code, metric, dimension string, arguments map[string]any) odcsRule {
	none := 0
	return odcsRule{Name: code, Type: "library", Metric: metric, Arguments: arguments, MustBe: &none, Description: reasonSays(code), Dimension: dimension, Severity: "error"}
}

// inWords is a rule across cells or rows: the standard has no language for it, receipts name it.
func inWords(code, says, severity string) odcsRule {
	return odcsRule{Name: code, Type: "text", Description: says, Dimension: "consistency", Severity: severity}
}

func reasonSays(code string) string {
	r, _ := models.LookupReason(code)
	return r.Meaning
}
