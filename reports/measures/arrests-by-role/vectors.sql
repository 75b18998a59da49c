-- What a person gives to each vector: (person, cell, value). Reads arrests_by_role.

-- vector: victims
SELECT a.person,
       CASE WHEN bool_or(a.released) THEN 'released_to_services' WHEN bool_or(a.known) THEN 'other' ELSE 'unknown' END AS cell,
       1::BIGINT AS value
FROM arrests_by_role a
WHERE a.party_role = 'victim'
GROUP BY a.person

-- vector: victim_offenses
SELECT a.person, a.offense AS cell, 1::BIGINT AS value
FROM arrests_by_role a
WHERE a.party_role = 'victim' AND a.offense IS NOT NULL

-- vector: accused
SELECT DISTINCT a.person, a.party_role AS cell, 1::BIGINT AS value
FROM arrests_by_role a
WHERE a.party_role IN ('exploiter', 'purchaser')

-- vector: accused_offenses
SELECT a.person, a.party_role || ':' || a.offense AS cell, 1::BIGINT AS value
FROM arrests_by_role a
WHERE a.party_role IN ('exploiter', 'purchaser') AND a.offense IS NOT NULL

-- vector: days_of_victims
SELECT a.person, a.arrested_at_on AS on_date
FROM arrests a
CROSS JOIN params q
WHERE a.party_role = code('arrests.party_role', 'victim') AND a.arrested_at_on <= q.asof

-- vector: days_of_accused
SELECT a.person, a.arrested_at_on AS on_date
FROM arrests a
CROSS JOIN params q
WHERE a.party_role IN (code('arrests.party_role', 'exploiter'), code('arrests.party_role', 'purchaser'))
  AND a.arrested_at_on <= q.asof
