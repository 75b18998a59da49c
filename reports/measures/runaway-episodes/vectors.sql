-- What a person gives to each vector: (person, cell, value). Reads runaway_episodes.

-- vector: any
SELECT r.person, 'd' AS cell, CASE WHEN r.days > 0 THEN 1 ELSE -1 END::BIGINT AS value
FROM runaway_episodes r

-- vector: days
SELECT r.person, 's' AS cell, (r.days - 30)::BIGINT AS value
FROM runaway_episodes r
