package measures

import (
	"embed"
	"slices"
	"strings"
)

//go:embed common/*.sql
var commonSQL embed.FS

// relations are the shared relations in the order in which they are made.
var relations = []string{"attributes", "dimensions", "merged_services", "covered_stays", "care_stays"}

// beneath are the relations that a relation is made from, where a measure that needs it need not name them.
var beneath = map[string]string{"dimensions": "attributes"}

func common(name string) string {
	b, err := commonSQL.ReadFile("common/" + name + ".sql")
	if err != nil {
		panic("measures: no common relation " + name) // a name of ours, checked by a test
	}
	return string(b)
}

// NoEntries returns the statements that stand in for those of entries in a population whose persons enter by no engagement.
func NoEntries() string { return common("settled") + common("no_entries") }

// CommonSQL returns the statements that make entries, and those that make every shared relation once cohort is there.
func CommonSQL() (entries, rest string) {
	return common("settled") + common("entries"), commonFor(relations)
}

// CommonFor returns only what these measures need of the rest: a run of time-to-emergency-service makes no care stays.
func CommonFor(ms ...Measure) string {
	var needed []string
	for _, r := range relations {
		if slices.ContainsFunc(ms, func(m Measure) bool {
			return slices.ContainsFunc(m.Needs, func(n string) bool { return n == r || beneath[n] == r })
		}) {
			needed = append(needed, r)
		}
	}
	return commonFor(needed)
}

func commonFor(names []string) string {
	var b strings.Builder
	for _, n := range names {
		b.WriteString(common(n))
	}
	return b.String()
}
