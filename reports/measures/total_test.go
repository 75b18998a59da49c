package measures_test

import (
	"testing"

	"heatwatch/models"
	"heatwatch/reports/measures/measuretest"
)

// TestNoRowMakesAStatementFail puts rows into the lake that intake would never let through: first and last dates, missing
// cells, codes beyond the dictionary, integers at their limits, persons nobody knows. The statements must not care: an
// error that depends on a row is a fact about that row.
func TestNoRowMakesAStatementFail(t *testing.T) {
	d := measuretest.New(t)
	d.Exec(t, `
CREATE TEMP TABLE days AS SELECT unnest([DATE '0001-01-01', DATE '1969-12-31', DATE '2024-02-29', DATE '2025-01-10', DATE '2025-12-31', DATE '9999-12-31', NULL]) AS day;
CREATE TEMP TABLE ints AS SELECT unnest([-9223372036854775808, -1, 0, 17, 2010, 9223372036854775807, NULL]) AS n;
CREATE TEMP TABLE codes AS SELECT unnest([0, 1, 2, 255, NULL])::UTINYINT AS c;
CREATE TEMP TABLE keys AS SELECT unnest(['', 'a', 'site-a', NULL]) AS k;
INSERT INTO agencies VALUES (1, 'a', 'shelter'), (2, 'b', NULL), (3, NULL, NULL);
INSERT INTO coverage SELECT 1 + (row_number() OVER ()) % 3, 'placements', day, day FROM days;
INSERT INTO people SELECT range, 'minors', NULL, NULL, true FROM range(60);
INSERT INTO people VALUES (60, 'minors', NULL, NULL, NULL), (61, NULL, NULL, NULL, true), (NULL, 'minors', NULL, NULL, true);
INSERT INTO persons BY NAME SELECT (row_number() OVER ()) % 63 AS person, (row_number() OVER ()) % 5 AS agency, n AS birth_year, x.c AS gender, codes.c AS race_ethnicity FROM ints, codes, codes x;
INSERT INTO engagements BY NAME SELECT (row_number() OVER ()) % 63 AS person, (row_number() OVER ()) % 5 AS agency, k AS engagement_id,
    day::TIMESTAMP AS engaged_at, day AS engaged_at_on, n AS age, c AS channel, c AS setting FROM ints, codes, days, keys;
DELETE FROM engagements WHERE person > 9 AND engaged_at_on < DATE '2024-01-01';
INSERT INTO services BY NAME SELECT (row_number() OVER ()) % 63 AS person, (row_number() OVER ()) % 5 AS agency, k AS service_id, codes.c AS service_type,
    x.c AS emergency, day::TIMESTAMP AS started_at, day AS started_at_on, y.c AS started_precision, day::TIMESTAMP AS ended_at, day AS ended_at_on FROM codes, codes x, codes y, days, keys, range(3);
INSERT INTO placements BY NAME SELECT (row_number() OVER ()) % 63 AS person, (row_number() OVER ()) % 5 AS agency, k AS placement_id, c AS placement_type, k AS site_key,
    d.day AS started_on, e.day AS ended_on, c AS exit_reason FROM codes, days d, days e, keys, range(5);
INSERT INTO resources BY NAME SELECT (row_number() OVER ()) % 5 AS agency, k AS resource_id, codes.c AS resource_type, x.c AS program, day AS effective_on,
    n // 1000 AS quantity FROM codes, codes x, days, keys, ints;
INSERT INTO people SELECT range, 'profiles', unhex(md5(range::VARCHAR)), NULL, true FROM range(70, 90);
INSERT INTO ad_snapshots BY NAME SELECT 62 + (row_number() OVER ()) % 30 AS person, (row_number() OVER ()) % 5 AS agency, k AS snapshot_id, k AS profile_key,
    day::TIMESTAMP AS window_start, day AS window_start_on, c AS area, n AS ads FROM codes, days, keys, ints`)
	for _, asof := range []string{"2025-01-01", "2026-12-31", "9999-12-31"} {
		period, err := models.ParsePeriod("2024-2025")
		if err != nil {
			t.Fatal(err)
		}
		day, _ := models.ParseDate(asof)
		d.Prepare(t, period, day)
		for _, vector := range []string{"entry.heads", "placement-stability.eligible", "placement-stability.cfsr_days", "time-to-emergency-service.curve"} {
			if len(d.Cells(t, vector)) == 0 && asof > "2026" {
				t.Errorf("%s as of %s is empty: the rows prove nothing", vector, asof)
			}
		}
	}
	// A cohort of everybody, entered at any time.
	d.Exec(t, `CREATE OR REPLACE TEMP TABLE cohort AS
SELECT e.person, e.entered_at, e.entered_on, e.agency, e.agency_kind, e.channel, e.setting, e.age_band, e.age FROM entries e`)
	d.Tables(t)
	d.Exact(t)
}

// TestEmptyLake measures nothing at all, and says so with empty cells.
func TestEmptyLake(t *testing.T) {
	d := measuretest.New(t)
	period, _ := models.ParsePeriod("2026Q3")
	d.Prepare(t, period, period.Last().AddDays(379))
	for name, cells := range d.Exact(t) {
		if len(cells) > 0 {
			t.Errorf("%s has cells %v of nobody", name, cells)
		}
	}
}
