-- dimensions: what a figure of a cohort can be broken down by. One row per person of the cohort, before any grouping.
--
-- Reads cohort, persons, engagements, params(asof). Agencies may disagree: the value of most agencies stands. A tie goes
-- to the agency that engaged first, agencies without an engagement last, then to the partner's name in byte order
-- (agencies are numbered so). A missing or unknown value has no vote. Votes are counted only where there is a dispute.
CREATE OR REPLACE TEMP TABLE dimensions AS
WITH known AS (
    SELECT p.person, p.agency, nullif(p.gender, code('persons.gender', 'unknown')) AS gender,
           nullif(p.race_ethnicity, code('persons.race_ethnicity', 'unknown')) AS race_ethnicity
    FROM persons p
    SEMI JOIN cohort c ON c.person = p.person
),
spread AS (
    SELECT k.person, min(k.gender) AS gender, max(k.gender) AS other_gender,
           min(k.race_ethnicity) AS race_ethnicity, max(k.race_ethnicity) AS other_race_ethnicity
    FROM known k
    GROUP BY k.person
),
disputed AS (
    SELECT s.person
    FROM spread s
    WHERE s.gender <> s.other_gender OR s.race_ethnicity <> s.other_race_ethnicity
),
votes AS (
    SELECT k.person, k.agency, 'gender' AS attribute, k.gender AS value
    FROM known k
    SEMI JOIN disputed d ON d.person = k.person
    WHERE k.gender IS NOT NULL
    UNION ALL
    SELECT k.person, k.agency, 'race_ethnicity' AS attribute, k.race_ethnicity AS value
    FROM known k
    SEMI JOIN disputed d ON d.person = k.person
    WHERE k.race_ethnicity IS NOT NULL
),
first_by_agency AS (
    SELECT e.person, e.agency, min(e.engaged_at) AS first_at
    FROM engagements e
    SEMI JOIN disputed d ON d.person = e.person
    CROSS JOIN params q
    WHERE e.engaged_at_on <= q.asof
    GROUP BY e.person, e.agency
),
counted AS (
    SELECT v.person, v.attribute, v.value, count(DISTINCT v.agency) AS agencies,
           min(struct_pack(first_at := coalesce(a.first_at, TIMESTAMP 'infinity'), agency := v.agency)) AS turn
    FROM votes v
    LEFT JOIN first_by_agency a ON a.person = v.person AND a.agency = v.agency
    GROUP BY v.person, v.attribute, v.value
),
settled AS (
    SELECT n.person,
           arg_min(n.value, struct_pack(fewer := -n.agencies, turn := n.turn))
               FILTER (WHERE n.attribute = 'gender') AS gender,
           arg_min(n.value, struct_pack(fewer := -n.agencies, turn := n.turn))
               FILTER (WHERE n.attribute = 'race_ethnicity') AS race_ethnicity
    FROM counted n
    GROUP BY n.person
)
SELECT c.person, c.agency_kind, c.channel, c.age_band,
       coalesce(label('persons.gender', CASE WHEN d.person IS NULL THEN s.gender ELSE d.gender END), 'unknown') AS gender,
       coalesce(label('persons.race_ethnicity', CASE WHEN d.person IS NULL THEN s.race_ethnicity
                                                     ELSE d.race_ethnicity END), 'unknown') AS race_ethnicity
FROM cohort c
LEFT JOIN spread s ON s.person = c.person
LEFT JOIN settled d ON d.person = c.person;
