package deidentify

import (
	"testing"

	"heatwatch/models"
)

func TestBirthDatesAreReadInManyForms(t *testing.T) {
	today, _ := models.ParseDate("2026-08-01")
	for in, want := range map[string]string{"2010-07-03": "2010-07-03", "20100703": "2010-07-03", "7/3/2010": "2010-07-03", "07/03/2010": "2010-07-03", "2010-07-03 00:00:00": "2010-07-03", "2010-07-03T00:00:00": "2010-07-03",
		"2010-02-30": "", "20101303": "", "2027-01-02": "", "1900-01-01": "", "1899-05-05": "", "3/2010": "", "": "", "2010070": "", "20100703x": ""} {
		d, ok := parseBirth([]byte(in), today)
		if got := map[bool]string{true: d.String()}[ok]; got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}
