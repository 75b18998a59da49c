package measuretest

import (
	"fmt"
	"testing"
)

// Fill makes a synthetic county for speed: so many service rows, one person for 30 of them, placements and engagements
// in proportion, 20 agencies, entries spread over 2021 to 2025, sorted by person and time as the lake is. Nothing in it
// is drawn from anybody; the same rows every time.
func (d *DB) Fill(t testing.TB, services int) {
	t.Helper()
	d.Exec(t, fmt.Sprintf(`
CREATE MACRO h(a, b, n) AS (hash(a::BIGINT * 1000003 + b) >> 20) %% n;
CREATE TEMP TABLE born AS
SELECT range::UINTEGER AS person, TIMESTAMP '2021-01-01 08:00:00' + to_seconds(h(range, 1, 5 * 31556952)::BIGINT) AS entry
FROM range(%d);
INSERT INTO agencies SELECT range + 1, 'agency-' || lpad((range + 1)::VARCHAR, 2, '0'), label('agency_kind', (range %% 16)::UTINYINT) FROM range(20);
INSERT INTO coverage SELECT range + 1, 'placements', DATE '2020-01-01', DATE '2026-12-31' FROM range(20);
INSERT INTO people SELECT person, 'minors', unhex(md5(person::VARCHAR)), NULL, true FROM born;
INSERT INTO persons BY NAME
SELECT b.person, (1 + h(b.person * 10 + i, 2, 20))::USMALLINT AS agency, 2004 + h(b.person, 3, 10) AS birth_year,
       h(b.person * 10 + i // 2, 4, 6)::UTINYINT AS gender, h(b.person * 10 + i // 2, 5, 10)::UTINYINT AS race_ethnicity
FROM born b, range(2) g(i) ORDER BY b.person;
INSERT INTO engagements BY NAME
SELECT b.person, (1 + h(b.person * 10 + i, 2, 20))::USMALLINT AS agency, 'e' || b.person || '-' || i AS engagement_id,
       b.entry + to_hours((i * i * h(b.person, i, 2000))::BIGINT) AS engaged_at, CAST(engaged_at - INTERVAL 8 HOUR AS DATE) AS engaged_at_on,
       CASE WHEN h(b.person, i + 9, 10) > 0 THEN 11 + h(b.person, 6, 9) END AS age,
       h(b.person, i + 20, 15)::UTINYINT AS channel, h(b.person, i + 30, 9)::UTINYINT AS setting
FROM born b, range(4) g(i) ORDER BY b.person, engaged_at;
INSERT INTO services BY NAME
SELECT b.person, (1 + h(b.person * 64 + i, 2, 20))::USMALLINT AS agency, 's' || b.person || '-' || i AS service_id,
       h(b.person * 64 + i, 40, 20)::UTINYINT AS service_type,
       CASE WHEN h(b.person * 64 + i, 41, 100) < 12 THEN 0 ELSE 1 END::UTINYINT AS emergency,
       b.entry + to_minutes((i * i * h(b.person * 64 + i, 42, 900))::BIGINT) AS started_at,
       CAST(started_at - INTERVAL 8 HOUR AS DATE) AS started_at_on,
       CASE WHEN h(b.person * 64 + i, 43, 20) = 0 THEN 1 END::UTINYINT AS started_precision,
       started_at + INTERVAL 1 HOUR AS ended_at, CAST(ended_at - INTERVAL 8 HOUR AS DATE) AS ended_at_on
FROM born b, range(30) g(i) ORDER BY b.person, started_at;
INSERT INTO placements BY NAME
SELECT b.person, (1 + h(b.person * 16 + i // 2, 50, 4) + 4 * h(b.person, 51, 5))::USMALLINT AS agency, 'p' || b.person || '-' || i AS placement_id,
       h(b.person * 16 + i // 2, 52, 15)::UTINYINT AS placement_type,
       CASE WHEN h(b.person * 16 + i, 53, 3) > 0 THEN 'site-' || h(b.person * 16 + i, 54, 3) END AS site_key,
       CAST(b.entry AS DATE) + (i * 40 - 20 + h(b.person * 16 + i, 55, 30))::INTEGER AS started_on,
       CASE WHEN h(b.person * 16 + i, 56, 8) > 0 THEN started_on + h(b.person * 16 + i, 57, 70)::INTEGER END AS ended_on,
       CASE WHEN ended_on IS NOT NULL THEN h(b.person * 16 + i, 58, 9) END::UTINYINT AS exit_reason
FROM born b, range(4) g(i) ORDER BY b.person, started_on;
`, services/30))
}
