-- What a person gives to each vector: (person, cell, value). Reads outcome_change. DOMAIN stands for the name of one.

-- vector: class
SELECT o.person,
       CASE WHEN o.change IS NULL THEN 'no_follow_up' WHEN o.change >= 1 THEN 'improved' WHEN o.change <= -1 THEN 'worsened'
            ELSE 'same' END AS cell,
       1::BIGINT AS value
FROM outcome_change o
WHERE o.domain = 'DOMAIN'

-- vector: change
SELECT o.person, CASE WHEN o.change IS NULL THEN 'u' ELSE 's' END AS cell,
       CASE WHEN o.change IS NULL THEN 2 ELSE least(greatest(o.change, -2), 2) END::BIGINT AS value
FROM outcome_change o
WHERE o.domain = 'DOMAIN'
