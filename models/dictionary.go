package models

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed dictionary.yaml
var dictionaryYAML []byte

// Type is the kind of value a column holds.
type Type uint8

// The types of columns. A token is made by deidentify and compared for equality only.
const (
	TypeKey Type = iota
	TypeCode
	TypeDate
	TypeDateTime
	TypeInt
	TypeFlag
	TypeToken
)

var typeNames = []string{"key", "code", "date", "datetime", "int", "flag", "token"}

func (t Type) String() string { return typeNames[t] }

// Column is one column of an entity.
type Column struct {
	Name     string
	Type     Type
	Required bool
	Values   []string // what a code or flag may be; a cell's number is its index here
	Min, Max int64    // range of an int, both ends included
	Person   bool     // refers to a person of the same partner
	Says     string
}

// Entity is one kind of file that a partner may send.
type Entity struct {
	Name       string
	Population string   // minors, accused, by_role, attendees, pledgers, profiles or none
	Key        []string // columns that identify a row within one partner
	Columns    []Column // in the order of the dictionary; the last is the optional flag "deleted"
	Tokens     bool     // token_* columns are taken
	Start      string   // column that says when a row begins, or ""
	Says       string

	checks, warnings []Check
}

// Column returns the column of that name.
func (e Entity) Column(name string) (Column, bool) {
	if i := e.Index(name); i >= 0 {
		return e.Columns[i], true
	}
	return Column{}, false
}

// Index returns the position of the column of that name, or -1.
func (e Entity) Index(name string) int {
	return slices.IndexFunc(e.Columns, func(c Column) bool { return c.Name == name })
}

// Refers names the entity whose person_key the row's person_key refers to, or "" where the entity has no persons.
// For arrests it depends on the row: role is then the row's party_role.
func (e Entity) Refers(role string) string {
	switch {
	case e.Index("person_key") < 0 || e.Tokens:
		return ""
	case e.Population == "accused", e.Population == "by_role" && role != "victim":
		return "accused_persons"
	default:
		return "persons"
	}
}

// PersonKey is the column that names a row's person within its partner, or "" where rows are about nobody.
func (e Entity) PersonKey() string {
	for _, name := range []string{"person_key", "profile_key"} {
		if e.Index(name) >= 0 {
			return name
		}
	}
	return ""
}

// About is the population of a row's person, "" where rows are about nobody. role is the row's party_role, as for Refers.
func (e Entity) About(role string) string {
	switch {
	case e.PersonKey() == "":
		return ""
	case e.Population != "by_role":
		return e.Population
	case role == "victim":
		return "minors"
	}
	return "accused"
}

// Checks are the rules across cells that a row must satisfy; "future" is applied by intake, which knows the manifest.
func (e Entity) Checks() []Check { return e.checks }

// Warnings are the rules within one row that are counted, not enforced.
func (e Entity) Warnings() []Check { return e.warnings }

// Population is a privacy unit of its own (see docs of package privacy).
type Population struct{ Name, Unit, Says string }

// Dict is the data dictionary.
type Dict struct {
	Version     int
	Entities    []Entity
	Populations []Population
	Rules       []Rule // checks and warnings as the dictionary words them
	lists       map[string][]string
}

// Rule is a check or warning as partners read it.
type Rule struct {
	Entity, Name, Says string
	Warning            bool
}

// Entity returns the entity of that name.
func (d *Dict) Entity(name string) (Entity, bool) {
	for _, e := range d.Entities {
		if e.Name == name {
			return e, true
		}
	}
	return Entity{}, false
}

// List returns a shared code list, such as "agency_kind", or nil.
func (d *Dict) List(name string) []string { return d.lists[name] }

var tokenName = regexp.MustCompile(`^token_[a-z0-9_]{1,40}$`)

// IsToken reports whether a column of that name is a linkage token.
func IsToken(name string) bool { return tokenName.MatchString(name) }

// Dictionary returns the embedded data dictionary. It panics if the embedded file is broken, which a test rules out.
var Dictionary = sync.OnceValue(func() *Dict {
	d, err := parseDictionary(dictionaryYAML)
	if err != nil {
		panic("models: embedded dictionary: " + err.Error())
	}
	return d
})

type yamlColumn struct {
	Name     string   `yaml:"name"`
	Type     string   `yaml:"type"`
	Required bool     `yaml:"required"`
	Values   []string `yaml:"values"`
	List     string   `yaml:"list"`
	SameAs   string   `yaml:"same_as"`
	Range    []int64  `yaml:"range"`
	Person   bool     `yaml:"person"`
	Says     string   `yaml:"says"`
}

