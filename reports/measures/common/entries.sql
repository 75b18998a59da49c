-- first_engagements and entries: who entered, when, and by which door. One row per person, all quarters.
--
-- Reads engagements, people, agencies, persons, settled, params(asof). Engagements less than an hour apart are one, and the
-- earliest row gives every attribute; so the entry is the earliest row, and the chain behind it changes nothing here. Only
-- engagements up to the end of the local day asof count: a person's first of all is the first of those, or none of them is.
-- So first_engagements are the same as of every day, and a session, which sees one lake, looks for them once.
CREATE TEMP TABLE IF NOT EXISTS first_engagements AS
WITH first_instant AS (
    SELECT e.person, min(e.engaged_at) AS entered_at
    FROM engagements e
    SEMI JOIN people w ON w.person = e.person AND w.measured AND w.population = 'minors'
    GROUP BY e.person
),
-- At the same instant the partner's name decides (agencies are numbered in byte order), then the row's key. Nearly everybody
-- has one row at that instant, and then there is nothing to decide.
at_first AS (
    SELECT e.person, e.engaged_at AS entered_at, e.engaged_at_on AS day, e.agency, e.engagement_id, e.channel, e.setting, e.age
    FROM engagements e
    JOIN first_instant f ON f.person = e.person AND f.entered_at = e.engaged_at
),
shared AS (
    SELECT a.person
    FROM at_first a
    GROUP BY a.person
    HAVING count(a.person) > 1
),
first_row AS (
    SELECT a.person, a.entered_at, a.day, a.agency, a.channel, a.setting, a.age
    FROM at_first a
    ANTI JOIN shared s ON s.person = a.person
    UNION ALL
    SELECT w.person, w.entered_at, w.r.day, w.r.agency, w.r.channel, w.r.setting, w.r.age
    FROM (SELECT a.person, any_value(a.entered_at) AS entered_at,
                 arg_min(struct_pack(day := a.day, agency := a.agency, channel := a.channel, setting := a.setting, age := a.age),
                         struct_pack(agency := a.agency, id := a.engagement_id)) AS r
          FROM at_first a
          SEMI JOIN shared s ON s.person = a.person
          GROUP BY a.person) w
),
-- A year of birth is asked for only where the entry row has no age. Where agencies agree any value is the value.
born AS (
    SELECT p.person, min(p.birth_year) AS birth_year, min(p.birth_year) < max(p.birth_year) AS disputed
    FROM persons p
    SEMI JOIN first_row f ON f.person = p.person AND f.age IS NULL
    WHERE p.birth_year BETWEEN 0 AND 9999
    GROUP BY p.person
)
SELECT f.person, f.entered_at, f.day, f.agency, f.channel, f.setting, f.age, b.birth_year, coalesce(b.disputed, false) AS disputed
FROM first_row f
LEFT JOIN born b ON b.person = f.person;

-- Which year of birth stands where agencies disagree depends on who had engaged the person by asof.
CREATE OR REPLACE TEMP TABLE entries AS
WITH years AS (
    SELECT p.person, p.agency, 'birth_year' AS attribute, p.birth_year AS value
    FROM persons p
    SEMI JOIN first_engagements f ON f.person = p.person AND f.disputed
    WHERE p.birth_year BETWEEN 0 AND 9999
),
aged AS (
    SELECT f.person, f.entered_at, f.day AS entered_on, f.agency, f.channel, f.setting,
           TRY_CAST(coalesce(f.age, year(f.day) - coalesce(b.value, f.birth_year)
                                    - CASE WHEN month(f.day) < 7 THEN 1 ELSE 0 END) AS INTEGER) AS age
    FROM first_engagements f
    CROSS JOIN params q
    LEFT JOIN settled('years') b ON b.person = f.person
    WHERE f.day <= q.asof
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
