-- arrests-by-role: one row per person, role and offense for which the person was arrested in the period.
--
-- Reads cohort, arrests, params. A cohort is of one population: of minors, whose rows are those of victims, or of accused,
-- whose rows are those of exploiters and purchasers. A disposition that is missing is not known.
CREATE OR REPLACE TEMP TABLE arrests_by_role AS
SELECT a.person,
       label('arrests.party_role', a.party_role) AS party_role,
       label('arrests.offense', a.offense) AS offense,
       coalesce(bool_or(a.disposition = code('arrests.disposition', 'released_to_services')), false) AS released,
       bool_or(a.disposition IS NOT NULL) AS known
FROM arrests a
SEMI JOIN cohort c ON c.person = a.person
CROSS JOIN params q
WHERE a.arrested_at_on BETWEEN q.period_first AND least(q.period_last, q.asof)
GROUP BY a.person, a.party_role, a.offense;
