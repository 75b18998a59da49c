-- prosecutions: one row per case of the cohort that was filed or disposed of in the period.
--
-- Reads cohort, prosecutions, params(asof). A case is disposed of on its disposed_on, if it has a disposition other than
-- pending; after asof that has not happened yet. Bound: 1,460 days. The table cannot bear the entity's name.
CREATE OR REPLACE TEMP TABLE prosecution_cases AS
WITH cases AS (
    SELECT p.person,
           label('prosecutions.party_role', p.party_role) AS party_role,
           label('prosecutions.charge', p.charge) AS charge,
           p.filed_on, p.disposed_on, p.disposition,
           coalesce(p.filed_on BETWEEN q.period_first AND least(q.period_last, q.asof), false) AS filed,
           coalesce(p.disposed_on BETWEEN q.period_first AND least(q.period_last, q.asof), false)
           AND coalesce(p.disposition <> code('prosecutions.disposition', 'pending'), false) AS disposed
    FROM prosecutions p
    SEMI JOIN cohort c ON c.person = p.person
    CROSS JOIN params q
)
SELECT k.person, k.party_role, k.charge,
       CASE WHEN k.charge IN ('trafficking', 'labor_trafficking') THEN 'trafficking'
            WHEN k.charge = 'pimping_pandering' THEN 'pimping'
            WHEN k.charge IN ('purchase', 'purchase_of_minor') THEN 'purchase'
            ELSE 'other' END AS charge_group,
       k.filed, k.disposed,
       coalesce(k.disposition IN (code('prosecutions.disposition', 'convicted'),
                                  code('prosecutions.disposition', 'pleaded')), false) AS convicted,
       CASE WHEN k.disposed AND k.filed_on IS NOT NULL
            THEN greatest(0, least(1460, k.disposed_on - k.filed_on)) END::BIGINT AS days
FROM cases k
WHERE k.filed OR k.disposed;
