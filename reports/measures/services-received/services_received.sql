-- services-received: what each person of the cohort was given in the period, each type and program once.
--
-- Reads cohort, services, params. Rows of one service differ in nothing that is counted here, except the program, which is counted
-- on rows.
CREATE OR REPLACE TEMP TABLE services_received AS
SELECT DISTINCT s.person, s.service_type, s.program
FROM services s
SEMI JOIN cohort c ON c.person = s.person
CROSS JOIN params q
WHERE s.started_at_on BETWEEN q.period_first AND least(q.period_last, q.asof);
