-- screening: one row per person of the cohort and kind of agency that screened the person with the CSE-IT.
--
-- Reads cohort, assessments, agencies, params(asof, period_first, period_last). highest is the highest score at that kind
-- in the period, NULL where there is none; at_entry tells of a screening from day -30 to 90 of a person who entered.
CREATE OR REPLACE TEMP TABLE screening AS
WITH scored AS (
    SELECT a.person, coalesce(k.kind, 'other') AS agency_kind, a.score,
           a.assessed_on BETWEEN q.period_first AND q.period_last AS in_period,
           coalesce(a.assessed_on BETWEEN c.entered_on - 30 AND c.entered_on + 90, false) AS at_entry
    FROM assessments a
    JOIN cohort c ON c.person = a.person
    CROSS JOIN params q
    LEFT JOIN agencies k ON k.agency = a.agency
    WHERE a.tool = code('assessments.tool', 'cse_it') AND a.assessed_on <= q.asof
)
SELECT s.person, s.agency_kind, max(s.score) FILTER (WHERE s.in_period) AS highest, bool_or(s.at_entry) AS at_entry
FROM scored s
WHERE s.in_period OR s.at_entry
GROUP BY s.person, s.agency_kind;
