-- dimensions: what a figure of a cohort can be broken down by. One row per person of the cohort, before any grouping.
--
-- Reads cohort, attributes.
CREATE OR REPLACE TEMP TABLE dimensions AS
SELECT c.person, c.agency_kind, c.channel, c.age_band, a.gender, a.race_ethnicity
FROM cohort c
JOIN attributes a ON a.person = c.person;
