-- outreach: one row per talk, session or campaign held in the period. `event` tells rows apart; it names nobody.
--
-- Reads outreach_events, params(asof). Attendees are clamped to what the dictionary allows; a missing language is unknown.
CREATE OR REPLACE TEMP TABLE outreach AS
SELECT o.agency || ':' || o.event_id AS event, label('outreach_events.event_type', o.event_type) AS event_type,
       coalesce(label('outreach_events.language', o.language), 'unknown') AS language,
       least(greatest(o.attendees, 0), 100000)::BIGINT AS attendees
FROM outreach_events o
CROSS JOIN params q
WHERE o.held_on BETWEEN q.period_first AND least(q.period_last, q.asof) AND o.attendees IS NOT NULL
  AND o.agency IS NOT NULL AND o.event_id IS NOT NULL AND label('outreach_events.event_type', o.event_type) IS NOT NULL;
