-- victim-profile: one row per person of the cohort, with what is known of the person as of the day of measurement.
--
-- Reads cohort, attributes. Answers are words, unknown among them.
CREATE OR REPLACE TEMP TABLE victim_profile AS
SELECT c.person,
       CASE WHEN a.age_exploitation_began IS NULL THEN 'unknown'
            WHEN a.age_exploitation_began <= 11 THEN '0-11'
            WHEN a.age_exploitation_began <= 14 THEN '12-14'
            WHEN a.age_exploitation_began <= 17 THEN '15-17'
            ELSE '18+' END AS age_exploitation_began,
       coalesce(c.age_band, 'unknown') AS age_band, coalesce(c.setting, 'unknown') AS setting,
       a.gender, a.race_ethnicity, a.home_area, a.recruited_at, a.recruited_by, a.exploitation,
       a.prior_abuse, a.prior_domestic_violence,
       CASE WHEN a.prior_abuse = 'yes' OR a.prior_domestic_violence = 'yes' THEN 'yes'
            WHEN a.prior_abuse = 'no' AND a.prior_domestic_violence = 'no' THEN 'no'
            ELSE 'unknown' END AS prior_abuse_or_domestic_violence,
       a.runaway_history, a.foster_history, a.gang_involved, a.methamphetamine, a.violence_by_exploiter, a.sees_self_as_victim
FROM cohort c
JOIN attributes a ON a.person = c.person;
