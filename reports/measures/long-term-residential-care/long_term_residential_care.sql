-- long-term-residential-care: one row per person of the cohort, with residential nights in the first 365 days and how the
-- first spell in residential care ended.
--
-- Reads cohort, covered_stays. Days are counted from the local date of entry; the window is day 0 to 364. A spell goes on
-- over a single night out, whatever the agency or the type. It ends with a leaving, or it is last seen: at day 365, or
-- where an open row was cut by the end of coverage (at asof, where that is earlier).
CREATE OR REPLACE TEMP TABLE long_term_residential_care AS
WITH spans AS (
    SELECT s.person, greatest(s.started_on, s.entered_on) - s.entered_on AS a, s.until - s.entered_on AS z, s.open
    FROM covered_stays s
    WHERE s.placement_type IN (code('placements.placement_type', 'resource_family'),
                               code('placements.placement_type', 'group_home'),
                               code('placements.placement_type', 'residential_treatment'),
                               code('placements.placement_type', 'transitional_housing'),
                               code('placements.placement_type', 'supportive_housing'),
                               code('placements.placement_type', 'supervised_independent_living'))
      AND s.started_on <= s.entered_on + 365 -- who is back on day 365 was out for one night only after leaving on day 364
      AND (s.until > greatest(s.started_on, s.entered_on) OR s.open AND s.started_on = s.entered_on + 365)
),
-- `before` is the latest day that an earlier row reached, and whether a row that reached it was open.
reach AS (
    SELECT p.person, p.a, p.z, p.open,
           max(struct_pack(day := p.z, open := p.open)) OVER (PARTITION BY p.person ORDER BY p.a, p.z
                                                              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM spans p
),
-- before.day never falls, so the smallest one that a gap follows is the end of the first spell.
spells AS (
    SELECT r.person, min(r.a) AS first_night,
           sum(greatest(0, least(r.z, 365) - greatest(r.a, r.before.day))) AS nights,
           coalesce(min(r.before) FILTER (WHERE r.a > r.before.day + 1), max(struct_pack(day := r.z, open := r.open))) AS last
    FROM reach r
    GROUP BY r.person
)
SELECT c.person, coalesce(s.nights, 0)::BIGINT AS nights,
       CASE WHEN s.nights > 0 THEN least(s.last.day, 365) - s.first_night END AS spell_days,
       coalesce(s.last.day < 365 AND NOT s.last.open, false) AS has_left
FROM cohort c
LEFT JOIN spells s ON s.person = c.person;
