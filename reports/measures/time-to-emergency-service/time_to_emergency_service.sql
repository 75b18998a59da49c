-- time-to-emergency-service: one row per person of the cohort, with the bin of the first emergency service.
--
-- Reads cohort, services, params(asof). Bins 1 to 8 are up to 1, 4, 12, 24, 48, 72, 168, 720 hours, each edge inclusive,
-- and 9 is none within 720 h. The rule for merged services needs no grouping here: a minimum does not mind doubles, emergency
-- is yes if any row says so, and only a row dated by day has to ask whether a row dated by the minute stands beside it.
CREATE OR REPLACE TEMP TABLE time_to_emergency_service AS
WITH near AS (
    -- Day -1 to 31 holds every instant from 2 h before to 720 h after entry, also across a clock change.
    SELECT s.person, s.service_type, s.started_at,
           epoch_us(s.started_at) - epoch_us(c.entered_at) AS micros,
           s.started_at_on - c.entered_on AS day,
           s.started_precision IS NOT DISTINCT FROM code('services.started_precision', 'day') AS by_day
    FROM services s
    JOIN cohort c ON c.person = s.person
    CROSS JOIN params q
    WHERE s.emergency = code('services.emergency', 'yes')
      AND s.started_at_on <= q.asof
      AND s.started_at_on BETWEEN c.entered_on - 1 AND c.entered_on + 31
),
-- The same service, dated by the minute by some other row (which need not say emergency).
timed AS (
    SELECT s.person, s.service_type, s.started_at
    FROM services s
    SEMI JOIN (SELECT n.person, n.service_type, n.started_at FROM near n WHERE n.by_day) d
        ON d.person = s.person AND d.service_type = s.service_type AND d.started_at = s.started_at
    WHERE s.started_precision IS DISTINCT FROM code('services.started_precision', 'day')
),
dated AS (
    SELECT n.person, n.micros, n.day, n.by_day AND t.person IS NULL AS by_day
    FROM near n
    LEFT JOIN (SELECT DISTINCT x.person, x.service_type, x.started_at FROM timed x) t
        ON n.by_day AND t.person = n.person AND t.service_type = n.service_type AND t.started_at = n.started_at
),
-- 2 h = 7,200,000,000 and 720 h = 2,592,000,000,000 microseconds.
first AS (
    SELECT d.person,
           min(d.micros) FILTER (WHERE NOT d.by_day AND d.micros BETWEEN -7200000000 AND 2592000000000) AS micros,
           min(d.day) FILTER (WHERE d.by_day AND d.day BETWEEN 0 AND 30) AS day
    FROM dated d
    GROUP BY d.person
),
binned AS (
    SELECT c.person,
           CASE WHEN f.micros <=     3600000000 THEN 1
                WHEN f.micros <=    14400000000 THEN 2
                WHEN f.micros <=    43200000000 THEN 3
                WHEN f.micros <=    86400000000 THEN 4
                WHEN f.micros <=   172800000000 THEN 5
                WHEN f.micros <=   259200000000 THEN 6
                WHEN f.micros <=   604800000000 THEN 7
                WHEN f.micros <=  2592000000000 THEN 8
                ELSE 9 END AS minute_bin,
           -- By day: same date within 24 h, next date within 48 h, otherwise 24 h x days.
           CASE WHEN f.day = 0 THEN 4
                WHEN f.day <= 2 THEN 5
                WHEN f.day <= 3 THEN 6
                WHEN f.day <= 7 THEN 7
                WHEN f.day <= 30 THEN 8
                ELSE 9 END AS day_bin
    FROM cohort c
    LEFT JOIN first f ON f.person = c.person
)
-- A service dated by day stands at the upper edge of its bin: it is the first only where its bin is the lower one.
SELECT b.person, least(b.minute_bin, b.day_bin) AS bin, b.day_bin < b.minute_bin AS by_day
FROM binned b;
