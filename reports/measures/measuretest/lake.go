package measuretest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heatwatch/models"
)

// Lake is a folder of Parquet files as a nightly leaves them: one file per entity and partner, sorted by person and start.
type Lake struct {
	Dir      string
	Services int // rows
	Persons  int // one for 30 of them
}

// LakeAgencies is how many partners a made lake has.
const LakeAgencies = 20

// RowGroup is the number of rows in a row group of the files, as the nightly writes them.
const RowGroup = 122880

// WriteLake makes one with so many service rows: entries spread over the ten years 2015 to 2024 in the order of the
// persons' numbers, as they come in a real lake, where numbers are given as files arrive; an accused person for four minors;
// everything else in proportion. Nothing in it is drawn from anybody; the same rows every time.
func WriteLake(t testing.TB, dir string, services int) Lake {
	t.Helper()
	l := Lake{Dir: dir, Services: services, Persons: services / 30}
	d := New(t)
	d.Exec(t, "SET preserve_insertion_order = false; SET memory_limit = '8GB'; SET temp_directory = '"+filepath.Join(dir, "tmp")+"'")
	d.Exec(t, fmt.Sprintf(`
CREATE MACRO h(a, b, n) AS (hash(a::BIGINT * 1000003 + b) >> 20) %% n;
CREATE TEMP TABLE born AS
SELECT (range + 1)::UINTEGER AS person, TIMESTAMP '2015-01-01 08:00:00' + to_seconds((range * 315532800 // %[1]d + h(range, 1, 30 * 86400))::BIGINT) AS entry, CAST(entry - INTERVAL 8 HOUR AS DATE) AS entered_on
FROM range(%[1]d);
CREATE TEMP TABLE charged AS
SELECT (range + 1 + %[1]d)::UINTEGER AS person, DATE '2015-01-01' + (range * 3652 // %[2]d)::INTEGER AS first_on FROM range(%[2]d)`, l.Persons, l.Persons/4))
	agency := func(per, seed int) string {
		return fmt.Sprintf("(1 + h(b.person * %d + i, %d, %d))::USMALLINT AS agency", per, seed, LakeAgencies)
	}
	local := "CAST(%s - INTERVAL 8 HOUR AS DATE) AS %s_on"
	flags := func(entity string) string {
		var all []string
		e, _ := models.Dictionary().Entity(entity)
		for k, c := range e.Columns {
			if c.Type == models.TypeFlag && c.Name != "deleted" {
				all = append(all, fmt.Sprintf("h(b.person * 10 + i, %d, 3)::UTINYINT AS %s", 100+k, c.Name))
			}
		}
		return strings.Join(all, ", ")
	}
	for _, x := range []struct{ entity, sql string }{
		{"persons", "SELECT b.person, " + agency(10, 2) + ", 2004 + h(b.person, 3, 10) AS birth_year, h(b.person * 10 + i, 4, 6)::UTINYINT AS gender, h(b.person, 5, 10)::UTINYINT AS race_ethnicity, " +
			"h(b.person, 6, 5)::UTINYINT AS home_area, 8 + h(b.person, 7, 12) AS age_exploitation_began, h(b.person * 10 + i, 8, 10)::UTINYINT AS recruited_by, h(b.person, 9, 12)::UTINYINT AS recruited_at, " +
			"h(b.person, 10, 5)::UTINYINT AS exploitation, " + flags("persons") + " FROM born b, range(2) g(i)"},
		{"engagements", "SELECT b.person, " + agency(10, 12) + ", 'e' || i AS engagement_id, b.entry + to_hours((i * i * h(b.person, i, 3000))::BIGINT) AS engaged_at, " + fmt.Sprintf(local, "engaged_at", "engaged_at") +
			", CASE WHEN h(b.person, i + 9, 10) > 0 THEN 11 + h(b.person, 6, 9) END AS age, h(b.person, i + 20, 15)::UTINYINT AS channel, h(b.person, i + 30, 9)::UTINYINT AS setting FROM born b, range(3) g(i)"},
		{"services", "SELECT b.person, " + agency(64, 2) + ", 's' || i AS service_id, h(b.person * 64 + i, 40, 20)::UTINYINT AS service_type, CASE WHEN h(b.person * 64 + i, 41, 100) < 12 THEN 0 ELSE 1 END::UTINYINT AS emergency, " +
			"b.entry + to_minutes((i * i * h(b.person * 64 + i, 42, 900))::BIGINT) AS started_at, " + fmt.Sprintf(local, "started_at", "started_at") + ", CASE WHEN h(b.person * 64 + i, 43, 20) = 0 THEN 1 END::UTINYINT AS started_precision, " +
			"started_at + CASE WHEN h(b.person * 64 + i, 40, 20) = 9 THEN to_days(h(b.person * 64 + i, 44, 150)::INTEGER) ELSE INTERVAL 1 HOUR END AS ended_at, " + fmt.Sprintf(local, "ended_at", "ended_at") +
			", CASE WHEN h(b.person * 64 + i, 45, 3) > 0 THEN h(b.person * 64 + i, 46, 10) END::UTINYINT AS program FROM born b, range(30) g(i)"},
		{"placements", "SELECT b.person, (1 + h(b.person * 16 + i // 2, 50, 4) + 4 * h(b.person, 51, 5))::USMALLINT AS agency, 'p' || i AS placement_id, h(b.person * 16 + i // 2, 52, 15)::UTINYINT AS placement_type, " +
			"CASE WHEN h(b.person * 16 + i, 53, 3) > 0 THEN 'site-' || h(b.person * 16 + i, 54, 3) END AS site_key, b.entered_on + (i * 40 - 20 + h(b.person * 16 + i, 55, 30))::INTEGER AS started_on, " +
			"CASE WHEN h(b.person * 16 + i, 56, 8) > 0 THEN started_on + h(b.person * 16 + i, 57, 70)::INTEGER END AS ended_on, CASE WHEN ended_on IS NOT NULL THEN h(b.person * 16 + i, 58, 9) END::UTINYINT AS exit_reason FROM born b, range(4) g(i)"},
		{"case_contacts", "SELECT b.person, " + agency(16, 60) + ", 'k' || i AS contact_id, b.entered_on + (i * h(b.person * 16 + i, 61, 40))::INTEGER AS contact_on, h(b.person * 16 + i, 62, 7)::UTINYINT AS contact_type, " +
			"1 + h(b.person * 16 + i, 63, 4) AS agencies_present, h(b.person * 16 + i, 64, 3)::UTINYINT AS plan_in_place FROM born b, range(10) g(i)"},
		{"assessments", "SELECT b.person, " + agency(16, 70) + ", 'a' || i AS assessment_id, b.entered_on + (CASE WHEN i < 3 THEN h(b.person, 71, 45) ELSE 130 + h(b.person, 72, 200) END)::INTEGER AS assessed_on, " +
			"least(i, 1)::UTINYINT AS tool, (CASE i WHEN 0 THEN 0 ELSE 1 + i % 2 END)::UTINYINT AS domain, CASE i WHEN 0 THEN h(b.person, 73, 24) ELSE 1 + h(b.person * 16 + i, 74, 5) END AS score FROM born b, range(5) g(i)"},
		{"referrals", "SELECT b.person, " + agency(16, 80) + ", 'r' || i AS referral_id, b.entry + to_hours((h(b.person * 16 + i, 81, 4000))::BIGINT) AS referred_at, " + fmt.Sprintf(local, "referred_at", "referred_at") +
			", h(b.person * 16 + i, 82, 16)::UTINYINT AS to_agency_kind, h(b.person * 16 + i, 83, 20)::UTINYINT AS service_type, CASE WHEN h(b.person * 16 + i, 84, 6) < 5 THEN h(b.person * 16 + i, 84, 6) END::UTINYINT AS outcome FROM born b, range(2) g(i)"},
		{"labor_intakes", "SELECT b.person, " + agency(16, 90) + ", 'l' || i AS intake_id, b.entered_on + h(b.person, 91, 300)::INTEGER AS interviewed_on, h(b.person, 92, 8)::UTINYINT AS industry, " + flags("labor_intakes") +
			" FROM born b, range(1) g(i) WHERE h(b.person, 93, 10) = 0"},
		{"arrests", "SELECT b.person, " + agency(16, 95) + ", 'x' || i AS arrest_id, b.entry + to_hours(h(b.person, 96, 9000)::BIGINT) AS arrested_at, " + fmt.Sprintf(local, "arrested_at", "arrested_at") +
			", 0::UTINYINT AS party_role, h(b.person, 97, 8)::UTINYINT AS offense, h(b.person, 98, 6)::UTINYINT AS disposition FROM born b, range(1) g(i) WHERE h(b.person, 99, 10) = 0 " +
			"UNION ALL BY NAME SELECT b.person, " + agency(16, 195) + ", 'x' || i AS arrest_id, b.first_on + to_hours((i * h(b.person, 196, 9000))::BIGINT) AS arrested_at, CAST(arrested_at AS DATE) AS arrested_at_on, " +
			"(1 + h(b.person, 197, 2))::UTINYINT AS party_role, h(b.person * 16 + i, 198, 8)::UTINYINT AS offense, h(b.person * 16 + i, 199, 6)::UTINYINT AS disposition FROM charged b, range(2) g(i)"},
		{"prosecutions", "SELECT b.person, " + agency(16, 205) + ", 'c' || i AS case_id, (1 + h(b.person, 197, 2) - 1)::UTINYINT AS party_role, h(b.person * 16 + i, 206, 8)::UTINYINT AS charge, b.first_on + h(b.person, 207, 60)::INTEGER AS filed_on, " +
			"h(b.person, 208, 5)::UTINYINT AS disposition, filed_on + h(b.person, 209, 900)::INTEGER AS disposed_on FROM charged b, range(1) g(i) WHERE h(b.person, 210, 10) < 6"},
		{"purchaser_programs", "SELECT b.person, " + agency(16, 215) + ", 'n' || i AS enrollment_id, b.first_on + h(b.person, 216, 90)::INTEGER AS enrolled_on, CASE WHEN h(b.person, 217, 10) < 6 THEN enrolled_on + h(b.person, 218, 300)::INTEGER END AS completed_on, " +
			"CASE WHEN h(b.person, 219, 10) = 0 THEN enrolled_on + h(b.person, 220, 500)::INTEGER END AS rearrested_on FROM charged b, range(1) g(i) WHERE h(b.person, 221, 10) < 3"},
		{"trainings", "SELECT " + agency(16, 225) + ", 't' || b.person AS training_id, DATE '2015-01-01' + (b.person % 3600)::INTEGER AS held_on, h(b.person, 226, 11)::UTINYINT AS audience, h(b.person, 227, 80) AS attendees, 90::BIGINT AS minutes, NULL::BIGINT AS certified " +
			"FROM (SELECT range::UINTEGER AS person FROM range(4000)) b, range(1) g(i)"},
		{"outreach_events", "SELECT " + agency(16, 235) + ", 'o' || b.person AS event_id, DATE '2015-01-01' + (b.person % 3600)::INTEGER AS held_on, h(b.person, 236, 6)::UTINYINT AS event_type, h(b.person, 237, 6)::UTINYINT AS language, h(b.person, 238, 300) AS attendees " +
			"FROM (SELECT range::UINTEGER AS person FROM range(4000)) b, range(1) g(i)"},
		{"pledges", "SELECT " + agency(16, 245) + ", DATE '2015-01-01' + (b.person % 3600)::INTEGER AS pledged_on, h(b.person, 246, 6)::UTINYINT AS language, h(b.person, 247, 40) AS pledges FROM (SELECT range::UINTEGER AS person FROM range(4000)) b, range(1) g(i)"},
	} {
		d.Exec(t, "INSERT INTO "+x.entity+" BY NAME "+x.sql)
	}
	for _, e := range models.Dictionary().Entities {
		order := ""
		if hasPerson(e) {
			order = " ORDER BY person"
			if e.Start != "" {
				order += ", " + e.Start
			}
		}
		for a := 1; a <= LakeAgencies; a++ {
			d.Exec(t, fmt.Sprintf("COPY (SELECT * EXCLUDE (agency) FROM %s WHERE agency = %d%s) TO '%s' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %d)", e.Name, a, order, l.path(e.Name, a), RowGroup))
		}
		d.Exec(t, "DROP TABLE "+e.Name)
	}
	d.Exec(t, fmt.Sprintf("COPY (SELECT person, 'minors' AS population, unhex(md5(person::VARCHAR)) AS pseudonym, NULL::TIMESTAMP AS engaged_seen, true AS measured FROM born "+
		"UNION ALL SELECT person, 'accused', unhex(md5(person::VARCHAR)), NULL, true FROM charged ORDER BY person) TO '%s' (FORMAT parquet, COMPRESSION zstd)", filepath.Join(dir, "people.parquet")))
	return l
}

