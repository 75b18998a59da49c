-- What a person gives to each vector: (person, cell, value). Reads screening, cohort.

-- vector: activity
SELECT a.person, a.assessed_on AS on_date
FROM assessments a
CROSS JOIN params q
WHERE a.tool = code('assessments.tool', 'cse_it') AND a.assessed_on <= q.asof

-- vector: levels
SELECT h.person, CASE WHEN h.score <= 3 THEN 'no_concern' WHEN h.score <= 8 THEN 'possible' ELSE 'clear' END AS cell,
       1::BIGINT AS value
FROM (SELECT s.person, max(s.highest) AS score FROM screening s WHERE s.highest IS NOT NULL GROUP BY s.person) h

-- vector: levels_by_kind
SELECT s.person,
       s.agency_kind || ':' || CASE WHEN s.highest <= 3 THEN 'no_concern' WHEN s.highest <= 8 THEN 'possible'
                                    ELSE 'clear' END AS cell,
       1::BIGINT AS value
FROM screening s
WHERE s.highest IS NOT NULL

-- vector: screened
SELECT c.person, 'd' AS cell, CASE WHEN e.person IS NULL THEN -1 ELSE 1 END::BIGINT AS value
FROM cohort c
LEFT JOIN (SELECT DISTINCT s.person FROM screening s WHERE s.at_entry) e ON e.person = c.person
