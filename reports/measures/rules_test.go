package measures_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"heatwatch/models"
	"heatwatch/reports/measures"
)

// TestRulesAreThoseOfTheSQL: a number in the words of a rule stands in the SQL that carries it out.
func TestRulesAreThoseOfTheSQL(t *testing.T) {
	number := regexp.MustCompile(`[0-9]+`)
	for _, r := range measures.Rules() {
		if r.Relation == "" {
			continue
		}
		b, err := os.ReadFile("common/" + r.Relation + ".sql")
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
		}
		says := strings.ReplaceAll(r.Says, strings.Join(models.AgeBands(), ", "), "")
		for _, n := range number.FindAllString(says, -1) {
			if !regexp.MustCompile(`\b` + n + `\b`).Match(b) {
				t.Errorf("%s says %s, common/%s.sql does not", r.Name, n, r.Relation)
			}
		}
	}
}
