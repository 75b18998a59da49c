package schema

import (
	"regexp"
	"strings"
	"testing"

	"heatwatch/models"
)

func TestCodesAreWrittenPlain(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"SELECT 1", "SELECT 1"},
		{"WHERE s.emergency = code('services.emergency', 'yes') AND x", "WHERE s.emergency = 0::UTINYINT AND x"},
		{"IN (code('services.emergency', 'no'), code('services.emergency', 'unknown'))", "IN (1::UTINYINT, 2::UTINYINT)"},
		{"label('services.emergency', CASE WHEN f(a) THEN b ELSE code('services.emergency', 'no') END) AS l", "(['yes', 'no', 'unknown'])[(CASE WHEN f(a) THEN b ELSE 1::UTINYINT END)::INTEGER + 1] AS l"},
		{"SELECT unicode('a'), barcode(1)", "SELECT unicode('a'), barcode(1)"},
		{"code('services.emergency', 'perhaps')", "code('services.emergency', 'perhaps')"},
		{"code('nowhere.emergency', 'yes')", "code('nowhere.emergency', 'yes')"},
		{"label('services.emergency', ')')", "(['yes', 'no', 'unknown'])[(')')::INTEGER + 1]"},
	} {
		if got := plain(c.sql); got != c.want {
			t.Errorf("%s becomes\n%s, want\n%s", c.sql, got, c.want)
		}
	}
	if got, want := plain("label('agency_kind', x)"), "(['"+models.Dictionary().List("agency_kind")[0]; !strings.HasPrefix(got, want) {
		t.Errorf("a shared list: %s", got)
	}
}

// No statement that a release runs has a code or a label left to expand.
func TestNoMacroIsLeft(t *testing.T) {
	s := Schema()
	all := append([]string{}, s.Entries...)
	for m := range s.Measures {
		all = append(append(all, s.Relations([]string{m})...), s.Build[m]...)
	}
	for _, v := range s.Vectors {
		all = append(all, v.SQL, v.Activity)
	}
	for _, d := range s.Dimensions {
		all = append(all, d.SQL)
	}
	macro := regexp.MustCompile(`\b(code|label)\('`)
	for _, q := range all {
		if macro.MatchString(q) {
			t.Errorf("left in %.200s", q)
		}
	}
}
