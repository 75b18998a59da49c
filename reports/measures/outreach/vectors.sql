-- What a row gives to each vector: (person, cell, value, times), person being the row. Reads outreach.

-- vector: attendances
SELECT o.event AS person, 'attendances' AS cell, 1::BIGINT AS value, o.attendees AS times
FROM outreach o

-- vector: event_types
SELECT o.event AS person, o.event_type AS cell, 1::BIGINT AS value, o.attendees AS times
FROM outreach o

-- vector: languages
SELECT o.event AS person, o.language AS cell, 1::BIGINT AS value, o.attendees AS times
FROM outreach o
