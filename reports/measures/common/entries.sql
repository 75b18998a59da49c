-- entries: who entered, when, and by which door. One row per person, all quarters.
--
-- Reads engagements, people, agencies, persons, settled, params(asof). Only engagements up to the end of the local day
-- asof count. Engagements less than an hour apart are one, and the earliest row gives every attribute; so the entry is the
-- earliest row, and the chain behind it changes nothing here.
CREATE OR REPLACE TEMP TABLE entries AS
WITH first_instant AS (
    SELECT e.person, min(e.engaged_at) AS entered_at
    FROM engagements e
    JOIN people w ON w.person = e.person
    CROSS JOIN params q
    WHERE w.measured AND w.population = 'minors' AND e.engaged_at_on <= q.asof
    GROUP BY e.person
),
-- At the same instant the partner's name decides (agencies are numbered in byte order), then the row's key.
first_row AS (
    SELECT f.person, any_value(f.entered_at) AS entered_at,
           arg_min(struct_pack(day := e.engaged_at_on, agency := e.agency, channel := e.channel, setting := e.setting,
                               age := e.age),
                   struct_pack(agency := e.agency, id := e.engagement_id)) AS r
    FROM first_instant f
    JOIN engagements e ON e.person = f.person AND e.engaged_at = f.entered_at
    GROUP BY f.person
),
-- A year of birth is asked for only where the entry row has no age.
years AS (
    SELECT p.person, p.agency, 'birth_year' AS attribute, p.birth_year AS value
    FROM persons p
    JOIN first_row f ON f.person = p.person
    WHERE f.r.age IS NULL AND p.birth_year BETWEEN 0 AND 9999
),
aged AS (
    SELECT f.person, f.entered_at, f.r.day AS entered_on, f.r.agency AS agency, f.r.channel AS channel,
           f.r.setting AS setting,
           TRY_CAST(coalesce(f.r.age, year(f.r.day) - b.value
                                      - CASE WHEN month(f.r.day) < 7 THEN 1 ELSE 0 END) AS INTEGER) AS age
    FROM first_row f
    LEFT JOIN settled('years') b ON b.person = f.person
)
SELECT g.person, g.entered_at, g.entered_on, g.agency,
       coalesce(k.kind, 'other') AS agency_kind,
       coalesce(label('engagements.channel', g.channel), 'unknown') AS channel,
       coalesce(label('engagements.setting', g.setting), 'unknown') AS setting,
       CASE WHEN g.age IS NULL THEN 'unknown'
            WHEN g.age <= 11 THEN '0-11'
            WHEN g.age <= 13 THEN '12-13'
            WHEN g.age <= 15 THEN '14-15'
            WHEN g.age <= 17 THEN '16-17'
            ELSE '18+' END AS age_band,
       g.age AS age
FROM aged g
LEFT JOIN agencies k ON k.agency = g.agency;
