package measures_test

import (
	"fmt"
	"testing"

	"heatwatch/reports/measures"
	"heatwatch/reports/measures/measuretest"
)

// A session looks for first engagements once, and entries follow them as of any day: who had entered by then, and of a
// year of birth in dispute what the agency says that had engaged the person first.
func TestEntriesAsOfSeveralDaysInOneSession(t *testing.T) {
	d := measuretest.New(t)
	d.Exec(t, `INSERT INTO people BY NAME SELECT unnest([1, 2, 3]) AS person, 'minors' AS population, true AS measured;
INSERT INTO agencies BY NAME SELECT unnest([1, 2, 3]) AS agency, 'shelter' AS kind;
INSERT INTO engagements BY NAME FROM (VALUES
  (1, 1, 'e1', TIMESTAMP '2025-01-10 20:00:00', DATE '2025-01-10', 13), (1, 1, 'e2', TIMESTAMP '2025-03-01 20:00:00', DATE '2025-03-01', 14),
  (2, 1, 'e3', TIMESTAMP '2025-06-01 20:00:00', DATE '2025-06-01', 15),
  (3, 3, 'e4', TIMESTAMP '2025-01-10 20:00:00', DATE '2025-01-10', NULL), (3, 2, 'e5', TIMESTAMP '2025-02-01 20:00:00', DATE '2025-02-01', NULL),
  (3, 1, 'e6', TIMESTAMP '2025-03-01 20:00:00', DATE '2025-03-01', NULL)) AS v(person, agency, engagement_id, engaged_at, engaged_at_on, age);
INSERT INTO persons BY NAME FROM (VALUES (3, 1, 2010), (3, 2, 2012)) AS v(person, agency, birth_year)`)
	entries, _ := measures.CommonSQL()
	for _, x := range []struct{ asof, want string }{
		{"2025-06-01", "1 2025-01-10 13, 2 2025-06-01 15, 3 2025-01-10 12"},
		{"2025-01-09", ""},
		{"2025-01-15", "1 2025-01-10 13, 3 2025-01-10 14"}, // neither had engaged: the first by name
		{"2025-05-31", "1 2025-01-10 13, 3 2025-01-10 12"}, // the second had engaged before the first
	} {
		d.Exec(t, fmt.Sprintf("CREATE OR REPLACE TEMP TABLE params AS SELECT DATE '%s' AS asof", x.asof))
		d.Exec(t, entries)
		var got string
		if err := d.QueryRow("SELECT coalesce(string_agg(person || ' ' || entered_on || ' ' || age, ', ' ORDER BY person), '') FROM entries").Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != x.want {
			t.Errorf("as of %s: %q, want %q", x.asof, got, x.want)
		}
	}
}