func (l Lake) path(entity string, agency int) string {
	return filepath.Join(l.Dir, fmt.Sprintf("%s-%02d.parquet", entity, agency))
}

// OpenLake is a database with a lake's relations as views over its files, within a session's memory.
func OpenLake(t testing.TB, l Lake, memory string) *DB {
	t.Helper()
	d := New(t)
	if err := os.MkdirAll(filepath.Join(l.Dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	d.Exec(t, "SET preserve_insertion_order = false; SET memory_limit = '"+memory+"'; SET temp_directory = '"+filepath.Join(l.Dir, "tmp")+"'")
	for _, e := range models.Dictionary().Entities {
		d.Exec(t, "DROP TABLE "+e.Name)
		var files []string
		for a := 1; a <= LakeAgencies; a++ {
			files = append(files, "'"+l.path(e.Name, a)+"'")
		}
		d.Exec(t, fmt.Sprintf("CREATE VIEW %s AS SELECT (file_index + 1)::USMALLINT AS agency, * FROM read_parquet([%s])", e.Name, strings.Join(files, ", ")))
	}
	d.Exec(t, "DROP TABLE people; CREATE VIEW people AS SELECT * FROM read_parquet('"+filepath.Join(l.Dir, "people.parquet")+"')")
	for a := 1; a <= LakeAgencies; a++ {
		d.Exec(t, fmt.Sprintf("INSERT INTO agencies VALUES (%[1]d, 'agency-%02[1]d', label('agency_kind', %[2]d::UTINYINT))", a, (a-1)%16))
		for _, e := range models.Dictionary().Entities {
			d.Exec(t, fmt.Sprintf("INSERT INTO coverage VALUES (%d, '%s', DATE '2014-01-01', DATE '2026-12-31')", a, e.Name))
		}
	}
	return d
}
