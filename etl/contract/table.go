package contract

import (
	"bytes"
	"encoding/json"

	"heatwatch/models"
)

type tableSchema struct {
	Schema        string       `json:"$schema"`
	Name          string       `json:"name"`
	Title         string       `json:"title"`
	FieldsMatch   string       `json:"fieldsMatch"`
	Fields        []tableField `json:"fields"`
	MissingValues []string     `json:"missingValues"`
	PrimaryKey    []string     `json:"primaryKey"`
	ForeignKeys   []tableKey   `json:"foreignKeys,omitempty"`
	More          tableMore    `json:"heatwatch"`
}

type tableField struct {
	Name        string           `json:"name"`
	Type        string           `json:"type"`
	Format      string           `json:"format,omitempty"`
	Description string           `json:"description"`
	Constraints tableConstraints `json:"constraints"`
	Of          string           `json:"heatwatch:type"` // the dictionary's own
}

type tableConstraints struct {
	Required bool     `json:"required,omitempty"`
	Unique   bool     `json:"unique,omitempty"`
	Pattern  string   `json:"pattern,omitempty"`
	Minimum  any      `json:"minimum,omitempty"`
	Maximum  any      `json:"maximum,omitempty"`
	Enum     []string `json:"enum,omitempty"`
}

type tableKey struct {
	Fields    []string       `json:"fields"`
	Reference tableReference `json:"reference"`
	When      string         `json:"when,omitempty"`
}

type tableReference struct {
	Resource string   `json:"resource"`
	Fields   []string `json:"fields"`
}

// tableMore is what Table Schema has no word for.
type tableMore struct {
	Dictionary   int         `json:"dictionary"`
	Population   string      `json:"population"`
	Checks       []tableRule `json:"checks"`
	Warnings     []tableRule `json:"warnings"`
	References   []tableKey  `json:"references,omitempty"` // of some rows only
	TokenColumns string      `json:"token_columns,omitempty"`
	Authority    string      `json:"legal_authority,omitempty"`
}

type tableRule struct {
	Name string `json:"name"`
	Says string `json:"says"`
}

// TableSchema writes one entity of the scope's as a Table Schema in JSON. e is one of Entities.
func TableSchema(d *models.Dict, e models.Entity, s Scope) ([]byte, error) {
	t := tableSchema{Schema: "https://datapackage.org/profiles/2.0/tableschema.json", Name: e.Name, Title: e.Says, FieldsMatch: "superset", MissingValues: []string{""}, PrimaryKey: e.Key,
		More: tableMore{Dictionary: d.Version, Population: e.Population, Checks: tableRules(d, e, false), Warnings: tableRules(d, e, true), Authority: s.authority(e.Name)}}
	if s.tokens(e) { // any number of columns more
		t.FieldsMatch, t.More.TokenColumns = "partial", tokenColumns
	}
	for _, c := range e.Columns {
		t.Fields = append(t.Fields, fieldOf(e, c))
	}
	entities := s.Entities(d)
	for _, r := range referencesOf(e, func(name string) bool { return named(entities, name) }) {
		k := tableKey{[]string{r.column}, tableReference{r.to, []string{"person_key"}}, r.when}
		if r.when == "" {
			t.ForeignKeys = append(t.ForeignKeys, k)
		} else { // as a foreign key it would bind every row
			t.More.References = append(t.More.References, k)
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(t)
	return b.Bytes(), err
}

func tableRules(d *models.Dict, e models.Entity, warnings bool) []tableRule {
	rules := []tableRule{}
	for _, r := range rulesOf(d, e, warnings) {
		rules = append(rules, tableRule{r.Name, r.Says})
	}
	return rules
}

func fieldOf(e models.Entity, c models.Column) tableField {
	f := tableField{Name: c.Name, Type: "string", Description: c.Says, Of: c.Type.String(),
		Constraints: tableConstraints{Required: c.Required, Unique: len(e.Key) == 1 && e.Key[0] == c.Name}}
	switch c.Type {
	case models.TypeKey:
		f.Constraints.Pattern = keyPattern
	case models.TypeToken:
		f.Constraints.Pattern = tokenPattern
	case models.TypeCode, models.TypeFlag:
		f.Constraints.Enum = c.Values
	case models.TypeDate:
		f.Type = "date"
		f.Constraints.Minimum = models.EarliestDate
	case models.TypeDateTime:
		f.Type, f.Format = "datetime", "any" // the default takes UTC alone
	case models.TypeInt:
		f.Type = "integer"
		f.Constraints.Minimum, f.Constraints.Maximum = c.Min, c.Max
	}
	return f
}
