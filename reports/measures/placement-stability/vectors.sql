-- What a person gives to each vector: (person, cell, value). Reads placement_stability.

-- vector: eligible
SELECT p.person, 'persons' AS cell, 1::BIGINT AS value
FROM placement_stability p
WHERE p.eligible

-- vector: two_or_fewer
SELECT p.person, CASE WHEN p.eligible THEN 'd' ELSE 'u' END AS cell,
       CASE WHEN p.eligible AND p.moves > 1 THEN -1 ELSE 1 END::BIGINT AS value
FROM placement_stability p

-- vector: two_or_fewer_eligible
SELECT p.person, 'd' AS cell, CASE WHEN p.moves > 1 THEN -1 ELSE 1 END::BIGINT AS value
FROM placement_stability p
WHERE p.eligible

-- vector: moves
SELECT p.person, 's' AS cell, (2 * least(p.moves, 5) - 5)::BIGINT AS value
FROM placement_stability p
WHERE p.eligible

-- vector: days
SELECT p.person, 's' AS cell, (least(greatest(p.days, 8), 365) - 186)::BIGINT AS value
FROM placement_stability p
WHERE p.eligible

-- vector: cfsr_eligible
SELECT p.person, 'persons' AS cell, 1::BIGINT AS value
FROM placement_stability p
WHERE p.cfsr_eligible

-- vector: cfsr_moves
SELECT p.person, 's' AS cell, (2 * least(p.cfsr_moves, 5) - 5)::BIGINT AS value
FROM placement_stability p
WHERE p.cfsr_eligible

-- vector: cfsr_days
SELECT p.person, 's' AS cell, (least(greatest(p.cfsr_days, 0), 365) - 183)::BIGINT AS value
FROM placement_stability p
WHERE p.cfsr_eligible
