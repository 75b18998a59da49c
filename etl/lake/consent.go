package lake

import (
	"fmt"
	"strings"

	"heatwatch/models"
)

// consent is an expression that is true for a row whose person may be loaded on that day. A release without an end holds
// until it is changed, and a row without a release comes from a partner that needs none. strict is for a partner whose
// agreement asks for consent: there only a signed release counts.
func consent(e models.Entity, today models.Date, strict bool) string {
	release, ok := e.Column("release")
	if !ok {
		return "true"
	}
	in, good := "NOT IN", "none"
	if strict {
		in, good = "IN", "signed"
	}
	var numbers []string
	for i, v := range release.Values {
		if v == good {
			numbers = append(numbers, fmt.Sprint(i))
		}
	}
	return fmt.Sprintf("coalesce(release %s (%s), %v) AND coalesce(release_until >= DATE %s, true)", in, strings.Join(numbers, ", "), !strict, quote(today.String()))
}
