-- What a person gives to each vector: (person, cell, value). Reads case_management_continuity. The activity reads
-- case_days of everybody.

-- vector: activity
SELECT y.person, max(y.z) AS on_date
FROM (SELECT t.person, t.year, greatest(t.a, make_date(t.year, 1, 1)) AS a, least(t.z, make_date(t.year, 12, 31)) AS z
      FROM (SELECT d.person, d.a, d.z, unnest(range(year(d.a), year(d.z) + 1)) AS year FROM case_days d) t) y
GROUP BY y.person, y.year
HAVING sum(y.z - y.a + 1) >= 30

-- vector: persons
SELECT m.person, 'persons' AS cell, 1::BIGINT AS value
FROM case_management_continuity m

-- vector: contact_every_block
SELECT m.person, 'd' AS cell, CASE WHEN m.every_block THEN 1 ELSE -1 END::BIGINT AS value
FROM case_management_continuity m

-- vector: in_person_every_block
SELECT m.person, 'd' AS cell, CASE WHEN m.in_person_every_block THEN 1 ELSE -1 END::BIGINT AS value
FROM case_management_continuity m

-- vector: coordinated
SELECT m.person, 'd' AS cell, CASE WHEN m.coordinated THEN 1 ELSE -1 END::BIGINT AS value
FROM case_management_continuity m

-- vector: plan_in_place
SELECT m.person, CASE WHEN m.plan_in_place IS NULL THEN 'u' ELSE 'd' END AS cell,
       CASE WHEN NOT m.plan_in_place THEN -1 ELSE 1 END::BIGINT AS value
FROM case_management_continuity m

-- vector: contact_rate
SELECT m.person, 's' AS cell, (m.quarter_contacts - 12)::BIGINT AS value
FROM case_management_continuity m
