-- What a person gives to each vector: (person, cell, value). Reads prosecution_cases.

-- vector: filed
SELECT DISTINCT k.person, 'persons' AS cell, 1::BIGINT AS value
FROM prosecution_cases k
WHERE k.filed

-- vector: filed_roles
SELECT DISTINCT k.person, k.party_role AS cell, 1::BIGINT AS value
FROM prosecution_cases k
WHERE k.filed AND k.party_role IS NOT NULL

-- vector: filed_charges
SELECT DISTINCT k.person, k.charge AS cell, 1::BIGINT AS value
FROM prosecution_cases k
WHERE k.filed AND k.charge IS NOT NULL

-- vector: filed_charge_groups
SELECT DISTINCT k.person, k.charge_group AS cell, 1::BIGINT AS value
FROM prosecution_cases k
WHERE k.filed

-- vector: filed_roles_and_groups
SELECT DISTINCT k.person, k.party_role || ':' || k.charge_group AS cell, 1::BIGINT AS value
FROM prosecution_cases k
WHERE k.filed AND k.party_role IS NOT NULL

-- vector: disposed
SELECT k.person, CASE WHEN bool_or(k.convicted) THEN 'convicted_or_pleaded' ELSE 'other' END AS cell, 1::BIGINT AS value
FROM prosecution_cases k
WHERE k.disposed
GROUP BY k.person

-- vector: days_to_disposition
SELECT d.person,
       CASE WHEN d.days <= 30 THEN '30d' WHEN d.days <= 60 THEN '60d' WHEN d.days <= 90 THEN '90d' WHEN d.days <= 180 THEN '180d'
            WHEN d.days <= 365 THEN '365d' WHEN d.days <= 730 THEN '730d' ELSE '1460d' END AS cell,
       1::BIGINT AS value
FROM (SELECT k.person, max(k.days) AS days FROM prosecution_cases k WHERE k.disposed GROUP BY k.person) d
WHERE d.days IS NOT NULL

-- vector: days_of_filing
SELECT p.person, p.filed_on AS on_date
FROM prosecutions p
CROSS JOIN params q
WHERE p.filed_on <= q.asof

-- vector: days_of_disposal
SELECT p.person, p.disposed_on AS on_date
FROM prosecutions p
CROSS JOIN params q
WHERE p.disposed_on <= q.asof AND p.disposition <> code('prosecutions.disposition', 'pending')
