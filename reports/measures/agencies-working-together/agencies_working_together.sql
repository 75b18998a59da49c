-- agencies-working-together: one row per person of the cohort, with the number of kinds of agency that served the person on
-- day 0 to 90, and whether there was a team meeting.
--
-- Reads cohort, services, placements, case_contacts, agencies, params(asof). Kinds are counted on rows, so nothing is
-- merged and stays need no end: a row counts on the local date on which it starts.
CREATE OR REPLACE TEMP TABLE agencies_working_together AS
WITH kinds AS (
    -- One bit for each kind: a person's kinds are then an OR over rows, with no list of them.
    SELECT a.agency, 1::BIGINT << (least(dense_rank() OVER (ORDER BY coalesce(a.kind, 'other')), 62) - 1) AS kind
    FROM agencies a
),
started AS (
    SELECT s.person, s.agency, s.started_at_on AS day, false AS meeting
    FROM services s
    UNION ALL
    SELECT p.person, p.agency, p.started_on, false
    FROM placements p
    WHERE p.placement_type NOT IN (code('placements.placement_type', 'runaway'), code('placements.placement_type', 'unsheltered'))
    UNION ALL
    SELECT k.person, k.agency, k.contact_on, k.contact_type = code('case_contacts.contact_type', 'team_meeting')
    FROM case_contacts k
    WHERE k.contact_type <> code('case_contacts.contact_type', 'attempted')
),
served AS (
    SELECT t.person, bit_count(bit_or(k.kind)) AS kinds, bool_or(t.meeting) AS meeting
    FROM started t
    JOIN cohort c ON c.person = t.person
    JOIN kinds k ON k.agency = t.agency
    CROSS JOIN params q
    WHERE t.day <= q.asof AND t.day BETWEEN c.entered_on AND c.entered_on + 90
    GROUP BY t.person
)
SELECT c.person, coalesce(s.kinds, 0)::BIGINT AS kinds, coalesce(s.meeting, false) AS team_meeting
FROM cohort c
LEFT JOIN served s ON s.person = c.person;
