-- relation:   stg_resources
-- grain:      one row per resource and month
-- key:        resource_id, period
-- inputs:     raw.resources
-- outputs:    resource_id varchar, period date, practical_min double, cost decimal(18,2),
--             avoidable_share decimal(18,6), avoidable_cost decimal(18,2)
select
    resource_id,
    cast(date_trunc('month', period) as date) as period,
    theoretical_min * cast(coalesce(practical_share, 0.8) as double) as practical_min,
    cost,
    coalesce(avoidable_share, 0) as avoidable_share,
    cast(cost * coalesce(avoidable_share, 0) as decimal(18, 2)) as avoidable_cost
from raw.resources
