package deidentify

import (
	_ "embed"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed hmis.yaml
var hmisYAML []byte

// hmisCodes is the data of the adapter: what it reads, and what it makes of it.
type hmisCodes struct {
	Version int `yaml:"version"`
	Files   map[string]struct {
		Need []string `yaml:"need"`
		May  []string `yaml:"may"`
	} `yaml:"files"`
	RefusedFunders []string          `yaml:"refused_funders"`
	Race           map[string]string `yaml:"race"`
	Sex            map[string]string `yaml:"sex"`
	Placement      map[string]struct {
		Type string `yaml:"type"`
		How  string `yaml:"how"`
	} `yaml:"placement"`
	PlacementByFunder     map[string]string            `yaml:"placement_by_funder"`
	EmergencyProjectTypes []string                     `yaml:"emergency_project_types"`
	ExitReason            map[string]string            `yaml:"exit_reason"`
	Services              map[string]map[string]string `yaml:"services"`
	Part2                 map[string][]string          `yaml:"part_2"`
	PathReferrals         map[string]hmisReferral      `yaml:"path_referrals"`
	PathOutcome           map[string]string            `yaml:"path_outcome"`
	Events                map[string]hmisReferral      `yaml:"events"`
	EventOutcome          map[string]string            `yaml:"event_outcome"`
	Channel               map[string]string            `yaml:"channel"`
}

type hmisReferral struct {
	Service string `yaml:"service"`
	To      string `yaml:"to"`
}

var hmisTable = sync.OnceValue(func() *hmisCodes {
	var c hmisCodes
	if err := yaml.UnmarshalWithOptions(hmisYAML, &c, yaml.Strict()); err != nil {
		panic("deidentify: embedded hmis.yaml: " + err.Error())
	}
	return &c
})