type yamlRule struct {
	Entity string `yaml:"entity"`
	Name   string `yaml:"name"`
	Says   string `yaml:"says"`
}

type yamlDictionary struct {
	Version     int                 `yaml:"version"`
	Lists       map[string][]string `yaml:"lists"`
	Populations yaml.MapSlice       `yaml:"populations"`
	Entities    []struct {
		Name       string       `yaml:"name"`
		Population string       `yaml:"population"`
		Key        []string     `yaml:"key"`
		Tokens     bool         `yaml:"tokens"`
		Start      string       `yaml:"start"`
		Says       string       `yaml:"says"`
		Columns    []yamlColumn `yaml:"columns"`
	} `yaml:"entities"`
	Checks   []yamlRule `yaml:"checks"`
	Warnings []yamlRule `yaml:"warnings"`
}

// flagValues are the answers of every flag, in the order of their numbers.
var flagValues = []string{"yes", "no", "unknown"}

func parseDictionary(b []byte) (*Dict, error) {
	var y yamlDictionary
	if err := yaml.UnmarshalWithOptions(b, &y, yaml.Strict()); err != nil {
		return nil, err
	}
	d := &Dict{Version: y.Version, lists: y.Lists}
	for _, p := range y.Populations {
		m, _ := p.Value.(map[string]any)
		unit, _ := m["unit"].(string)
		says, _ := m["says"].(string)
		d.Populations = append(d.Populations, Population{Name: p.Key.(string), Unit: unit, Says: says})
	}
	for _, ye := range y.Entities {
		e := Entity{Name: ye.Name, Population: ye.Population, Key: ye.Key, Tokens: ye.Tokens, Start: ye.Start, Says: ye.Says}
		for _, yc := range ye.Columns {
			c, err := d.column(yc)
			if err != nil {
				return nil, fmt.Errorf("%s.%s: %w", ye.Name, yc.Name, err)
			}
			e.Columns = append(e.Columns, c)
		}
		e.Columns = append(e.Columns, Column{Name: "deleted", Type: TypeFlag, Values: flagValues, Says: "yes removes the row with this key"})
		for _, k := range append(slices.Clone(e.Key), e.Start) {
			if k != "" && e.Index(k) < 0 {
				return nil, fmt.Errorf("%s: no column %s", e.Name, k)
			}
		}
		d.Entities = append(d.Entities, e)
	}
	if err := d.same(y); err != nil {
		return nil, err
	}
	return d, d.attachRules(y.Checks, y.Warnings)
}

func (d *Dict) column(y yamlColumn) (Column, error) {
	t := slices.Index(typeNames, y.Type)
	if t < 0 {
		return Column{}, fmt.Errorf("unknown type %q", y.Type)
	}
	c := Column{Name: y.Name, Type: Type(t), Required: y.Required, Values: y.Values, Person: y.Person, Says: y.Says}
	switch c.Type {
	case TypeFlag:
		c.Values = flagValues
	case TypeInt:
		if len(y.Range) != 2 || y.Range[0] > y.Range[1] {
			return c, fmt.Errorf("an int needs a range")
		}
		c.Min, c.Max = y.Range[0], y.Range[1]
	case TypeCode:
		if y.List != "" {
			c.Values = d.lists[y.List]
		}
		if len(c.Values) == 0 && y.SameAs == "" {
			return c, fmt.Errorf("a code needs its values")
		}
	}
	return c, nil
}

// same fills in the columns that take the values of another one.
func (d *Dict) same(y yamlDictionary) error {
	for i, ye := range y.Entities {
		for j, yc := range ye.Columns {
			if yc.SameAs == "" {
				continue
			}
			c, ok := d.lookup(yc.SameAs)
			if !ok || len(c.Values) == 0 {
				return fmt.Errorf("%s.%s: same_as %s: no such column", ye.Name, yc.Name, yc.SameAs)
			}
			d.Entities[i].Columns[j].Values = c.Values
		}
	}
	return nil
}

// lookup finds "entity.column".
func (d *Dict) lookup(name string) (Column, bool) {
	for _, e := range d.Entities {
		for _, c := range e.Columns {
			if e.Name+"."+c.Name == name {
				return c, true
			}
		}
	}
	return Column{}, false
}

// Values returns the values of a shared list ("agency_kind") or of a column ("services.service_type").
func (d *Dict) Values(name string) []string {
	if l, ok := d.lists[name]; ok {
		return l
	}
	c, _ := d.lookup(name)
	return c.Values
}
