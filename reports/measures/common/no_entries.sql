-- entries of a population that nobody enters by an engagement: none. Its measures are about activities or events.
CREATE OR REPLACE TEMP TABLE entries AS
SELECT NULL::UINTEGER AS person, NULL::TIMESTAMP AS entered_at, NULL::DATE AS entered_on, NULL::USMALLINT AS agency,
       NULL::VARCHAR AS agency_kind, NULL::VARCHAR AS channel, NULL::VARCHAR AS setting, NULL::VARCHAR AS age_band, NULL::INTEGER AS age
WHERE false;
