-- relation:   int_capacity
-- grain:      one row per resource and month: minutes and money used and unused
-- key:        resource_id, period
-- inputs:     staging.stg_resources, intermediate.int_time_uses
-- outputs:    resource_id varchar, period date, practical_min double, used_min double, unused_min double,
--             cost decimal(18,2), used_cost decimal(18,2), unused_cost decimal(18,2)
-- what is unused is never allocated; below zero, more was used than practical capacity gives
with used as (
    select
        resource_id,
        cast(date_trunc('month', used_on) as date) as period,
        cast(sum(minutes) as double) as minutes
    from intermediate.int_time_uses
    group by resource_id, date_trunc('month', used_on)
),

costed as (
    select
        resources.resource_id,
        resources.period,
        resources.practical_min,
        resources.cost,
        coalesce(used.minutes, 0) as used_min,
        cast(
            cast(resources.cost as double) * coalesce(used.minutes, 0) / resources.practical_min
            as decimal(18, 2)
        ) as used_cost
    from staging.stg_resources as resources
    left join used on resources.resource_id = used.resource_id and resources.period = used.period
)

select
    resource_id,
    period,
    practical_min,
    used_min,
    practical_min - used_min as unused_min,
    cost,
    used_cost,
    cast(cost - used_cost as decimal(18, 2)) as unused_cost
from costed
