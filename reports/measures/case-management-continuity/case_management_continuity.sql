-- case-management-continuity: one row per person of the cohort with at least 30 days of overlap in the period.
--
-- Reads case_days, agencies, case_contacts, params. Blocks of 30 calendar days are counted from the first day of overlap.
-- One whose 30th day is after the last day of overlap is not finished and not asked about. A contact counts for its
-- block on any day of it, for the rate on days of overlap only, for coordination and plan anywhere in the period.
-- quarter_contacts is the own rate, contacts for each 30 days of overlap, in quarters: to the nearest, half up, at most 24.
CREATE OR REPLACE TEMP TABLE case_management_continuity AS
WITH overlap AS (
    SELECT d.person, d.agency, greatest(d.a, q.period_first) AS a, least(d.z, q.period_last) AS z
    FROM case_days d
    CROSS JOIN params q
    WHERE d.a <= q.period_last AND d.z >= q.period_first
),
managed AS (
    SELECT o.person, sum(o.z - o.a + 1)::BIGINT AS days, min(o.a) AS first_on,
           (max(o.z) - min(o.a) + 1) // 30 AS blocks,
           arg_min(o.agency, o.a) AS agency
    FROM overlap o
    GROUP BY o.person
    HAVING sum(o.z - o.a + 1) >= 30
),
-- Days of overlap are in one row each, so a contact meets at most one.
contacts AS (
    SELECT k.person,
           CASE WHEN k.contact_on >= m.first_on AND k.contact_on < m.first_on + (30 * m.blocks)::INTEGER
                THEN (k.contact_on - m.first_on) // 30 END AS block,
           k.contact_type = code('case_contacts.contact_type', 'in_person') AS in_person,
           k.contact_type = code('case_contacts.contact_type', 'team_meeting') OR coalesce(k.agencies_present >= 2, false)
               AS coordinated,
           k.plan_in_place, o.person IS NOT NULL AS on_overlap
    FROM case_contacts k
    JOIN managed m ON m.person = k.person
    CROSS JOIN params q
    LEFT JOIN overlap o ON o.person = k.person AND k.contact_on BETWEEN o.a AND o.z
    WHERE k.contact_on BETWEEN q.period_first AND least(q.period_last, q.asof)
      AND k.contact_type <> code('case_contacts.contact_type', 'attempted')
),
-- Once per block, the days outside any block together.
by_block AS (
    SELECT c.person, c.block, bool_or(c.in_person) AS in_person, bool_or(c.coordinated) AS coordinated,
           bool_or(c.plan_in_place = code('case_contacts.plan_in_place', 'yes')) AS planned,
           bool_or(c.plan_in_place = code('case_contacts.plan_in_place', 'no')) AS unplanned,
           count(c.person) FILTER (WHERE c.on_overlap) AS on_overlap
    FROM contacts c
    GROUP BY c.person, c.block
),
contacted AS (
    SELECT b.person, count(b.block) AS blocks, count(b.block) FILTER (WHERE b.in_person) AS blocks_in_person,
           bool_or(b.coordinated) AS coordinated, bool_or(b.planned) AS planned, bool_or(b.unplanned) AS unplanned,
           sum(b.on_overlap)::BIGINT AS on_overlap
    FROM by_block b
    GROUP BY b.person
)
SELECT m.person, coalesce(k.kind, 'other') AS agency_kind, m.days, m.blocks,
       coalesce(c.blocks, 0) = m.blocks AS every_block,
       coalesce(c.blocks_in_person, 0) = m.blocks AS in_person_every_block,
       coalesce(c.coordinated, false) AS coordinated,
       CASE WHEN c.planned THEN true WHEN c.unplanned THEN false END AS plan_in_place, -- NULL: nobody says
       least(24, (240 * coalesce(c.on_overlap, 0) + m.days) // (2 * m.days)) AS quarter_contacts
FROM managed m
LEFT JOIN contacted c ON c.person = m.person
LEFT JOIN agencies k ON k.agency = m.agency;
