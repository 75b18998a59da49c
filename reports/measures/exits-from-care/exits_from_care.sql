-- exits-from-care: one row per person whose last care stay of the first 365 days ended before day 365, with the reason.
--
-- Reads care_stays. Last means last in the order of care stays: started_on, ended_on with open last, partner,
-- placement_id. An open stay that coverage cut is read as ended on that day, for a reason that nobody knows.
CREATE OR REPLACE TEMP TABLE exits_from_care AS
WITH last AS (
    SELECT s.person,
           arg_max(struct_pack(ended := s.until < s.entered_on + 365, reason := s.exit_reason),
                   struct_pack(started_on := s.started_on, ended_on := CASE WHEN s.open THEN DATE 'infinity' ELSE s.until END,
                               agency := s.agency, placement_id := s.placement_id)) AS stay
    FROM care_stays s
    WHERE s.in_window
    GROUP BY s.person
)
SELECT l.person, coalesce(label('placements.exit_reason', l.stay.reason), 'unknown') AS exit_reason
FROM last l
WHERE l.stay.ended;
