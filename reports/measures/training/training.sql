-- training: one row per training held in the period. `event` tells rows apart; it names nobody.
--
-- Reads trainings, params(asof). Attendees and minutes are clamped to what the dictionary and the definition allow; a row
-- without minutes adds none, one without a number certified does not say how many passed.
CREATE OR REPLACE TEMP TABLE training AS
WITH held AS (
    SELECT t.agency || ':' || t.training_id AS event, label('trainings.audience', t.audience) AS audience,
           least(greatest(t.attendees, 0), 5000)::BIGINT AS attendees,
           least(greatest(t.minutes, 0), 1440)::BIGINT AS minutes, t.certified
    FROM trainings t
    CROSS JOIN params q
    WHERE t.held_on BETWEEN q.period_first AND least(q.period_last, q.asof) AND t.attendees IS NOT NULL
)
SELECT h.event, h.audience, h.attendees, h.minutes,
       CASE WHEN h.certified IS NOT NULL THEN least(greatest(h.certified, 0), h.attendees) END::BIGINT AS certified
FROM held h
WHERE h.event IS NOT NULL AND h.audience IS NOT NULL;
