-- What a row gives to each vector: (person, cell, value, times), person being the row. Reads training.

-- vector: attendances
SELECT t.event AS person, 'attendances' AS cell, 1::BIGINT AS value, t.attendees AS times
FROM training t

-- vector: audiences
SELECT t.event AS person, t.audience AS cell, 1::BIGINT AS value, t.attendees AS times
FROM training t

-- vector: minutes
SELECT t.event AS person, 'minutes' AS cell, t.minutes AS value, t.attendees AS times
FROM training t

-- vector: audience_minutes
SELECT t.event AS person, t.audience AS cell, t.minutes AS value, t.attendees AS times
FROM training t

-- vector: certified
SELECT t.event || ':certified' AS person, 'certified' AS cell, 1::BIGINT AS value, t.certified AS times
FROM training t
WHERE t.certified IS NOT NULL
UNION ALL
SELECT t.event || ':not' AS person, 'not_certified' AS cell, 1::BIGINT AS value, t.attendees - t.certified AS times
FROM training t
WHERE t.certified IS NOT NULL
