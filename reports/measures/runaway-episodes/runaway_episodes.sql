-- runaway-episodes: one row per person of the cohort, with distinct runaway nights in the first 365 days, at most 60.
--
-- Reads cohort, covered_stays.
CREATE OR REPLACE TEMP TABLE runaway_episodes AS
WITH spans AS (
    SELECT s.person, greatest(s.started_on, s.entered_on) AS a, least(s.until, s.entered_on + 365) AS z
    FROM covered_stays s
    WHERE s.placement_type = code('placements.placement_type', 'runaway')
),
reach AS (
    SELECT p.person, p.a, p.z,
           max(p.z) OVER (PARTITION BY p.person ORDER BY p.a, p.z ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM spans p
    WHERE p.a < p.z
),
away AS (
    SELECT r.person, sum(greatest(0, r.z - greatest(r.a, r.before))) AS days
    FROM reach r
    GROUP BY r.person
)
SELECT c.person, least(coalesce(w.days, 0), 60)::BIGINT AS days
FROM cohort c
LEFT JOIN away w ON w.person = c.person;
