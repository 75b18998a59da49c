package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"heatwatch/etl/partner"
	"heatwatch/models"
)

func read(t *testing.T, s Scope) odcs {
	t.Helper()
	b, err := ODCS(models.Dictionary(), s)
	if err != nil {
		t.Fatal(err)
	}
	var c odcs
	if err := yaml.UnmarshalWithOptions(b, &c, yaml.Strict()); err != nil {
		t.Fatalf("it does not read back: %v", err)
	}
	return c
}

func readTable(t *testing.T, e models.Entity, s Scope) tableSchema {
	t.Helper()
	b, err := TableSchema(models.Dictionary(), e, s)
	if err != nil {
		t.Fatal(err)
	}
	var f tableSchema
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&f); err != nil {
		t.Fatal(err)
	}
	return f
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: %s, want %s", what, g, w)
	}
}

// Everything that the dictionary says of a column can be read out of both forms again.
func TestContractsHoldTheDictionary(t *testing.T) {
	d := models.Dictionary()
	c := read(t, Scope{})
	same(t, "entities", len(c.Schema), len(d.Entities))
	for i, e := range d.Entities {
		o, f := c.Schema[i], readTable(t, e, Scope{})
		same(t, "entity", o.Name+" "+o.Description+" "+o.PhysicalName, e.Name+" "+e.Says+" "+e.Name+".csv")
		same(t, e.Name+" in the table schema", f.Name+" "+f.Title, e.Name+" "+e.Says)
		same(t, e.Name+" columns", fmt.Sprint(len(o.Properties), len(f.Fields)), fmt.Sprint(len(e.Columns), len(e.Columns)))
		var key []string
		for k, col := range e.Columns {
			p, g := o.Properties[k], f.Fields[k]
			at := e.Name + "." + col.Name
			same(t, at, fmt.Sprint(p.Name, p.PhysicalType, p.Description, p.Required), fmt.Sprint(col.Name, col.Type, col.Says, col.Required))
			same(t, at+" in the table schema", fmt.Sprint(g.Name, g.Of, g.Description, g.Constraints.Required), fmt.Sprint(col.Name, col.Type, col.Says, col.Required))
			same(t, at+" codes", valid(p), col.Values)
			same(t, at+" codes in the table schema", g.Constraints.Enum, col.Values)
			if col.Type == models.TypeInt {
				same(t, at+" range", fmt.Sprintln(p.Options["minimum"], p.Options["maximum"], g.Constraints.Minimum, g.Constraints.Maximum), fmt.Sprintln(col.Min, col.Max, col.Min, col.Max))
			}
			same(t, at+" must be there", has(p.Quality, "missing_value"), col.Required)
			if p.PrimaryKey {
				key = append(key, p.Name)
			}
			same(t, at+" is unique", fmt.Sprint(p.Unique, g.Constraints.Unique), fmt.Sprint(slices.Equal(e.Key, []string{col.Name}), slices.Equal(e.Key, []string{col.Name})))
		}
		same(t, e.Name+" key", f.PrimaryKey, e.Key)
		slices.Sort(key)
		same(t, e.Name+" key", key, slices.Sorted(slices.Values(e.Key)))
		same(t, e.Name+" missing values", fmt.Sprintf("%q", f.MissingValues), `[""]`)
		same(t, e.Name+" tokens", fmt.Sprint(f.FieldsMatch == "partial", custom(o.Custom, "tokenColumns") != ""), fmt.Sprint(e.Tokens, e.Tokens))
		for _, r := range d.Rules {
			applies := r.Entity == e.Name || r.Entity == "all" && e.Start != ""
			i := slices.IndexFunc(o.Quality, func(q odcsRule) bool { return q.Name == r.Name && q.Description == r.Says })
			list := f.More.Checks
			if r.Warning {
				list = f.More.Warnings
			}
			same(t, e.Name+" has "+r.Name, fmt.Sprint(i >= 0, slices.Contains(list, tableRule{r.Name, r.Says})), fmt.Sprint(applies, applies))
			if i >= 0 {
				same(t, e.Name+"."+r.Name+" is a warning", o.Quality[i].Severity == "warning", r.Warning)
			}
		}
	}
}

func valid(p odcsColumn) []string {
	for _, q := range p.Quality {
		if q.Metric == "invalidValues" {
			var all []string
			for _, v := range q.Arguments["validValues"].([]any) {
				all = append(all, v.(string))
			}
			return all
		}
	}
	return nil
}

func has(rules []odcsRule, name string) bool {
	return slices.ContainsFunc(rules, func(r odcsRule) bool { return r.Name == name })
}

func custom(list []odcsProperty, name string) string {
	for _, p := range list {
		if p.Property == name {
			return fmt.Sprint(p.Value)
		}
	}
	return ""
}

