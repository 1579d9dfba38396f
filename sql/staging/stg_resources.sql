-- relation:   stg_resources
-- grain:      one row per resource and month
-- key:        resource_id, period
-- inputs:     raw.resources
-- outputs:    resource_id varchar, period date, practical_min double, cost decimal(18,2),
--             avoidable_share decimal(18,6), avoidable_cost decimal(18,2), has_avoidable_share boolean
-- an avoidable share that nobody stated is 1, here and in the plan: the whole cost counts, and uncosted names it
select
    resource_id,
    cast(date_trunc('month', period) as date) as period,
    theoretical_min * cast(coalesce(practical_share, 0.8) as double) as practical_min,
    cost,
    coalesce(avoidable_share, 1) as avoidable_share,
    cast(cost * coalesce(avoidable_share, 1) as decimal(18, 2)) as avoidable_cost,
    avoidable_share is not null as has_avoidable_share
from raw.resources
