-- What a person gives to each vector: (person, cell, value). Reads services_received.

-- vector: activity
SELECT s.person, s.started_at_on AS on_date
FROM services s
CROSS JOIN params q
WHERE s.started_at_on <= q.asof

-- vector: persons
SELECT DISTINCT r.person, 'persons' AS cell, 1::BIGINT AS value
FROM services_received r

-- vector: persons_by_type
SELECT DISTINCT r.person, label('services.service_type', r.service_type) || ':persons' AS cell, 1::BIGINT AS value
FROM services_received r
WHERE label('services.service_type', r.service_type) IS NOT NULL

-- vector: persons_by_program
SELECT DISTINCT r.person, coalesce(label('services.program', r.program), 'unknown') || ':persons' AS cell, 1::BIGINT AS value
FROM services_received r
