-- referrals-connected: one row per referral of the period that counts, at most 5 of a person of the cohort.
--
-- Reads cohort, people, referrals, services, placements, agencies, params. Which 5 is decided by a keyed hash of what a
-- referral says: two that say the same are followed alike, so it does not matter which of them is kept. outcome: true if
-- connected, false if otherwise settled, NULL while pending or not said.
CREATE OR REPLACE TEMP TABLE referred AS
SELECT r.person, r.referred_at, r.referred_at_on, r.service_type, r.outcome,
       label('referrals.to_agency_kind', r.to_agency_kind) AS kind
FROM referrals r
SEMI JOIN cohort c ON c.person = r.person
CROSS JOIN params q
WHERE r.referred_at_on BETWEEN q.period_first AND least(q.period_last, q.asof);

CREATE OR REPLACE TEMP TABLE referrals_connected AS
WITH many AS (
    SELECT r.person FROM referred r GROUP BY r.person HAVING count(r.person) > 5
),
ranked AS (
    SELECT r.person, r.referred_at, r.referred_at_on, r.service_type, r.outcome, r.kind,
           row_number() OVER (PARTITION BY r.person ORDER BY
               keyed('referrals-connected', w.pseudonym,
                     concat_ws('|', epoch_us(r.referred_at), r.kind, label('referrals.service_type', r.service_type),
                               label('referrals.outcome', r.outcome)))) AS nth
    FROM referred r
    SEMI JOIN many m ON m.person = r.person
    JOIN people w ON w.person = r.person
),
chosen AS (
    SELECT r.person, r.referred_at, r.referred_at_on, r.service_type, r.outcome, r.kind
    FROM referred r
    ANTI JOIN many m ON m.person = r.person
    UNION ALL
    SELECT k.person, k.referred_at, k.referred_at_on, k.service_type, k.outcome, k.kind
    FROM ranked k
    WHERE k.nth <= 5
),
-- Services that could follow. 168 h can end on day 8 when the clock is put forward. The codes of the two types are one list.
near AS (
    SELECT c.person, c.referred_at, c.service_type, c.kind, s.started_at,
           epoch_us(s.started_at) - epoch_us(c.referred_at) AS micros,
           s.started_at_on - c.referred_at_on AS day,
           s.started_precision IS NOT DISTINCT FROM code('services.started_precision', 'day') AS by_day
    FROM services s
    JOIN chosen c ON c.person = s.person AND c.service_type = s.service_type
    JOIN agencies k ON k.agency = s.agency AND k.kind = c.kind
    CROSS JOIN params q
    WHERE s.started_at_on BETWEEN q.period_first AND least(q.period_last + 8, q.asof)
      AND s.started_at_on BETWEEN c.referred_at_on AND c.referred_at_on + 8
),
-- The same service, dated by the minute by some other row, whatever that agency's kind.
timed AS (
    SELECT DISTINCT s.person, s.service_type, s.started_at
    FROM services s
    SEMI JOIN (SELECT n.person, n.service_type, n.started_at FROM near n WHERE n.by_day) d
        ON d.person = s.person AND d.service_type = s.service_type AND d.started_at = s.started_at
    WHERE s.started_precision IS DISTINCT FROM code('services.started_precision', 'day')
),
-- 168 h = 604,800,000,000 microseconds.
followed AS (
    SELECT n.person, n.referred_at, n.service_type, n.kind
    FROM near n
    LEFT JOIN timed t ON n.by_day AND t.person = n.person AND t.service_type = n.service_type AND t.started_at = n.started_at
    WHERE CASE WHEN n.by_day AND t.person IS NULL THEN n.day BETWEEN 0 AND 7
               ELSE n.micros BETWEEN 0 AND 604800000000 END
    UNION
    SELECT c.person, c.referred_at, c.service_type, c.kind
    FROM placements p
    JOIN chosen c ON c.person = p.person
    JOIN agencies k ON k.agency = p.agency AND k.kind = c.kind
    CROSS JOIN params q
    WHERE c.service_type = code('referrals.service_type', 'emergency_shelter')
      AND p.placement_type = code('placements.placement_type', 'emergency_shelter')
      AND p.started_on <= q.asof
      AND p.started_on BETWEEN c.referred_at_on AND c.referred_at_on + 7
)
SELECT c.person, label('referrals.service_type', c.service_type) AS service_type, f.person IS NOT NULL AS followed,
       CASE WHEN c.outcome <> code('referrals.outcome', 'pending')
            THEN c.outcome = code('referrals.outcome', 'connected') END AS connected
FROM chosen c
LEFT JOIN followed f
    ON f.person = c.person AND f.referred_at = c.referred_at AND f.service_type = c.service_type AND f.kind = c.kind;
