-- What a profile gives to each vector: (person, cell, value). Reads online_ads.

-- vector: profiles
SELECT a.person, a.area || ':profiles' AS cell, 1::BIGINT AS value
FROM online_ads a

-- vector: ads
SELECT a.person, a.area || ':s' AS cell, (2 * a.ads - 11)::BIGINT AS value
FROM online_ads a

-- vector: on_date
SELECT s.person, s.window_start_on AS on_date
FROM ad_snapshots s
CROSS JOIN params q
WHERE s.person IS NOT NULL AND s.window_start_on <= q.asof

-- vector: calendar
-- Exact, (cell, value): of ad_snapshots it reads where and when, and nothing of who was seen.
SELECT label('ad_snapshots.area', s.area) || ':day' AS cell, min(s.window_start_on) - min(q.period_first) + 1 AS value
FROM ad_snapshots s
CROSS JOIN params q
WHERE s.window_start_on BETWEEN q.period_first AND least(q.period_last, q.asof)
GROUP BY s.area
