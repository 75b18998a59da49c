-- What a person gives to each vector: (person, cell, value). Reads purchaser_enrollments.

-- vector: enrolled
SELECT e.person, 'persons' AS cell, 1::BIGINT AS value
FROM purchaser_enrollments e

-- vector: completed
SELECT e.person, 'd' AS cell, CASE WHEN e.completed THEN 1 ELSE -1 END::BIGINT AS value
FROM purchaser_enrollments e

-- vector: rearrested
SELECT e.person, 'd' AS cell, CASE WHEN e.rearrested THEN 1 ELSE -1 END::BIGINT AS value
FROM purchaser_enrollments e

-- vector: days_of_enrolment
SELECT e.person, e.enrolled_on AS on_date
FROM purchaser_programs e
CROSS JOIN params q
WHERE e.enrolled_on <= q.asof
