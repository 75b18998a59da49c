-- settled and disclosed: how what agencies say of a person becomes one value. Decided here, for every attribute.
--
-- settled(votes) is for codes and numbers. votes is a relation (person, agency, attribute, value) of known values: missing
-- and unknown have no vote. The value of most agencies stands. A tie goes to the agency that engaged first, agencies
-- without an engagement last, then to the partner's name in byte order (agencies are numbered so). No agency has two
-- files of one person; if one had, its lower value would stand, on every run. Reads engagements, params(asof). Yields
-- (person, attribute, value).
CREATE OR REPLACE TEMP MACRO settled(votes) AS TABLE
WITH first_by_agency AS (
    SELECT e.person, e.agency, min(e.engaged_at) AS first_at
    FROM engagements e
    SEMI JOIN query_table(votes) v ON v.person = e.person
    CROSS JOIN params q
    WHERE e.engaged_at_on <= q.asof
    GROUP BY e.person, e.agency
),
counted AS (
    SELECT v.person, v.attribute, v.value, count(DISTINCT v.agency) AS agencies,
           min(struct_pack(first_at := coalesce(f.first_at, TIMESTAMP 'infinity'), agency := v.agency)) AS turn
    FROM query_table(votes) v
    LEFT JOIN first_by_agency f ON f.person = v.person AND f.agency = v.agency
    GROUP BY v.person, v.attribute, v.value
)
SELECT n.person, n.attribute, arg_min(n.value, struct_pack(fewer := -n.agencies, turn := n.turn, value := n.value)) AS value
FROM counted n
GROUP BY n.person, n.attribute;

-- disclosed(flag) is for flags, over the rows of one person: yes if any agency says yes, else no if any says no.
-- Disclosure is one-sided: the silence of most agencies takes nothing back.
CREATE OR REPLACE TEMP MACRO disclosed(flag) AS
CASE WHEN bool_or(flag = code('persons.prior_abuse', 'yes')) THEN 'yes'
     WHEN bool_or(flag = code('persons.prior_abuse', 'no')) THEN 'no'
     ELSE 'unknown' END;
