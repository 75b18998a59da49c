-- purchaser-programs: one row per person of the cohort who enrolled in the period: the first enrolment of it.
--
-- Reads cohort, purchaser_programs, params(asof). On one day the partner's name decides, in byte order (agencies are
-- numbered so), then its key of the enrolment. What is dated before the enrolment did not follow it. The table cannot bear the entity's name.
CREATE OR REPLACE TEMP TABLE purchaser_enrollments AS
WITH first AS (
    SELECT e.person,
           arg_min(struct_pack(day := e.enrolled_on, completed_on := e.completed_on, rearrested_on := e.rearrested_on),
                   struct_pack(day := e.enrolled_on, agency := e.agency, id := e.enrollment_id)) AS r
    FROM purchaser_programs e
    SEMI JOIN cohort c ON c.person = e.person
    CROSS JOIN params q
    WHERE e.enrolled_on BETWEEN q.period_first AND least(q.period_last, q.asof)
    GROUP BY e.person
)
SELECT f.person,
       coalesce(f.r.completed_on BETWEEN f.r.day AND least(f.r.day + 180, q.asof), false) AS completed,
       coalesce(f.r.rearrested_on BETWEEN f.r.day AND least(f.r.day + 365, q.asof), false) AS rearrested
FROM first f
CROSS JOIN params q;
