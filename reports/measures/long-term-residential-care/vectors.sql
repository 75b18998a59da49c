-- What a person gives to each vector: (person, cell, value). Reads long_term_residential_care.

-- vector: levels
SELECT l.person,
       CASE WHEN l.nights = 0 THEN 'none' WHEN l.nights < 90 THEN 'under_90' WHEN l.nights < 180 THEN '90_179'
            ELSE '180_plus' END AS cell,
       1::BIGINT AS value
FROM long_term_residential_care l

-- vector: retention
SELECT l.person,
       CASE WHEN l.spell_days IS NULL THEN 'none'
            ELSE CASE WHEN l.has_left THEN 'left_' ELSE 'censored_' END
                 || CASE WHEN l.spell_days <= 30 THEN '30' WHEN l.spell_days <= 60 THEN '60' WHEN l.spell_days <= 90 THEN '90'
                         WHEN l.spell_days <= 180 THEN '180' ELSE '365' END END AS cell,
       1::BIGINT AS value
FROM long_term_residential_care l
