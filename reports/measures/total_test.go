package measures_test

import (
	"cmp"
	"testing"

	"heatwatch/models"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/declare"
	"heatwatch/reports/measures/measuretest"
)

// TestNoRowMakesAStatementFail puts rows into the lake that intake would never let through: first and last dates, missing
// cells, codes beyond the dictionary, integers at their limits, persons nobody knows. The statements must not care: an
// error that depends on a row is a fact about that row.
func TestNoRowMakesAStatementFail(t *testing.T) {
	d := measuretest.New(t)
	d.Exec(t, `
CREATE TEMP TABLE days AS SELECT unnest([DATE '0001-01-01', DATE '1969-12-31', DATE '2024-02-29', DATE '2025-01-10', DATE '2025-12-31', DATE '9999-12-31', DATE 'infinity', DATE '-infinity', NULL]) AS day;
CREATE TEMP TABLE ints AS SELECT unnest([-9223372036854775808, -1, 0, 17, 2010, 9223372036854775807, NULL]) AS n;
CREATE TEMP TABLE codes AS SELECT unnest([0, 1, 2, 255, NULL])::UTINYINT AS c;
CREATE TEMP TABLE keys AS SELECT unnest(['', 'a', 'site-a', NULL]) AS k;
INSERT INTO agencies VALUES (1, 'a', 'shelter'), (2, 'b', NULL), (3, NULL, NULL);
INSERT INTO coverage SELECT 1 + (row_number() OVER ()) % 3, e, day, day FROM days, (VALUES ('placements'), ('services')) v(e);
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
INSERT INTO ad_snapshots BY NAME SELECT nullif(person, 68) AS person, person % 5 AS agency, 'a' AS snapshot_id, 'a' AS profile_key,
    day::TIMESTAMP AS window_start, day AS window_start_on, c AS area, n AS ads FROM range(68, 92) p(person), codes, days, ints;
INSERT INTO placements BY NAME SELECT person % 60 AS person, 1 AS agency, 'k' AS placement_id, placement_type, d.day AS started_on, e.day AS ended_on, 254 AS exit_reason
    FROM range(15) t(placement_type), range(4) p(person), days d, days e;
INSERT INTO placements BY NAME SELECT 7 AS person, 1 AS agency, 'n' || range AS placement_id, 4 AS placement_type, DATE '2025-01-10' + range::INTEGER AS started_on,
    DATE '2025-01-11' + range::INTEGER AS ended_on FROM range(400);
INSERT INTO case_contacts BY NAME SELECT (row_number() OVER ()) % 63 AS person, (row_number() OVER ()) % 5 AS agency, k AS contact_id, day AS contact_on, c AS contact_type,
    n AS agencies_present, c AS plan_in_place, c AS program FROM days, codes, ints, keys;
INSERT INTO arrests BY NAME SELECT (row_number() OVER ()) % 63 AS person, (row_number() OVER ()) % 5 AS agency, k AS arrest_id, day::TIMESTAMP AS arrested_at,
    day AS arrested_at_on, codes.c AS party_role, x.c AS offense, x.c AS disposition FROM days, codes, codes x, keys;
CREATE TEMP TABLE further AS SELECT day FROM days UNION ALL SELECT DATE '-infinity' UNION ALL SELECT DATE 'infinity' UNION ALL SELECT DATE '0044-03-15 (BC)';
INSERT INTO services BY NAME SELECT (row_number() OVER ()) % 63 AS person, (row_number() OVER ()) % 5 AS agency, k AS service_id, t.c AS service_type,
    s.day::TIMESTAMP AS started_at, s.day AS started_at_on, p.c AS started_precision, e.day::TIMESTAMP AS ended_at, e.day AS ended_at_on, p.c AS program
    FROM further s, further e, codes p, keys, (SELECT unnest([9, 0, NULL])::UTINYINT AS c) t;
INSERT INTO case_contacts BY NAME SELECT (row_number() OVER ()) % 63 AS person, (row_number() OVER ()) % 5 AS agency, k AS contact_id, day AS contact_on,
    c.c AS contact_type, n AS agencies_present, p.c AS plan_in_place FROM further, codes c, codes p, ints, keys;
INSERT INTO referrals BY NAME SELECT (row_number() OVER ()) % 63 AS person, (row_number() OVER ()) % 5 AS agency, k AS referral_id, day::TIMESTAMP AS referred_at,
    day AS referred_at_on, a.c AS to_agency_kind, t.c AS service_type, o.c AS outcome FROM further, codes a, codes t, codes o, keys;
INSERT INTO labor_intakes BY NAME SELECT (row_number() OVER ()) % 63 AS person, (row_number() OVER ()) % 5 AS agency, k AS intake_id, day AS interviewed_on,
    a.c AS pay_withheld, a.c AS demoralized, b.c AS aware_of_abuse, b.c AS industry FROM further, codes a, codes b, keys;
INSERT INTO people SELECT range, 'accused', NULL, NULL, true FROM range(100, 140);
INSERT INTO days VALUES ('infinity'), ('-infinity'), ('2024-05-05'), ('2025-05-05');
INSERT INTO arrests BY NAME SELECT (row_number() OVER ()) % 143 AS person, (row_number() OVER ()) % 5 AS agency, k AS arrest_id, day::TIMESTAMP AS arrested_at, day AS arrested_at_on,
    codes.c AS party_role, x.c AS offense, y.c AS disposition FROM codes, codes x, codes y, days, keys;
INSERT INTO prosecutions BY NAME SELECT (row_number() OVER ()) % 143 AS person, (row_number() OVER ()) % 5 AS agency, k AS case_id, codes.c AS party_role, x.c AS charge, y.c AS disposition,
    d.day AS filed_on, e.day AS disposed_on FROM codes, codes x, codes y, days d, days e, keys;
INSERT INTO purchaser_programs BY NAME SELECT (row_number() OVER ()) % 143 AS person, (row_number() OVER ()) % 5 AS agency, k AS enrollment_id, d.day AS enrolled_on, e.day AS completed_on,
    f.day AS rearrested_on FROM days d, days e, days f, keys, range(3);
INSERT INTO trainings BY NAME SELECT (row_number() OVER ()) % 5 AS agency, 't' || row_number() OVER () AS training_id, day AS held_on, c AS audience, a.n AS attendees, m.n AS minutes, p.n AS certified
    FROM days, codes, ints a, ints m, ints p;
INSERT INTO outreach_events BY NAME SELECT (row_number() OVER ()) % 5 AS agency, 'e' || row_number() OVER () AS event_id, day AS held_on, codes.c AS event_type, x.c AS language, n AS attendees
    FROM days, codes, codes x, ints;
INSERT INTO pledges BY NAME SELECT row_number() OVER () AS agency, day AS pledged_on, c AS language, n AS pledges FROM days, codes, ints;
DELETE FROM arrests WHERE person % 10 < 5 AND arrested_at_on < DATE '2024-01-01';
DELETE FROM prosecutions WHERE person % 10 < 5 AND (filed_on < DATE '2024-01-01' AND person % 2 = 0 OR disposed_on < DATE '2024-01-01' AND person % 2 = 1);
DELETE FROM purchaser_programs WHERE person % 10 < 5 AND enrolled_on < DATE '2024-01-01';
INSERT INTO trainings (agency, held_on, audience, attendees) VALUES (1, '2024-05-05', 0, 1), (NULL, '2024-05-05', 0, 1);
INSERT INTO persons BY NAME SELECT (row_number() OVER ()) % 63 AS person, (row_number() OVER ()) % 5 AS agency, n AS age_exploitation_began, a.c AS home_area, b.c AS recruited_by,
    a.c AS recruited_at, b.c AS exploitation, a.c AS prior_abuse, b.c AS prior_domestic_violence, a.c AS sees_self_as_victim FROM ints, codes a, codes b;
INSERT INTO assessments BY NAME SELECT (row_number() OVER ()) % 63 AS person, (row_number() OVER ()) % 5 AS agency, k AS assessment_id, day AS assessed_on, t.c AS tool,
    d.c AS domain, s.n AS score FROM further, codes t, codes d, (SELECT n FROM ints UNION ALL SELECT 3) s, keys;
INSERT INTO assessments BY NAME SELECT person, 1 AS agency, 'k' AS assessment_id, day AS assessed_on, 1 AS tool, c AS domain, 1 + person % 5 AS score FROM range(60) p(person), further, codes;
INSERT INTO assessments BY NAME SELECT 7 AS person, 1 + range % 3 AS agency, 'n' || range AS assessment_id, DATE '2025-01-10' + (range // 2)::INTEGER AS assessed_on, 1 AS tool,
    1 AS domain, 1 + range % 5 AS score FROM range(400);
-- Some are active in few years: else nobody is in the first years of anything.
DELETE FROM services WHERE person >= 50 AND started_at_on < DATE '2024-01-01';
DELETE FROM referrals WHERE person >= 50 AND referred_at_on < DATE '2024-01-01';
DELETE FROM labor_intakes WHERE person >= 50 AND interviewed_on < DATE '2024-01-01';
DELETE FROM assessments WHERE person >= 50 AND assessed_on < DATE '2024-01-01';
DELETE FROM services WHERE person = 59;
INSERT INTO services (person, agency, service_id, service_type, emergency, started_at, started_at_on) VALUES (59, 1, 'a', 9, 1, '2025-02-01', '2025-02-01')`)
	for _, asof := range []string{"2025-01-01", "2026-12-31", "9999-12-31"} {
		period, err := models.ParsePeriod("2024-2025")
		if err != nil {
			t.Fatal(err)
		}
		day, _ := models.ParseDate(asof)
		for _, vector := range measuretest.Names() { // each for its own cohort: of accused, of an activity
			m, v, _ := measures.LookupVector(vector)
			if v.Activity == "" && !v.Events && cmp.Or(v.Population, m.Population) == "minors" {
				continue // below
			}
			d.PrepareFor(t, vector, period, day)
			d.Cells(t, vector)
			if asof > "2026" && rowsOf(t, d, vector) == 0 {
				t.Errorf("%s as of %s is empty: the rows prove nothing", vector, asof)
			}
		}
		d.Prepare(t, period, day)
		for _, vector := range []string{"entry.heads", "placement-stability.eligible", "placement-stability.cfsr_days", "time-to-emergency-service.curve",
			"long-term-residential-care.retention", "runaway-episodes.days", "exits-from-care.reasons", "return-engagements.police_contact",
			"agencies-working-together.kinds", "case-management-continuity.contact_rate", "services-received.persons_by_program",
			"referrals-connected.connected_by_type", "labor-exploitation.forms", "victim-profile.flags",
			"outcome-change.safety_class", "screening.levels", "screening.screened"} {
			if len(d.Cells(t, vector)) == 0 && asof > "2026" {
				t.Errorf("%s as of %s is empty: the rows prove nothing", vector, asof)
			}
		}
	}
	// The cohorts of activities, in a year and over several.
	for _, name := range []string{"2024", "2025Q1", "2021-2025"} {
		period, _ := models.ParsePeriod(name)
		day, _ := models.ParseDate("9999-12-31")
		for _, m := range measures.All() {
			activity := ""
			for _, v := range m.Vectors {
				if v.Activity == "" {
					continue
				}
				if v.Activity != activity {
					d.PrepareFor(t, m.ID+"."+v.Name, period, day)
					activity = v.Activity
				}
				d.Cells(t, m.ID+"."+v.Name)
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

// rowsOf is how many rows a vector has, of persons of the cohort or of events.
func rowsOf(t *testing.T, d *measuretest.DB, vector string) (n int) {
	t.Helper()
	_, v, _ := measures.LookupVector(vector)
	if v.Encoding == declare.Exact { // about nobody
		return len(d.Cells(t, vector))
	}
	among := ""
	if !v.Events {
		among = " SEMI JOIN cohort c ON c.person = v.person"
	}
	if err := d.QueryRow("SELECT count(v.person) FROM (" + v.SQL + ") v" + among).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
