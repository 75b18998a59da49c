-- What a person gives to each vector: (person, cell, value). Reads victim_profile. ATTRIBUTE stands for the name of one.

-- vector: ATTRIBUTE
SELECT p.person, p.ATTRIBUTE AS cell, 1::BIGINT AS value
FROM victim_profile p

-- vector: flags
SELECT u.person, u.flag || ':' || CASE WHEN u.answer = 'unknown' THEN 'u' ELSE 'd' END AS cell,
       CASE WHEN u.answer = 'no' THEN -1 ELSE 1 END::BIGINT AS value
FROM victim_profile UNPIVOT (answer FOR flag IN (prior_abuse, prior_domestic_violence, prior_abuse_or_domestic_violence,
                                                 runaway_history, foster_history, gang_involved, methamphetamine,
                                                 violence_by_exploiter, sees_self_as_victim)) u
