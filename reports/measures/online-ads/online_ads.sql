-- online-ads: one row per profile of the cohort that the quarter's snapshots saw, in one area, with its ads.
--
-- Reads cohort, people, ad_snapshots, params. Of each area the first day with a snapshot in the quarter counts, and of the
-- areas that a profile was seen in then, one by keyed choice. Rows about nobody have no person.
CREATE OR REPLACE TEMP TABLE online_ads AS
WITH first_days AS (
    SELECT s.area, min(s.window_start_on) AS taken_on
    FROM ad_snapshots s
    CROSS JOIN params q
    WHERE s.window_start_on BETWEEN q.period_first AND least(q.period_last, q.asof)
    GROUP BY s.area
),
seen AS (
    SELECT s.person, label('ad_snapshots.area', s.area) AS area, max(s.ads) AS ads
    FROM ad_snapshots s
    JOIN first_days d ON d.area = s.area AND d.taken_on = s.window_start_on
    SEMI JOIN cohort c ON c.person = s.person
    GROUP BY s.person, s.area
),
several AS (
    SELECT n.person
    FROM seen n
    GROUP BY n.person
    HAVING count(n.area) > 1
),
chosen AS (
    SELECT n.person, arg_min(n.area, keyed('online-ads area', p.pseudonym, n.area)) AS area
    FROM seen n
    SEMI JOIN several v ON v.person = n.person
    JOIN people p ON p.person = n.person
    GROUP BY n.person
)
SELECT n.person, n.area, least(greatest(n.ads, 1), 10)::BIGINT AS ads
FROM seen n
LEFT JOIN chosen k ON k.person = n.person
WHERE n.area IS NOT NULL AND (k.area IS NULL OR n.area = k.area);
