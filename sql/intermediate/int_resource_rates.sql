-- relation:   int_resource_rates
-- grain:      one row per resource and month: what a minute of practical capacity costs
-- key:        resource_id, period
-- inputs:     staging.stg_resources
-- outputs:    resource_id varchar, period date, cost_per_minute decimal(18,6),
--             avoidable_share decimal(18,6)
select
    resource_id,
    period,
    cast(cast(cost as double) / practical_min as decimal(18, 6)) as cost_per_minute,
    avoidable_share
from staging.stg_resources
