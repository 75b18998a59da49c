-- placement-stability: one row per person of the cohort, with days in care and moves in the first 365 days.
--
-- Reads cohort, covered_stays, care_rows, care_stays. Bounds: 5 moves, 365 days (the window). The cfsr_ columns are the
-- variant beside the national standard: up to the end of the calendar year of entry, runaway nights between care stays
-- counted as days in care, persons under 18 at entry.
CREATE OR REPLACE TEMP TABLE placement_stability AS
WITH bounds AS (
    SELECT c.person, c.entered_on, c.entered_on + 365 AS window_end, make_date(year(c.entered_on) + 1, 1, 1) AS new_year,
           coalesce(c.age < 18, false) AS minor
    FROM cohort c
),
nights AS (
    SELECT r.person,
           sum(greatest(0, least(r.until, b.window_end) - greatest(r.started_on, b.entered_on, r.before))) AS days,
           sum(greatest(0, least(r.until, b.window_end, b.new_year)
                           - greatest(r.started_on, b.entered_on, r.before))) AS cfsr_days
    FROM care_rows r
    JOIN bounds b ON b.person = r.person
    GROUP BY r.person
),
ordered AS (
    SELECT s.person, s.agency, s.placement_type, s.site_key, s.started_on, s.in_window,
           lag(s.agency) OVER in_order AS last_agency,
           lag(s.placement_type) OVER in_order AS last_type,
           lag(s.site_key) OVER in_order AS last_site,
           lag(s.until) OVER in_order AS last_until,
           lag(s.moved_on) OVER in_order AS last_moved_on,
           coalesce(bool_or(s.in_window) OVER (in_order ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS placed
    FROM care_stays s
    WINDOW in_order AS (PARTITION BY s.person
                        ORDER BY s.started_on, CASE WHEN s.open THEN DATE 'infinity' ELSE s.until END, s.agency,
                                 s.placement_id)
),
-- The initial placement is the first with a night in the window; a later one is a move where it starts in the window at
-- another place than the care stay before it.
judged AS (
    SELECT o.person, o.started_on, b.new_year,
           CASE WHEN o.in_window AND NOT o.placed THEN o.placement_type END AS first_type,
           o.placed AND o.started_on >= b.entered_on AND o.started_on < b.window_end
           AND NOT (o.agency = o.last_agency
                    AND CASE WHEN o.site_key IS NOT NULL AND o.last_site IS NOT NULL THEN o.site_key = o.last_site
                             ELSE o.placement_type = o.last_type AND o.started_on - o.last_until <= 14
                                  AND NOT o.last_moved_on END) AS is_move
    FROM ordered o
    JOIN bounds b ON b.person = o.person
),
moves AS (
    SELECT j.person, any_value(j.first_type) AS first_type,
           count(j.person) FILTER (WHERE j.is_move) AS moves,
           count(j.person) FILTER (WHERE j.is_move AND j.started_on < j.new_year) AS cfsr_moves,
           min(j.started_on) AS first_start,
           max(j.started_on) FILTER (WHERE j.started_on < j.new_year) AS last_start
    FROM judged j
    GROUP BY j.person
),
-- Persons who ran away: their nights again, with the runaway nights that a care stay follows by 31 December.
runaway AS (
    SELECT s.person, greatest(s.started_on, b.entered_on, m.first_start) AS a,
           least(s.until, b.window_end, b.new_year, m.last_start) AS z
    FROM covered_stays s
    JOIN bounds b ON b.person = s.person
    JOIN moves m ON m.person = s.person
    WHERE s.placement_type = code('placements.placement_type', 'runaway') AND m.last_start IS NOT NULL AND b.minor
),
spans AS (
    SELECT r.person, r.a, r.z
    FROM runaway r
    WHERE r.a < r.z
    UNION ALL
    SELECT r.person, greatest(r.started_on, b.entered_on) AS a, least(r.until, b.window_end, b.new_year) AS z
    FROM care_rows r
    JOIN bounds b ON b.person = r.person
    SEMI JOIN runaway x ON x.person = r.person AND x.a < x.z
),
reach AS (
    SELECT p.person, p.a, p.z,
           max(p.z) OVER (PARTITION BY p.person ORDER BY p.a, p.z ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM spans p
    WHERE p.a < p.z
),
ran AS (
    SELECT e.person, sum(greatest(0, e.z - greatest(e.a, e.before))) AS days
    FROM reach e
    GROUP BY e.person
)
SELECT b.person,
       coalesce(n.days, 0) >= 8 AS eligible,
       least(coalesce(n.days, 0), 365)::BIGINT AS days,
       coalesce(m.moves, 0)::BIGINT AS moves,
       label('placements.placement_type', m.first_type) AS first_type,
       coalesce(n.days, 0) >= 8 AND b.minor AS cfsr_eligible,
       least(coalesce(r.days, n.cfsr_days, 0), 365)::BIGINT AS cfsr_days,
       coalesce(m.cfsr_moves, 0)::BIGINT AS cfsr_moves
FROM bounds b
LEFT JOIN nights n ON n.person = b.person
LEFT JOIN moves m ON m.person = b.person
LEFT JOIN ran r ON r.person = b.person;
