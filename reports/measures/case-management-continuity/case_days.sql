-- Days with a case_management service of the persons in who(person): (person, agency, a, z), both ends included, and no
-- day of a person in two rows. A SELECT, for the statement that makes case_days and for the years of the activity.
--
-- Reads who, services, coverage, params(asof). Rows of one person with the same start are one service, and the earliest
-- end present ends it. An end after asof has not happened. An open service is read to asof, or to what its partner's last
-- drop with services covers: of several partners' to the latest, since each of them still reports it. A service that
-- starts after its coverage has no day. The agency is the one whose service brought the days: of one start the first by
-- name (agencies are numbered in byte order).
WITH reported AS (
    SELECT s.person, s.agency, s.started_at, s.started_at_on,
           CASE WHEN s.ended_at_on <= q.asof THEN s.ended_at_on END AS ended_on,
           least(q.asof, v.covers_to) AS open_to
    FROM services s
    SEMI JOIN who w ON w.person = s.person
    CROSS JOIN params q
    LEFT JOIN coverage v ON v.agency = s.agency AND v.entity = 'services'
    WHERE s.service_type = code('services.service_type', 'case_management') AND s.started_at_on <= q.asof
),
merged AS (
    SELECT r.person, r.started_at, min(r.started_at_on) AS started_on, min(r.agency) AS agency,
           coalesce(min(r.ended_on), max(r.open_to)) AS last_on
    FROM reported r
    GROUP BY r.person, r.started_at
),
reach AS (
    SELECT m.person, m.agency, m.started_on, m.last_on,
           max(m.last_on) OVER (PARTITION BY m.person ORDER BY m.started_at
                                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM merged m
)
SELECT e.person, e.agency, greatest(e.started_on, e.before + 1) AS a, e.last_on AS z
FROM reach e
WHERE greatest(e.started_on, e.before + 1) <= e.last_on
