-- What a person gives to each vector: (person, cell, value). Reads return_engagements.

-- vector: police_contact
SELECT r.person, 'd' AS cell, CASE WHEN r.police_contact THEN 1 ELSE -1 END::BIGINT AS value
FROM return_engagements r
