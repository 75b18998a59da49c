-- attributes: what is known of each person of the cohort, one value where agencies disagree (see settled.sql).
--
-- Reads cohort, persons, settled, disclosed. Codes are labels, unknown where nobody knows; a number that nobody knows is
-- NULL. Nearly everybody's agencies agree, and then any value is the value: votes are counted for persons in dispute only.
CREATE OR REPLACE TEMP TABLE attributes AS
WITH known AS (
    SELECT p.person, p.agency,
           nullif(p.gender, code('persons.gender', 'unknown'))::BIGINT AS gender,
           nullif(p.race_ethnicity, code('persons.race_ethnicity', 'unknown'))::BIGINT AS race_ethnicity,
           nullif(p.home_area, code('persons.home_area', 'unknown'))::BIGINT AS home_area,
           nullif(p.recruited_by, code('persons.recruited_by', 'unknown'))::BIGINT AS recruited_by,
           nullif(p.recruited_at, code('persons.recruited_at', 'unknown'))::BIGINT AS recruited_at,
           nullif(p.exploitation, code('persons.exploitation', 'unknown'))::BIGINT AS exploitation,
           p.age_exploitation_began::BIGINT AS age_exploitation_began,
           p.prior_abuse, p.prior_domestic_violence, p.runaway_history, p.foster_history, p.gang_involved,
           p.methamphetamine, p.violence_by_exploiter, p.sees_self_as_victim
    FROM persons p
    SEMI JOIN cohort c ON c.person = p.person
),
spread AS (
    SELECT k.person,
           min(k.gender) AS gender, min(k.race_ethnicity) AS race_ethnicity, min(k.home_area) AS home_area,
           min(k.recruited_by) AS recruited_by, min(k.recruited_at) AS recruited_at, min(k.exploitation) AS exploitation,
           min(k.age_exploitation_began) AS age_exploitation_began,
           coalesce(min(k.gender) < max(k.gender) OR min(k.race_ethnicity) < max(k.race_ethnicity)
                    OR min(k.home_area) < max(k.home_area) OR min(k.recruited_by) < max(k.recruited_by)
                    OR min(k.recruited_at) < max(k.recruited_at) OR min(k.exploitation) < max(k.exploitation)
                    OR min(k.age_exploitation_began) < max(k.age_exploitation_began), false) AS disputed,
           disclosed(k.prior_abuse) AS prior_abuse,
           disclosed(k.prior_domestic_violence) AS prior_domestic_violence,
           disclosed(k.runaway_history) AS runaway_history,
           disclosed(k.foster_history) AS foster_history,
           disclosed(k.gang_involved) AS gang_involved,
           disclosed(k.methamphetamine) AS methamphetamine,
           disclosed(k.violence_by_exploiter) AS violence_by_exploiter,
           disclosed(k.sees_self_as_victim) AS sees_self_as_victim
    FROM known k
    GROUP BY k.person
),
contested AS (
    SELECT k.person, k.agency, k.gender, k.race_ethnicity, k.home_area, k.recruited_by, k.recruited_at, k.exploitation,
           k.age_exploitation_began
    FROM known k
    SEMI JOIN spread s ON s.person = k.person AND s.disputed
),
votes AS (
    SELECT u.person, u.agency, u.attribute, u.value
    FROM contested UNPIVOT (value FOR attribute IN (gender, race_ethnicity, home_area, recruited_by, recruited_at,
                                                    exploitation, age_exploitation_began)) u
),
won AS (
    SELECT v.person,
           max(v.value) FILTER (WHERE v.attribute = 'gender') AS gender,
           max(v.value) FILTER (WHERE v.attribute = 'race_ethnicity') AS race_ethnicity,
           max(v.value) FILTER (WHERE v.attribute = 'home_area') AS home_area,
           max(v.value) FILTER (WHERE v.attribute = 'recruited_by') AS recruited_by,
           max(v.value) FILTER (WHERE v.attribute = 'recruited_at') AS recruited_at,
           max(v.value) FILTER (WHERE v.attribute = 'exploitation') AS exploitation,
           max(v.value) FILTER (WHERE v.attribute = 'age_exploitation_began') AS age_exploitation_began
    FROM settled('votes') v
    GROUP BY v.person
)
SELECT c.person,
       coalesce(label('persons.gender', coalesce(w.gender, s.gender)), 'unknown') AS gender,
       coalesce(label('persons.race_ethnicity', coalesce(w.race_ethnicity, s.race_ethnicity)), 'unknown') AS race_ethnicity,
       coalesce(label('persons.home_area', coalesce(w.home_area, s.home_area)), 'unknown') AS home_area,
       coalesce(label('persons.recruited_by', coalesce(w.recruited_by, s.recruited_by)), 'unknown') AS recruited_by,
       coalesce(label('persons.recruited_at', coalesce(w.recruited_at, s.recruited_at)), 'unknown') AS recruited_at,
       coalesce(label('persons.exploitation', coalesce(w.exploitation, s.exploitation)), 'unknown') AS exploitation,
       coalesce(w.age_exploitation_began, s.age_exploitation_began) AS age_exploitation_began,
       coalesce(s.prior_abuse, 'unknown') AS prior_abuse,
       coalesce(s.prior_domestic_violence, 'unknown') AS prior_domestic_violence,
       coalesce(s.runaway_history, 'unknown') AS runaway_history,
       coalesce(s.foster_history, 'unknown') AS foster_history,
       coalesce(s.gang_involved, 'unknown') AS gang_involved,
       coalesce(s.methamphetamine, 'unknown') AS methamphetamine,
       coalesce(s.violence_by_exploiter, 'unknown') AS violence_by_exploiter,
       coalesce(s.sees_self_as_victim, 'unknown') AS sees_self_as_victim
FROM cohort c
LEFT JOIN spread s ON s.person = c.person
LEFT JOIN won w ON w.person = c.person;
