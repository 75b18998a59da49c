-- pledges: one row per partner, day and language with pledges in the period. `event` tells rows apart; it names nobody.
--
-- Reads pledges, params(asof). Numbers are clamped to what the dictionary allows. The table cannot bear the entity's name.
CREATE OR REPLACE TEMP TABLE pledges_taken AS
SELECT p.agency || ':' || p.pledged_on::VARCHAR || ':' || label('pledges.language', p.language) AS event,
       label('pledges.language', p.language) AS language, least(greatest(p.pledges, 0), 100000)::BIGINT AS pledges
FROM pledges p
CROSS JOIN params q
WHERE p.pledged_on BETWEEN q.period_first AND least(q.period_last, q.asof) AND p.pledges IS NOT NULL
  AND p.agency IS NOT NULL AND label('pledges.language', p.language) IS NOT NULL;
