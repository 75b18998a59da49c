-- outcome-change: one row per person of the cohort and domain in which there is a baseline, with the change from it.
--
-- Reads cohort, assessments, params(asof). Days are counted from the local date of entry. The baseline is the assessment
-- nearest to the entry within day -7 to 45, the follow-up the latest within day 120 to 365. Ties: the earlier date (the
-- baseline only: no two follow-ups of one date differ in it), the agency of entry, the partner's name (agencies are
-- numbered in byte order of names), then the row's key. change is NULL where there is no follow-up.
CREATE OR REPLACE TEMP TABLE outcome_change AS
WITH scored AS (
    SELECT a.person, a.domain, a.score, a.assessed_on - c.entered_on AS day,
           a.agency IS DISTINCT FROM c.agency AS elsewhere, a.agency, a.assessment_id
    FROM assessments a
    JOIN cohort c ON c.person = a.person
    CROSS JOIN params q
    WHERE a.tool = code('assessments.tool', 'outcome_scale') AND a.score BETWEEN 1 AND 5
      AND a.assessed_on BETWEEN c.entered_on - 7 AND c.entered_on + 365 AND a.assessed_on <= q.asof
),
pairs AS (
    SELECT s.person, s.domain,
           arg_min(s.score, struct_pack(distance := abs(s.day), day := s.day, elsewhere := s.elsewhere, agency := s.agency,
                                        id := s.assessment_id)) FILTER (WHERE s.day <= 45) AS baseline,
           arg_min(s.score, struct_pack(earlier := -s.day, elsewhere := s.elsewhere, agency := s.agency,
                                        id := s.assessment_id)) FILTER (WHERE s.day >= 120) AS follow_up
    FROM scored s
    GROUP BY s.person, s.domain
)
SELECT p.person, label('assessments.domain', p.domain) AS domain, p.follow_up - p.baseline AS change
FROM pairs p
WHERE p.baseline IS NOT NULL;
