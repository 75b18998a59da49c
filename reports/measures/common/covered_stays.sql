-- covered_stays: every placement row of the cohort that had started by asof, with the day it is read to end.
--
-- Reads cohort, placements, coverage, params(asof). `until` is the day of leaving, the first night not spent there. An
-- open stay is read to end at the earliest of: day 365 of the person, asof, the end of what that partner's last drop with
-- placements covers. An end after asof has not happened yet: such a stay is open, and its exit_reason unknown.
-- No stay ends before it starts; one that starts after its coverage has no night.
CREATE OR REPLACE TEMP TABLE covered_stays AS
WITH placed AS (
    SELECT c.person, c.entered_on, p.agency, p.placement_id, p.placement_type, p.site_key, p.started_on, p.ended_on,
           p.exit_reason, q.asof, coalesce(p.ended_on > q.asof, true) AS open
    FROM placements p
    JOIN cohort c ON c.person = p.person
    CROSS JOIN params q
    WHERE p.started_on <= q.asof
)
SELECT s.person, s.entered_on, s.agency, s.placement_id, s.placement_type, s.site_key, s.started_on, s.open,
       greatest(s.started_on,
                CASE WHEN s.open THEN least(s.entered_on + 365, s.asof, v.covers_to) ELSE s.ended_on END) AS until,
       CASE WHEN s.open THEN NULL ELSE s.exit_reason END AS exit_reason
FROM placed s
LEFT JOIN coverage v ON v.agency = s.agency AND v.entity = 'placements';
