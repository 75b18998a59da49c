-- What a person gives to each vector: (person, cell, value). Reads agencies_working_together.

-- vector: kinds
SELECT a.person, CASE WHEN a.kinds >= 4 THEN '4plus' ELSE a.kinds::VARCHAR END AS cell, 1::BIGINT AS value
FROM agencies_working_together a

-- vector: two_or_more
SELECT a.person, 'd' AS cell, CASE WHEN a.kinds >= 2 THEN 1 ELSE -1 END::BIGINT AS value
FROM agencies_working_together a

-- vector: team_meeting
SELECT a.person, 'd' AS cell, CASE WHEN a.team_meeting THEN 1 ELSE -1 END::BIGINT AS value
FROM agencies_working_together a
