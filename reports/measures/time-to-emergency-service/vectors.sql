-- What a person gives to each vector: (person, cell, value). Reads time_to_emergency_service.

-- vector: within_24h
SELECT t.person, 'd' AS cell, CASE WHEN t.bin <= 4 THEN 1 ELSE -1 END::BIGINT AS value
FROM time_to_emergency_service t

-- vector: curve
SELECT t.person,
       CASE t.bin WHEN 1 THEN '1h' WHEN 2 THEN '4h' WHEN 3 THEN '12h' WHEN 4 THEN '24h' WHEN 5 THEN '48h'
                  WHEN 6 THEN '72h' WHEN 7 THEN '7d' WHEN 8 THEN '30d' ELSE 'never' END AS cell,
       1::BIGINT AS value
FROM time_to_emergency_service t

-- vector: day_precision
SELECT t.person, CASE WHEN t.bin <= 8 THEN 'd' ELSE 'u' END AS cell,
       CASE WHEN t.bin <= 8 AND NOT t.by_day THEN -1 ELSE 1 END::BIGINT AS value
FROM time_to_emergency_service t
