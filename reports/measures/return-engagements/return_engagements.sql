-- return-engagements: one row per person of the cohort: was there police contact on day 90 to 365, both ends included?
--
-- Reads cohort, engagements, arrests, params(asof). Engagements less than an hour apart are one, whose earliest row gives
-- day and channel: a row is a new engagement if none of the person's stands before it within the hour.
CREATE OR REPLACE TEMP TABLE return_engagements AS
WITH near AS (
    -- Day 89 is there for what may have begun in the hour before midnight.
    SELECT e.person, e.channel, e.engaged_at_on - c.entered_on AS day,
           epoch_us(e.engaged_at) - lag(epoch_us(e.engaged_at)) OVER (PARTITION BY e.person
                                                                      ORDER BY e.engaged_at, e.agency, e.engagement_id) AS micros
    FROM engagements e
    JOIN cohort c ON c.person = e.person
    CROSS JOIN params q
    WHERE e.engaged_at_on <= q.asof AND e.engaged_at_on BETWEEN c.entered_on + 89 AND c.entered_on + 365
),
contacts AS (
    SELECT n.person
    FROM near n
    WHERE n.day >= 90 AND coalesce(n.micros >= 3600000000, true) -- an hour
      AND n.channel IN (code('engagements.channel', 'police_operation'), code('engagements.channel', 'patrol_contact'),
                        code('engagements.channel', 'arrest'), code('engagements.channel', 'law_enforcement_referral'))
    UNION
    SELECT a.person
    FROM arrests a
    JOIN cohort c ON c.person = a.person
    CROSS JOIN params q
    WHERE a.party_role = code('arrests.party_role', 'victim')
      AND a.arrested_at_on <= q.asof AND a.arrested_at_on BETWEEN c.entered_on + 90 AND c.entered_on + 365
)
SELECT c.person, k.person IS NOT NULL AS police_contact
FROM cohort c
LEFT JOIN contacts k ON k.person = c.person;
