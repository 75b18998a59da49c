-- merged_services: services of the cohort as the common rules see them. Rows of one person with the same service_type
-- and the same started_at are one service, whoever sent them.
--
-- Reads cohort, services, params(asof). A view: it costs nothing unless a measure asks, and a measure that needs only a
-- minimum should take it from the rows (see time_to_emergency_service.sql; a test holds the two together).
CREATE OR REPLACE TEMP VIEW merged_services AS
SELECT s.person, s.service_type, s.started_at, any_value(s.started_at_on) AS started_at_on,
       bool_or(s.emergency = code('services.emergency', 'yes')) AS emergency,
       bool_and(s.started_precision IS NOT DISTINCT FROM code('services.started_precision', 'day')) AS by_day,
       min(s.ended_at) FILTER (WHERE s.ended_at_on <= q.asof) AS ended_at,
       min(s.ended_at_on) FILTER (WHERE s.ended_at_on <= q.asof) AS ended_at_on
FROM services s
JOIN cohort c ON c.person = s.person
CROSS JOIN params q
WHERE s.started_at_on <= q.asof
GROUP BY s.person, s.service_type, s.started_at;