// The standard's own schema allows no other fields: these are the ones it has, of those that we might write.
func TestOnlyFieldsOfTheStandard(t *testing.T) {
	start, _ := models.ParseDate("2026-02-01")
	a := partner.Default("shelter", start)
	b, err := ODCS(models.Dictionary(), Scope{"shelter-a", &a})
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := yaml.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	custom := fields{"property": nil, "value": nil}
	rule := fields{"name": nil, "type": nil, "metric": nil, "arguments": fields{"properties": nil, "validValues": nil}, "mustBe": nil, "description": nil, "dimension": nil, "severity": nil}
	column := fields{"name": nil, "logicalType": nil, "physicalType": nil, "description": nil, "required": nil, "unique": nil, "primaryKey": nil, "primaryKeyPosition": nil,
		"logicalTypeOptions": fields{"pattern": nil, "format": nil, "minimum": nil, "maximum": nil, "timezone": nil}, "quality": rule}
	object := fields{"name": nil, "physicalName": nil, "physicalType": nil, "logicalType": nil, "description": nil, "properties": column, "quality": rule, "customProperties": custom,
		"relationships": fields{"type": nil, "from": nil, "to": nil, "customProperties": custom}}
	fields{"apiVersion": nil, "kind": nil, "id": nil, "name": nil, "version": nil, "status": nil, "domain": nil, "description": fields{"purpose": nil, "usage": nil, "limitations": nil},
		"schema": object, "slaProperties": fields{"property": nil, "value": nil, "unit": nil, "description": nil}, "customProperties": custom}.allow(t, "", c)
	for _, must := range []string{"apiVersion", "kind", "id", "version", "status"} {
		if s, ok := c[must].(string); !ok || s == "" {
			t.Errorf("%s is no text: %v", must, c[must])
		}
	}
}

// fields are the names that may stand in an object, with what may stand below them.
type fields map[string]any

func (f fields) allow(t *testing.T, at string, v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			f.allow(t, at, x)
		}
	case map[string]any:
		for name, x := range v {
			below, ok := f[name]
			if !ok {
				t.Errorf("%s.%s is no field of the standard", at, name)
			}
			if below != nil {
				below.(fields).allow(t, at+"."+name, x)
			}
		}
	}
}

// Rows of arrests refer to persons or to accused persons by their role; all others to one of them.
func TestReferences(t *testing.T) {
	d := models.Dictionary()
	c := read(t, Scope{})
	for i, e := range d.Entities {
		var got []string
		for _, r := range c.Schema[i].Relationships {
			got = append(got, r.From+" "+r.To+" "+custom(r.Custom, "when"))
		}
		f := readTable(t, e, Scope{})
		switch {
		case e.Name == "arrests":
			same(t, "arrests", strings.Join(got, "; "), "arrests.person_key persons.person_key party_role is victim; arrests.person_key accused_persons.person_key party_role is exploiter; arrests.person_key accused_persons.person_key party_role is purchaser")
			same(t, "arrests in the table schema", fmt.Sprint(len(f.ForeignKeys), len(f.More.References)), "0 3")
		case e.Refers("") == "":
			same(t, e.Name, fmt.Sprint(len(got), len(f.ForeignKeys)), "0 0")
		default:
			same(t, e.Name, strings.Join(got, "; "), e.Name+".person_key "+e.Refers("")+".person_key ")
			same(t, e.Name+" in the table schema", f.ForeignKeys, []tableKey{{[]string{"person_key"}, tableReference{e.Refers(""), []string{"person_key"}}, ""}})
		}
	}
}

// A partner's contract holds what its agreement lists, and what was promised.
func TestContractOfAPartner(t *testing.T) {
	d := models.Dictionary()
	start, _ := models.ParseDate("2026-02-01")
	end, _ := models.ParseDate("2028-01-31")
	a := partner.Default("shelter", start)
	a.Ends, a.EndsOn, a.Freshness = true, end, "weekly"
	a.Columns = map[string]partner.ColumnRule{"services": {Names: []string{"program"}}, "persons": {All: true}, "trainings": {All: true}}
	a.Authority = map[string]string{"services": "Welfare and Institutions Code 18900, order 7"}
	s := Scope{"shelter-a", &a}
	c := read(t, s)
	var names []string
	for _, o := range c.Schema {
		names = append(names, o.Name)
	}
	same(t, "entities", names, "[persons services trainings]")
	var columns []string
	for _, p := range c.Schema[1].Properties {
		columns = append(columns, p.Name)
	}
	same(t, "columns of services", columns, "[service_id person_key service_type emergency started_at program deleted]")
	same(t, "authority", custom(c.Schema[1].Custom, "legalAuthority"), a.Authority["services"])
	var sla []string
	for _, p := range c.SLA {
		sla = append(sla, fmt.Sprintf("%s %v%s", p.Property, p.Value, p.Unit))
	}
	same(t, "promises", sla, "[frequency 7d generalAvailability 2026-02-01 endOfSupport 2028-01-31]")
	same(t, "who", c.ID+" "+c.Status+" "+custom(c.Custom, "partner")+" "+custom(c.Custom, "agencyKind"), "heatwatch-agreement-shelter-a active shelter-a shelter")
	services := s.Entities(d)[1]
	f := readTable(t, services, s)
	same(t, "table schema", fmt.Sprint(f.Name, len(f.Fields), f.More.Authority), fmt.Sprint("services", 7, a.Authority["services"]))

	a.Sharing = partner.SharingAggregate
	c = read(t, s)
	same(t, "totals only", fmt.Sprint(len(c.Schema), " ", c.Schema[0].Name), "1 trainings")
}

// The same dictionary and agreement give the same bytes.
func TestContractsAreDeterministic(t *testing.T) {
	d := models.Dictionary()
	start, _ := models.ParseDate("2026-02-01")
	a := partner.Default("shelter", start)
	for _, s := range []Scope{{}, {"shelter-a", &a}} {
		first, err := ODCS(d, s)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if again, _ := ODCS(d, s); !bytes.Equal(again, first) {
				t.Fatal("the contract differs from itself")
			}
		}
		one, _ := TableSchema(d, d.Entities[0], s)
		if two, _ := TableSchema(d, d.Entities[0], s); !bytes.Equal(one, two) {
			t.Error("the table schema differs from itself")
		}
	}
}
