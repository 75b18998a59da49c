-- The head count that all entry measures share. Reads cohort.

-- vector: heads
SELECT c.person, 'persons' AS cell, 1::BIGINT AS value
FROM cohort c
