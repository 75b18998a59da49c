-- What a person gives to each vector: (person, cell, value). Reads exits_from_care.

-- vector: reasons
SELECT x.person, x.exit_reason AS cell, 1::BIGINT AS value
FROM exits_from_care x
