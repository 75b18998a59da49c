-- What a row gives to each vector: (person, cell, value, times), person being the row. Reads pledges_taken.

-- vector: pledges
SELECT p.event AS person, 'pledges' AS cell, 1::BIGINT AS value, p.pledges AS times
FROM pledges_taken p

-- vector: languages
SELECT p.event AS person, p.language AS cell, 1::BIGINT AS value, p.pledges AS times
FROM pledges_taken p
