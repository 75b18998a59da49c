-- What a person gives to each vector: (person, cell, value). Reads referrals_connected. k of r referrals is the own share
-- (2k - r) x 60 / r, a whole number for every r up to 5.

-- vector: activity
SELECT r.person, r.referred_at_on AS on_date
FROM referrals r
CROSS JOIN params q
WHERE r.referred_at_on <= q.asof

-- vector: persons
SELECT DISTINCT r.person, 'persons' AS cell, 1::BIGINT AS value
FROM referrals_connected r

-- vector: followed
SELECT r.person, 's' AS cell,
       ((2 * count(r.person) FILTER (WHERE r.followed) - count(r.person)) * 60) // count(r.person) AS value
FROM referrals_connected r
GROUP BY r.person

-- vector: connected
SELECT r.person, CASE WHEN count(r.connected) > 0 THEN 's' ELSE 'u' END AS cell,
       coalesce(((2 * count(r.connected) FILTER (WHERE r.connected) - count(r.connected)) * 60)
                // nullif(count(r.connected), 0), 60) AS value
FROM referrals_connected r
GROUP BY r.person

-- vector: persons_by_type
SELECT DISTINCT r.person, r.service_type || ':persons' AS cell, 1::BIGINT AS value
FROM referrals_connected r
WHERE r.service_type IS NOT NULL

-- vector: followed_by_type
SELECT r.person, r.service_type || ':s' AS cell,
       ((2 * count(r.person) FILTER (WHERE r.followed) - count(r.person)) * 60) // count(r.person) AS value
FROM referrals_connected r
WHERE r.service_type IS NOT NULL
GROUP BY r.person, r.service_type

-- vector: connected_by_type
SELECT r.person, r.service_type || CASE WHEN count(r.connected) > 0 THEN ':s' ELSE ':u' END AS cell,
       coalesce(((2 * count(r.connected) FILTER (WHERE r.connected) - count(r.connected)) * 60)
                // nullif(count(r.connected), 0), 60) AS value
FROM referrals_connected r
WHERE r.service_type IS NOT NULL
GROUP BY r.person, r.service_type
