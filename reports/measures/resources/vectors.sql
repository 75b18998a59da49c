-- The public facts of resources: (cell, value). Reads resources and params; no row of it is about a person.

-- vector: quantity
SELECT label('resources.resource_type', r.resource_type) || ':'
       || coalesce(label('resources.program', r.program), 'unknown') AS cell,
       r.quantity AS value
FROM resources r
CROSS JOIN params q
WHERE r.effective_on <= least(q.period_last, q.asof)
