-- care_rows and care_stays: placements in care, as rows (for nights) and as merged stays (for moves).
--
-- Reads covered_stays. A row's place in its person's order is n: started_on, ended_on with open last, partner (agencies
-- are numbered in byte order of names), placement_id. Nights are distinct nights, so `before` (the latest day that an
-- earlier row reached) is all that is needed to count each once: merging changes no night.
CREATE OR REPLACE TEMP TABLE care_rows AS
SELECT s.person, s.entered_on, s.agency, s.placement_id, s.placement_type, s.site_key, s.started_on, s.open, s.until,
       coalesce(s.exit_reason IN (code('placements.exit_reason', 'planned_move'),
                                  code('placements.exit_reason', 'placement_change')), false) AS moved_on,
       s.exit_reason,
       row_number() OVER in_order AS n,
       max(s.until) OVER (in_order ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
FROM covered_stays s
WHERE s.placement_type IN (code('placements.placement_type', 'emergency_shelter'),
                           code('placements.placement_type', 'relative_home'),
                           code('placements.placement_type', 'resource_family'),
                           code('placements.placement_type', 'group_home'),
                           code('placements.placement_type', 'residential_treatment'),
                           code('placements.placement_type', 'transitional_housing'),
                           code('placements.placement_type', 'supportive_housing'),
                           code('placements.placement_type', 'supervised_independent_living'))
WINDOW in_order AS (PARTITION BY s.person
                    ORDER BY s.started_on, CASE WHEN s.open THEN DATE 'infinity' ELSE s.until END, s.agency, s.placement_id);

-- Two agencies may report one stay. Only rows of one person and type that touch (start at most one day after the latest
-- end before) and come from two agencies can be one: they form a cluster, and clusters cannot affect each other.
-- Everybody else's rows are stays as they are.
CREATE OR REPLACE TEMP TABLE care_clusters AS
WITH shared AS (
    SELECT r.person, r.placement_type
    FROM care_rows r
    GROUP BY r.person, r.placement_type
    HAVING min(r.agency) <> max(r.agency)
),
reach AS (
    SELECT r.person, r.placement_type, r.n, r.agency, r.started_on, r.until, r.moved_on,
           max(r.until) OVER (PARTITION BY r.person, r.placement_type ORDER BY r.n
                              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
    FROM care_rows r
    SEMI JOIN shared h ON h.person = r.person AND h.placement_type = r.placement_type
),
numbered AS (
    SELECT t.person, t.placement_type, t.n, t.agency, t.started_on, t.until, t.moved_on,
           sum(CASE WHEN t.started_on <= t.reached + 1 THEN 0 ELSE 1 END)
               OVER (PARTITION BY t.person, t.placement_type ORDER BY t.n
                     ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS cluster
    FROM reach t
)
SELECT m.person,
       list(struct_pack(n := m.n, agency := m.agency, started_on := m.started_on, until := m.until, moved_on := m.moved_on)
            ORDER BY m.n) AS parts
FROM numbered m
GROUP BY m.person, m.placement_type, m.cluster
HAVING min(m.agency) <> max(m.agency);

-- The rule is sequential: rows in order, each joins the first stay that has a row it belongs to and no row of its own
-- agency, else it opens a stay. stays[j] is the number of the part that opened part j's stay. One step of the recursion
-- places the i-th part of every cluster. Belonging: share a night; or start 0 or 1 day after the other ends, unless that
-- one ended with a move.
CREATE OR REPLACE TEMP TABLE merged_rows AS
WITH RECURSIVE fold(person, parts, i, stays) AS (
    SELECT k.person, k.parts, 1::BIGINT, []::BIGINT[]
    FROM care_clusters k
    UNION ALL
    SELECT f.person, f.parts, f.i + 1,
           list_append(f.stays, coalesce(list_min(list_filter(
               list_transform(
                   list_filter(range(1, f.i), lambda j:
                       f.parts[j].agency <> f.parts[f.i].agency
                       AND (greatest(f.parts[f.i].started_on, f.parts[j].started_on) < least(f.parts[f.i].until, f.parts[j].until)
                            OR (f.parts[f.i].started_on - f.parts[j].until BETWEEN 0 AND 1 AND NOT f.parts[j].moved_on)
                            -- a row without a night stands behind the row that starts on the day it ends
                            OR (f.parts[j].started_on - f.parts[f.i].until BETWEEN 0 AND 1 AND NOT f.parts[f.i].moved_on))),
                   lambda j: f.stays[j]),
               lambda s: NOT list_contains(
                   list_transform(list_filter(range(1, f.i), lambda j: f.parts[j].agency = f.parts[f.i].agency),
                                  lambda j: f.stays[j]),
                   s))), f.i))
    FROM fold f
    WHERE f.i <= len(f.parts)
),
placed AS (
    SELECT f.person, f.parts, f.stays, unnest(range(1, len(f.parts) + 1)) AS j
    FROM fold f
    WHERE f.i > len(f.parts)
)
SELECT p.person, p.parts[p.j].n AS n, p.parts[p.stays[p.j]].n AS stay
FROM placed p;

-- A merged stay keeps partner, site and key of its first row, and ends with the row that ends last (of several that end
-- the same day, the first in order), with that row's reason. A stay without a night is no care stay.
-- in_window: it has a night in [entry date, +365).
CREATE OR REPLACE TEMP TABLE care_stays AS
WITH whole AS (
    SELECT r.person, r.entered_on, r.agency, r.placement_id, r.placement_type, r.site_key, r.started_on, r.until, r.open,
           r.moved_on, r.exit_reason, r.until > r.started_on AS has_night,
           greatest(r.started_on, r.entered_on) < least(r.until, r.entered_on + 365) AS in_window
    FROM care_rows r
    ANTI JOIN merged_rows m ON m.person = r.person AND m.n = r.n
    UNION ALL
    SELECT r.person, any_value(r.entered_on), arg_min(r.agency, r.n), arg_min(r.placement_id, r.n),
           any_value(r.placement_type),
           arg_min(struct_pack(site_key := r.site_key), r.n).site_key, -- in a struct: arg_min skips a bare NULL
           min(r.started_on), max(r.until),
           arg_max(r.open, struct_pack(until := r.until, earlier := -r.n)),
           arg_max(r.moved_on, struct_pack(until := r.until, earlier := -r.n)),
           arg_max(struct_pack(reason := r.exit_reason), struct_pack(until := r.until, earlier := -r.n)).reason,
           bool_or(r.until > r.started_on),
           bool_or(greatest(r.started_on, r.entered_on) < least(r.until, r.entered_on + 365))
    FROM care_rows r
    JOIN merged_rows m ON m.person = r.person AND m.n = r.n
    GROUP BY r.person, m.stay
)
SELECT w.person, w.entered_on, w.agency, w.placement_id, w.placement_type, w.site_key, w.started_on, w.until, w.open,
       w.moved_on, w.exit_reason, w.in_window
FROM whole w
WHERE w.has_night;
