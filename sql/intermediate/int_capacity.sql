-- relation:   int_capacity
-- grain:      one row per resource and month with capacity: minutes and money used and unused
-- key:        resource_id, period
-- inputs:     staging.stg_resources, intermediate.int_resource_minutes
-- outputs:    resource_id varchar, period date, practical_min double, used_min double, unused_min double,
--             cost decimal(18,2), used_cost decimal(18,2), unused_cost decimal(18,2), avoidable_cost decimal(18,2)
-- what is unused is never allocated; below zero, more was used than practical capacity gives
with costed as (
    select
        resources.resource_id,
        resources.period,
        resources.practical_min,
        resources.cost,
        resources.avoidable_cost,
        coalesce(needed.needed_min, 0) as used_min,
        cast(
            cast(resources.cost as double) * coalesce(needed.needed_min, 0) / resources.practical_min
            as decimal(18, 2)
        ) as used_cost
    from staging.stg_resources as resources
    left join intermediate.int_resource_minutes as needed
        on resources.resource_id = needed.resource_id and resources.period = needed.period
)

select
    resource_id,
    period,
    practical_min,
    used_min,
    practical_min - used_min as unused_min,
    cost,
    used_cost,
    cast(cost - used_cost as decimal(18, 2)) as unused_cost,
    avoidable_cost
from costed
